"""Grounding and citations to annotations: ``url_citation``, as OpenAI has them, with offsets in characters.

Source: ``GroundingMetadata`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22: a
segment's offsets count bytes of UTF-8; in a stream each event brings what earlier ones have not brought.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["citations", "merged", "queries"]


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A stream's grounding so far, with one more event's; one that repeats what came before adds nothing."""
    made = dict(old)
    for name, value in new.items():
        before = made.get(name)
        if isinstance(before, list) and isinstance(value, list):
            made[name] = value if value[: len(before)] == before else [*before, *value]
        else:
            made[name] = value
    return made


def queries(grounding: Any) -> list[str]:
    """What was searched for, each query once."""
    found = grounding.get("webSearchQueries") if isinstance(grounding, Mapping) else None
    texts = (query for query in (found if isinstance(found, list) else ()) if query)
    return list(dict.fromkeys(str(query) for query in texts))


def citations(text: str, grounding: Any, recited: Any) -> list[dict[str, Any]]:
    """All of an answer's citations: where it says from what."""
    return [*_grounded(text, grounding), *_recited(text, recited)]


def _grounded(text: str, grounding: Any) -> Iterator[dict[str, Any]]:
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


def _span(text: str, segment: Any, at: int) -> tuple[int, int]:
    """Characters of a segment: where its text is, or else where its bytes are."""
    if not isinstance(segment, Mapping):
        return 0, len(text)
    start, end = _offsets(text, segment)
    said = segment.get("text")
    if not isinstance(said, str) or not said or text[start:end] == said:
        return start, end
    found = text.find(said, at)
    found = text.find(said) if found < 0 else found
    return (start, end) if found < 0 else (found, found + len(said))


def _offsets(text: str, segment: Mapping[str, Any]) -> tuple[int, int]:
    encoded = text.encode("utf-8", "replace")
    first, last = (segment.get(name) or 0 for name in ("startIndex", "endIndex"))
    if not isinstance(first, int) or not isinstance(last, int):
        return 0, len(text)
    return tuple(len(encoded[:n].decode("utf-8", "ignore")) for n in (first, last))  # type: ignore[return-value]


def _recited(text: str, recited: Any) -> Iterator[dict[str, Any]]:
    """``citationMetadata``: passages that are somebody's text. Vertex AI has another name for the list."""
    for source in _list(recited, "citationSources") + _list(recited, "citations"):
        if source.get("uri"):
            start, end = _offsets(text, source)
            cited = {"start_index": start, "end_index": end, "url": source["uri"]}
            yield {
                "type": "url_citation",
                "url_citation": {**cited, "title": source.get("title") or ""},
            }
