"""How long a packet of Opus or Vorbis lasts at most. Containers belong in ``_ogg`` and ``_webm``."""

# ruff: noqa: PLR2004 - offsets and magic numbers are the formats' own
from __future__ import annotations

import struct
from typing import Final

__all__ = ["OPUS", "VORBIS", "Unclear", "opus", "vorbis"]

OPUS: Final = b"OpusHead"
VORBIS: Final = b"\x01vorbis"
_LONGEST: Final = 0.12
_FRAMES: Final = (
    *(0.01, 0.02, 0.04, 0.06) * 3,
    *(0.01, 0.02) * 2,
    *(0.0025, 0.005, 0.01, 0.02) * 4,
)
"""Seconds of a frame by the first five bits of a packet: RFC 6716, 3.1, read 2026-11-23."""


class Unclear(Exception):
    """Nobody can say how long it lasts at most."""


def opus(packet: bytes) -> float:
    """The most seconds of a packet by its first two bytes; none is longer than 120 ms (RFC 6716, 3.2.5)."""
    if not packet:
        return _LONGEST
    many = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 48)[packet[0] & 3]
    return min(_LONGEST, many * _FRAMES[packet[0] >> 3])


def vorbis(head: bytes) -> float:
    """The most seconds of each packet of the stream that begins so: half of its long blocks.

    Source: Vorbis I specification, 4.2.2 and 4.3.8, read 2026-11-23. Raises ``Unclear``.
    """
    if len(head) < 30 or not head.startswith(VORBIS):
        raise Unclear
    rate, blocks = struct.unpack_from("<I", head, 12)[0], head[28]
    short, long = blocks & 15, blocks >> 4
    if not rate or not 6 <= short <= long <= 13:
        raise Unclear
    return float((1 << long) / 2 / rate)
