"""Blocks of an answer to the fields of a message, and what must be kept beside them for the way back.

Most answers are thinking, one text, calls: OpenAI's fields say all of that. What they cannot say (order, citations,
server tools and their results) stays as it came in ``provider_specific_fields["content_blocks"]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..._json import NotJSON, dump_text, load

__all__ = [
    "KEPT",
    "Block",
    "as_call",
    "as_thinking",
    "cited",
    "fields",
    "keepsake",
    "sendable",
    "still_says",
]

Block = Mapping[str, Any]

KEPT = "content_blocks"
_DIRECT = {"type": "direct"}
# What OpenAI's fields can say, in the order in which they are written back, and with nothing beside.
_PLAIN: dict[str, tuple[int, frozenset[str]]] = {
    "thinking": (0, frozenset({"type", "thinking", "signature"})),
    "redacted_thinking": (0, frozenset({"type", "data"})),
    "text": (1, frozenset({"type", "text"})),
    "tool_use": (2, frozenset({"type", "id", "name", "input"})),
}


def fields(blocks: Sequence[Block]) -> dict[str, Any]:
    """The fields of a message that these blocks make up; those with nothing to say are left out."""
    texts = [_text(block, "text") for block in blocks if block.get("type") == "text"]
    reasoning = "".join(_text(b, "thinking") for b in blocks if b.get("type") == "thinking")
    made: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "reasoning_content": reasoning,
        "thinking_blocks": [thought for b in blocks if (thought := as_thinking(b)) is not None],
        "tool_calls": [as_call(block) for block in blocks if block.get("type") == "tool_use"],
        "annotations": [*_annotations(blocks)],
        "provider_specific_fields": keepsake(blocks),
    }
    return {name: value for name, value in made.items() if value or name == "content"}


def _text(block: Block, name: str) -> str:
    text = block.get(name)
    return text if isinstance(text, str) else ""


def as_thinking(block: Block) -> dict[str, Any] | None:
    """A block of thinking as it must be sent back; ``None`` for any other block."""
    return dict(block) if block.get("type") in ("thinking", "redacted_thinking") else None


def as_call(block: Block) -> dict[str, Any]:
    """A ``tool_use`` block as a tool call."""
    arguments = dump_text(block.get("input") or {})
    function = {"name": block.get("name"), "arguments": arguments}
    return {"id": block.get("id"), "type": "function", "function": function}


def _annotations(blocks: Iterable[Block]) -> Iterator[dict[str, Any]]:
    start = 0
    for block in blocks:
        if block.get("type") == "text":
            yield from cited(block, start)
            start += len(_text(block, "text"))


def cited(block: Block, start: int) -> Iterator[dict[str, Any]]:
    """The citations of a text block that begins at ``start`` in the whole text, as annotations."""
    where = {"start_index": start, "end_index": start + len(_text(block, "text"))}
    found = block.get("citations")
    for citation in found if isinstance(found, list) else ():
        if isinstance(citation, Mapping):
            yield _annotation(citation, where)


def _annotation(citation: Block, where: Mapping[str, int]) -> dict[str, Any]:
    """OpenAI knows addresses; a place in a document keeps its native fields, under another type."""
    source = citation.get("url") or citation.get("source")
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        told = {"url": source, "title": citation.get("title")}
        told["cited_text"] = citation.get("cited_text")
        return {"type": "url_citation", "url_citation": {**where, **told}}
    return {"type": "file_citation", "file_citation": {**citation, **where}}


def sendable(block: Block) -> Block:
    """An answer's block as it may be sent back: without what only answers have."""
    if block.get("type") == "text" and not block.get("citations"):
        return {name: value for name, value in block.items() if name != "citations"}
    if block.get("type") == "tool_use" and block.get("caller") in (None, _DIRECT):
        return {name: value for name, value in block.items() if name != "caller"}
    return block


def keepsake(blocks: Sequence[Block]) -> dict[str, Any] | None:
    """What to keep of these blocks beside the message's fields; ``None`` where those say it all."""
    kept = [sendable(block) for block in blocks]
    return None if _is_plain(kept) else {KEPT: kept}


def _is_plain(blocks: Sequence[Block]) -> bool:
    last = texts = 0
    for block in blocks:
        rank, names = _PLAIN.get(str(block.get("type")), (-1, frozenset()))
        if rank < last or not block.keys() <= names:
            return False
        last, texts = rank, texts + (rank == 1)
    return texts <= 1


def still_says(blocks: Sequence[Any], message: Mapping[str, Any]) -> bool:
    """Whether kept blocks and the message agree: whoever edits a message means the edit."""
    if not all(isinstance(block, Mapping) for block in blocks):
        return False
    told = fields(blocks)
    if (told["content"] or "") != (message.get("content") or ""):
        return False
    return _calls(told.get("tool_calls")) == _calls(message.get("tool_calls"))


def _calls(calls: Any) -> list[Any]:
    return [_call(call) for call in calls or ()]


def _call(call: Any) -> Any:
    function = call.get("function") if hasattr(call, "get") else None
    if function is None or not hasattr(function, "get"):
        return call
    try:
        arguments = load(function.get("arguments") or "{}")
    except (NotJSON, TypeError):
        arguments = function.get("arguments")
    return call.get("id"), function.get("name"), arguments
