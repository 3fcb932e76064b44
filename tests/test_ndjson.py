"""JSON lines from bytes: where lines end, where they may be cut, and how long they may be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._ndjson import LineDecoder, TooLong

if TYPE_CHECKING:
    from collections.abc import Iterable

PURE = settings(derandomize=True, deadline=None, database=None, max_examples=300)


def decoded(pieces: Iterable[bytes], limit: int = 1 << 20) -> list[bytes]:
    """The lines of a stream that comes in these pieces, to its end."""
    decoder = LineDecoder(limit)
    lines = [line for piece in pieces for line in decoder.feed(piece)]
    return lines + list(decoder.finish())


def test_lines() -> None:
    """Lines end at LF, with or without CR before it; empty ones are none, and the last needs no end."""
    assert decoded([b'{"a":1}\r\n\n  \r\n {"b":2}\n{"c":3}']) == [
        b'{"a":1}',
        b'{"b":2}',
        b'{"c":3}',
    ]


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85"])
def test_no_other_line_ends(mark: str) -> None:
    """What Python or Unicode also calls a line end stands within a line."""
    assert decoded([f"a{mark}b\n".encode()]) == [f"a{mark}b".encode()]


def test_byte_order_mark() -> None:
    """A byte order mark is passed over at the start, and only there."""
    mark = b"\xef\xbb\xbf"
    data = mark + b"1\n" + mark + b"2"
    assert decoded([data]) == [b"1", mark + b"2"]
    assert decoded(data[i : i + 1] for i in range(len(data))) == [b"1", mark + b"2"]


@PURE
@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b" ", b"\xef\xbb\xbf", b"{}"])), st.data())
def test_cuts_change_nothing(parts: list[bytes], data: st.DataObject) -> None:
    """Lines are the same wherever the bytes are cut, at one place or between all."""
    raw = b"".join(parts)
    at = data.draw(st.integers(0, len(raw)))
    whole = decoded([raw])
    assert decoded([raw[:at], raw[at:]]) == whole
    assert decoded(raw[i : i + 1] for i in range(len(raw))) == whole


def test_a_line_that_is_too_long() -> None:
    """A line beyond the limit is refused, in one piece and in many; one at the limit is not."""
    assert decoded([b"12345\n"], limit=5) == [b"12345"]
    assert decoded([b"123", b"45", b"\n1"], limit=5) == [b"12345", b"1"]
    for pieces in ([b"123456\n"], [b"123", b"456"], [b"123", b"456\n"]):
        with pytest.raises(TooLong, match="more than 5 bytes"):
            decoded(pieces, limit=5)


def test_a_long_line_is_not_quadratic() -> None:
    """A line in many pieces takes as long as its bytes, not as their square."""

    def spent(count: int) -> float:
        began = time.process_time()
        assert len(decoded([b"x"] * count)) == 1
        return time.process_time() - began

    small = min(spent(20_000) for _ in range(5))
    assert min(spent(200_000) for _ in range(3)) < 40 * small
