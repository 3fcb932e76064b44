"""The longest that a sound can last, whatever its headers claim."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._upload import Upload
from llmkit.tokens._flac import _checksum as crc8
from llmkit.tokens._longest import longest
from llmkit.tokens._ogg import _checksum as ogg_crc
from llmkit.tokens._packets import Unclear, opus
from llmkit.tokens._packets import vorbis as a_packet
from llmkit.tokens._payload import Payload

A_SECOND = 44100


def flac(frames: int, total: int = 0, rate: int = A_SECOND, kind: bytes = b"\xc9") -> bytes:
    """Frames of 4,096 samples each, or what their header says."""
    information = bytes(10) + struct.pack(">Q", rate << 44 | 1 << 41 | 15 << 36 | total) + bytes(16)
    header = b"\xff\xf8" + kind + b"\x08\x00" + bytes({0x6D: 3, 0x7C: 3}.get(kind[0], 0))
    frame = header + bytes([crc8(header)]) + b"\x00\x01\x02" + bytes(2)
    return b"fLaC\x80\x00\x00\x22" + information + frame * frames


def page(packets: Sequence[bytes], position: int, stream: int = 1, flags: int = 0) -> bytes:
    """A page of Ogg."""
    table = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    head = b"OggS\0" + struct.pack("<BQIII", flags, position, stream, 0, 0)
    made = head + bytes([len(table)]) + table + b"".join(packets)
    return made[:22] + struct.pack("<I", ogg_crc(made)) + made[26:]


OPUS = page([b"OpusHead" + bytes(11)], 0, flags=2)
IDENTITY = b"\x01vorbis" + bytes(5) + struct.pack("<I", A_SECOND) + bytes(12) + b"\xb8\x01"
VORBIS = page([IDENTITY], 0, flags=2)
TWENTY = b"\x78" + bytes(9)  # a frame of 20 ms


def element(kind: str, content: bytes, size: bytes | None = None) -> bytes:
    """One of Matroska's."""
    said = size or struct.pack(">Q", 1 << 56 | len(content))
    return bytes.fromhex(kind) + said + content


def webm(
    blocks: Sequence[bytes], codec: bytes = b"A_OPUS", more: bytes = b"", *, live: bool = False
) -> bytes:
    """Film with a track of sound; ``live``: as a browser records it, of unknown length."""
    unknown = b"\x01" + b"\xff" * 7 if live else None
    track = element("d7", b"\1") + element("83", b"\2") + element("86", codec) + more
    tracks = element("1654ae6b", element("ae", track))
    cluster = element("1f43b675", element("e7", b"\0") + b"".join(blocks), unknown)
    segment = element("18538067", element("ec", bytes(3)) + tracks + cluster, unknown)
    return element("1a45dfa3", element("4282", b"webm")) + segment


def block(packet: bytes, at: int = 0, flags: int = 0x80, track: int = 1) -> bytes:
    """One of a cluster."""
    return element("a3", bytes([0x80 | track]) + struct.pack(">hB", at, flags) + packet)


def box(name: bytes, *content: bytes) -> bytes:
    """A box of MP4."""
    inner = b"".join(content)
    return struct.pack(">I4s", len(inner) + 8, name) + inner


def m4a(
    sizes: Sequence[int] = (100,) * 10,
    there: int = 1000,
    kind: int = 2,
    edits: Sequence[tuple[int, int]] = ((230, 0),),
    claims: tuple[int, int, int] = (0, 0, 1024),
    more: bytes = b"",
) -> bytes:
    """AAC, whose samples are told to have these sizes; ``claims``: of the film, of the track, of each sample."""
    film, own, each = claims
    settings = b"\x05\x02" + bytes([kind << 3 | 2, 0x08])
    stream = b"\x03\x80\x80\x80\x16" + bytes(3) + b"\x04\x11\x40" + bytes(12) + settings
    sample = box(b"mp4a", bytes(28), box(b"esds", bytes(4), stream))
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">I", 1), sample),
        box(b"stts", bytes(4), struct.pack(">III", 1, len(sizes), each)),
        box(b"stsz", bytes(8), struct.pack(f">{len(sizes) + 1}I", len(sizes), *sizes)),
    )
    track = box(
        b"trak",
        box(b"edts", box(b"elst", bytes(4), struct.pack(">I", len(edits)), *map(edit, edits))),
        box(
            b"mdia",
            box(b"mdhd", bytes(12), struct.pack(">II", A_SECOND, own)),
            box(b"hdlr", bytes(8), b"soun", bytes(12)),
            box(b"minf", table),
        ),
    )
    movie = box(b"moov", box(b"mvhd", bytes(12), struct.pack(">II", 1000, film)), track, more)
    return box(b"ftyp", b"M4A ") + movie + box(b"mdat", bytes(there))


