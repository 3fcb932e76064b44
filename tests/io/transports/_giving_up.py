"""Giving a call up at a chosen moment, in each colour: a task is cancelled, a scope, or Ctrl-C comes."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from ._wires import Wire

__all__ = ["given_up"]

_AT_ONCE = 1.0  # a busy machine's, not the library's
_MOMENT = 0.03
Work = Callable[[], Awaitable[Any]]
Strike = Callable[[], object]


class _Striker:
    """Waits elsewhere until the moment has come, and strikes; knows when that was."""

    def __init__(self, reached: Callable[[], object], strike: Strike) -> None:
        self._reached, self._strike = reached, strike
        self.at = float("inf")
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._reached()
        time.sleep(_MOMENT)
        self.at = time.monotonic()
        self._strike()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        took = time.monotonic() - self.at
        self._thread.join(15)
        assert took < _AT_ONCE, f"given up, it went on for {took:.1f} s"


async def given_up(
    wire: Wire, work: Work, reached: Callable[[], object], *, times: int = 1
) -> None:
    """Do this, and give it up a moment after ``reached`` has returned; that comes out as itself, and at once."""
    await _WAYS[wire.colour.name](work, reached, times)


async def _interrupted(work: Work, reached: Callable[[], object], times: int) -> None:
    main = threading.main_thread().ident
    assert main is not None
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        striker = _Striker(reached, lambda: signal.pthread_kill(main, signal.SIGALRM))
        with pytest.raises(KeyboardInterrupt), striker:
            await work()
    finally:
        signal.signal(signal.SIGALRM, before)


async def _task_cancelled(work: Work, reached: Callable[[], object], times: int) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work())

    def cancel(left: int = times) -> None:
        task.cancel("enough")
        if left > 1:
            loop.call_soon(cancel, left - 1)

    striker = _Striker(reached, lambda: loop.call_soon_threadsafe(cancel))
    with striker, pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def _scope_cancelled(work: Work, reached: Callable[[], object], times: int) -> None:
    token = trio.lowlevel.current_trio_token()
    scope = trio.CancelScope()
    with scope, _Striker(reached, lambda: token.run_sync_soon(scope.cancel)):
        await work()
    assert scope.cancelled_caught


_WAYS: dict[str, Callable[[Work, Callable[[], object], int], Awaitable[None]]] = {
    "sync": _interrupted,
    "asyncio": _task_cancelled,
    "trio": _scope_cancelled,
}
