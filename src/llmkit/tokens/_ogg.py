"""The longest that Ogg with Opus or Vorbis can last: every packet that is there, counted.

Every page must follow the last and have the right checksum, so that no player can find others in it than are counted
here. What a packet lasts belongs in ``_packets``.
"""

# ruff: noqa: PLR2004 - offsets and magic numbers are the formats' own
from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

from ._packets import OPUS, VORBIS, Unclear, opus, vorbis
from ._payload import Payload

__all__ = ["longest"]

_MOST_PAGES: Final = 100_000
_MOST_PACKETS: Final = 2_000_000
_MOST_STREAMS: Final = 64
_BLOCK: Final = 1 << 18
_LONGEST_PAGE: Final = 27 + 255 + 255 * 255
_FIRST: Final = 2
_NOBODYS: Final = 0xFFFFFFFFFFFFFFFF
"""The position of a page in which no packet ends."""
# The checksum is zlib's with the bits of each byte, and of the result, in the other order.
_TURNED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    first: bool
    position: int
    stream: int
    packets: list[bytes]
    """The first bytes of each that begins here, or goes on."""


class _Stream:
    """What is known of one logical stream. ``vorbis``: the longest that a packet lasts; ``None``: it is Opus."""

    __slots__ = ("position", "rate", "seconds", "vorbis")

    def __init__(self) -> None:
        self.seconds, self.position = 0.0, 0
        self.vorbis: float | None = None
        self.rate = 48000

    def begins(self, head: bytes) -> None:
        """Note what is in it. Raises ``Unclear`` for another codec, or one that is no longer the same."""
        if head.startswith(VORBIS):
            (rate,) = struct.unpack_from("<I", head.ljust(16, b"\0"), 12)
            self.vorbis = max(self.vorbis or 0, vorbis(head))
            self.rate = min(self.rate, rate)
        elif not head.startswith(OPUS) or self.vorbis is not None:
            raise Unclear

    def add(self, page: _Page) -> None:
        """Count a page of it."""
        if page.position != _NOBODYS:
            self.position = max(self.position, page.position)
        if self.vorbis is None:
            self.seconds += sum(map(opus, page.packets))
            return
        for packet in page.packets:
            if packet[:1] == b"\x01":  # a player begins anew with it
                self.begins(packet)
        self.seconds += len(page.packets) * self.vorbis


def longest(data: Payload) -> float:
    """Seconds: of the packets, or what the positions say, whichever is more. Raises ``Unclear``."""
    streams: dict[int, _Stream] = {}
    packets = 0
    for number, page in enumerate(_pages(data)):
        packets += len(page.packets)
        if number > _MOST_PAGES or packets > _MOST_PACKETS or len(streams) > _MOST_STREAMS:
            raise Unclear
        stream = streams.setdefault(page.stream, _Stream())
        if page.first or not (stream.seconds or stream.position):
            stream.begins(page.packets[0] if page.packets else b"")
        stream.add(page)
    # Streams may follow each other, or go on side by side.
    return sum(max(one.seconds, one.position / one.rate) for one in streams.values())


def _pages(data: Payload) -> Iterator[_Page]:
    offset, start, block = 0, 0, b""
    while offset < data.size:
        if start + len(block) < min(offset + _LONGEST_PAGE, data.size):
            start, block = offset, data.at(offset, _BLOCK)
        at = offset - start
        head = block[at : at + 27]
        if len(head) < 27 or not head.startswith(b"OggS\0"):
            raise Unclear
        flags, position, stream = struct.unpack_from("<BQI", head, 5)
        table = block[at + 27 : at + 27 + head[26]]
        size = 27 + len(table) + sum(table)
        page = block[at : at + size]
        if len(page) < size or _checksum(page) != struct.unpack_from("<I", head, 22)[0]:
            raise Unclear
        found = _packets(page, 27 + len(table), table)
        yield _Page(bool(flags & _FIRST), position, stream, found)
        offset += size


def _checksum(page: bytes) -> int:
    turned = (page[:22] + bytes(4) + page[26:]).translate(_TURNED)
    found = zlib.crc32(turned, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2)


def _packets(page: bytes, body: int, table: bytes) -> list[bytes]:
    """The first bytes of every packet: one begins behind each segment that is not full."""
    if 255 not in table:
        ends = accumulate(table, initial=body)
        return [
            page[start : min(start + 30, start + size)]
            for start, size in zip(ends, table, strict=False)
        ]
    found, start, at = [], body, body
    for place, size in enumerate(table):
        at += size
        if size < 255 or place == len(table) - 1:
            found.append(page[start : min(start + 30, at)])
            start = at
    return found
