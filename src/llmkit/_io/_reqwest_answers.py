"""pyreqwest's responses under the names that drivers know, which are httpx's; a body is read from the answer itself.

What a wait is, and what ends it, stands in ``_waiting``; how requests are made, in ``_reqwest``.
"""

from __future__ import annotations

import contextlib
from typing import Any

from .._headers import LateHeaders
from ._faults import ReadError
from ._lanes import Lanes
from ._progress import Progress
from ._reqwest_errors import fault_of, head_has_come

__all__ = ["WHOLE", "Answer", "AsyncAnswer", "seen"]

WHOLE = 64 * 1024
"""So many bytes of a plain answer's body are waited for before anything is handed over: they come with its head."""

_UNKNOWN = -1
_MOST_PIECES = 63


def seen(error: BaseException, progress: Progress) -> BaseException:
    """A failure as httpcore's; what is not pyreqwest's stays as it is."""
    if not (isinstance(error, Exception) and type(error).__module__.startswith("pyreqwest")):
        return error
    if head_has_come(error):
        progress.reading()
    progress.connect()  # which says what limits it
    return fault_of(error)


class _Answered:
    __slots__ = (
        "_ahead", "_error", "_lanes", "_left", "_line", "_packed", "_read", "headers", "status_code",
    )  # fmt: skip
    lowered = at_once = True

    def __init__(self, response: Any, line: Any, lanes: Lanes) -> None:
        # First what closing asks for, then whether there is anything to be closed: it may be interrupted in between.
        self._left = _UNKNOWN
        self._lanes = lanes
        self._line = line
        self._ahead: tuple[Any, Any] | None = None
        """A read that has begun, and what it waits for."""
        self._error: Exception | None = None
        """What came behind the last piece."""
        line.closing = lanes.leave
        self._read = response.body_reader.read_chunk
        self.status_code: int = response.status
        self.headers = LateHeaders(response.headers, _look, _headers)
        try:
            length = response.get_header("content-length") or ""
            self._packed = response.get_header("content-encoding") is not None
        except ValueError:  # it is nothing that anybody knows
            length, self._packed = "", True
        # Of the body, bytes: once none is left, there is no end to be waited for.
        self._left = int(length) if length.isdigit() else _UNKNOWN

    @property
    def stream(self) -> Any:
        """The body's pieces."""
        return self

    def at_hand(self) -> bytes | None:
        """All of a plain body that came with its head, with which the answer is over; ``None`` where it is not so."""
        line = self._line
        if not 0 < self._left < WHOLE or self._packed or line.progress.streamed:
            return None
        try:
            if line.closed or line.progress.stopped:
                line.refuse()
            data = self._next()
            while self._left > 0:
                data += self._next()
        except BaseException as error:  # noqa: BLE001 - it goes on, as what it is
            raise self._failed(error) from None
        self._lanes.finish(line)
        return data

    def _next(self) -> bytes:
        """The next piece, which is there: nobody has to be asked to wake anybody."""
        self._line.work = work = self._read()
        try:
            work.send(None)
        except StopIteration as stop:
            piece = stop.value
        else:
            raise ReadError("a part of the answer is missing")
        data = b"" if piece is None else bytes(piece)
        self._left = 0 if piece is None else self._left - len(data)
        return data

    def close(self) -> None:
        """Give the connection back, or close it where something is left of the answer. It never waits."""
        line, self._error = self._line, None
        if line.busy:  # in another thread, or task, which then does it
            line.shutdown()
        elif self._left:
            self._lanes.leave(line)
        else:
            self._lanes.finish(line)

    def __del__(self) -> None:
        # An interrupt may come before anybody has it; or while it is made: who sent closes its line then.
        line = getattr(self, "_line", None)
        if line is not None and line.held:
            self.close()

    def _taken(self, piece: Any) -> bytes | None:
        """A piece, and of a stream those that are there by now: who takes them together takes less for each."""
        if piece is None:
            self._left = 0
            return None
        data = bytes(piece)
        self._left -= len(data)
        progress = self._line.progress
        # The first one is somebody's first token, and is what the answer is known by.
        if progress.streamed and self._left and progress.first is None:
            return self._line.resuming(self._with_more, data)  # type: ignore[no-any-return]
        return data

    def _with_more(self, data: bytes) -> bytes:
        found, line, read = [data], self._line, self._read
        for _ in range(_MOST_PIECES):
            if line.closed or line.progress.stopped:
                break
            line.work = work = read()
            try:
                self._ahead = work, work.send(None)
                break
            except StopIteration as stop:
                if (piece := stop.value) is None:
                    self._left = 0
                    break
                found.append(bytes(piece))
                self._left -= len(found[-1])
                if not self._left:
                    break
            except Exception as error:  # noqa: BLE001 - raised behind what has come before
                self._error = error
                break
        return b"".join(found) if len(found) > 1 else data

    def _failed(self, error: BaseException) -> BaseException:
        self._error = None
        self._line.busy = False  # an interrupt may have come before it was said
        self.close()
        return seen(error, self._line.progress)


class Answer(_Answered):
    """An answer for blocking code. Of a stream, all pieces that are there are handed on as one."""

    __slots__ = ()

    def __iter__(self) -> Answer:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        try:
            if self._error is not None:
                raise self._error
            if self._ahead is None:
                self._line.work = work = self._read()
            else:
                (work, _), self._ahead = self._ahead, None
            data = self._taken(self._line.run(work))
            if self._line.closed:  # by another thread, which took this one to be waiting still
                self._line.refuse()
        except BaseException as error:  # noqa: BLE001 - it goes on, as what it is
            raise self._failed(error) from None
        if data is None:
            raise StopIteration
        return data

    def iter_bytes(self) -> Answer:
        """The body as it comes."""
        return self


class AsyncAnswer(_Answered):
    """An answer for awaiting code. Of a stream, all pieces that are there are handed on as one."""

    __slots__ = ()

    def __aiter__(self) -> AsyncAnswer:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        try:
            if self._error is not None:
                raise self._error
            if self._ahead is None:
                self._line.work = work = self._read()
                future = self._line.begin(work)
            else:
                (work, future), self._ahead = self._ahead, None
            piece = await self._line.arun(work, future)
            if self._line.closed:  # by another thread, which took this one to be waiting still
                self._line.refuse()
        except StopIteration as stop:  # it has come already
            piece = stop.value
        except BaseException as error:  # noqa: BLE001 - it goes on, as what it is
            raise self._failed(error) from None
        if (data := self._taken(piece)) is None:
            raise StopAsyncIteration
        return data

    def aiter_bytes(self) -> AsyncAnswer:
        """The body as it comes."""
        return self

    async def aclose(self) -> None:
        """``close``, under its other name."""
        self.close()


def _look(given: Any, name: str) -> str | None:
    """One header; what comes twice as one, and what cannot be read as none."""
    try:
        found: list[str] = given.getall(name)
    except ValueError:
        return None
    return ", ".join(found) if found else None


def _headers(given: Any) -> dict[str, str]:
    """Names in lower case, as they come; of a name that comes twice all values, in order."""
    try:
        headers: dict[str, str] = given.dict_multi_value()
    except ValueError:
        return _joined(_readable(given))
    return headers if len(headers) == len(given) else _joined(given.items())


def _joined(pairs: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _readable(given: Any) -> list[tuple[str, str]]:
    """What can be read where something cannot: pyreqwest shows no value that is not ASCII."""
    pairs = []
    for name in dict.fromkeys(given.keys()):
        with contextlib.suppress(ValueError):
            pairs += [(name, value) for value in given.getall(name)]
    return pairs
