"""The longest that WebM (Matroska) with Opus or Vorbis can last: every block that is there, counted.

Everything in it must be known and stand where it may, so that no player can find other blocks in it than are counted
here. What a packet lasts belongs in ``_packets``.
"""

# ruff: noqa: PLR2004 - offsets and magic numbers are the format's own
from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Final, NamedTuple

from ._packets import Unclear, opus, vorbis
from ._payload import Payload

__all__ = ["longest"]

_MOST_ELEMENTS: Final = 100_000
"""That are not of the plainest form: each takes ten microseconds to be read."""
_WINDOW: Final = 1 << 18
_HEADER, _SEGMENT, _VOID, _CRC = 0x1A45DFA3, 0x18538067, 0xEC, 0xBF
_INFO, _TRACKS, _CLUSTER = 0x1549A966, 0x1654AE6B, 0x1F43B675
_TRACK, _BLOCK, _SIMPLE, _GROUP = 0xAE, 0xA1, 0xA3, 0xA0
_SCALE, _DURATION, _TIME, _LASTS = 0x2AD7B1, 0x4489, 0xE7, 0x9B
_NUMBER, _TYPE, _CODEC, _PRIVATE = 0xD7, 0x83, 0x86, 0x63A2
# Seek heads, cues, chapters, tags, attached files: nothing in them is played.
_BESIDE: Final = frozenset(
    {0x114D9B74, 0x1C53BB6B, 0x1043A770, 0x1254C367, 0x1941A469, _VOID, _CRC}
)
_IN_CLUSTER: Final = frozenset({_TIME, _SIMPLE, _GROUP, 0xA7, 0xAB, 0x5854, _VOID, _CRC})
_IN_GROUP: Final = frozenset({_BLOCK, _LASTS, 0xFB, 0xFA, 0x75A2, 0x75A1, _VOID, _CRC})
# Contents that are packed, and times that run otherwise.
_FOREIGN: Final = frozenset({0x6D80, 0x23314F, 0xE2})
_SOUND: Final = 2
_LACED: Final = 6
_PLAIN: Final = 6
"""Bytes that such a block has at least: its track, time, flags, and the two by which a packet tells its length."""


class _Element(NamedTuple):
    kind: int
    start: int
    end: int


def longest(data: Payload) -> float:
    """Seconds: of the packets, or what its times say, whichever is more. Raises ``Unclear``.

    Source: RFC 9559 (Matroska), 5.1 and 10, read 2026-11-23.
    """
    reader = _Reader(data)
    film = _Film(reader)
    offset = reader.element(0, data.size).end
    segment = reader.element(offset, data.size)
    if segment.kind != _SEGMENT or segment.end != data.size:
        raise Unclear
    offset, cluster = segment.start, 0
    while offset < segment.end:
        offset = film.plain(offset, cluster)
        if offset == segment.end:
            break
        # A cluster of unknown size ends where something begins that stands in none.
        one = reader.element(offset, segment.end)
        if offset < cluster and one.kind in _IN_CLUSTER:
            if one.end > cluster:
                raise Unclear
            film.in_cluster(one)
        elif cluster > offset and cluster != segment.end:
            raise Unclear
        elif one.kind == _CLUSTER:
            cluster = one.end
            one = one._replace(end=one.start)
        else:
            cluster = 0
            film.beside(one)
        offset = one.end
    return film.longest()


