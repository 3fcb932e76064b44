"""Newline-delimited JSON from bytes, cut anywhere: ``LineDecoder.feed(bytes) -> Iterator[bytes]``, a line each.

https://github.com/ndjson/ndjson-spec, read 2026-11-22.
Rule 1: lines end at LF, a CR before it is white space, and nothing else ends one (U+2028 is legal within JSON).
Rule 2: no byte is looked at twice while a line is incomplete, so a long line is not quadratic.
Rule 3: no JSON, no provider's habits: what a line means is its wire's affair.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._sse import TooLong

__all__ = ["LineDecoder", "TooLong"]

_MAX_LINE = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class LineDecoder:
    """Bytes in, lines out, empty ones left out. After the last byte, ``finish`` yields a line that never ended."""

    __slots__ = ("_limit", "_open", "_partial", "_start")

    def __init__(self, limit: int = _MAX_LINE) -> None:
        self._partial: list[bytes] = []
        self._open = 0
        self._limit = limit
        self._start = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes, cut anywhere; yield the lines they complete. Raises ``TooLong``."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._check(len(line))
            if made := self._complete(line):
                yield made
        if rest:
            self._check(len(rest))
            self._open += len(rest)
            self._partial.append(rest)

    def finish(self) -> Iterator[bytes]:
        """The bytes have ended: yield what an early end left without its LF."""
        if self._partial and (made := self._complete(b"")):
            yield made

    def _check(self, more: int) -> None:
        # Judged by the line as it is so far, so that no cut makes a difference.
        if self._open + more > self._limit:
            raise TooLong(f"one line has more than {self._limit} bytes")

    def _complete(self, line: bytes) -> bytes:
        if self._partial:
            self._partial.append(line)
            line, self._partial, self._open = b"".join(self._partial), [], 0
        if self._start:
            self._start = False
            line = line.removeprefix(_BOM)
        return line.strip(b" \t\r")
