"""A stream's bytes to JSON texts: server-sent events, or the objects of one JSON array, or objects one after another.

Which it is, the first byte tells. No byte is looked at twice. An error may come bare in the middle of events: what is
no line of an event is kept, and is the last text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..._sse import SSEDecoder, TooLong

__all__ = ["Frames"]

_OUTSIDE = re.compile(rb'["{}]')
_INSIDE = re.compile(rb'["\\]')
_MAX_OBJECT = 64 * 1024 * 1024


class _Objects:
    """The outermost objects of a JSON text, wherever it is cut."""

    def __init__(self) -> None:
        self._depth = self._size = 0
        self._in_text = self._escaped = False
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes; yield the objects they complete. Raises ``TooLong``."""
        start = at = 0
        while at < len(data):
            match = self._next(data, at)
            if match is None:
                break
            at = match.end()
            before = self._depth
            self._step(match.group())
            if not before and self._depth:
                start = match.start()
            elif before and not self._depth:
                yield b"".join((*self._pieces, data[start:at]))
                self._pieces, self._size, start = [], 0, at
        if self._depth:
            self._keep(data[start:])

    def _next(self, data: bytes, at: int) -> re.Match[bytes] | None:
        if self._escaped:
            self._escaped = False
            at += 1
        return (_INSIDE if self._in_text else _OUTSIDE).search(data, at)

    def _step(self, token: bytes) -> None:
        if token == b"\\":
            self._escaped = True
        elif token == b'"':
            self._in_text = not self._in_text
        else:
            self._depth = max(0, self._depth + (1 if token == b"{" else -1))

    def _keep(self, rest: bytes) -> None:
        self._size += len(rest)
        if self._size > _MAX_OBJECT:
            raise TooLong(f"one object has more than {_MAX_OBJECT} bytes")
        self._pieces.append(rest)


class Frames:
    """Bytes in, JSON texts out."""

    def __init__(self) -> None:
        self._events: SSEDecoder | None = None
        self._objects: _Objects | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes, cut anywhere. Raises ``TooLong``."""
        if self._events is None and self._objects is None:
            data = data.lstrip()
            if not data:
                return
            if data[:1] in (b"[", b"{"):
                self._objects = _Objects()
            else:
                self._events = SSEDecoder()
        if self._objects is not None:
            yield from self._objects.feed(data)
        elif self._events is not None:
            yield from (event.data for event in self._events.feed(data))

    def finish(self) -> Iterator[bytes]:
        """The bytes have ended: an event without its blank line, and what was no event."""
        if self._events is not None:
            yield from (event.data for event in self._events.finish())
            if self._events.stray:
                yield bytes(self._events.stray)
