"""Grounding and citations to annotations: ``url_citation``, as OpenAI has them, with offsets in characters.

Source: ``GroundingMetadata`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22: a
segment's offsets count bytes of UTF-8; in a stream each event brings what earlier ones have not brought.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_STRIDE = 1024
_INNER = 0x80
# A text is searched where a segment's offsets are wrong, which is rare.
_MOST_SEARCHES = 1000

__all__ = ["citations", "merge", "queries"]


def merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Add one more event's grounding to a stream's; one that repeats what came before adds nothing."""
    for name, value in new.items():
        before = into.get(name)
        if isinstance(before, list) and isinstance(value, list):
            before += value[len(before) :] if value[: len(before)] == before else value
        else:
            into[name] = [*value] if isinstance(value, list) else value


def queries(grounding: Any) -> list[str]:
    """What was searched for, each query once."""
    found = grounding.get("webSearchQueries") if isinstance(grounding, Mapping) else None
    texts = (query for query in (found if isinstance(found, list) else ()) if query)
    return list(dict.fromkeys(str(query) for query in texts))


def citations(text: str, grounding: Any, recited: Any) -> list[dict[str, Any]]:
    """All of an answer's citations: where it says from what."""
    said = _Text(text)
    return [*_grounded(said, grounding), *_recited(said, recited)]


class _Text:
    """An answer's text, for finding many places in it without reading all of it for each."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._encoded = text.encode("utf-8", "replace")
        self._searches = _MOST_SEARCHES
        self._marks: list[tuple[int, int]] = []
        """Every few bytes a place where a character begins, and how many characters are before it."""

    def characters(self, size: int) -> int:
        """How many characters are whole within the first bytes, as many as a slice would take."""
        size = slice(size).indices(len(self._encoded))[1]
        self._marks = self._marks or [*self._marked()]
        start, before = self._marks[size // _STRIDE]
        return before + len(self._encoded[start:size].decode("utf-8", "ignore"))

    def _marked(self) -> Iterator[tuple[int, int]]:
        start = count = 0
        for place in range(0, len(self._encoded) + 1, _STRIDE):
            while place < len(self._encoded) and self._encoded[place] & 0xC0 == _INNER:
                place -= 1  # noqa: PLW2901 - back to where the character begins
            count += len(self._encoded[start:place].decode("utf-8", "ignore"))
            start = place
            yield start, count

    def find(self, said: str, at: int) -> int:
        """Where a passage is, from ``at`` on or before; -1 where it is not, or too many were looked for."""
        self._searches -= 1
        if self._searches < 0:
            return -1
        found = self.text.find(said, at)
        return self.text.find(said) if found < 0 else found


def _grounded(text: _Text, grounding: Any) -> Iterator[dict[str, Any]]:
    chunks = _list(grounding, "groundingChunks")
    supports = _list(grounding, "groundingSupports")
    used: set[int] = set()
    at = 0
    for support in supports:
        start, end = _span(text, support.get("segment"), at)
        at = start
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            if isinstance(index, int) and 0 <= index < len(chunks):
                used.add(index)
                yield from _citation(chunks[index], start, end)
    for index, chunk in enumerate(chunks):
        if index not in used:
            yield from _citation(chunk, None, None)


def _list(found: Any, name: str) -> list[Mapping[str, Any]]:
    value = found.get(name) if isinstance(found, Mapping) else None
    return (
        [item if isinstance(item, Mapping) else {} for item in value]
        if isinstance(value, list)
        else []
    )


def _citation(
    chunk: Mapping[str, Any], start: int | None, end: int | None
) -> Iterator[dict[str, Any]]:
    """A citation of a web page, a place or a stored document; what has no address is none."""
    kinds = ("web", "retrievedContext", "maps", "image")
    source: Any = next((chunk[kind] for kind in kinds if kind in chunk), None)
    address = source.get("uri") or source.get("sourceUri") if isinstance(source, Mapping) else None
    if address:
        where = {} if start is None else {"start_index": start, "end_index": end}
        title = source.get("title") or ""
        yield {"type": "url_citation", "url_citation": {**where, "url": address, "title": title}}


def _span(text: _Text, segment: Any, at: int) -> tuple[int, int]:
    """Characters of a segment: where its text is, or else where its bytes are."""
    if not isinstance(segment, Mapping):
        return 0, len(text.text)
    start, end = _offsets(text, segment)
    said = segment.get("text")
    if not isinstance(said, str) or not said or _is(text.text, start, end, said):
        return start, end
    found = text.find(said, at)
    return (start, end) if found < 0 else (found, found + len(said))


def _is(text: str, start: int, end: int, said: str) -> bool:
    return end - start == len(said) and text.startswith(said, start)


def _offsets(text: _Text, segment: Mapping[str, Any]) -> tuple[int, int]:
    first, last = (segment.get(name) or 0 for name in ("startIndex", "endIndex"))
    if not isinstance(first, int) or not isinstance(last, int):
        return 0, len(text.text)
    return text.characters(first), text.characters(last)


def _recited(text: _Text, recited: Any) -> Iterator[dict[str, Any]]:
    """``citationMetadata``: passages that are somebody's text. Vertex AI has another name for the list."""
    for source in _list(recited, "citationSources") + _list(recited, "citations"):
        if source.get("uri"):
            start, end = _offsets(text, source)
            cited = {"start_index": start, "end_index": end, "url": source["uri"]}
            yield {
                "type": "url_citation",
                "url_citation": {**cited, "title": source.get("title") or ""},
            }
