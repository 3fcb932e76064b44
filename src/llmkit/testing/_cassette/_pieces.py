"""A body that came in pieces, edited as a whole; and its lines and the texts in them. Pure.

Bytes that are no UTF-8 are carried through texts unchanged.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from ._forms import as_json, dumped_safely

__all__ = ["Line", "as_bytes", "as_text", "cut", "edited", "lines_of", "texts_in"]

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_DATA: Final = re.compile(r"(?s)((?:data:)?[ \t]*)(.*?)(\s*)\Z")
_Text = TypeVar("_Text", str, bytes)
Edit = tuple[int, int, Any]
"""From where, to where, and what takes its place."""


def as_text(data: bytes) -> str:
    """Bytes as text, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """The bytes again."""
    return text.encode("utf-8", "surrogateescape")


def edited(pieces: Sequence[_Text], edits: Sequence[Edit], nothing: _Text) -> list[_Text]:
    """The pieces with parts of their whole replaced; a replacement belongs to the piece in which it begins."""
    if not edits:
        return list(pieces)
    whole = nothing.join(pieces)
    out: list[Any] = []
    moved, at = [0], 0
    for start, end, new in edits:
        out += [whole[at:start], new]
        moved.append(moved[-1] + len(new) - (end - start))
        at = end
    changed = nothing.join([*out, whole[at:]])
    ends: list[int] = [_moved(end, edits, moved) for end in itertools.accumulate(map(len, pieces))]
    return [changed[start:end] for start, end in itertools.pairwise([0, *ends])]


def _moved(end: int, edits: Sequence[Edit], moved: Sequence[int]) -> int:
    index = bisect.bisect_left(edits, end, key=lambda edit: edit[0])
    # A cut within what was replaced is behind it now.
    return max(end, edits[index - 1][1]) + moved[index] if index else end


def cut(data: bytes, like: Sequence[bytes]) -> list[bytes]:
    """Other bytes in as many pieces, of the same sizes as far as they reach."""
    ends = [min(end, len(data)) for end in itertools.accumulate(map(len, like))]
    return [data[start:end] for start, end in itertools.pairwise([0, *ends[:-1], len(data)])]


def lines_of(text: str) -> list[str]:
    """The lines, with what ends them."""
    return _LINE.findall(text)


class Line:
    """A line of a stream: JSON, perhaps behind "data:", or any other text."""

    def __init__(self, text: str) -> None:
        self.text = text
        match = _DATA.match(text)
        assert match is not None  # noqa: S101 - it matches anything
        self._head, body, self._end = match.groups()
        self.value = _structure(body)
        self._before = dumped_safely(self.value)

    def changed(self, value: Callable[[Any], Any], text: Callable[[str], str]) -> str:
        """The line after these functions; as it was where they change nothing."""
        if self.value is None:
            return text(self.text)
        after = dumped_safely(value(self.value))
        return self.text if after == self._before else self._head + after + self._end


def _structure(text: str) -> Any:
    if not text.startswith(("{", "[", '"')):
        return None
    try:
        return as_json(text)
    except ValueError:
        return None


def texts_in(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """The texts of an event: where they belong, and what holds them under which name.

    Choices, blocks and tool calls say by an "index" which one they continue.
    """
    if isinstance(value, dict):
        base = (*path, value["index"]) if _is_numbered(value) else path
        inner = [(name, (*base, name)) for name in value]
    elif isinstance(value, list):
        inner = [(i, path if _is_numbered(v) else (*path, i)) for i, v in enumerate(value)]
    else:
        return
    for name, place in inner:
        if isinstance(value[name], str):
            yield place, value, name
        else:
            yield from texts_in(value[name], place)


def _is_numbered(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("index"), int)
