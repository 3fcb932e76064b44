"""Seconds of sound and film from their headers: WAV, MP3, FLAC, OGG, MP4 and its relatives.

Nothing is decoded. What a second costs belongs in ``_media``.
"""

# ruff: noqa: PLR2004 - offsets and magic numbers are the formats' own
from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from ._payload import Payload

__all__ = ["Duration", "duration"]


class Duration(NamedTuple):
    """``seconds``, and ``at_most`` as many as the bytes can hold (``None``: the header alone says it)."""

    seconds: float
    at_most: float | None


_MOST_CHUNKS: Final = 4096
_LONGEST: Final = 7 * 86400.0
# Layer III below its lowest bit rate, 8 kbit/s, does not exist; so no MP3 has fewer bytes a second.
_MP3_LEAST: Final = 1000
_MP3_RATES: Final = (44100, 48000, 32000)
_MP3_BITS: Final = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_LAST_PAGE: Final = 65536 + 512  # an OGG page is shorter


def duration(data: Payload) -> Duration | None:
    """How long it lasts; ``None`` where the header does not say, or says what cannot be."""
    head = data.at(0, 64)
    for offset, magic, read in _FORMATS:
        if head[offset:].startswith(magic):
            try:
                found = read(data)
            except (struct.error, ZeroDivisionError):
                return None
            return found if found is not None and 0 < found.seconds < _LONGEST else None
    return None


def _wav(data: Payload) -> Duration | None:
    """Bytes of sound by bytes a second. A stream's header promises too much; only what is there counts.

    Who plays it may go by the frames instead, and by all bytes that are there: the longest is the bound.
    """
    a_second, least = 0, 0
    for name, offset, size in _chunks(data, 12, "<I"):
        if name == b"fmt ":
            a_second, least = _wav_format(data.at(offset, 16))
        elif name == b"data":
            there = data.size - offset
            return Duration(min(size, there) / a_second, there / least if least else None)
    return None


def _wav_format(head: bytes) -> tuple[int, int]:
    """Bytes a second, and the least that they can be; 0 where only the stated ones say it."""
    kind, channels, rate, a_second, frame, bits = struct.unpack("<HHIIHH", head)
    if kind not in _PLAIN_SOUND or not channels or not bits:
        return a_second, 0
    return a_second, min(a_second, rate * frame, rate * channels * -(-bits // 8))


# PCM, floating point, A-law, mu-law, and PCM of many channels: all frames are as long.
_PLAIN_SOUND: Final = frozenset({1, 3, 6, 7, 0xFFFE})


def _chunks(data: Payload, offset: int, length: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset and size of each RIFF chunk."""
    for _ in range(_MOST_CHUNKS):
        head = data.at(offset, 8)
        if len(head) < 8:
            return
        (size,) = struct.unpack_from(length, head, 4)
        yield head[:4], offset + 8, size
        offset += 8 + size + size % 2


def _flac(data: Payload) -> Duration | None:
    (packed,) = struct.unpack(">Q", data.at(18, 8))
    seconds = (packed & 0xFFFFFFFFF) / (packed >> 44)
    return Duration(seconds, None)


def _ogg(data: Payload) -> Duration | None:
    """The last page's position by the rate that the first page names (Opus always counts at 48 kHz)."""
    first = data.at(0, 64)
    if b"OpusHead" in first:
        rate = 48000
    else:
        start = first.index(b"\x01vorbis") if b"\x01vorbis" in first else -1
        if start < 0:
            return None
        (rate,) = struct.unpack_from("<I", first, start + 12)
    tail = data.at(max(0, data.size - _LAST_PAGE), _LAST_PAGE)
    (position,) = struct.unpack_from("<q", tail, max(tail.rfind(b"OggS"), 0) + 6)
    return Duration(position / rate, None)


def _mp3(data: Payload) -> Duration | None:
    """The first frame's own count of frames if it has one (Xing, Info), else its bit rate for all."""
    start = _after_tag(data)
    frame = data.at(start, 192)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return None
    first = frame[1] >> 3 & 3 == 3  # MPEG 1; else 2 or 2.5
    index = frame[2] >> 4
    if not 1 <= index <= 14 or frame[2] >> 2 & 3 == 3:
        return None
    rate = _MP3_RATES[frame[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}.get(frame[1] >> 3 & 3, 0)
    most = (data.size - start) / _MP3_LEAST
    counted = _frames(frame)
    if counted is not None:
        return Duration(min(counted * (1152 if first else 576) / rate, most), most)
    kilobits = _MP3_BITS[1 if first else 2][index - 1]
    return Duration((data.size - start) * 8 / (kilobits * 1000), most)


def _frames(frame: bytes) -> int | None:
    for name in (b"Xing", b"Info"):
        at = frame.find(name)
        if at > 0 and frame[at + 7] & 1:
            (count,) = struct.unpack_from(">I", frame, at + 8)
            return int(count)
    return None


def _after_tag(data: Payload) -> int:
    """Where the sound begins: after an ID3 tag, whose size has seven bits a byte."""
    head = data.at(0, 10)
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    a, b, c, d = head[6:10]
    return 10 + ((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | d & 127)


def _mp4(data: Payload) -> Duration | None:
    """``moov/mvhd``: time scale and length."""
    for name, offset, _ in _boxes(data, 0, data.size):
        if name == b"moov":
            inner = _boxes(data, offset, data.size)
            return next((_movie(data, at) for kind, at, _ in inner if kind == b"mvhd"), None)
    return None


def _boxes(data: Payload, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_MOST_CHUNKS):
        head = data.at(offset, 16)
        if len(head) < 8 or offset >= end:
            return
        size, name = struct.unpack_from(">I4s", head)
        skip = 16 if size == 1 else 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", head, 8)
        yield name, offset + skip, size
        if size < skip:  # 0: up to the end of the file
            return
        offset += size


def _movie(data: Payload, offset: int) -> Duration:
    head = data.at(offset, 32)
    layout, at = (">IQ", 20) if head[:1] == b"\x01" else (">II", 12)
    scale, length = struct.unpack_from(layout, head, at)
    return Duration(length / scale, None)


_FORMATS: Final[tuple[tuple[int, bytes, Callable[[Payload], Duration | None]], ...]] = (
    (0, b"RIFF", _wav),
    (0, b"fLaC", _flac),
    (0, b"OggS", _ogg),
    (0, b"ID3", _mp3),
    (0, b"\xff", _mp3),
    (4, b"ftyp", _mp4),
)
