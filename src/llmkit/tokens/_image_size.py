"""Width and height of a picture from its header: PNG, JPEG, GIF, WebP, BMP.

Nothing is decoded, and of a long picture only its first segments are read. What a picture of some size
costs belongs in ``_images``.
"""

# ruff: noqa: PLR2004 - offsets and magic numbers are the formats' own
from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from ._payload import Payload

__all__ = ["Size", "image_size", "size_may_lie"]


class Size(NamedTuple):
    """Pixels, as stored: a rotation that EXIF asks for is not applied (no rule tells width from height)."""

    width: int
    height: int


# A hostile file may consist of empty segments; a real one has a few dozen.
_MOST_SEGMENTS: Final = 4096
# Start-of-frame markers: all of C0 to CF but the tables (C4, CC) and the extension (C8).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers that stand alone, without a length.
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})


def image_size(data: Payload) -> Size | None:
    """The picture's size, or ``None`` where the header does not say (unknown format, cut off, or zero)."""
    head = data.at(0, 32)
    for magic, read in _FORMATS:
        if head.startswith(magic):
            try:
                size = read(data, head)
            except struct.error:
                return None
            return size if size is not None and min(size) > 0 else None
    return None


def size_may_lie(data: Payload) -> bool:
    """Whether a decoder may go by another size: a GIF's frames can be larger than its screen."""
    return data.at(0, 4) == b"GIF8"


def _png(_: Payload, head: bytes) -> Size | None:
    return Size(*struct.unpack_from(">II", head, 16)) if head[12:16] == b"IHDR" else None


def _gif(_: Payload, head: bytes) -> Size:
    return Size(*struct.unpack_from("<HH", head, 6))


def _bmp(_: Payload, head: bytes) -> Size:
    if struct.unpack_from("<I", head, 14)[0] == 12:
        return Size(*struct.unpack_from("<HH", head, 18))
    width, height = struct.unpack_from("<ii", head, 18)
    return Size(width, abs(height))  # a negative height means top row first


def _webp(_: Payload, head: bytes) -> Size | None:
    kind = head[12:16] if head[8:12] == b"WEBP" else b""
    if kind == b"VP8X":
        return Size(_little(head[24:27]) + 1, _little(head[27:30]) + 1)
    if kind == b"VP8L" and head[20:21] == b"\x2f":
        (bits,) = struct.unpack_from("<I", head, 21)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    return None


def _little(three: bytes) -> int:
    if len(three) < 3:
        raise struct.error("cut off")
    return int.from_bytes(three, "little")


def _jpeg(data: Payload, _: bytes) -> Size | None:
    """Walks the segments, so that a thumbnail inside one of them is not taken for the picture."""
    offset = 2
    for _segment in range(_MOST_SEGMENTS):
        marker = data.at(offset, 9)
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] in {0xD9, 0xDA}:
            return None
        if marker[1] == 0xFF:  # fill byte
            offset += 1
        elif marker[1] in _ALONE:
            offset += 2
        elif marker[1] in _FRAMES:
            height, width = struct.unpack_from(">HH", marker, 5)
            return Size(width, height)
        else:
            offset += 2 + struct.unpack_from(">H", marker, 2)[0]
    return None


_FORMATS: Final[tuple[tuple[bytes, Callable[[Payload, bytes], Size | None]], ...]] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8", _jpeg),
    (b"GIF8", _gif),
    (b"RIFF", _webp),
    (b"BM", _bmp),
)
