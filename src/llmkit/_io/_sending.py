"""A streamed body on its way out, for each colour: read piece by piece, counted, closed when its exchange is over.

Blocking code reads as it writes. Awaiting code reads in a worker thread, one piece at a time, unless it is all in
memory. What is told as its length is what is sent, or nothing is: servers would take the next request for the rest.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from .._http import Streamed
from ..errors import InvalidRequestError
from ._progress import Progress

__all__ = ["AsyncSending", "Sending", "asending", "sending"]


class _Counted:
    """What both colours share: the pieces, and how many bytes of them are still to come."""

    def __init__(self, body: Streamed, length: int | None, progress: Progress) -> None:
        self._body, self._progress = body, progress
        self.length = length
        self._pieces: Any = None
        self._left = length
        self._closed = False

    def start(self) -> None:
        """From the beginning: a caller's own client may follow a redirect, and send again."""
        self.close()
        self._left = self.length
        self._closed = False
        self._pieces = self._body.pieces()
        self._progress.uploading = True

    def piece(self) -> bytes | None:
        """The next one that is not empty; ``None`` at the end. Raises where the body is not what was told."""
        piece: bytes | None = next((piece for piece in self._pieces if piece), None)
        if self._left is not None:
            self._left -= len(piece or b"")
            # Closed while a thread was at it, it ends early: nobody is left who would send it.
            if (self._left < 0 or (piece is None and self._left)) and not self._closed:
                raise InvalidRequestError("the file was changed while it was sent", sent="maybe")
        return piece

    def close(self) -> None:
        """Close what is read from. A coroutine that was dropped may have left a thread at it, which then does."""
        self._closed = True
        if self._pieces is not None:
            with contextlib.suppress(ValueError):
                self._pieces.close()


class Sending(_Counted):
    """A body for blocking code."""

    def __iter__(self) -> Iterator[bytes]:
        self.start()
        return iter(self.piece, None)


class AsyncSending(_Counted):
    """A body for awaiting code. No generator: who writes it may fail, and leaves it where it is."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.start()
        return self

    async def __anext__(self) -> bytes:
        piece: bytes | None = await _read(self._body, self.piece)
        if piece is None:
            raise StopAsyncIteration
        return piece


def sending(body: Streamed, progress: Progress) -> Sending:
    """A body about to be sent. Raises ``InvalidRequestError`` where it cannot be read."""
    return Sending(body, body.length, progress)


async def asending(body: Streamed, progress: Progress) -> AsyncSending:
    """``sending`` for awaiting code."""
    length = await _read(body, lambda: body.length)
    return AsyncSending(body, length, progress)


async def _read(body: Streamed, read: Any) -> Any:
    if getattr(body, "in_memory", False):
        return read()
    from anyio import to_thread  # noqa: PLC0415 - who uploads nothing does not wait for it

    return await to_thread.run_sync(read)
