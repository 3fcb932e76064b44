"""``Race``: flows against each other, each a little behind the last. The first to return wins; the rest are cancelled.

In sync the legs run on threads, and a loser is woken by closing its socket; in async they are tasks.
"""

from __future__ import annotations

import contextvars
import functools
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import anyio

from .._flow import Flow, Opened, Race
from ._run import Run

__all__ = ["arace", "race"]

Outcome = tuple[int, Any, BaseException | None]

_PATIENCE: Final = 0.1
"""Seconds for a loser to end. What cannot be woken (a connection that is being made, a hook) ends by itself later."""
_MOMENT: Final = 0.01


def race(effect: Race, drive: Callable[[Run], Any], run: Run) -> tuple[int, Any]:
    """Run the legs on threads, each driven by ``drive``; return the winner's index and value.

    ``run`` races: an open answer that wins is its own from here on.
    """
    return _SyncRace(effect.flows, drive).result(effect.after, run)


class _SyncLeg:
    """One leg. It is begun once or never: by its thread, or by who takes that away from it."""

    __slots__ = ("_begun", "_drive", "ended", "error", "run", "thread", "unwanted", "value")

    def __init__(self, flow: Flow[Any], drive: Callable[[Run], Any]) -> None:
        self.run = Run(flow, threading.Event())
        self._drive = drive
        self.value: Any = None
        self.error: BaseException | None = None
        self.thread: threading.Thread | None = None
        self.ended = self.unwanted = False
        self._begun = threading.Lock()

    def work(self, ended: Callable[[], None]) -> None:
        """What its thread does."""
        if not self._begun.acquire(blocking=False):
            return
        try:
            self.value = self._drive(self.run)
        except BaseException as error:  # noqa: BLE001 - it is the race's outcome, raised there
            self.error = error
        self.ended = True
        if self.unwanted:
            self.discard()
        ended()

    def stop(self) -> None:
        """End it, or see to it that it never begins. Again and again is fine."""
        if self._begun.acquire(blocking=False):
            self.run.flow.close()
        else:
            self.run.abort()

    def joined(self, until: float) -> bool:
        """Whether it has ended by then. What had been asked for before it was stopped is stopped again."""
        thread = self.thread
        while thread is not None and thread.is_alive():
            if time.monotonic() >= until:
                return False
            self.stop()
            thread.join(_MOMENT)
        return True

    def discard(self) -> None:
        """Close what nobody wants: it had opened its stream before it could be stopped."""
        value, self.value, self.error = self.value, None, None
        if isinstance(value, Opened):
            value.handle.close()


class _SyncRace:
    def __init__(self, flows: Sequence[Flow[Any]], drive: Callable[[Run], Any]) -> None:
        self._legs = [_SyncLeg(flow, drive) for flow in flows]
        self._ended: queue.SimpleQueue[int] = queue.SimpleQueue()

    def result(self, after: float, run: Run) -> tuple[int, Any]:
        winner: int | None = None
        try:
            winner, wins = self._winner(after)
            self._stop(winner)
            leg = self._legs[winner]
            if not wins:
                raise leg.error or RuntimeError("nobody races")
            value, leg.value = leg.value, None
            handle = value.handle if isinstance(value, Opened) else None
            # No call from here on: an interrupt finds it with the leg, or with the run.
            run.opened = handle
            return winner, value
        except BaseException:
            self._stop_all()
            raise

    def _winner(self, after: float) -> tuple[int, bool]:
        """The first that has not failed, or the last that has; and which of both it is."""
        started = failures = 0
        while True:
            if started == failures and failures < len(self._legs):
                started = self._start(started)
            last = started == len(self._legs)
            try:
                index = self._ended.get(timeout=None if last else after)
            except queue.Empty:
                started = self._start(started)
                continue
            failures += 1
            if self._legs[index].error is None:
                return index, True
            if failures == len(self._legs):
                return index, False

    def _start(self, index: int) -> int:
        leg = self._legs[index]
        context = contextvars.copy_context()
        leg.thread = threading.Thread(
            target=context.run,
            args=(leg.work, functools.partial(self._ended.put, index)),
            name=f"llmkit-race-{index}",
            daemon=True,
        )
        leg.thread.start()
        return index + 1

    def _stop(self, winner: int | None) -> None:
        losers = [leg for index, leg in enumerate(self._legs) if index != winner]
        for leg in losers:
            leg.stop()
        until = time.monotonic() + _PATIENCE
        for leg in losers:
            leg.unwanted = True
            if leg.joined(until) or leg.ended:
                leg.discard()
        if winner is not None:
            self._legs[winner].joined(until)

    def _stop_all(self) -> None:
        """After a failure or an interrupt, and whatever interrupts that."""
        interrupted: BaseException | None = None
        while True:
            try:
                self._stop(None)
            except BaseException as interruption:  # noqa: BLE001 - it goes on below
                interrupted = interruption
                continue
            break
        if interrupted is not None:
            raise interrupted


async def arace(effect: Race, drive: Callable[[Run], Awaitable[Any]]) -> tuple[int, Any]:
    """Run the legs as tasks; return the winner's index and value."""
    racing = _AsyncRace(effect.flows, drive)
    try:
        async with anyio.create_task_group() as tasks:
            racing.scope = tasks.cancel_scope
            for index in range(len(effect.flows)):
                tasks.start_soon(racing.leg, index, effect.after)
    except BaseException:
        await racing.discard()
        raise
    return racing.result()


class _AsyncRace:
    def __init__(self, flows: Sequence[Flow[Any]], drive: Callable[[Run], Awaitable[Any]]) -> None:
        self._runs = [Run(flow) for flow in flows]
        self._drive = drive
        self._failed = [anyio.Event() for _ in flows]
        self._winner: Outcome | None = None
        self._last: BaseException | None = None
        self.scope: anyio.CancelScope | None = None

    async def leg(self, index: int, after: float) -> None:
        # A leg starts when its predecessor has had its time, or has failed.
        if index:
            with anyio.move_on_after(after * index):
                await self._failed[index - 1].wait()
        try:
            value = await self._drive(self._runs[index])
        except Exception as error:  # noqa: BLE001 - it is the race's outcome, raised there
            self._last = error
            self._failed[index].set()
            return
        if self._winner is None:
            self._winner = (index, value, None)
            assert self.scope is not None  # noqa: S101 - set before the first leg starts
            self.scope.cancel()
        elif isinstance(value, Opened):
            await value.handle.close()

    async def discard(self) -> None:
        """The race itself was cancelled, perhaps after it had been won."""
        self._close()
        if self._winner is not None and isinstance(self._winner[1], Opened):
            await self._winner[1].handle.close()

    def _close(self) -> None:
        for run in self._runs:
            run.flow.close()

    def result(self) -> tuple[int, Any]:
        self._close()
        if self._winner is not None:
            return self._winner[0], self._winner[1]
        assert self._last is not None  # noqa: S101 - no winner: every leg has failed
        raise self._last
