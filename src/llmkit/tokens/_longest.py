"""The longest that a sound can last, whatever its headers say: for budgets, which no sender may deceive.

WAV, FLAC, Ogg and WebM by what is really there, MP3 and M4A by their bytes at the lowest rate that their codecs have.
What headers claim is read too, and counts where it is more. Who needs no bound asks ``_duration``.
"""

# ruff: noqa: PLR2004 - offsets and magic numbers are the formats' own
from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from . import _flac, _ogg, _webm
from ._duration import duration
from ._packets import Unclear
from ._payload import Payload

__all__ = ["longest"]

_MOST: Final = 128 << 20
"""Bytes that are looked through."""
_LONGEST: Final = 366 * 86400.0


def longest(data: Payload) -> float | None:
    """Seconds that it can last at most, for everybody who plays it; ``None`` where nobody can say. Raises nothing."""
    head = data.at(0, 12)
    read = next((read for at, magic, read in _FORMATS if head[at:].startswith(magic)), None)
    if read is None:
        found = duration(data)
        return None if found is None else found.at_most
    if data.size > _MOST:
        return None
    try:
        seconds = read(data)
    except (Unclear, struct.error, IndexError):
        return None
    return seconds if 0 < seconds < _LONGEST else None


# --- MP4 and M4A with AAC ---------------------------------------------------------------------

_AAC_LEAST: Final = 28
"""Bytes a second: a frame of AAC has four bytes at least and lasts 1,024 / 7,350 seconds at most, and several may stand
where one is told of (ISO/IEC 14496-3, 4.4.2). To count the samples would be no bound: FFmpeg 8.1 plays each of a sample
full of silent frames of four bytes, and by 7,350 Hz behind an ADTS header in any of them (tried 2026-11-23). Only who
decodes all of it, code by code, knows how many there are."""
_KINDS: Final = frozenset({1, 2, 4, 5, 29})
"""Main, LC and LTP, and what doubles their rate: frames of 1,024. Others may say more in as many bytes."""
_MOST_BOXES: Final = 4096
_MOST_MOOV: Final = 16 << 20
_CONTAINERS: Final = frozenset({b"trak", b"mdia", b"minf", b"stbl", b"edts"})
_FRAGMENTS: Final = frozenset({b"moof", b"mvex", b"sidx", b"cmov", b"trex"})


class _Box(NamedTuple):
    name: bytes
    content: bytes


def _mp4(data: Payload) -> float:
    """By the bytes of its samples, and by what any header claims."""
    movie = _movie(data)
    boxes = list(_boxes(movie))
    scale, claimed = _lasts(_one(boxes, b"mvhd"))
    seconds, sizes, sounds = [claimed / scale], 0, 0
    for track in (one for one in boxes if one.name == b"trak"):
        inner = list(_all(track.content))
        if _one(inner, b"hdlr")[8:12] == b"soun":
            sounds += 1
            sizes += _sizes(_one(inner, b"stsz"))
            seconds += _claims(inner, scale)
            _plain(inner)
    if not sounds or sizes > data.size:
        raise Unclear  # some bytes are to be played more than once
    return max(*seconds, sizes / _AAC_LEAST)


def _movie(data: Payload) -> bytes:
    """What is in the one box ``moov``."""
    found: list[bytes] = []
    offset = 0
    for _ in range(_MOST_BOXES):
        if offset == data.size and len(found) == 1:
            return found[0]
        size, name, skip = _head(data.at(offset, 16), data.size - offset)
        if size > data.size - offset or name in _FRAGMENTS:
            raise Unclear
        if name == b"moov" and size <= _MOST_MOOV:
            found.append(data.at(offset + skip, size - skip))
        offset += size
    raise Unclear


def _head(head: bytes, left: int) -> tuple[int, bytes, int]:
    """Size and name of a box, and where its content begins."""
    size, name = struct.unpack_from(">I4s", head)
    skip = 8
    if size == 1:
        (size,) = struct.unpack_from(">Q", head, 8)
        skip = 16
    size = left if size == 0 else size
    if size < skip:
        raise Unclear
    return size, name, skip


