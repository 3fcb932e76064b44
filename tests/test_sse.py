from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import _sse
from llmkit._sse import Event, SSEDecoder, TooLong

if TYPE_CHECKING:
    from collections.abc import Iterable

PURE = settings(derandomize=True, deadline=None, database=None, max_examples=300)


def decoded(pieces: Iterable[bytes], limit: int = 1 << 20) -> list[Event]:
    """The events of a stream that comes in these pieces, to its end."""
    decoder = SSEDecoder(limit)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + list(decoder.finish())


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    """Lines end at LF, CRLF and CR alike."""
    data = end.join([b"event: a", b"data: 1", b"", b"data: 2", b"data: 3", b"", b""])
    assert decoded([data]) == [Event(b"1", "a"), Event(b"2\n3")]


def test_mixed_line_ends() -> None:
    """One stream may mix them; CR LF is one end, CR CR are two."""
    assert decoded([b"data: 1\r\rdata: 2\r\n\ndata: 3\n\r\ndata: 4"]) == [
        Event(b"1"),
        Event(b"2"),
        Event(b"3"),
        Event(b"4"),
    ]


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85"])
def test_no_other_line_ends(mark: str) -> None:
    """What Python or Unicode also calls a line end stands within a line."""
    assert decoded([f"data: a{mark}b\n\n".encode()]) == [Event(f"a{mark}b".encode())]


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfdata: 1\n\n", b"\xef\xbb\xbfdata: 1"])
def test_byte_order_mark(data: bytes) -> None:
    """A byte order mark is passed over at the start, also in a stream of one open line, and only there."""
    assert decoded([data]) == [Event(b"1")]
    assert decoded(data[i : i + 1] for i in range(len(data))) == [Event(b"1")]
    assert decoded([b"data: 0\n\n" + data]) == [Event(b"0")]


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        (b": comment\n\n", []),
        (b":\n\n", []),
        (b"data\n\n", [Event(b"")]),
        (b"data:\n\n", [Event(b"")]),
        (b"data: \n\n", [Event(b"")]),
        (b"data:a\n\n", [Event(b"a")]),
        (b"data:  a\n\n", [Event(b" a")]),
        (b"data: a:b\n\n", [Event(b"a:b")]),
        (b"data: a\ndata\ndata: b\n\n", [Event(b"a\n\nb")]),
        (b"event: ping\n\n", []),
        (b"event: ping\n\ndata: 1\n\n", [Event(b"1")]),
        (b"event: a\nevent: b\ndata: 1\n\n", [Event(b"1", "b")]),
        (b"retry: 10\ndata: 1\n\n", [Event(b"1")]),
        (b"DATA: 1\n\n", []),
        (b" data: 1\n\n", []),
        (b"unknown: 1\n\n", []),
        (b"\n\n\n", []),
        (b"id: 7\ndata: 1\n\ndata: 2\n\n", [Event(b"1", "", "7"), Event(b"2", "", "7")]),
        (b"id: 7\nid\ndata: 1\n\n", [Event(b"1")]),
        (b"id: 7\nid: a\0b\ndata: 1\n\n", [Event(b"1", "", "7")]),
        (b"event: \xff\nid: \xff\ndata: \xff\n\n", [Event(b"\xff", "\ufffd", "\ufffd")]),
    ],
)
def test_fields(lines: bytes, events: list[Event]) -> None:
    """Fields are read as the standard says, byte for byte."""
    assert decoded([lines]) == events


def test_early_end() -> None:
    """What an early end left without its line end, or its blank line, is not lost."""
    assert decoded([b"event: a\ndata: 1"]) == [Event(b"1", "a")]
    assert decoded([b"data: 1\n"]) == [Event(b"1")]
    assert decoded([]) == []
    assert decoded([b""]) == []


def test_an_event_is_there_as_soon_as_it_is_complete() -> None:
    """An event does not wait for the bytes after it; a LF that belongs to its last CR is no line."""
    decoder = SSEDecoder()
    assert list(decoder.feed(b"data: 1\r\n\r")) == [Event(b"1")]
    assert list(decoder.feed(b"\ndata: 2\n\n")) == [Event(b"2")]


