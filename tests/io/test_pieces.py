"""Of a stream over pyreqwest, all pieces that are there are one; none that is alone waits for another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Generator, Sequence
from typing import Any

import pytest

from llmkit._flow import Deadlines
from llmkit._io import _faults
from llmkit._io._progress import Progress
from llmkit._io._reqwest_answers import Answer, AsyncAnswer
from llmkit._io._waiting import Clock, Line


class Body:
    """Stands for pyreqwest's reader: a piece, a failure, or ``...`` for what has not come yet."""

    def __init__(self, said: Sequence[Any]) -> None:
        self.said = list(said)
        self.waits: list[asyncio.Future[bytes]] = []

    def read_chunk(self) -> Coroutine[Any, Any, bytes | None]:
        return self._next()

    async def _next(self) -> bytes | None:
        one = self.said.pop(0) if self.said else None
        if one is ...:
            self.waits.append(asyncio.get_running_loop().create_future())
            return await self.waits[-1]
        if isinstance(one, Exception):
            raise one
        given: bytes | None = one
        return given


class Later:
    """What comes once it is set, for blocking code: its line is woken then."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.value: bytes | None = None

    def set_result(self, value: bytes) -> None:
        self.value = value
        self.line.wake()

    def __await__(self) -> Generator[Any, Any, bytes]:
        while self.value is None:
            yield True
        return self.value


class Blocking(Body):
    """The same for blocking code."""

    line: Line

    async def _next(self) -> bytes | None:
        if self.said and self.said[0] is ...:
            self.said.pop(0)
            self.waits.append(Later(self.line))  # type: ignore[arg-type]
            return await self.waits[-1]
        if self.said and self.said[0] == b"end":
            self.line.shutdown()
        return await super()._next()


class Shown:
    """Stands for pyreqwest's response."""

    status = 200

    def __init__(self, body: Body, headers: dict[str, str]) -> None:
        self.body_reader, self.headers = body, headers
        self.get_header = headers.get


class Lanes:
    """Says how an exchange was left."""

    how = ""

    def finish(self, line: Any) -> None:
        self.how = "finished"
        line.rest()

    def leave(self, line: Any) -> None:
        self.how = "left"
        line.work.close()
        line.rest()


def answer(*said: Any, headers: dict[str, str] | None = None, first: bool = False) -> Any:
    """A stream that is being read; ``first``: not a piece of it has come."""
    until = time.monotonic() + 5
    progress = Progress(Deadlines(until, 5, 5, 5))
    progress.streamed = True
    if not first:
        progress.first = None
    body, lanes = Body(said), Lanes()
    shown = Shown(body, headers or {})
    line = Clock().line(progress)
    line.held = []
    return AsyncAnswer(shown, line, lanes), body, lanes  # type: ignore[arg-type]


def blocking(*said: Any) -> Any:
    """The same for blocking code, a piece of which has come."""
    progress = Progress(Deadlines(time.monotonic() + 5, 5, 5, 5))
    progress.streamed, progress.first = True, None
    body, lanes, line = Blocking(said), Lanes(), Line(progress)
    body.line = line
    line.held = [object()]
    shown = Shown(body, {})
    return Answer(shown, line, lanes), body, lanes  # type: ignore[arg-type]


async def rest(pieces: Any) -> list[bytes]:
    """All that is left."""
    return [piece async for piece in pieces]


@pytest.mark.asyncio
async def test_what_is_there_is_one_piece() -> None:
    """Up to what has not come yet, which is waited for by who reads next; nothing is lost at the end."""
    made, body, _ = answer(b"a", b"b", ..., b"d", b"e")
    assert await anext(made) == b"ab"
    reading = asyncio.ensure_future(anext(made))
    await asyncio.sleep(0)
    assert not reading.done()
    body.waits[0].set_result(b"c")
    assert await reading == b"cde"
    assert await rest(made) == []


@pytest.mark.asyncio
async def test_one_that_came_between_two_reads() -> None:
    """What was begun ahead, and has come before anybody waits for it, is the next piece."""
    made, body, lanes = answer(b"a", ...)
    assert await anext(made) == b"a"
    body.waits[0].set_result(b"b")
    assert await anext(made) == b"b"
    assert await rest(made) == []
    made.close()
    assert lanes.how == "finished"


@pytest.mark.asyncio
async def test_the_first_is_alone() -> None:
    """It is somebody's first token."""
    made, _, _ = answer(b"a", b"b", first=True)
    assert await anext(made) == b"a"
    assert await rest(made) == [b"b"]


@pytest.mark.asyncio
async def test_a_failure_comes_behind_what_has_come() -> None:
    """Nothing is kept from the reader that was there before it."""
    made, _, lanes = answer(b"a", b"b", _faults.ReadError("gone"))
    assert await anext(made) == b"ab"
    with pytest.raises(_faults.ReadError, match="gone"):
        await anext(made)
    assert lanes.how == "left"


@pytest.mark.asyncio
async def test_left_while_something_is_awaited_ahead() -> None:
    """What was begun is given up, and the connection with it."""
    made, _, lanes = answer(b"a", ...)
    assert await anext(made) == b"a"
    made.close()
    assert lanes.how == "left"


@pytest.mark.asyncio
async def test_a_known_length_needs_no_end() -> None:
    """Once all its bytes are there, nothing more is asked for."""
    made, body, lanes = answer(b"ab", b"cd", ..., headers={"content-length": "4"})
    assert await rest(made) == [b"abcd"]
    made.close()
    assert (lanes.how, len(body.said)) == ("finished", 1)


@pytest.mark.asyncio
async def test_not_without_end() -> None:
    """Who sends faster than anybody reads does not keep the loop for himself."""
    made, _, _ = answer(*[b"x"] * 100)
    assert [len(piece) for piece in await rest(made)] == [64, 36]


def test_what_is_there_is_one_piece_to_blocking_code() -> None:
    """As on a loop: up to what has not come yet, which the next read waits for."""
    made, body, _ = blocking(b"a", b"b", ..., b"d", b"e")
    assert next(made) == b"ab"
    body.waits[0].set_result(b"c")
    assert list(made) == [b"cde"]


def test_a_failure_comes_behind_to_blocking_code() -> None:
    """Nothing is kept from the reader that was there before it."""
    made, _, lanes = blocking(b"a", b"b", _faults.ReadError("gone"))
    assert next(made) == b"ab"
    with pytest.raises(_faults.ReadError, match="gone"):
        next(made)
    assert lanes.how == "left"


def test_ended_while_pieces_are_taken() -> None:
    """Another thread ends the exchange while this one takes what is there: it is closed, by this one, once."""
    made, _, lanes = blocking(b"a", b"end", b"c")
    with pytest.raises(_faults.ReadError, match="closed"):
        next(made)
    assert lanes.how == "left"


def test_blocking_code_leaves_while_something_is_awaited_ahead() -> None:
    """What was begun is given up, and the connection with it."""
    made, _, lanes = blocking(b"a", ...)
    assert next(made) == b"a"
    made.close()
    assert lanes.how == "left"