def edit(one: tuple[int, int]) -> bytes:
    """An entry of a list of edits."""
    return struct.pack(">Ii", *one) + bytes(4)


def of(data: bytes) -> float | None:
    """The longest that it can last."""
    return longest(Payload(data))


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (flac(100), 100 * 4096 / A_SECOND),
        (flac(1, total=A_SECOND * 9), 9),
        (flac(100, kind=b"\xc4"), 100 * 4096 / 8000),
        (flac(10, rate=1), 10 * 4096),
        (OPUS + page([TWENTY] * 50, 48000), 1 + 0.12),
        (OPUS + page([TWENTY] * 50, 48000 * 60), 60),
        (OPUS + page([b"\xff\x30" + bytes(600)] * 2, 0), 3 * 0.12),
        (OPUS + page([b""], 0), 0.24),
        (VORBIS + page([b"\x00"] * 100, 100), 101 * 1024 / A_SECOND),
        (VORBIS + page([b"\x00", IDENTITY], 100), 3 * 1024 / A_SECOND),
        (OPUS + page([TWENTY], 0) + OPUS + page([TWENTY], 0), 0.02 * 2 + 0.12 * 2),
        (webm([block(TWENTY)] * 50), 1),
        (webm([block(TWENTY)] * 50, live=True), 1),
        (webm([block(TWENTY, 9000)]), 9.12),
        (webm([block(b"\x01" + TWENTY, flags=0x82)] * 5), 5 * 2 * 0.12),
        (webm([element("a0", block(TWENTY).replace(b"\xa3", b"\xa1", 1))] * 50), 1),
        (webm([block(b"\x00")] * 60, b"A_VORBIS", element("63a2", b"\2\x1e\1" + IDENTITY)), 60 * 1024 / A_SECOND),
        (m4a(), 1000 / 28),
        (m4a(claims=(90_000, 0, 1024)), 90),
        (m4a(claims=(0, A_SECOND * 91, 1024)), 91),
        (m4a(claims=(0, 0, A_SECOND * 10)), 100),
        (m4a(edits=((2000, -1), (230_000, 0))), 232),
        (m4a(more=box(b"free", bytes(5))), 1000 / 28),
    ],
)  # fmt: skip
def test_what_is_there_counts_and_what_a_header_claims_beyond_it(
    data: bytes, seconds: float | None
) -> None:
    """Every frame and packet, whatever the total says; a claim that is more."""
    found = of(data)
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "data",
    [
        b"fLaC" + bytes(60),
        flac(1, rate=0),
        flac(2) + flac(2),
        OPUS[:-1],
        OPUS.replace(b"OpusHead", b"Speex   "),
        page([b"Speex   "], 0, flags=2) + OPUS,
        page([], 0, flags=2) + OPUS,
        OPUS + b"rest",
        OPUS + page([b"\x7fFLAC"], 0, stream=2),
        OPUS + page([IDENTITY], 0, flags=2) + page([b"fishead"], 0, flags=2),
        OPUS.replace(b"OpusHead", b"OpusHeaD"),
        VORBIS.replace(b"\xb8", b"\x8b"),
        b"".join(page([b"OpusHead"], 0, stream, 2) for stream in range(70)),
        webm([block(TWENTY)], b"A_AAC"),
        webm([block(TWENTY)], b"A_VORBIS"),
        webm([block(TWENTY)], b"A_VORBIS", element("63a2", b"\2\x1f\1" + IDENTITY)),
        webm([block(b"\x01vorbis")], b"A_VORBIS", element("63a2", b"\2\x1e\1" + IDENTITY)),
        webm([block(TWENTY)], more=element("6d80", b"packed")),
        webm([block(TWENTY, track=2)]),
        webm([block(TWENTY), element("a5", b"what is this")]),
        webm([block(TWENTY)])[:-1],
        webm([block(TWENTY)]) + b"\xec\x80",
        webm([block(TWENTY), element("a0", element("a5", b""))]),
        webm([block(TWENTY)], more=element("d7", bytes(9))),
        m4a(there=500),
        m4a(kind=31),
        m4a(kind=23),
        m4a(edits=((230, 0), (230, 0))),
        m4a(claims=(0, 0, 1)),
        m4a(more=box(b"mvex")),
        m4a() + box(b"moof"),
        m4a() + m4a(),
        m4a().replace(b"mp4a", b"alac"),
        m4a().replace(b"soun", b"vide"),
        m4a().replace(b"esds", b"sdse"),
        m4a().replace(b"stsz", b"stz2"),
        m4a()[:-1],
        b"RIFF",
        b"what is this",
    ],
)  # fmt: skip
def test_where_a_player_may_find_more_there_is_no_bound(data: bytes) -> None:
    """Other codecs, what stands twice, what is cut, what nobody knows."""
    assert of(data) is None


