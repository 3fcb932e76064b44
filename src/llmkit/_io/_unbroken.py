"""Cleaning up that a second cancellation does not break off, on asyncio.

asyncio's ``task.cancel()`` may come as often as it likes, and no anyio shield keeps it out: it is thrown in at the next
suspension. While connections are closed these are mere turns of the loop, so they are not handed to the loop at all,
unless there are very many of them: then somebody waits for what only the loop can do.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any

__all__ = ["Unbroken"]

# More than any closing takes. anyio's checkpoints turn until the loop throws in what a scope was cancelled for, and
# something may have been thrown in before that was no cancellation of the work: anyio's own attempts to connect, say.
_TURNS = 100


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
                work.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is the work's to answer
                self._closing = True
                resume, value = work.throw, error
