"""AWS event frames: equal to botocore's reading, cut anywhere, checked, in linear time."""

from __future__ import annotations

import datetime as dt
import struct
import time
import uuid
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._eventstream import BadFrame, Frame, Frames, Value, encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

PURE = settings(derandomize=True, deadline=None, database=None, max_examples=200)
EVENT = {
    ":event-type": "messageStart",
    ":content-type": "application/json",
    ":message-type": "event",
}
MOMENT = dt.datetime(2026, 11, 22, 12, 0, 0, 123000, dt.UTC)
ALL: dict[str, Value] = {
    "true": True,
    "false": False,
    "byte": -5,
    "short": 300,
    "int": -70_000,
    "long": 1 << 40,
    "bytes": b"\x00\xff",
    "text": "grüße",
    "time": MOMENT,
    "uuid": uuid.UUID(int=7),
}


def decoded(pieces: Iterable[bytes]) -> list[Frame]:
    """The frames of these pieces, which must end with a frame."""
    frames = Frames()
    found = [frame for piece in pieces for frame in frames.feed(piece)]
    assert frames.pending == b""
    return found


def botocores(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """What botocore reads of the same bytes."""
    buffer: Any = EventStreamBuffer()
    buffer.add_data(data)
    return [(event.headers, event.payload) for event in buffer]


def as_botocore(value: Value) -> Any:
    """A value as botocore has it: it leaves times as milliseconds and UUIDs as bytes."""
    if isinstance(value, dt.datetime):
        since = value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return since // dt.timedelta(milliseconds=1)
    return value.bytes if isinstance(value, uuid.UUID) else value


@pytest.mark.parametrize("name", ALL)
def test_each_type_of_header(name: str) -> None:
    """Every type comes back as it was written, and botocore reads it so."""
    data = encoded({name: ALL[name]}, b"payload")
    assert decoded([data]) == [Frame({name: ALL[name]}, b"payload")]
    assert botocores(data) == [({name: as_botocore(ALL[name])}, b"payload")]


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.binary(max_size=40),
    st.text(max_size=20),
    st.uuids(),
    st.datetimes(
        dt.datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis takes naive bounds
        dt.datetime(3000, 1, 1),  # noqa: DTZ001
        timezones=st.just(dt.UTC),
    ).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)),
)


@PURE
@given(
    frames=st.lists(
        st.tuples(st.dictionaries(st.text(min_size=1, max_size=10), VALUES), st.binary()),
        max_size=4,
    ),
    size=st.integers(1, 40),
)
def test_equal_to_botocore(frames: list[tuple[dict[str, Value], bytes]], size: int) -> None:
    """Any frames, however they are cut, read as botocore reads them whole."""
    data = b"".join(encoded(headers, payload) for headers, payload in frames)
    read = decoded(data[at : at + size] for at in range(0, len(data), size))
    assert [tuple(frame) for frame in read] == frames
    expected = [({n: as_botocore(v) for n, v in h.items()}, body) for h, body in frames]
    assert botocores(data) == expected


def test_cut_at_every_place() -> None:
    """Two frames in two pieces come out alike, wherever the cut is."""
    data = encoded(EVENT, b'{"role":"assistant"}') + encoded(ALL, b"")
    whole = decoded([data])
    for at in range(len(data)):
        assert decoded([data[:at], data[at:]]) == whole


def test_a_frame_that_is_not_complete() -> None:
    """What has begun and not ended is seen."""
    frames = Frames()
    data = encoded(EVENT, b"{}")
    assert list(frames.feed(data[:-1])) == []
    assert frames.pending == data[:-1]
    assert [frame.text(":event-type") for frame in frames.feed(data[-1:])] == ["messageStart"]


def test_any_wrong_byte_is_noticed() -> None:
    """One bit that fell over anywhere is an error."""
    right = encoded(EVENT, b'{"role": "assistant"}')
    for at in range(len(right)):
        data = bytearray(right)
        data[at] ^= 0x10
        with pytest.raises(BadFrame):
            list(Frames().feed(bytes(data)))


def framed(headers: bytes, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame of raw headers, with right checksums."""
    claimed = len(headers) if length is None else length
    head = struct.pack(">II", 16 + len(headers) + len(payload), claimed)
    data = head + struct.pack(">I", crc32(head)) + headers + payload
    return data + struct.pack(">I", crc32(data))


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        (b"\x01a\x0a", "unknown type 10"),
        (b"\x05a", "end too early"),
        (b"\x01a", "cannot be read"),
        (b"\x01a\x04\x00", "cannot be read"),
        (b"\x01a\x07\x00\x09ab", "end too early"),
        (b"\x01a\x07\x00\x01\xff", "cannot be read"),
        (b"\x01a\x09\x00", "end too early"),
        (b"\x01a\x08\x7f\xff\xff\xff\xff\xff\xff\xff", "cannot be read"),
        (b"\x01a\x00\x01a\x01", "'a' twice"),
    ],
)
def test_headers_that_cannot_be(headers: bytes, says: str) -> None:
    """Headers that end early, of no known type, or twice there, are an error, and no other."""
    with pytest.raises(BadFrame, match=says):
        list(Frames().feed(framed(headers)))


@pytest.mark.parametrize(
    "data",
    [
        framed(b"", length=1),
        framed(b"", length=1 << 20),
        struct.pack(">III", 1 << 30, 0, crc32(struct.pack(">II", 1 << 30, 0))),
        b'{"message": "no event stream"}',
    ],
)
def test_lengths_that_cannot_be(data: bytes) -> None:
    """A frame is refused by its prelude: its bytes are not waited for."""
    with pytest.raises(BadFrame):
        list(Frames().feed(data))


def test_frames_before_a_bad_one_are_told() -> None:
    """What came whole before a wrong byte is not lost."""
    frames = Frames()
    reading = frames.feed(encoded(EVENT, b"1") + encoded(EVENT, b"2") + b"x" * 12)
    assert [next(reading).payload, next(reading).payload] == [b"1", b"2"]
    with pytest.raises(BadFrame):
        next(reading)


def test_a_number_that_fits_nowhere() -> None:
    """More than eight bytes have no type."""
    with pytest.raises(ValueError, match="eight bytes"):
        encoded({"n": 1 << 63}, b"")


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_time_is_linear(size: int) -> None:
    """Eight times the bytes take about eight times as long, in small pieces and large."""

    def seconds(count: int) -> float:
        data = encoded(EVENT, b"x" * 200) * count + encoded(EVENT, b"y" * 300 * count)
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        best = float("inf")
        for _ in range(3):
            begun = time.process_time()
            decoded(pieces)
            best = min(best, time.process_time() - begun)
        return best

    small = seconds(60)
    assert seconds(480) < 8 * small * 3 + 0.02
