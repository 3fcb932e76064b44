"""Cleaning up that a second cancellation does not break off, on asyncio.

asyncio's ``task.cancel()`` may come as often as it likes, and no anyio shield keeps it out: it is thrown in at the next
suspension. While connections are closed these are mere turns of the loop, so they are not handed to the loop at all,
unless there are very many of them: then somebody waits for what only the loop can do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Generator
from typing import Any

__all__ = ["Unbroken"]

# More than any closing takes. anyio's checkpoints turn until the loop throws in what a scope was cancelled for, and
# something may have been thrown in before that was no cancellation of the work: anyio's own attempts to connect, say.
_TURNS = 100


class LetGo(BaseException):
    """Thrown into work whose coroutine is let go of.

    Closed, it would leave the async generators within as they are, running for ever; and of what cleans up, each
    frame would come as far as its first turn. So it is thrown something that is not told from a cancellation.
    """


class Unbroken:
    """Awaits ``work``. Once something was thrown into it, or from the start if ``closing``, it gives no turns away.

    A turn is the bare ``yield`` that asyncio knows (``sleep(0)``, anyio's checkpoints); trio has none, and needs none
    of this. What really waits still does, and can be cancelled.
    """

    __slots__ = ("_closing", "_work")

    def __init__(self, work: Coroutine[Any, Any, Any], *, closing: bool = False) -> None:
        self._work = work
        self._closing = closing

    def __await__(self) -> Generator[Any, Any, Any]:
        work = self._work
        resume: Callable[[Any], Any] = work.send
        value: Any = None
        turns = 0
        while True:
            try:
                yielded = resume(value)
            except StopIteration as stop:
                return stop.value
            resume, value = work.send, None
            turns = turns + 1 if yielded is None and self._closing else 0
            if turns % _TURNS:
                continue
            try:
                value = yield yielded
            except GeneratorExit:
                _let_go(work)
                raise
            except BaseException as error:  # noqa: BLE001 - it is the work's to answer
                self._closing = True
                resume, value = work.throw, error


def _let_go(work: Coroutine[Any, Any, Any]) -> None:
    """End work that can await nothing more: it is given the turns it asks for, until it asks for something else."""
    # Whatever comes of it: there is nobody to be told.
    with contextlib.suppress(LetGo, Exception, BaseExceptionGroup):
        yielded = work.throw(LetGo())
        for _ in range(_TURNS):
            if yielded is not None:
                break
            yielded = work.send(None)
    with contextlib.suppress(Exception):
        work.close()
