"""Cancelling at a chosen suspension: a coroutine is driven by hand, and cancelled when it suspends for the k-th time.

No clock decides: the awaitable below counts how often the work hands control to its loop, in whatever layer, and acts
at the one it was told. Counting k up until the work ends before it covers every await point that there is.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

import anyio
import trio

__all__ = ["MODES", "Trial", "Watched", "cancelled_at", "dropped_at"]


class Watched:
    """Awaits ``work`` and calls ``suspended(k, yielded)`` at its k-th suspension, before the loop sees it."""

    def __init__(self, work: Awaitable[Any], suspended: Callable[[int, Any], None]) -> None:
        self._work = work
        self._suspended = suspended

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._work.__await__()
        resume: Callable[[], Any] = functools.partial(next, inner)
        count = 0
        while True:
            try:
                yielded = resume()
            except StopIteration as stop:
                return stop.value
            count += 1
            self._suspended(count, yielded)
            try:
                value = yield yielded
            except BaseException as error:  # noqa: BLE001 - the loop's, for the work to see
                resume = functools.partial(_thrown, inner, error)
            else:
                resume = functools.partial(_sent, inner, value)


def _thrown(inner: Any, error: BaseException) -> Any:
    return inner.throw(error)


def _sent(inner: Any, value: Any) -> Any:
    # A future's iterator has no send(): it is only ever told to go on.
    return next(inner) if value is None else inner.send(value)


class _Dropped(Exception):
    """What is raised where a coroutine is let go of."""


async def dropped_at(call: Coroutine[Any, Any, Any], at: int) -> bool:
    """Begin the call, and let go of it at this suspension; whether it came that far."""

    def suspended(count: int, _: Any) -> None:
        if count == at:
            raise _Dropped

    try:
        await Watched(call, suspended)
    except _Dropped:
        call.close()
        return True
    return False


@dataclass
class Trial:
    """What came of it: how often the work suspended, and the exception that came out of it, if one did."""

    suspensions: int = 0
    reached: bool = False
    value: Any = None
    error: BaseException | None = field(default=None, repr=False)


async def cancelled_at(work: Callable[[], Awaitable[Any]], at: int, mode: str) -> Trial:
    """Run ``work``, cancelled at suspension ``at`` in this way."""
    trial = Trial()
    await MODES[mode](work, at, trial)
    return trial


async def _kept(work: Awaitable[Any], trial: Trial, suspended: Callable[[int, Any], None]) -> None:
    def counted(count: int, yielded: Any) -> None:
        trial.suspensions = count
        suspended(count, yielded)

    try:
        trial.value = await Watched(work, counted)
    except BaseException as error:
        trial.error = error
        raise


async def _scope(work: Callable[[], Awaitable[Any]], at: int, trial: Trial) -> None:
    """An anyio scope around it: on both loops it stays cancelled until the work has left it."""
    with anyio.CancelScope() as scope:

        def act(count: int, _: Any) -> None:
            if count == at:
                trial.reached = True
                scope.cancel()

        await _kept(work(), trial, act)


async def _late_scope(work: Callable[[], Awaitable[Any]], at: int, trial: Trial) -> None:
    """An anyio scope on asyncio, cancelled when what was awaited has just come: only a next turn tells it."""
    with anyio.CancelScope() as scope:

        def act(count: int, yielded: Any) -> None:
            if count != at:
                return
            trial.reached = True
            if yielded is None:
                scope.cancel()
            else:
                yielded.add_done_callback(lambda _: scope.cancel())

        await _kept(work(), trial, act)


async def _trio_nursery(work: Callable[[], Awaitable[Any]], at: int, trial: Trial) -> None:
    """A task of its own in a trio nursery that is cancelled."""
    async with trio.open_nursery() as nursery:

        def act(count: int, _: Any) -> None:
            if count == at:
                trial.reached = True
                nursery.cancel_scope.cancel()

        nursery.start_soon(lambda: _kept(work(), trial, act))


async def _task(
    work: Callable[[], Awaitable[Any]],
    trial: Trial,
    act: Callable[[asyncio.Task[Any], int, Any], None],
) -> None:
    tasks: list[asyncio.Task[Any]] = []
    task = asyncio.ensure_future(
        _kept(work(), trial, lambda count, yielded: act(tasks[0], count, yielded))
    )
    tasks.append(task)
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


async def _task_cancel(work: Callable[[], Awaitable[Any]], at: int, trial: Trial) -> None:
    """``task.cancel()`` once."""

    def act(task: asyncio.Task[Any], count: int, _: Any) -> None:
        if count == at:
            trial.reached = True
            task.cancel("enough")

    await _task(work, trial, act)


async def _late(work: Callable[[], Awaitable[Any]], at: int, trial: Trial) -> None:
    """``task.cancel()`` when what was awaited has just come: the result is there, and is lost."""

    def act(task: asyncio.Task[Any], count: int, yielded: Any) -> None:
        if count != at:
            return
        trial.reached = True
        if yielded is None:
            task.cancel("enough")
        else:
            yielded.add_done_callback(lambda _: task.cancel("enough"))

    await _task(work, trial, act)


async def _again(
    work: Callable[[], Awaitable[Any]], at: int, trial: Trial, *, times: int, skip: int = 0
) -> None:
    """``task.cancel()`` at this suspension and at later ones: the cleanup, too, is cancelled."""
    left = times

    def act(task: asyncio.Task[Any], count: int, _: Any) -> None:
        nonlocal left
        if count == at or (count > at + skip and left):
            trial.reached = True
            left -= 1
            task.cancel("enough")

    await _task(work, trial, act)


MODES: dict[str, Callable[[Callable[[], Awaitable[Any]], int, Trial], Awaitable[None]]] = {
    "scope": _scope,
    "nursery": _trio_nursery,
    "task": _task_cancel,
    "late": _late,
    "scope, late": _late_scope,
    "twice": functools.partial(_again, times=2),
    "twice, one later": functools.partial(_again, times=2, skip=1),
    "twice, two later": functools.partial(_again, times=2, skip=2),
    "ten times": functools.partial(_again, times=10),
}
