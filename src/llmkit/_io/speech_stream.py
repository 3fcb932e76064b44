"""Streams of speech: those of any call, whose chunks are bytes, and which can be written to a file as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from .aio_stream import AsyncStream
from .sync_stream import Stream

if TYPE_CHECKING:
    from ..types.audio import Speech

__all__ = ["AsyncSpeechStream", "SpeechStream"]


class SpeechStream(Stream[bytes, "Speech"]):
    """Speech as it is made: iterate it for bytes; ``response`` is the ``Speech`` once it has ended."""

    def iter_bytes(self) -> Iterator[bytes]:
        """The audio, piece by piece."""
        return iter(self)

    def stream_to_file(self, file: str | PathLike[str]) -> Speech:
        """Write the audio to a file as it comes, in place of what was there; return the whole of it.

        Where it breaks, the file has what came until then.
        """
        with self, Path(file).open("wb") as opened:
            opened.writelines(self)
        return self.response


class AsyncSpeechStream(AsyncStream[bytes, "Speech"]):
    """``SpeechStream`` for async code."""

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The audio, piece by piece."""
        return aiter(self)

    async def stream_to_file(self, file: str | PathLike[str]) -> Speech:
        """Write the audio to a file as it comes, in a worker thread; return the whole of it."""
        from anyio import to_thread  # noqa: PLC0415 - who writes no file does not wait for it

        async with self:
            opened = await to_thread.run_sync(Path(file).open, "wb")
            try:
                async for piece in self:
                    await to_thread.run_sync(opened.write, piece)
            finally:
                opened.close()
        return self.response
