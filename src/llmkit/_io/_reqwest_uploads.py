"""A streamed body over pyreqwest: read by whoever makes the call, piece by piece, never in pyreqwest's own thread.

pyreqwest asks the event loop that it was given to run a coroutine for each piece. Blocking code and trio are that loop
for themselves while they wait: the piece is read between two waits, and the answer may come before the last of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from queue import Empty
from typing import Any

from typing_extensions import override

from ._faults import WriteError
from ._progress import Progress
from ._sending import AsyncSending, Sending
from ._waiting import Line, TrioLine

__all__ = ["Body", "TrioUploadLine", "UploadLine"]


class Body:
    """The pieces, for pyreqwest. Once it is over, whoever asks for more is refused, which ends the request."""

    def __init__(self, body: Sending | AsyncSending, progress: Progress) -> None:
        self._body, self._progress = body, progress
        self._pieces: Any = None
        self.left = True
        """Whether anything is still to be sent."""
        self.over = False

    @property
    def length(self) -> int | None:
        """Its size in bytes, where that is known."""
        return self._body.length

    def __aiter__(self) -> AsyncIterator[bytes]:
        awaited = isinstance(self._body, AsyncSending)
        self._pieces = aiter(self._body) if awaited else iter(self._body)  # type: ignore[arg-type]
        return self

    def __anext__(self) -> _Piece:
        return _Piece(self._read())

    def _read(self) -> Generator[Any, Any, bytes]:
        if self.over:
            raise WriteError("nobody waits for it any more")
        if isinstance(self._body, AsyncSending):
            piece = yield from anext(self._pieces, None).__await__()
        else:
            piece = next(self._pieces, None)
        if piece is None:
            self.left = False
            self._progress.reading()
            raise StopAsyncIteration
        return piece  # type: ignore[no-any-return]


class _Piece:
    """A piece to be awaited, or not: whoever gives up lets go of it, and a coroutine would be warned of."""

    __slots__ = ("_reading",)

    def __init__(self, reading: Generator[Any, Any, bytes]) -> None:
        self._reading = reading

    def __await__(self) -> Generator[Any, Any, bytes]:
        # Always the same: ``anext`` with a default asks for it at each turn.
        return self._reading


class _Task:
    """What stands for a task: a coroutine, and who is told of its end."""

    __slots__ = ("_error", "_value", "told", "work")

    def __init__(self, work: Any) -> None:
        self.work = work
        self.told: Callable[[Any], object] | None = None
        self._value: Any = None
        self._error: BaseException | None = None

    def add_done_callback(self, told: Callable[[Any], object]) -> None:
        """Remember who is to be told."""
        self.told = told

    def result(self) -> Any:
        """What came of it. Raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self) -> None:
        """It is not waited for; what is read is read to its end."""

    def done(self, value: Any, error: BaseException | None) -> None:
        """It has ended: tell."""
        self._value, self._error = value, error
        if self.told is not None:
            self.told(self)
        self._error = None


class UploadLine(Line):
    """An exchange of blocking code that reads its request's body while it waits."""

    __slots__ = ("_task",)

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        put = self.call_soon_threadsafe
        self._task: _Task | None = None
        self.call_soon_threadsafe = lambda *given, context=None: put(context and given[0])

    def create_task(self, work: Any) -> _Task:
        """Called by pyreqwest, by way of ``_read``."""
        self._task = _Task(work)
        return self._task

    @override
    def wait(self, seconds: float) -> None:
        begin = self._get(True, seconds)
        if begin is None:
            return
        begin()
        task, self._task = self._task, None
        assert task is not None  # noqa: S101 - that is what is begun
        try:
            task.work.send(None)
        except StopIteration as stop:
            task.done(stop.value, None)
        except Exception as error:  # noqa: BLE001 - pyreqwest fails with it
            task.done(None, error)

    @override
    def rest(self) -> None:
        super().rest()
        # Who waits for a piece is told by its being let go of.
        with contextlib.suppress(Empty):
            while True:
                self._get(False)


class TrioUploadLine(TrioLine):
    """The same on trio."""

    __slots__ = ("_asked", "_task")

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        self._task: _Task | None = None
        self._asked: list[Callable[[], object]] = []
        self.call_soon_threadsafe = self._called

    def _called(self, callback: Callable[..., object], *_: Any, context: Any = None) -> None:
        if context is not None:
            self._asked.append(callback)
        self._woken()

    def create_task(self, work: Any) -> _Task:
        """Called by pyreqwest, by way of ``await_``."""
        self._task = _Task(work)
        return self._task

    @override
    async def await_(self, seconds: float) -> None:
        await super().await_(seconds)
        while self._asked:
            self._asked.pop(0)()
            task, self._task = self._task, None
            assert task is not None  # noqa: S101 - that is what is begun
            try:
                value = await task.work
            except Exception as error:  # noqa: BLE001 - pyreqwest fails with it
                task.done(None, error)
            else:
                task.done(value, None)

    @override
    def rest(self) -> None:
        super().rest()
        self._asked.clear()
