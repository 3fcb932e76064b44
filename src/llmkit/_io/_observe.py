"""Callbacks and the debug log: they are told, they are isolated, and they never change a call.

A callback's failure is logged with the logger ``llmkit`` and goes nowhere else. No key reaches the log.
"""

from __future__ import annotations

import contextvars
import inspect
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ClassVar, Final

from typing_extensions import override

from .._call import CONTEXT
from .._secret import redact
from ..events import CallFinished

__all__ = ["Observers", "configure_log", "resolved_sync"]

_log = logging.getLogger("llmkit")

LONGEST: Final = 5.0
"""Seconds that an async callback may keep an async call, and that closing a client waits for what is put off."""
REST: Final = 60.0
"""Seconds that an async callback which took so long is told of nothing in async calls: each would wait for it again."""


def configure_log(level: str | None) -> None:
    """``LLMKIT_LOG=debug``: let the logger speak on stderr. Without it, logging is the application's affair."""
    if not level or any(isinstance(h, _Stderr) for h in _log.handlers):
        return
    handler = _Stderr(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(level.upper() if level.upper() in logging.getLevelNamesMapping() else "DEBUG")


class _Stderr(logging.StreamHandler[Any]):
    """Our own, to be recognised; it redacts whatever comes through."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class Observers:
    """All who are told of events."""

    ends: ClassVar[bool] = False
    """Whether the process ends: who has put something off sees to that himself, and nobody waits for him twice."""

    def __init__(self, callbacks: Sequence[Callable[[Any], Any]]) -> None:
        self.callbacks = tuple(callbacks)
        self._begins = any(getattr(one, "beginnings", True) for one in self.callbacks)
        self._resting: dict[int, float] = {}
        """Until when callbacks that hung are left out, by their ids."""

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self.callbacks) or _log.isEnabledFor(logging.DEBUG)

    @property
    def begins(self) -> bool:
        """Whether anybody listens to what begins: a callback whose ``beginnings`` is false does not."""
        return self._begins or _log.isEnabledFor(logging.DEBUG)

    def tell(self, event: Any) -> None:
        """Tell everybody, from sync code; what coroutine functions do happens on a loop behind it, in order."""
        _debug(event)
        for one in CONTEXT.get():
            one.hears(event)
        for callback in self.callbacks:
            try:
                result = callback(event)
                if result is not None and inspect.isawaitable(result):
                    _put_off(callback, result)
            except Exception as error:  # noqa: BLE001 - the one place that isolates observers
                _report(callback, error)

    async def atell(self, event: Any) -> None:
        """Tell everybody, from async code."""
        _debug(event)
        # The contexts that the call is made in.
        for one in CONTEXT.get():
            one.hears(event)
        for callback in self.callbacks:
            if self._resting and self._resting.get(id(callback), 0.0) > time.monotonic():
                continue
            try:
                result = callback(event)
                if result is not None and inspect.isawaitable(result):
                    await _at_most(LONGEST, result)
            except _HungError as error:
                self._resting[id(callback)] = time.monotonic() + REST
                _report(callback, error)
            except Exception as error:  # noqa: BLE001 - see above
                _report(callback, error)

    def flush(self, seconds: float = LONGEST) -> None:
        """Wait until callbacks have done what they have put off, but not for ever."""
        if not self.callbacks or self.ends:
            return
        until = time.monotonic() + seconds
        if (running := sys.modules.get(f"{__package__}._later")) is not None:
            running.later().flush(seconds)
        for callback in self.callbacks:
            if callable(flush := getattr(callback, "flush", None)):
                try:
                    flush(max(0.0, until - time.monotonic()))
                except Exception as error:  # noqa: BLE001 - see above
                    _report(callback, error)

    async def aflush(self) -> None:
        """``flush`` for async code, where something may be waited for."""
        if any(callable(getattr(one, "flush", None)) for one in self.callbacks):
            import anyio.to_thread  # noqa: PLC0415 - few callbacks put anything off

            await anyio.to_thread.run_sync(self.flush)


def _put_off(callback: Any, result: Awaitable[Any]) -> None:
    from ._later import later  # noqa: PLC0415 - only for a coroutine given to sync code

    def failed(error: Exception) -> None:
        _report(callback, error)

    later().put(_awaiting(result), failed)


class _HungError(TimeoutError):
    """An async callback did not come to its end."""


async def _at_most(seconds: float, result: Awaitable[Any]) -> None:
    import anyio  # noqa: PLC0415 - only for a coroutine, in async code, which has loaded it

    with anyio.move_on_after(seconds) as scope:
        await result
    if scope.cancelled_caught:
        raise _HungError(
            f"it took longer than {seconds:g} s, and was cancelled; async calls leave it out for {REST:g} s"
        )


def _report(callback: Any, error: Exception) -> None:
    name = getattr(callback, "__qualname__", type(callback).__qualname__)
    try:
        said = redact(str(error))
    except Exception:  # noqa: BLE001 - it cannot even say what it is
        said = "it has no text"
    what = "TimeoutError" if isinstance(error, _HungError) else type(error).__name__
    _log.error("callback %s failed: %s: %s", name, what, said)


def _debug(event: Any) -> None:
    # What nobody may miss is logged without being asked for.
    level = logging.WARNING if getattr(event, "alarming", False) else logging.DEBUG
    if not _log.isEnabledFor(level):
        return
    shown = event.settlement if isinstance(event, CallFinished) else event
    # For people what they shall not miss; for those who look for something, all of it.
    _log.log(level, "%s", redact(str(shown) if level == logging.WARNING else repr(shown)))


def resolved_sync(value: Any) -> Any:
    """The value, or what it resolves to; a coroutine runs on a loop of its own, in a thread of its own.

    Sync code may itself be running inside a loop (a notebook), where no second one can be started.
    """
    if not inspect.isawaitable(value):
        return value
    return _in_thread(value)


def _in_thread(value: Awaitable[Any]) -> Any:
    import asyncio  # noqa: PLC0415 - only for a coroutine given to sync code

    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append((asyncio.run(_awaiting(value)), None))
        except BaseException as error:  # noqa: BLE001 - it is raised again below
            outcome.append((None, error))

    # With the caller's context variables: a trace's, for instance.
    run = contextvars.copy_context().run
    thread = threading.Thread(target=run, args=(work,), name="llmkit-callback")
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def _awaiting(value: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    async def wait() -> Any:
        return await value

    return wait()


def log_level() -> str | None:
    """What ``LLMKIT_LOG`` says."""
    return os.environ.get("LLMKIT_LOG")
