"""Decompression as bytes come, for the two codings that llmkit asks for; never much at once, whatever a few bytes hold.

Ours rather than the HTTP library's: a failure is raised outside its chain of generators, which can then be closed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from ..errors import APIResponseValidationError

__all__ = ["Inflate", "inflater"]

# More than this, at more than so many times its packed size, is made to do harm: no answer packs that well.
_SUSPECT_SIZE = 16 * 1024 * 1024
_SUSPECT_RATIO = 200
_MOST_AT_ONCE = 1024 * 1024
_PLAIN = ("", "identity")
_HEAD = 2
_GZIP = 0x1F8B
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Inflate:
    """Compressed bytes in, plain bytes out. While ``pending``, more comes of feeding it nothing."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._head = b""
        self._rest = b""
        self._packed = self._plain = 0

    @property
    def pending(self) -> bool:
        """Whether what was fed holds more than was given out."""
        return bool(self._rest)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes.

        Raises ``APIResponseValidationError`` where they are not compressed, or out of all proportion.
        """
        try:
            return self._inflated(data)
        except zlib.error as error:
            raise APIResponseValidationError(
                f"the answer cannot be decompressed: {error}", sent="yes"
            ) from None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """All that these bytes hold, never much at once. Raises like ``feed``."""
        yield self.feed(data)
        while self.pending:
            yield self.feed(b"")

    def _inflated(self, data: bytes) -> bytes:
        if self._stream is None:
            data = self._head = self._head + data
            if len(data) < _HEAD:
                return b""
            # "deflate" is sent both with and without zlib's head.
            self._stream = zlib.decompressobj(_GZIP_OR_ZLIB if _has_head(data) else -zlib.MAX_WBITS)
        # What follows the end is not part of it; zlib would gather it, copying all of it each time.
        if self._stream.eof:
            return b""
        given = self._rest + data
        plain = bytes(self._stream.decompress(given, _MOST_AT_ONCE))
        self._rest = self._stream.unconsumed_tail
        self._packed += len(given) - len(self._rest)
        self._plain += len(plain)
        self._check()
        return plain

    def _check(self) -> None:
        if self._plain > max(_SUSPECT_SIZE, _SUSPECT_RATIO * self._packed):
            raise APIResponseValidationError(
                f"the answer is a decompression bomb: {self._packed} bytes made {self._plain}",
                sent="yes",
            )


class _Nested(Inflate):
    """For codings one within another: only what is to do harm is packed like that, layer by layer in proportion."""

    @override
    def feed(self, data: bytes) -> bytes:
        raise APIResponseValidationError(
            "the answer is compressed several times over: it may be a decompression bomb",
            sent="yes",
        )


def _has_head(data: bytes) -> bool:
    """Whether it begins as gzip (RFC 1952) or zlib (RFC 1950) do: two bytes tell, however they come."""
    first = int.from_bytes(data[:_HEAD])
    return first == _GZIP or (data[0] & 0x8F == zlib.DEFLATED and first % 31 == 0)


def inflater(coding: str) -> Inflate | None:
    """What undoes a ``content-encoding``; ``None`` for none, ``LookupError`` for one that is not ours."""
    names = [name for part in coding.split(",") if (name := part.strip().lower()) not in _PLAIN]
    if not names:
        return None
    if len(names) > 1:
        return _Nested()
    if names[0] in ("gzip", "x-gzip", "deflate"):
        return Inflate()
    raise LookupError(names[0])