STREAMS = st.lists(
    st.sampled_from(
        [
            b"data",
            b": ",
            b":",
            b"\r",
            b"\n",
            b"\r\n",
            b"\n\n",
            b"event: e",
            b"id: 1",
            b"data: x",
            b"\xef\xbb\xbf",
            b"\xe2\x80\xa8",
            b"retry: 1",
            b" ",
            b"\0",
        ]
    )
    | st.binary(max_size=4),
    max_size=20,
).map(b"".join)


def cut(data: bytes, positions: Iterable[int]) -> list[bytes]:
    """The bytes in pieces, cut at these positions."""
    at = sorted({position % (len(data) + 1) for position in positions})
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


@PURE
@given(STREAMS, st.lists(st.integers(0, 1000), max_size=8))
def test_any_cut_gives_the_same_events(data: bytes, positions: list[int]) -> None:
    """However a stream is cut, empty pieces included, its events are those of the whole."""
    whole = decoded([data])
    assert decoded(cut(data, positions)) == whole
    assert decoded(data[i : i + 1] for i in range(len(data))) == whole


@PURE
@given(STREAMS, st.lists(st.integers(0, 1000), max_size=8), st.integers(1, 12))
def test_any_cut_meets_the_same_limit(data: bytes, positions: list[int], limit: int) -> None:
    """Whether an event is too long does not depend on how it was cut either."""

    def outcome(pieces: list[bytes]) -> list[Event] | None:
        try:
            return decoded(pieces, limit)
        except TooLong:
            return None

    assert outcome(cut(data, positions)) == outcome([data])


def test_limit() -> None:
    """An event beyond the limit is given up, in whichever form it is too long; the next event starts anew."""
    fits = b"data: 1234\n\n"
    assert len(decoded([fits * 3], 10)) == 3
    for long in (b"data: 12345\n", b"data: 12345", b": 123456789\n", b"data: 1\ndata: 2\n"):
        with pytest.raises(TooLong, match="more than 10 bytes"):
            decoded([long], 10)


class Counted(bytes):
    """Bytes that count what is copied out of them, over all instances."""

    copied = 0

    def splitlines(self, keepends: bool = False) -> list[bytes]:  # type: ignore[override]  # noqa: FBT001, FBT002
        lines = super().splitlines(keepends)
        Counted.copied += sum(map(len, lines))
        return lines

    def __add__(self, other: bytes) -> Counted:
        Counted.copied += len(self) + len(other)
        return Counted(super().__add__(other))

    def __radd__(self, other: bytes) -> Counted:
        Counted.copied += len(self) + len(other)
        return Counted(other.__add__(self))

    def __getitem__(self, key: object) -> bytes:  # type: ignore[override]
        part: bytes = super().__getitem__(key)  # type: ignore[index]
        Counted.copied += len(part)
        return part


def test_long_event_is_not_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two megabytes in pieces of 16 bytes are copied a fixed number of times, and joined once."""
    Counted.copied = 0
    joined: list[int] = []
    decoder = SSEDecoder()
    complete = SSEDecoder._complete

    def counting(self: SSEDecoder, line: bytes) -> bytes:
        joined.append(sum(map(len, self._partial)) + len(line))
        return complete(self, line)

    monkeypatch.setattr(_sse.SSEDecoder, "_complete", counting)
    data = b"data: " + b"x" * 2_000_000 + b"\n\n"
    events: list[Event] = []
    for i in range(0, len(data), 16):
        events += decoder.feed(Counted(data[i : i + 16]))
        # What is held back is held as it came: nothing was put together on the way.
        assert not decoder._partial or len(decoder._partial[-1]) <= 16
    assert events == [Event(b"x" * 2_000_000)]
    assert Counted.copied <= 2 * len(data)
    assert sum(joined) == len(data) - 2
