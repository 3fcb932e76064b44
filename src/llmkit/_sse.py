"""Server-sent events from bytes, cut anywhere: ``SSEDecoder.feed(bytes) -> Iterator[Event]``.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, read 2026-11-22.
Rule 1: lines end at CR, LF or CRLF and at nothing else (U+2028 is legal within JSON).
Rule 2: no byte is looked at twice while a line is incomplete, so a long event is not quadratic.
Rule 3: no JSON, no provider's habits; a comment is not an event, but it is a sign of life.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import repeat
from typing import NamedTuple

__all__ = ["Event", "SSEDecoder", "TooLong"]

_BOM = b"\xef\xbb\xbf"
_MAX_EVENT = 64 * 1024 * 1024
_MAX_STRAY = 64 * 1024


class TooLong(ValueError):
    """One event has more bytes than any provider sends; the stream is not worth reading on."""


class Event(NamedTuple):
    """One event: its name (empty for the default), data as bytes, and id."""

    data: bytes
    name: str = ""
    id: str = ""


# A named tuple's own constructor is a function of Python's.
_made = partial(tuple.__new__, Event)


class SSEDecoder:
    """Bytes in, events out. After the last byte, ``finish`` yields an event whose blank line never came.

    ``stray`` has the lines that belong to no event: where there are no others, it is no event stream.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_id",
        "_limit",
        "_name",
        "_open",
        "_partial",
        "_size",
        "_start",
        "stray",
    )

    def __init__(self, limit: int = _MAX_EVENT) -> None:
        self._partial: list[bytes] = []
        self._data: list[bytes] = []
        self._name = self._id = ""
        self._after_cr = False
        self._start = True
        self._size = self._open = 0
        self._limit = limit
        self.stray = bytearray()

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes, cut anywhere; yield the events they complete. Raises ``TooLong``."""
        if not self._between(data):
            return self._resumed(data)
        end = b"\n"
        if (returns := data.count(b"\r")) != 0:
            if not returns == data.count(b"\n") == data.count(b"\r\n"):
                return self._by_line(data)
            end = b"\r\n"
        return self._whole(data, end)

    @property
    def idle(self) -> bool:
        """Whether the last piece ended with an event, and nothing of the next one is here."""
        return not (self._partial or self._data or self._name or self._start or self._after_cr)

    def _between(self, data: bytes) -> bool:
        """Whether nothing of the next event is here yet, and none of these can be too long."""
        if self._partial or self._data or self._name or self._after_cr or len(data) > self._limit:
            return False
        if self._start:
            # No byte order mark.
            self._start = not data.startswith((b"data:", b"event:", b":", b"id:"))
        return not self._start

    def _resumed(self, data: bytes) -> Iterator[Event]:
        """Complete the event that is open; what follows need not be taken apart line by line."""
        cut = -1 if len(data) > self._limit else data.find(b"\n\n")
        if cut < 0:
            yield from self._by_line(data)
            return
        yield from self._by_line(data[: cut + 2])
        if cut + 2 < len(data):
            yield from self.feed(data[cut + 2 :])

    def _whole(self, data: bytes, end: bytes) -> Iterator[Event]:
        """Whole events, as most pieces are, need not be taken apart line by line."""
        blank = end + end
        whole, found, rest = data.rpartition(blank)
        if not found:
            return self._by_line(data)
        if not rest and whole.startswith(b"data: "):
            told = whole[6:].split(blank + b"data: ")
            if whole.count(b"\n") == 2 * len(told) - 2:
                return map(_made, zip(told, repeat(""), repeat(self._id)))
        return self._blocks(whole.split(blank), rest, end)

    def _blocks(self, blocks: list[bytes], rest: bytes, end: bytes) -> Iterator[Event]:
        for block in blocks:
            first, _, second = block.partition(end)
            if not second and first.startswith(b"data: "):
                yield Event(first[6:], "", self._id)
            elif (
                first.startswith(b"event: ") and second.startswith(b"data: ") and end not in second
            ):
                yield Event(second[6:], first[7:].decode("utf-8", "replace"), self._id)
            else:
                yield from self._by_line(block + end + end)
        if rest:
            yield from self._by_line(rest)

    def _by_line(self, data: bytes) -> Iterator[Event]:
        for line in self._lines(data):
            if not line:
                yield from self._dispatch()
            else:
                self._field(line)

    def finish(self) -> Iterator[Event]:
        """The stream has ended: yield what an early end left without its blank line."""
        if self._partial:
            self._field(self._complete(b""))
        yield from self._dispatch()

    def _lines(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        # bytes.splitlines splits at exactly CR, LF and CRLF; str.splitlines does not.
        lines = data.splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith((b"\n", b"\r")) else b""
        for line in lines:
            yield self._complete(line.rstrip(b"\r\n"))
        if rest:
            self._open += len(rest)
            self._check(self._open)
            self._partial.append(rest)

    def _complete(self, line: bytes) -> bytes:
        if self._partial:
            self._partial.append(line)
            line, self._partial, self._open = b"".join(self._partial), [], 0
        self._check(len(line))
        if self._start:
            self._start = False
            line = line.removeprefix(_BOM)
        return line

    def _check(self, line: int) -> None:
        # Judged by what the event holds and the line it is at, so that no cut makes a difference.
        if self._size + line > self._limit:
            raise TooLong(f"one event has more than {self._limit} bytes")

    def _field(self, line: bytes) -> None:
        if line.startswith(b":"):
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(line)
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name not in (b"id", b"retry") and len(self.stray) < _MAX_STRAY:
            self.stray += line + b"\n"

    def _dispatch(self) -> Iterator[Event]:
        data, name = self._data, self._name
        self._data, self._name, self._size = [], "", 0
        if data:
            yield Event(b"\n".join(data), name, self._id)
