"""One event loop in a thread of its own, for the async callbacks of calls that are made in blocking code.

It begins with the first of them. What they raise is told to whoever asked; none is waited for but by ``flush``.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ._background import AT_EXIT, known

__all__ = ["Later", "later"]

_log = logging.getLogger("llmkit")

TURN: Final = 30.0
"""Seconds that one coroutine has."""


class Later:
    """One event loop in a thread of its own, where coroutines run that sync code was given, one after the other."""

    def __init__(self, size: int = 1_000) -> None:
        self._size, self._ended = size, False
        self.dropped = 0
        self._begin()
        known(self)

    def _begin(self) -> None:
        self._pending: deque[_Turn] = deque()
        self._busy = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._changed = threading.Condition(threading.RLock())

    def put(self, coroutine: Coroutine[Any, Any, Any], failed: Callable[[Exception], None]) -> None:
        """Run it, with the context variables of who asks for it; ``failed`` is told what it raises.

        When the process ends, it runs at once.
        """
        turn = coroutine, failed, contextvars.copy_context()
        if self._ended:
            asyncio.run(_taken(turn, AT_EXIT))
            return
        with self._changed:
            if len(self._pending) >= self._size:
                self._drop(coroutine)
                return
            if self._loop is None:
                self._start()
            self._pending.append(turn)
            if self._loop is not None and self._wake is not None:
                self._loop.call_soon_threadsafe(self._wake.set)

    def _drop(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        coroutine.close()
        if not self.dropped:
            _log.warning(
                "async callbacks cannot keep up: what does not fit into their queue of %d is dropped",
                self._size,
            )
        self.dropped += 1

    def _start(self) -> None:
        self._loop, self._wake = asyncio.new_event_loop(), asyncio.Event()
        what = self._loop, self._wake
        threading.Thread(target=self._run, args=what, name="llmkit-callbacks", daemon=True).start()

    def _run(self, loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._serve(wake))

    async def _serve(self, wake: asyncio.Event) -> None:
        while True:
            await wake.wait()
            wake.clear()
            while self._pending:
                with self._changed:
                    self._busy, turn = True, self._pending.popleft()
                await _taken(turn)
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def flush(self, seconds: float = AT_EXIT) -> bool:
        """Wait until all of them have run; whether they had, in time."""
        if self._loop is None or _running() is self._loop:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending and not self._busy, seconds)

    def end(self, seconds: float) -> None:
        """The process ends."""
        if not self.flush(seconds):
            _log.warning("%d async callbacks are left when the process ends", len(self._pending))
        self._ended = True

    def forget(self) -> None:
        """In a child that was forked: what waits is the parent's, and would warn that nobody awaited it."""
        pending = self._pending
        self._begin()
        for coroutine, _, _ in pending:
            coroutine.close()


_Turn = tuple["Coroutine[Any, Any, Any]", Callable[[Exception], None], contextvars.Context]


async def _taken(turn: _Turn, seconds: float = TURN) -> None:
    coroutine, failed, context = turn
    task = asyncio.get_running_loop().create_task(coroutine, context=context)
    try:
        async with asyncio.timeout(seconds):
            await task
    except asyncio.CancelledError:
        failed(TimeoutError("it was cancelled"))
    except TimeoutError:
        failed(TimeoutError(f"it took longer than {seconds:g} s, and was cancelled"))
    except Exception as error:  # noqa: BLE001 - it is told to who wants to know
        failed(error)


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_later: Later | None = None


def later() -> Later:
    """The process's one."""
    global _later  # noqa: PLW0603 - once for the process
    if _later is None:
        _later = Later()
    return _later
