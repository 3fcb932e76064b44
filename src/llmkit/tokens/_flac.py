"""The longest that FLAC can last: every header of a frame that is there, counted.

A frame may say a minute in a dozen bytes, so bytes alone are no bound. No decoder plays a frame whose header has not
the right checksum: what looks like such a header is counted, also where it is none.
"""

# ruff: noqa: PLR2004 - offsets and magic numbers are the format's own
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ._packets import Unclear
from ._payload import Payload

__all__ = ["longest"]

_BLOCK: Final = 1 << 20
_LONGEST_HEADER: Final = 16
_MOST_FRAMES: Final = 200_000
# Fifteen bits of a mark, one that is free; sizes and rates that there are; channels; a bit that is zero.
_FRAME: Final = re.compile(rb"\xff[\xf8\xf9][\x10-\xfe][\x00-\xae]", re.DOTALL)
_INFORMATION: Final = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
_RATES: Final = (0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)


def longest(data: Payload) -> float:
    """Seconds: of the frames, or what the stream's information says, whichever is more. Raises ``Unclear``.

    Source: RFC 9639, 8.2 and 9.1, read 2026-11-23.
    """
    head = data.at(0, 42)
    if _INFORMATION.match(head) is None or len(head) < 42:
        raise Unclear
    packed = int.from_bytes(head[18:26])
    rate, total = packed >> 44, packed & 0xFFFFFFFFF
    if not rate:
        raise Unclear
    seconds = 0.0
    for number, header in enumerate(_headers(data)):
        if number > _MOST_FRAMES:
            raise Unclear
        seconds += _seconds(header, rate)
    return max(seconds, total / rate)


def _headers(data: Payload) -> Iterator[bytes]:
    """What looks like the header of a frame. Raises ``Unclear`` where another stream begins."""
    for start in range(0, data.size, _BLOCK):
        block = data.at(start, _BLOCK + _LONGEST_HEADER)
        if _INFORMATION.search(block, 0 if start else 4):
            raise Unclear
        for found in _FRAME.finditer(block):
            if found.start() < _BLOCK:
                yield block[found.start() : found.start() + _LONGEST_HEADER]


def _seconds(header: bytes, rate: int) -> float:
    """What the frame behind this header lasts; 0 where it is none."""
    at = 4 + _number(header[4])
    size, kind = header[2] >> 4, header[2] & 15
    samples = _samples(size, header[at : at + 2])
    at += {6: 1, 7: 2}.get(size, 0)
    said = _rate(kind, header[at : at + 2])
    at += {12: 1, 13: 2, 14: 2}.get(kind, 0)
    if len(header) <= at or _checksum(header[:at]) != header[at]:
        return 0
    # Some play it at its own rate, some at the stream's.
    return samples / min(rate, said or rate)


def _number(first: int) -> int:
    """Bytes of the frame's number, which is written as UTF-8 writes a character."""
    return max(1, f"{first:08b}".index("0")) if first != 0xFF else 7


def _samples(size: int, more: bytes) -> int:
    if size == 6:
        return more[0] + 1 if more else 0
    if size == 7:
        return int.from_bytes(more) + 1
    return 192 if size == 1 else 576 << (size - 2) if size < 6 else 256 << (size - 8)


def _rate(kind: int, more: bytes) -> int:
    if kind < 12:
        return _RATES[kind]
    if kind == 12:
        return more[0] * 1000 if more else 0
    return int.from_bytes(more) * (1 if kind == 13 else 10)


def _table() -> bytes:
    made = bytearray(256)
    for byte in range(256):
        left = byte
        for _ in range(8):
            left = (left << 1 ^ (0x07 if left & 0x80 else 0)) & 0xFF
        made[byte] = left
    return bytes(made)


_CRC: Final = _table()


def _checksum(header: bytes) -> int:
    found = 0
    for byte in header:
        found = _CRC[found ^ byte]
    return found