def _boxes(content: bytes) -> Iterator[_Box]:
    offset = 0
    while offset < len(content):
        size, name, skip = _head(content[offset : offset + 16], len(content) - offset)
        if offset + size > len(content) or name in _FRAGMENTS:
            raise Unclear
        yield _Box(name, content[offset + skip : offset + size])
        offset += size


def _all(content: bytes, deep: int = 0) -> Iterator[_Box]:
    """The boxes of a track, those within others too."""
    for box in _boxes(content):
        if box.name in _CONTAINERS and deep < len(_CONTAINERS):
            yield from _all(box.content, deep + 1)
        else:
            yield box


def _one(boxes: list[_Box], name: bytes) -> bytes:
    found = [box.content for box in boxes if box.name == name]
    if len(found) != 1:
        raise Unclear
    return found[0]


def _lasts(header: bytes) -> tuple[int, int]:
    """Units a second, and units, of ``mvhd`` and ``mdhd``."""
    layout, at = (">IQ", 20) if header[:1] == b"\x01" else (">II", 12)
    scale, length = struct.unpack_from(layout, header, at)
    if not scale:
        raise Unclear
    return scale, 0 if length in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else length


def _claims(track: list[_Box], scale: int) -> list[float]:
    """Seconds that a track is told to last."""
    own, length = _lasts(_one(track, b"mdhd"))
    times = _one(track, b"stts")
    (count,) = struct.unpack_from(">I", times, 4)
    pairs = list(struct.iter_unpack(">II", times[8 : 8 + 8 * count]))
    if len(pairs) != count or [delta for _, delta in pairs] == [1]:
        raise Unclear  # with one of 1, it is read as if it were not packed
    edits = list(_edits(track))
    played = [lasts for lasts, at in edits if at != -1]
    if len(played) > 1:
        raise Unclear
    return [
        length / own,
        sum(many * delta for many, delta in pairs) / own,
        sum(lasts for lasts, _ in edits) / scale,
    ]


def _edits(track: list[_Box]) -> Iterator[tuple[int, int]]:
    """What a track is cut together of: how long each is, and from where."""
    if not any(box.name == b"elst" for box in track):
        return
    edits = _one(track, b"elst")
    layout, size = (">Qq4x", 20) if edits[:1] == b"\x01" else (">Ii4x", 12)
    (count,) = struct.unpack_from(">I", edits, 4)
    for place in range(count):
        yield struct.unpack_from(layout, edits, 8 + place * size)


def _sizes(table: bytes) -> int:
    """Bytes of all samples."""
    same, count = struct.unpack_from(">II", table, 4)
    if same or len(table) < 12 + 4 * count:
        raise Unclear
    return sum(size for (size,) in struct.iter_unpack(">I", table[12 : 12 + 4 * count]))


def _plain(track: list[_Box]) -> None:
    """See that it has AAC of a kind whose frames are known. Raises ``Unclear``."""
    said = _one(track, b"stsd")
    (count,) = struct.unpack_from(">I", said, 4)
    if count != 1 or said[12:16] != b"mp4a" or said.count(b"esds") != 1:
        raise Unclear
    inner = said[said.index(b"esds") + 8 :]
    kind, settings = _settings(inner)
    if kind != 0x40 or settings[0] >> 3 not in _KINDS:
        raise Unclear


def _settings(said: bytes) -> tuple[int, bytes]:
    """The kind of stream, and the decoder's settings, out of descriptors in each other (ISO/IEC 14496-1, 7.2.6)."""
    kind, within = 0, said
    for tag, skip in ((3, 3), (4, 13), (5, 0)):
        if within[:1] != bytes([tag]):
            raise Unclear
        at = next(at for at in range(1, 6) if at > 4 or within[at] < 0x80) + 1
        kind = within[at] if tag == 4 else kind
        within = within[at + skip :]
    return kind, within


_FORMATS: Final[tuple[tuple[int, bytes, Callable[[Payload], float]], ...]] = (
    (0, b"fLaC", _flac.longest),
    (0, b"OggS", _ogg.longest),
    (0, b"\x1aE\xdf\xa3", _webm.longest),
    (4, b"ftyp", _mp4),
)
