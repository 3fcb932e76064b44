"""Telling LiteLLM's loggers: which, of what, in the order in which things happen. None of them can break a call.

The loggers are those of the settings when a call ends, whoever made it. A call's events come from its client.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..._secret import redact
from ...errors import ConfigurationError, LLMKitError
from ...events import AttemptStarted, CallFinished, CallStarted, FallingBack, StreamStarted
from ...telemetry import sink
from ._answers import shaped
from ._record import Record
from ._settings import setting
from .exceptions import adopted
from .integrations.custom_logger import CustomLogger

__all__ = [
    "check_loggers",
    "current",
    "finish",
    "listen",
    "loggers",
    "noting",
    "pre_call",
    "report",
    "safely",
    "sinks",
]

_log = logging.getLogger("llmkit")
_aloud = logging.getLogger("llmkit.compat.litellm")
_Waiting = list[tuple[Callable[..., Any], tuple[Any, ...]]]
_current: ContextVar[Record | None] = ContextVar("llmkit_litellm_call", default=None)
_records: dict[str, Record] = {}
"""Of calls that are on their way, by their id."""


@contextmanager
def noting(record: Record) -> Iterator[None]:
    """Say whose the call is that begins within."""
    token = _current.set(record)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Record | None:
    """Whose call is being made."""
    return _current.get()


def listen(event: Any) -> Awaitable[None] | None:
    """The callback of the compat layer's clients."""
    if setting("set_verbose"):
        _speak(event)
    if isinstance(event, CallStarted):
        if (record := _current.get()) is not None:
            _records[event.call_id] = record
            if (
                record.mocked
            ):  # no request will leave: LiteLLM's loggers are told of one all the same
                return pre_call(record, event.provider, event.model, "")
    elif isinstance(event, CallFinished):
        return _ended(event)
    elif isinstance(event, AttemptStarted) and (known := _records.get(event.call_id)):
        return pre_call(known, event.provider, event.model, event.url)
    elif isinstance(event, FallingBack) and (known := _records.get(event.call_id)):
        known.fell = known.fell or event.error
    elif isinstance(event, StreamStarted) and (known := _records.get(event.call_id)):
        known.first_chunk = known.started + event.seconds
    return None


def _speak(event: Any) -> None:
    """``set_verbose``: say on stderr what happens. A logger of this module's own: llmkit's stays as it is."""
    if not _aloud.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s litellm %(message)s"))
        _aloud.addHandler(handler)
        _aloud.setLevel(logging.DEBUG)
        _aloud.propagate = False
    shown = event.settlement if isinstance(event, CallFinished) else event
    _aloud.debug("%s", redact(repr(shown)))


def _ended(event: CallFinished) -> Awaitable[None] | None:
    record = _records.pop(event.settlement.call_id, None)
    if record is None:
        return None
    answered = event.settlement.outcome in {"completed", "mocked", "closed", "abandoned"}
    return finish(record, event.response, None if answered else event.error, broken=not answered)


def pre_call(record: Record, provider: str, model: str, url: str) -> Awaitable[None] | None:
    """A request is about to leave."""
    record.leaving(provider, model, url)
    if record.quiet:
        return None
    if callable(record.logger_fn):
        safely(record.logger_fn, record.kwargs)
    waiting = []
    for one in loggers("input_callback"):
        if isinstance(one, CustomLogger):
            if record.awaited:
                told = (model, record.kwargs["messages"], record.kwargs)
                waiting.append((one.async_log_pre_api_call, told))
            safely(one.log_pre_api_call, model, record.kwargs["messages"], record.kwargs)
        else:
            waiting += _told(one, record.kwargs)
    return _waited(waiting)


def finish(
    record: Record, response: Any, error: BaseException | None, *, broken: bool = False
) -> Awaitable[None] | None:
    """A call has ended; of each only its first end is told."""
    if record.ended or record.quiet:
        return None
    record.ended = True
    failed = error is not None or broken
    if isinstance(error, LLMKitError):
        error = adopted(error)
    answer = None if failed else shaped(response)
    record.end(answer, error or (RuntimeError("the call was given up") if failed else None))
    name = "failure" if failed else "success"
    if not failed and record.awaited and (hooks := _masking("async_logging_hook")):
        return _masked(record, name, answer, hooks)
    kwargs = record.kwargs
    for hook in () if failed or record.awaited else _masking("logging_hook"):
        kwargs, answer = safely(hook, kwargs, answer, kwargs["call_type"]) or (kwargs, answer)
    return _waited(_tell(record, name, kwargs, answer) + _fallen(record, name))