WHOLE: dict[str, tuple[bytes, float]] = {
    "flac": (flac(30), 30 * 4096 / A_SECOND),
    "opus": (OPUS + page([TWENTY] * 50, 48000) + page([TWENTY] * 50, 96000), 2),
    "vorbis": (VORBIS + page([b"\x00"] * 40, 0), 40 * 1024 / A_SECOND),
    "webm": (webm([block(TWENTY)] * 20), 0.4),
    "live": (webm([block(TWENTY)] * 20, live=True), 0.4),
    "m4a": (m4a(), 1000 / 28),
}


@pytest.mark.parametrize("kind", WHOLE)
@given(st.data())
def test_no_header_can_make_it_shorter(kind: str, data: st.DataObject) -> None:
    """However the first bytes are written over, where the sound stays: a bound is none that is too low, or none."""
    whole, seconds = WHOLE[kind]
    at = data.draw(st.integers(4, 38 if kind == "flac" else len(OPUS) - 1))
    written = data.draw(st.binary(min_size=1, max_size=4))
    found = of(whole[:at] + written + whole[at + len(written) :])
    if kind == "flac" and found is not None:
        rate = int.from_bytes((whole[:at] + written + whole[at + len(written) :])[18:22]) >> 12
        assert found >= 30 * 4096 / max(rate, A_SECOND) - 1e-6
    elif found is not None:
        assert found >= seconds - 1e-6


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_cut_and_noisy_files_raise_nothing(kind: str, data: st.DataObject) -> None:
    """Whatever is in it: a number of seconds, or none."""
    whole, _ = WHOLE[kind]
    cut = whole[: data.draw(st.integers(0, len(whole)))] + data.draw(st.binary(max_size=20))
    at = data.draw(st.integers(0, len(cut)))
    found = of(cut[:at] + data.draw(st.binary(max_size=8)) + cut[at + 8 :])
    assert found is None or found > 0


@given(st.lists(st.binary(min_size=1, max_size=600), min_size=1, max_size=30))
def test_every_packet_of_opus_is_counted(packets: list[bytes]) -> None:
    """By what it says of itself, in either container."""
    true = sum(opus(one[:2]) for one in packets)
    pages = b"".join(page([one], 0) for one in packets)
    for made in (OPUS + pages, webm([block(one) for one in packets])):
        found = of(made)
        assert found is not None
        assert found >= true - 1e-6


def test_a_file_on_disk_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows are no borders: what lies across them is counted once."""
    for module, name, size in (
        ("_flac", "_BLOCK", 64),
        ("_ogg", "_BLOCK", 700),
        ("_webm", "_WINDOW", 100),
    ):
        monkeypatch.setattr(f"llmkit.tokens.{module}.{name}", size)
    for whole, seconds in WHOLE.values():
        upload = Upload.of(("sound", whole))
        assert longest(Payload.of_file(upload)) == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [("_flac", "_MOST_FRAMES", "flac"), ("_ogg", "_MOST_PAGES", "opus"), ("_ogg", "_MOST_PACKETS", "vorbis"),
     ("_webm", "_MOST_ELEMENTS", "webm"), ("_longest", "_MOST", "opus"), ("_longest", "_MOST_BOXES", "m4a"),
     ("_longest", "_MOST_MOOV", "m4a")],
)  # fmt: skip
def test_looking_has_an_end(
    module: str, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody makes the gateway read for long: more than a long recording has is not counted."""
    monkeypatch.setattr(f"llmkit.tokens.{module}.{name}", 1)
    assert of(WHOLE[kind][0]) is None


def test_the_checksums_are_those_of_the_formats() -> None:
    """RFC 3533: the polynomial 0x04c11db7, from the first bit on; RFC 9639: 0x07, whose check value is F4."""
    given, left = b"OggS" + bytes(30), 0
    for byte in given:
        left ^= byte << 24
        for _ in range(8):
            left = (left << 1 ^ (0x04C11DB7 if left & 0x80000000 else 0)) & 0xFFFFFFFF
    assert ogg_crc(given) == left
    assert crc8(b"123456789") == 0xF4


@pytest.mark.parametrize("head", [b"", IDENTITY[:29], IDENTITY[:12] + bytes(4) + IDENTITY[16:]])
def test_a_stream_of_vorbis_says_its_blocks_and_rate(head: bytes) -> None:
    """Else nothing is known of it."""
    with pytest.raises(Unclear):
        a_packet(head)
