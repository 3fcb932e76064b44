from __future__ import annotations

import random
import struct

import pytest

from llmkit.tokens._duration import Duration, duration
from llmkit.tokens._payload import Payload


def wav(seconds: float, promised: int | None = None) -> bytes:
    """Sound of 8,000 bytes a second, after a chunk of something else."""
    data = bytes(int(seconds * 8000))
    fmt = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\x00" + b"fmt " + struct.pack("<I", 16) + fmt
    size = len(data) if promised is None else promised
    return b"RIFF" + bytes(4) + b"WAVE" + chunks + b"data" + struct.pack("<I", size) + data


def flac(samples: int, rate: int) -> bytes:
    """A FLAC as far as its stream information."""
    return (
        b"fLaC"
        + bytes(14)
        + struct.pack(">Q", rate << 44 | 1 << 41 | 15 << 36 | samples)
        + bytes(16)
    )


def ogg(kind: bytes, position: int) -> bytes:
    """A first and a last page."""
    page = b"OggS" + bytes(24) + kind + bytes(40)
    return page + bytes(100_000) + b"OggS\x00\x04" + struct.pack("<q", position) + bytes(14)


def vorbis(position: int, rate: int) -> bytes:
    """OGG with Vorbis."""
    return ogg(b"\x01vorbis" + bytes(5) + struct.pack("<I", rate), position)


def mp3(frames: int, told: bytes = b"") -> bytes:
    """Frames of MPEG 1 Layer III, 128 kbit/s at 44.1 kHz: 417 bytes each."""
    frame = b"\xff\xfb\x90\x00" + bytes(413)
    first = frame[:36] + told + frame[36 + len(told) :] if told else frame
    return first + frame * (frames - 1)


def box(name: bytes, data: bytes) -> bytes:
    """A box of MP4."""
    return struct.pack(">I4s", len(data) + 8, name) + data


def mp4(length: int, scale: int, version: int = 0) -> bytes:
    """Film with a header alone, after its data."""
    layout = ">IIII" if version == 0 else ">QQIQ"
    movie = bytes([version, 0, 0, 0]) + struct.pack(layout, 0, 0, scale, length) + bytes(80)
    return box(b"ftyp", b"isom") + box(b"mdat", bytes(99)) + box(b"moov", box(b"mvhd", movie))


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (wav(0.4), 0.4),
        (wav(2, promised=0xFFFFFFFF), 2),
        (flac(44100 * 3, 44100), 3),
        (vorbis(22050 * 5, 22050), 5),
        (ogg(b"OpusHead", 48000 * 7), 7),
        (mp3(100), 100 * 417 * 8 / 128_000),
        (b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128) + mp3(100), 100 * 417 * 8 / 128_000),
        (mp3(100, b"Xing\x00\x00\x00\x01" + struct.pack(">I", 99)), 99 * 1152 / 44100),
        (mp3(10, b"Info\x00\x00\x00\x00"), 10 * 417 * 8 / 128_000),
        (b"\xff\xf3\x40\x00" + bytes(8000 - 4), 2),
        (mp4(5000, 1000), 5),
        (mp4(90000 * 12, 90000, version=1), 12),
    ],
)
def test_seconds_are_read_from_the_header(data: bytes, seconds: float) -> None:
    """Every format says how long it lasts."""
    found = duration(Payload(data))
    assert found is not None
    assert found.seconds == pytest.approx(seconds)
    assert found.at_most is None or found.at_most >= found.seconds


def test_a_bound_is_given_where_the_bytes_are_one() -> None:
    """What is not there cannot be heard: WAV by its bytes, MP3 by its lowest bit rate."""
    assert duration(Payload(wav(1))) == Duration(1, 1)
    told = duration(Payload(mp3(2, b"Xing\x00\x00\x00\x01" + struct.pack(">I", 10**6))))
    assert told == Duration(0.834, 0.834)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF" + bytes(60),
        wav(0),
        wav(1).replace(b"fmt ", b"xxxx"),
        flac(100, 0),
        ogg(b"something else", 5),
        ogg(b"OpusHead", -1),
        b"\xff\xfb\xf0\x00" + bytes(500),
        b"\xff\xfb\x9c\x00" + bytes(500),
        b"\xff\x00\x90\x00" + bytes(500),
        b"ID3",
        mp4(5000, 0),
        mp4(10**9, 1),
        box(b"ftyp", b"isom") + struct.pack(">I4s", 0, b"mdat") + bytes(50),
        box(b"ftyp", b"isom") + box(b"moov", box(b"trak", bytes(9))),
        box(b"ftyp", b"isom") * 5000,
        b"\x1aE\xdf\xa3" + bytes(50),
    ],
)
def test_what_cannot_be_is_unknown(data: bytes) -> None:
    """Broken headers, no length, lengths of years: no answer, and nothing raised."""
    assert duration(Payload(data)) is None


def test_a_box_of_eight_bytes_of_length_is_passed_over() -> None:
    """Large files give the size of their data in eight bytes."""
    large = struct.pack(">I4sQ", 1, b"mdat", 116) + bytes(100)
    data = box(b"ftyp", b"isom") + large + mp4(3000, 1000)[12:]
    found = duration(Payload(data))
    assert found is not None
    assert found.seconds == 3


def test_cut_and_noisy_files_raise_nothing() -> None:
    """However a file is cut or garbled."""
    noise = random.Random(7)
    for data in (wav(0.01), flac(9, 9), vorbis(9, 9)[:300], mp3(2), mp4(5, 1), mp4(5, 1, 1)):
        for length in range(0, len(data), 3):
            duration(Payload(data[:length]))
        for _ in range(200):
            duration(Payload(data[:8] + noise.randbytes(120)))


def test_a_header_that_lies_about_its_bytes_is_no_bound() -> None:
    """A player goes by frames and by what is there, so does the bound; of other codecs only the header knows."""
    honest = wav(100)
    fast = honest.replace(struct.pack("<II", 8000, 8000), struct.pack("<II", 8000, 800_000))
    found = duration(Payload(fast))
    assert found is not None
    assert found.at_most == 100
    short = duration(Payload(wav(100, promised=8000)))
    assert short == Duration(1, 100)
    odd = honest.replace(struct.pack("<HHI", 1, 1, 8000), struct.pack("<HHI", 0x55, 1, 8000))
    assert duration(Payload(odd)) == Duration(100, None)
