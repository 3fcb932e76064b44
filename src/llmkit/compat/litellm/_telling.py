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
from ...events import AttemptStarted, CallFinished, CallStarted, StreamStarted
from ...telemetry import sink
from ._answers import shaped
from ._record import Record
from ._settings import setting
from .exceptions import adopted
from .integrations.custom_logger import CustomLogger

__all__ = ["check_loggers", "finish", "listen", "noting", "pre_call", "sinks"]

_log = logging.getLogger("llmkit")
_aloud = logging.getLogger("llmkit.compat.litellm")
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
        _safely(record.logger_fn, record.kwargs)
    waiting = []
    for one in _loggers("input_callback"):
        if isinstance(one, CustomLogger):
            if record.awaited:
                told = (model, record.kwargs["messages"], record.kwargs)
                waiting.append((one.async_log_pre_api_call, told))
            _safely(one.log_pre_api_call, model, record.kwargs["messages"], record.kwargs)
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
    kwargs, times = record.kwargs, (record.start_time, record.kwargs["end_time"])
    waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
    name = "failure" if failed else "success"
    for one in _loggers(f"{name}_callback"):
        if not isinstance(one, CustomLogger):
            waiting += _told(one, kwargs, answer, *times)
            continue
        if not failed:
            _safely(one.log_post_api_call, kwargs, answer, *times)
        if record.awaited:
            waiting.append((getattr(one, f"async_log_{name}_event"), (kwargs, answer, *times)))
        else:
            _safely(getattr(one, f"log_{name}_event"), kwargs, answer, *times)
    return _waited(waiting)


def check_loggers() -> None:
    """Say before a call that a logger will not be told.

    Raises:
        ConfigurationError: one is a name that nobody has, or cannot be called.
    """
    sinks()
    for setting_name in ("input_callback", "success_callback", "failure_callback"):
        for one in _loggers(setting_name):
            if not isinstance(one, CustomLogger) and not callable(one):
                raise ConfigurationError(f"litellm.{setting_name}: {one!r:.80} cannot be called")


def sinks() -> tuple[Any, ...]:
    """The loggers that were given by a name: they are llmkit's, and are told of all events."""
    settings = ("callbacks", "input_callback", "success_callback", "failure_callback")
    given = (one for name in settings for one in setting(name) or () if isinstance(one, str))
    return tuple(sink(name) for name in dict.fromkeys(given))


def _loggers(name: str) -> list[Any]:
    given = [*(setting("callbacks") or ()), *(setting(name) or ())]
    return [one for one in given if not isinstance(one, str)]


def _told(one: Any, *given: Any) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """A function: told at once, or later where it is for async code."""
    if inspect.iscoroutinefunction(one):
        return [(one, given)]
    _safely(one, *given)
    return []


def _safely(function: Callable[..., Any], *given: Any) -> None:
    try:
        function(*given)
    except Exception as error:  # noqa: BLE001 - no logger can break a call
        _report(function, error)


def _waited(
    waiting: list[tuple[Callable[..., Any], tuple[Any, ...]]],
) -> Coroutine[Any, Any, None] | None:
    async def each() -> None:
        for function, given in waiting:
            try:
                await function(*given)
            except Exception as error:  # noqa: BLE001 - no logger can break a call
                _report(function, error)

    return each() if waiting else None


def _report(function: Any, error: Exception) -> None:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    _log.error("callback %s failed: %s: %s", name, type(error).__name__, redact(str(error)))
