from __future__ import annotations

import base64
import random
import struct
import time
from collections.abc import Callable

import pytest

from llmkit.tokens._image_size import Size, image_size
from llmkit.tokens._payload import Payload, data_url


def png(width: int, height: int) -> bytes:
    """A PNG as far as its header."""
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I4sII", 13, b"IHDR", width, height)
        + b"\x08\x02"
        + bytes(9)
    )


def gif(width: int, height: int) -> bytes:
    """A GIF as far as its screen."""
    return b"GIF89a" + struct.pack("<HH", width, height) + bytes(20)


def bmp(width: int, height: int) -> bytes:
    """A BMP of today."""
    return b"BM" + bytes(12) + struct.pack("<Iii", 40, width, height) + bytes(8)


def old_bmp(width: int, height: int) -> bytes:
    """A BMP with the header of 1990."""
    return b"BM" + bytes(12) + struct.pack("<IHH", 12, width, height) + bytes(8)


def segment(marker: int, data: bytes) -> bytes:
    """One segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def frame(width: int, height: int, marker: int = 0xC0) -> bytes:
    """A start of frame."""
    return segment(marker, b"\x08" + struct.pack(">HH", height, width) + b"\x03" + bytes(9))


def jpeg(width: int, height: int, marker: int = 0xC0) -> bytes:
    """A JPEG with an EXIF segment that holds a thumbnail of its own."""
    exif = segment(0xE1, b"Exif\x00\x00" + b"\xff\xd8" + frame(16, 9) + b"\xff\xd9")
    return (
        b"\xff\xd8" + exif + segment(0xDB, bytes(65)) + frame(width, height, marker) + b"\xff\xda"
    )


def riff(kind: bytes, data: bytes) -> bytes:
    """A WebP of one chunk."""
    return (
        b"RIFF"
        + struct.pack("<I", len(data) + 12)
        + b"WEBP"
        + kind
        + struct.pack("<I", len(data))
        + data
    )


def lossy(width: int, height: int) -> bytes:
    """A WebP of VP8."""
    return riff(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(9))


def lossless(width: int, height: int) -> bytes:
    """A WebP of VP8L."""
    return riff(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | (height - 1) << 14) + bytes(9))


def extended(width: int, height: int) -> bytes:
    """A WebP of VP8X."""
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(b"VP8X", bytes(4) + sizes)


MAKERS = [png, gif, bmp, old_bmp, jpeg, lossy, lossless, extended]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("size", [(1, 1), (166, 282), (4000, 3001), (16000, 2)])
def test_a_size_is_read_from_bytes_and_from_base64(
    make: Callable[[int, int], bytes], size: tuple[int, int]
) -> None:
    """Every format says its width and height, and base64 says the same."""
    data = make(*size)
    assert image_size(Payload(data)) == Size(*size)
    assert image_size(Payload(base64.b64encode(data).decode())) == Size(*size)
    assert image_size(Payload(base64.urlsafe_b64encode(data).decode().rstrip("="))) == Size(*size)


def test_a_bmp_whose_rows_go_down_has_a_positive_height() -> None:
    """A negative height only says which row comes first."""
    assert image_size(Payload(bmp(5, -7))) == (5, 7)


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCF])
def test_a_jpeg_of_any_coding_says_its_size(marker: int) -> None:
    """Baseline, progressive, lossless and arithmetic frames are laid out alike."""
    assert image_size(Payload(jpeg(640, 480, marker))) == (640, 480)


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC, 0xDA, 0xD9])
def test_what_is_no_frame_gives_no_size(marker: int) -> None:
    """Tables, the extension, the scan and the end are not taken for a frame."""
    assert image_size(Payload(jpeg(640, 480, marker))) is None


def test_fill_bytes_and_lone_markers_are_passed_over() -> None:
    """A JPEG may pad before a marker and have markers without a length."""
    data = b"\xff\xd8\xff\xff\xff\xd0\xff\x01" + frame(3, 4)
    assert image_size(Payload(data)) == (3, 4)


def test_a_jpeg_with_its_height_in_the_scan_is_unknown() -> None:
    """Height 0 promises a later DNL segment, which is not looked for."""
    assert image_size(Payload(jpeg(640, 0))) is None


@pytest.mark.parametrize("make", MAKERS)
def test_a_cut_file_gives_its_size_or_none(make: Callable[[int, int], bytes]) -> None:
    """However little of it is there, the answer is right or missing, and nothing is raised."""
    data = make(300, 200)
    for length in range(len(data)):
        assert image_size(Payload(data[:length])) in {None, (300, 200)}
        text = base64.b64encode(data).decode()[:length]
        assert image_size(Payload(text)) in {None, (300, 200)}


def test_noise_raises_nothing() -> None:
    """Random bytes behind every magic number are survived."""
    noise = random.Random(5)
    for make in MAKERS:
        head = make(9, 9)[:12]
        for _ in range(300):
            image_size(Payload(head + noise.randbytes(60)))
    assert image_size(Payload("no base64 at all: ÄÖÜ")) is None
    assert image_size(Payload("")) is None


@pytest.mark.parametrize("kind", [b"VP8 ", b"VP8L", b"ALPH"])
def test_a_webp_without_its_signature_is_unknown(kind: bytes) -> None:
    """A chunk that does not begin as it must gives no size."""
    assert image_size(Payload(riff(kind, bytes(20)))) is None
    assert image_size(Payload(b"RIFF" + bytes(30))) is None


def test_a_png_without_a_header_is_unknown() -> None:
    """The first chunk must be IHDR."""
    assert image_size(Payload(png(3, 3).replace(b"IHDR", b"CgBI"))) is None


def test_endless_segments_end() -> None:
    """A megabyte of empty segments is given up, quickly."""
    data = Payload(b"\xff\xd8" + segment(0xE0, b"") * 250_000)
    begun = time.perf_counter()
    assert image_size(data) is None
    assert time.perf_counter() - begun < 1


def test_broken_lines_of_base64_are_read() -> None:
    """Base64 as a mail has it, with line ends."""
    text = base64.encodebytes(jpeg(77, 88)).decode()
    assert image_size(Payload(text)) == (77, 88)


def test_bytes_are_found_anywhere_in_base64() -> None:
    """Every slice of the text's bytes is the slice of the bytes."""
    data = bytes(range(256))
    payload = Payload(base64.b64encode(data).decode())
    assert payload.size == 256
    assert payload.whole() == data
    for offset in range(0, 258, 7):
        for count in range(9):
            assert payload.at(offset, count) == data[offset : offset + count]


@pytest.mark.parametrize(
    ("url", "kind", "data"),
    [
        ("data:image/PNG;base64,AAEC", "image/png", b"\x00\x01\x02"),
        ("DATA:text/plain;charset=utf-8;base64,AAEC", "text/plain", b"\x00\x01\x02"),
        ("data:,a%20b", "", b"a b"),
    ],
)
def test_data_urls_are_taken_apart(url: str, kind: str, data: bytes) -> None:
    """The type in small letters, and the bytes, percent signs undone."""
    found = data_url(url)
    assert found is not None
    assert (found[0], found[1].whole()) == (kind, data)


@pytest.mark.parametrize("url", ["", "https://example.com/a.png", "data:image/png;base64"])
def test_other_addresses_are_not_data(url: str) -> None:
    """What is not a data URL is somebody else's business."""
    assert data_url(url) is None
