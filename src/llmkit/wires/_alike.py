"""Events that differ from the one before in nothing but a text, as most events of most streams do.

What they are is worked out once: the bytes before and behind the text, and the chunk that it stands in. Then an event's
chunk is a copy of that with the text in its place, and many events of one piece are read at once.
Rule 1: nothing is guessed. That the text may be exchanged is tried on the parser itself, and that an event is like the
one before is seen by its bytes; every other one is read as any event is.
Rule 2: nothing is shared between chunks but what cannot be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .._json import NotJSON, load
from ..types._model import Copies, Path, copies
from ..types.chat import ChatCompletionChunk

__all__ = ["CREDIT", "LESSON", "Alike", "Path", "Run", "learned", "place"]

# What it is worth to find out what events have in common: so many of them.
LESSON, CREDIT = 6, 24
# A piece of this size is no piece of a few words: the event decoder's limits are its own affair.
_MAX = 1 << 20
_STRINGS = {str}
_TEXT, _PADDING = "\x01", "\x02"


_DELTA: Path = ("choices", 0, "delta")
_ARGUMENTS: Path = (*_DELTA, "tool_calls", 0, "function", "arguments")


def place(chunk: ChatCompletionChunk) -> Path | None:
    """Where a chunk has its text, or its piece of a call; ``None`` where it has none, or is the last."""
    if len(chunk.choices) != 1 or chunk.choices[0].finish_reason is not None:
        return None
    delta = chunk.choices[0].delta
    for name in ("content", "reasoning_content"):
        if getattr(delta, name):
            return (*_DELTA, name)
    calls = delta.tool_calls or ()
    if len(calls) == 1 and calls[0].function is not None and calls[0].function.arguments:
        return _ARGUMENTS
    return None


class Run(NamedTuple):
    """Chunks that follow each other, made when they are asked for; the texts in which they differ; the bytes behind."""

    texts: list[str]
    chunks: Iterator[ChatCompletionChunk]
    rest: bytes
    where: Path
    """The place of the text in each chunk."""


def _cut(data: bytes, key: str) -> tuple[bytes, bytes] | None:
    """What is before and behind the text of this name; ``None`` where it is not easily found."""
    before, found, rest = data.partition(b'"%b":' % key.encode())
    lead = rest[: len(rest) - len(rest.lstrip(b" "))]
    text = rest[len(lead) :]
    if not found or text[:1] != b'"':
        return None
    end = text.find(b'"', 1)
    # An escape before the quote may have escaped it: another event will do.
    return None if end < 0 or b"\\" in text[:end] else (before + found + lead, text[end + 1 :])


class Alike:
    """Events like one that has come."""

    __slots__ = ("_copies", "_end", "_frame", "_mid", "_seam", "_start", "where")

    def __init__(
        self, copies: Copies, parts: tuple[bytes, bytes | None, bytes], named: bytes, where: Path
    ) -> None:
        self._copies, self.where = copies, where
        self._start, self._mid, self._end = parts
        self._frame = (named + b"data: " + self._start, self._end + b"\n\n")
        self._seam = self._frame[1] + self._frame[0]

    def one(self, data: bytes) -> tuple[str, ChatCompletionChunk] | None:
        """The text and chunk of an event with this data, where it is such an event."""
        if not (data.startswith(self._start) and data.endswith(self._end)):
            return None
        inner = data[len(self._start) : -len(self._end)]
        try:
            if self._mid is None:
                text = load(inner)
                return (text, self._copies.made(text)) if type(text) is str else None
            first, _, second = inner.partition(self._mid)
            text, padding = load(first), load(second)
        except NotJSON:
            return None
        fits = type(text) is type(padding) is str
        return (text, self._copies.made(text, padding)) if fits else None

    def run(self, data: bytes) -> Run | None:
        """The events that a piece begins with, where they are such ones; ``None`` where there is anything else."""
        start, end = self._frame
        if not data.startswith(start) or len(data) > _MAX:
            return None
        told = data[len(start) :].split(self._seam)
        told[-1], found, rest = told[-1].partition(end)
        if not found:
            # It goes on in the next piece, or is another event.
            rest = start + told.pop()
        joined = b",\n".join(told)
        # A line's end within a text is no JSON, so that no text spans two events.
        if not told or joined.count(b"\n") != len(told) - 1 or b"\r" in joined:
            return None
        try:
            return self._read(joined, len(told), rest)
        except NotJSON:
            return None

    def _read(self, joined: bytes, events: int, rest: bytes) -> Run | None:
        if self._mid is not None:
            return self._padded(joined, events, rest)
        texts = load(b"[%b]" % joined)
        if len(texts) != events or set(map(type, texts)) != _STRINGS:
            return None
        return Run(texts, map(self._copies.made, texts), rest, self.where)

    def _padded(self, joined: bytes, events: int, rest: bytes) -> Run | None:
        """Each has a second text; what is between the two becomes a number, and there is no other number."""
        assert self._mid is not None  # noqa: S101 - asked by ``_read``
        if joined.count(self._mid) != events:
            return None
        found = load(b"[%b]" % joined.replace(self._mid, b",\n0,\n"))
        texts, marks, paddings = found[::3], found[1::3], found[2::3]
        if len(found) != 3 * events or marks.count(0) != events:
            return None
        if set(map(type, texts + paddings)) != _STRINGS:
            return None
        return Run(texts, map(self._copies.made, texts, paddings), rest, self.where)


def learned(
    data: bytes,
    place: Path,
    chunk: ChatCompletionChunk,
    path: Path,
    *,
    padding: str | None = None,
    named: bytes = b"",
) -> Alike | None:
    """What is to be known of an event, which has a text at ``place``, and of the chunk that has it at ``path``.

    ``named`` is the line before its data, if one is.

    ``padding`` is the name of a second text, in the event itself and among the chunk's unknown fields.
    The answer is ``None`` where the two cannot be exchanged.
    """
    made = copies(chunk, path, padding)
    cut = _cut(data, str(place[-1]))
    if made is None or cut is None:
        return None
    (start, end), mid = cut, None
    if padding is not None:
        last = _cut(end, padding)
        if last is None:
            return None
        mid, end = last
    tried = (b'"\\u0001"', b"" if mid is None else mid + b'"\\u0002"')
    if not _is_exchanged(data, start + b"".join(tried) + end, place, padding):
        return None
    return Alike(made, (start, mid, end), named, path)


def _is_exchanged(data: bytes, tried: bytes, place: Path, padding: str | None) -> bool:
    try:
        one, other = load(data), load(tried)
    except NotJSON:
        return False
    inner = one
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = _TEXT
    if padding is not None:
        one[padding] = _PADDING
    return bool(one == other)