async def _masked(record: Record, name: str, answer: Any, hooks: list[Any]) -> None:
    kwargs = record.kwargs
    for hook in hooks:
        try:
            kwargs, answer = await hook(kwargs, answer, kwargs["call_type"])
        except Exception as error:  # noqa: BLE001 - no logger can break a call
            report(hook, error)
    if (
        waiting := _waited(_tell(record, name, kwargs, answer) + _fallen(record, name))
    ) is not None:
        await waiting


def _tell(record: Record, name: str, kwargs: dict[str, Any], answer: Any) -> _Waiting:
    """Tell those that can be told at once; return who has to be awaited."""
    told = (kwargs, answer, record.start_time, record.kwargs["end_time"])
    waiting: _Waiting = []
    for one in loggers(f"{name}_callback"):
        if not isinstance(one, CustomLogger):
            waiting += _told(one, *told)
            continue
        if name == "success":
            safely(one.log_post_api_call, *told)
        if record.awaited:
            waiting.append((getattr(one, f"async_log_{name}_event"), told))
        else:
            safely(getattr(one, f"log_{name}_event"), *told)
    return waiting


def _fallen(record: Record, name: str) -> _Waiting:
    """Of a call that another group or model answered, or was asked to."""
    if record.fell is None:
        return []
    why = adopted(record.fell) if isinstance(record.fell, LLMKitError) else record.fell
    told = (record.asked_for, record.kwargs, why)
    given = (one for one in loggers("success_callback") if isinstance(one, CustomLogger))
    return [(getattr(one, f"log_{name}_fallback_event"), told) for one in given]


def _masking(name: str) -> list[Any]:
    """The loggers' own methods that change what is told."""
    given = (one for one in loggers("success_callback") if isinstance(one, CustomLogger))
    unset = getattr(CustomLogger, name)
    return [getattr(one, name) for one in given if getattr(type(one), name) is not unset]


def check_loggers() -> None:
    """Say before a call that a logger will not be told.

    Raises:
        ConfigurationError: one is a name that nobody has, or cannot be called.
    """
    sinks()
    for setting_name in ("input_callback", "success_callback", "failure_callback"):
        for one in loggers(setting_name):
            if not isinstance(one, CustomLogger) and not callable(one):
                raise ConfigurationError(f"litellm.{setting_name}: {one!r:.80} cannot be called")


def sinks() -> tuple[Any, ...]:
    """The loggers that were given by a name: they are llmkit's, and are told of all events."""
    settings = ("callbacks", "input_callback", "success_callback", "failure_callback")
    given = (one for name in settings for one in setting(name) or () if isinstance(one, str))
    return tuple(sink(name) for name in dict.fromkeys(given))


def loggers(name: str) -> list[Any]:
    """Those of a setting, with those that are told of everything; names are llmkit's sinks."""
    given = [*(setting("callbacks") or ()), *(setting(name) or ())]
    return [one for one in given if not isinstance(one, str)]


def _told(one: Any, *given: Any) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """A function: told at once, or later where it is for async code."""
    if inspect.iscoroutinefunction(one):
        return [(one, given)]
    safely(one, *given)
    return []


def safely(function: Callable[..., Any], *given: Any) -> Any:
    """Call a logger; what it raises is logged, and it came to nothing then."""
    try:
        return function(*given)
    except Exception as error:  # noqa: BLE001 - no logger can break a call
        report(function, error)
    return None


def _waited(
    waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]],
) -> Coroutine[Any, Any, None] | None:
    async def each() -> None:
        for function, given in waiting:
            try:
                await function(*given)
            except Exception as error:  # noqa: BLE001 - no logger can break a call
                report(function, error)

    return each() if waiting else None


def report(function: Any, error: Exception) -> None:
    """Log that a logger failed."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    _log.error("callback %s failed: %s: %s", name, type(error).__name__, redact(str(error)))