class _Reader:
    """Elements of a file, a window of which is in memory."""

    def __init__(self, data: Payload) -> None:
        self._data, self._start, self._window = data, 0, b""
        self._left = _MOST_ELEMENTS

    def at(self, offset: int, count: int) -> bytes:
        """Bytes from there on, all of them. Raises ``Unclear``."""
        if not self._start <= offset <= offset + count <= self._start + len(self._window):
            self._start, self._window = offset, self._data.at(offset, max(count, _WINDOW))
        at = offset - self._start
        found = self._window[at : at + count]
        if len(found) < count:
            raise Unclear
        return found

    def window(self, offset: int) -> bytes:
        """Many bytes from there on, or all that are left."""
        self._start, self._window = offset, self._data.at(offset, _WINDOW)
        return self._window

    def element(self, offset: int, end: int) -> _Element:
        """The one that begins there and ends there at the latest. Raises ``Unclear``."""
        self._left -= 1
        kind, start = self.varying(offset, 4, marked=True)
        size, start = self.varying(start, 8)
        unknown = size == (1 << 7 * (start - offset - (kind.bit_length() + 7) // 8)) - 1
        if self._left < 0 or (unknown and kind not in (_SEGMENT, _CLUSTER)):
            raise Unclear
        stop = end if unknown else start + size
        if stop > end:
            raise Unclear
        return _Element(kind, start, stop)

    def inside(self, outer: _Element) -> Iterator[_Element]:
        """The elements of one."""
        offset = outer.start
        while offset < outer.end:
            one = self.element(offset, outer.end)
            yield one
            offset = one.end

    def varying(self, offset: int, longest: int, *, marked: bool = False) -> tuple[int, int]:
        """A number of so many bytes as its first bits say, and where it ends."""
        first = self.at(offset, 1)[0]
        count = 9 - first.bit_length()
        if count > longest:
            raise Unclear
        found = int.from_bytes(self.at(offset, count))
        return found if marked else found ^ 1 << 7 * count, offset + count

    def number(self, one: _Element) -> int:
        """Its content as a number. Raises ``Unclear``."""
        if one.end - one.start > 8:
            raise Unclear
        return int.from_bytes(self.at(one.start, one.end - one.start))

    def fraction(self, one: _Element) -> float:
        """Its content as a number that may have a fraction. Raises ``Unclear``."""
        layout = {4: ">f", 8: ">d"}.get(one.end - one.start)
        if layout is None:
            raise Unclear
        return float(struct.unpack(layout, self.at(one.start, one.end - one.start))[0])


class _Film:
    """What was read so far."""

    def __init__(self, reader: _Reader) -> None:
        self._read = reader
        self._scale, self._duration = 1_000_000, 0.0
        self._time, self._end = 0, 0
        self._tracks: dict[int, float | None] = {}
        """Of each track, the longest that a packet of Vorbis lasts (0: it is Opus); ``None``: no sound."""
        self._seconds: dict[int, float] = {}

    def longest(self) -> float:
        """Seconds. Raises ``Unclear``."""
        told = max(self._duration, self._end) * self._scale / 1e9
        if not self._tracks or not isfinite(told):
            raise Unclear
        # A packet lasts beyond the time that it begins at.
        return max(told + 0.12, sum(self._seconds.values()))

    def beside(self, one: _Element) -> None:
        """What stands in the segment, and in no cluster."""
        if one.kind == _INFO:
            for inner in self._read.inside(one):
                if inner.kind == _SCALE:
                    self._scale = self._read.number(inner)
                elif inner.kind == _DURATION:
                    self._duration = max(self._duration, self._read.fraction(inner))
        elif one.kind == _TRACKS:
            for inner in self._read.inside(one):
                self._track(inner)
        elif one.kind not in _BESIDE:
            raise Unclear

    def _track(self, one: _Element) -> None:
        if one.kind in (_VOID, _CRC):
            return
        found = {inner.kind: inner for inner in self._read.inside(one)}
        if (
            one.kind != _TRACK
            or not found.keys() >= {_NUMBER, _TYPE, _CODEC}
            or _FOREIGN & found.keys()
        ):
            raise Unclear
        number = self._read.number(found[_NUMBER])
        if number in self._tracks:
            raise Unclear
        self._tracks[number] = self._codec(found)

    def _codec(self, found: Mapping[int, _Element]) -> float | None:
        if self._read.number(found[_TYPE]) != _SOUND:
            return None
        name = self._read.at(found[_CODEC].start, found[_CODEC].end - found[_CODEC].start)
        if name.rstrip(b"\0") == b"A_OPUS":
            return 0.0
        if name.rstrip(b"\0") != b"A_VORBIS" or _PRIVATE not in found:
            raise Unclear
        # Two more headers than one, the length of the first, that of the second, then the first.
        start, end = found[_PRIVATE].start, found[_PRIVATE].end
        private = self._read.at(start, min(end - start, 1024))
        first = 2
        while private[first : first + 1] == b"\xff":
            first += 1
        if private[:2] != b"\x02\x1e":
            raise Unclear
        return vorbis(private[first + 1 :])

    def in_cluster(self, one: _Element) -> None:
        """What stands in a cluster."""
        if one.kind == _TIME:
            self._time = self._read.number(one)
        elif one.kind == _SIMPLE:
            self._block(one, 0)
        elif one.kind == _GROUP:
            inner = list(self._read.inside(one))
            if not {each.kind for each in inner} <= _IN_GROUP:
                raise Unclear
            lasts = sum(self._read.number(each) for each in inner if each.kind == _LASTS)
            for each in inner:
                if each.kind == _BLOCK:
                    self._block(each, lasts)

    def plain(self, offset: int, end: int) -> int:
        """Pass over blocks of the plainest form, one packet of Opus each; where something else begins."""
        if offset >= end or 0.0 not in self._tracks.values():
            return offset
        window = self._read.window(offset)
        most, at = min(len(window), end - offset), 0
        while at + _PLAIN < most and window[at] == _SIMPLE:
            first = window[at + 1]
            count = 9 - first.bit_length()
            size = int.from_bytes(window[at + 1 : at + 1 + count]) ^ 1 << 7 * count
            begin = at + 1 + count
            if size < _PLAIN or count > 4 or begin + size > most or not self._one(window, begin):
                break
            at = begin + size
        return offset + at

    def _one(self, window: bytes, at: int) -> bool:
        """Count a block of one packet. Whether it is one of Opus."""
        track = window[at] ^ 0x80
        if window[at] < 0x80 or self._tracks.get(track) != 0 or window[at + 3] & _LACED:
            return False
        later = int.from_bytes(window[at + 1 : at + 3], signed=True)
        self._end = max(self._end, self._time + later)
        self._seconds[track] = self._seconds.get(track, 0.0) + opus(window[at + 4 : at + 6])
        return True

    def _block(self, one: _Element, lasts: int) -> None:
        track, at = self._read.varying(one.start, 8)
        later, flags = struct.unpack(">hB", self._read.at(at, 3))
        self._end = max(self._end, self._time + later + lasts)
        packet = self._read.at(at + 3, max(0, min(2, one.end - at - 3)))
        if track not in self._tracks or one.end < at + 3:
            raise Unclear
        longest = self._tracks[track]
        if longest is None:
            return
        several = packet[0] + 1 if flags & _LACED and packet else 1
        if longest and (flags & _LACED or packet[:1] == b"\x01"):
            raise Unclear  # another header may stand in there, by which a player goes on
        found = longest or (opus(b"") * several if flags & _LACED else opus(packet))
        self._seconds[track] = self._seconds.get(track, 0.0) + found
