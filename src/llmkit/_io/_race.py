"""``Race``: flows against each other, each a little behind the last. The first to return wins; the rest are cancelled.

In sync the legs run on threads, and a loser is woken by closing its socket; in async they are tasks.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio

from .._flow import Flow, Opened, Race
from ._run import Run

__all__ = ["arace", "race"]

Outcome = tuple[int, Any, BaseException | None]


def race(effect: Race, drive: Callable[[Run], Any]) -> tuple[int, Any]:
    """Run the legs on threads, each driven by ``drive``; return the winner's index and value."""
    return _SyncRace(effect.flows, drive).result(effect.after)


class _SyncRace:
    def __init__(self, flows: Sequence[Flow[Any]], drive: Callable[[Run], Any]) -> None:
        self._runs = [Run(flow, threading.Event()) for flow in flows]
        self._drive = drive
        self._ended: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def result(self, after: float) -> tuple[int, Any]:
        winner: Outcome | None = None
        try:
            winner = self._winner(after)
        finally:
            self._stop(winner)
        if winner[2] is not None:
            raise winner[2]
        return winner[0], winner[1]

    def _winner(self, after: float) -> Outcome:
        """The first outcome that is no failure, or the last failure."""
        failures = 0
        while True:
            if len(self._threads) == failures and failures < len(self._runs):
                self._start()
            last = len(self._threads) == len(self._runs)
            try:
                outcome = self._ended.get(timeout=None if last else after)
            except queue.Empty:
                self._start()
                continue
            if outcome[2] is None:
                return outcome
            failures += 1
            if failures == len(self._runs):
                return outcome

    def _start(self) -> None:
        index = len(self._threads)
        context = contextvars.copy_context()
        name = f"llmkit-race-{index}"
        thread = threading.Thread(
            target=context.run, args=(self._leg, index), name=name, daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _leg(self, index: int) -> None:
        try:
            self._ended.put((index, self._drive(self._runs[index]), None))
        except BaseException as error:  # noqa: BLE001 - it is the race's outcome, raised there
            self._ended.put((index, None, error))

    def _stop(self, winner: Outcome | None) -> None:
        for index, (run, thread) in enumerate(zip(self._runs, self._threads, strict=False)):
            if winner is None or index != winner[0]:
                run.abort()
                thread.join()
        for run in self._runs[len(self._threads) :]:
            run.flow.close()
        while not self._ended.empty():
            _discard(self._ended.get())


def _discard(outcome: Outcome) -> None:
    """A loser that had opened its stream before it could be stopped."""
    if isinstance(outcome[1], Opened):
        outcome[1].handle.close()


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
