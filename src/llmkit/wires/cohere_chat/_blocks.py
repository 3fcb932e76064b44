"""Blocks of an answer, calls and citations to the fields of a message, and what is kept beside them.

Thinking and the plan before tool calls are both reasoning to OpenAI's form; where each belongs is kept in
``thinking_blocks`` and ``provider_specific_fields``, so that a message goes back as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..._json import dump_text

__all__ = ["PLAN", "annotated", "arguments", "as_call", "as_logprobs", "keepsake", "text_of"]

Block = Mapping[str, Any]

PLAN = "tool_plan"
_PLAIN = ("text", "thinking")
_NOTHING = ("", "null")
_HTTP = ("http://", "https://")


def text_of(block: Block, name: str) -> str:
    """A block's text or thinking, where it has one."""
    value = block.get(name)
    return value if isinstance(value, str) else ""


def as_call(call: Block) -> dict[str, Any]:
    """A tool call with arguments that are always the JSON of an object, where the model gave none."""
    function = call.get("function")
    told = function if isinstance(function, Mapping) else {}
    made = {"name": told.get("name"), "arguments": arguments(told.get("arguments"))}
    return {**call, "type": call.get("type") or "function", "function": {**told, **made}}


def arguments(given: Any) -> str:
    """Arguments as JSON text. A call without any comes as an empty text or as ``null``."""
    if given is None or (isinstance(given, str) and given.strip() in _NOTHING):
        return "{}"
    return given if isinstance(given, str) else dump_text(given)


def annotated(citation: Block, starts: Mapping[int, int]) -> Iterator[dict[str, Any]]:
    """A citation as annotations, one for each source.

    ``starts``: where each block of text begins in the whole text. What is cited of thinking or of the plan
    is no place in the text, so it has none.
    """
    if citation.get("type", "TEXT_CONTENT") not in (None, "TEXT_CONTENT"):
        return
    index = citation.get("content_index")
    begin = starts.get(index, 0) if isinstance(index, int) else 0
    where = {
        "start_index": _moved(citation.get("start"), begin),
        "end_index": _moved(citation.get("end"), begin),
    }
    sources = citation.get("sources")
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, Mapping):
            yield _annotation(source, citation, where)


def _moved(place: Any, begin: int) -> int | None:
    return place + begin if isinstance(place, int) else None


def _annotation(source: Block, citation: Block, where: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI knows addresses and files; a document without an address is told by its id."""
    content = source.get("document") or source.get("tool_output")
    told = content if isinstance(content, Mapping) else {}
    cited = {"cited_text": citation.get("text"), "title": told.get("title"), **where}
    url = next((u for u in (told.get("url"), source.get("id")) if _is_address(u)), None)
    if url is not None:
        return {"type": "url_citation", "url_citation": {**cited, "url": url}}
    named = {"file_id": source.get("id"), "source": dict(source)}
    return {"type": "file_citation", "file_citation": {**cited, **named}}


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_HTTP)


def keepsake(blocks: Sequence[Block], plan: str, citations: Iterable[Any]) -> dict[str, Any] | None:
    """What OpenAI's fields have no place for; ``None`` where they say it all."""
    kept: dict[str, Any] = {}
    if plan:
        kept[PLAN] = plan
    if cited := list(citations):
        kept["citations"] = cited
    if any(block.get("type") not in _PLAIN for block in blocks):
        kept["content"] = [dict(block) for block in blocks]
    return kept or None


def as_logprobs(items: Any) -> dict[str, Any] | None:
    """Log-probabilities token by token: they come by pieces of text, each of one token or several.

    A piece of several tokens has one text; its first entry carries it, the others have none.
    """
    found = items if isinstance(items, list) else [items]
    tokens = [token for item in found if isinstance(item, Mapping) for token in _tokens(item)]
    return {"content": tokens} if tokens else None


def _tokens(item: Block) -> Iterator[dict[str, Any]]:
    """One entry for each token; what is told of it may be its id alone."""
    values, ids = _listed(item.get("logprobs")), _listed(item.get("token_ids"))
    for i in range(max(len(values), len(ids))):
        token: dict[str, Any] = {"token": item.get("text") if i == 0 else ""}
        token["logprob"] = values[i] if i < len(values) else None
        if i < len(ids):
            token["token_id"] = ids[i]
        yield token


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
