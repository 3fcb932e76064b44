"""Blocks of an answer to the fields of a message, and what must be kept beside them for the way back.

Most answers are reasoning, one text, calls: OpenAI's fields say all of that. What they cannot say (order, citations,
the provider's own tools and their results, media) stays as it came in
``provider_specific_fields["converse_content"]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..._json import NotJSON, dump_text, load

__all__ = [
    "KEPT",
    "Block",
    "annotated",
    "as_call",
    "as_image",
    "as_thinking",
    "fields",
    "inner",
    "is_call",
    "keepsake",
    "reasoning",
    "sendable",
    "still_says",
    "text_of",
]

Block = Mapping[str, Any]

KEPT = "converse_content"
_SERVERS = "server_tool_use"
_ORDER = ("reasoningContent", "text", "toolUse")


def fields(blocks: Sequence[Block]) -> dict[str, Any]:
    """The fields of a message that these blocks make up; those with nothing to say are left out."""
    texts = [text for block in blocks if (text := text_of(block)) is not None]
    made: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "reasoning_content": "".join(reasoning(block) for block in blocks),
        "thinking_blocks": [thought for b in blocks if (thought := as_thinking(b)) is not None],
        "tool_calls": [as_call(block["toolUse"]) for block in blocks if is_call(block)],
        "annotations": [*_annotations(blocks)],
        "images": [image for block in blocks if (image := as_image(block)) is not None],
        "provider_specific_fields": keepsake(blocks),
    }
    return {name: value for name, value in made.items() if value or name == "content"}


def inner(block: Block, name: str) -> Block:
    """A block's content under its key; empty where it has none."""
    found = block.get(name)
    return found if isinstance(found, Mapping) else {}


def text_of(block: Block) -> str | None:
    """The text of a block, cited or not; ``None`` where it is no text."""
    if isinstance(block.get("text"), str):
        return str(block["text"])
    if "citationsContent" not in block:
        return None
    parts = inner(block, "citationsContent").get("content")
    found = parts if isinstance(parts, list) else ()
    return "".join(str(part.get("text") or "") for part in found if isinstance(part, Mapping))


def reasoning(block: Block) -> str:
    """What a block says of the model's reasoning."""
    text = inner(inner(block, "reasoningContent"), "reasoningText").get("text")
    return text if isinstance(text, str) else ""


def as_thinking(block: Block) -> dict[str, Any] | None:
    """A block of reasoning that must be sent back, in the form that all of llmkit's wires give it."""
    given = inner(block, "reasoningContent")
    if isinstance(given.get("redactedContent"), str):
        return {"type": "redacted_thinking", "data": given["redactedContent"]}
    text = inner(given, "reasoningText")
    if not text:
        return None
    made = {"type": "thinking", "thinking": text.get("text"), "signature": text.get("signature")}
    return {name: value for name, value in made.items() if value is not None}


def is_call(block: Block) -> bool:
    """Whether a block calls a tool of the caller's; the provider's own run where the model does."""
    use = block.get("toolUse")
    return isinstance(use, Mapping) and use.get("type") != _SERVERS


def as_call(use: Block) -> dict[str, Any]:
    """A ``toolUse`` as a tool call."""
    given = use.get("input")
    arguments = dump_text({} if given is None else given)
    function = {"name": use.get("name"), "arguments": arguments}
    return {"id": use.get("toolUseId"), "type": "function", "function": function}


def as_image(block: Block) -> dict[str, Any] | None:
    """A picture that the model made, as a data URL."""
    image = inner(block, "image")
    data = inner(image, "source").get("bytes")
    if not isinstance(data, str):
        return None
    url = f"data:image/{image.get('format') or 'png'};base64,{data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _annotations(blocks: Iterable[Block]) -> Iterator[dict[str, Any]]:
    start = 0
    for block in blocks:
        length = len(text_of(block) or "")
        yield from annotated(block, start, length)
        start += length


def annotated(block: Block, start: int, length: int) -> Iterator[dict[str, Any]]:
    """The citations of a text that begins at ``start`` in the whole text, as annotations."""
    found = inner(block, "citationsContent").get("citations")
    where = {"start_index": start, "end_index": start + length}
    for citation in found if isinstance(found, list) else ():
        if isinstance(citation, Mapping):
            yield _annotation(citation, where)


def _annotation(citation: Block, where: Mapping[str, int]) -> dict[str, Any]:
    """OpenAI knows addresses; a place in a document keeps its native fields, under another type."""
    place = inner(inner(citation, "location"), "web")
    url = place.get("url") or citation.get("source")
    parts = citation.get("sourceContent")
    texts = (
        [p.get("text") for p in parts if isinstance(p, Mapping)] if isinstance(parts, list) else []
    )
    cited = "".join(text for text in texts if isinstance(text, str))
    told = {"title": citation.get("title"), "cited_text": cited or None}
    if isinstance(url, str) and url.startswith(("http://", "https://")):
        return {"type": "url_citation", "url_citation": {**where, "url": url, **told}}
    return {"type": "file_citation", "file_citation": {**citation, **where, **told}}


def keepsake(blocks: Sequence[Block]) -> dict[str, Any] | None:
    """What to keep of these blocks beside the message's fields; ``None`` where those say it all."""
    if _is_plain(sendable(blocks)):
        return None
    return {KEPT: [_as_sent(block) for block in blocks]}


def sendable(blocks: Sequence[Block]) -> list[Block]:
    """An answer's blocks as they may be sent back."""
    return [_as_sent(block) for block in blocks if _is_sendable(block)]


def _is_sendable(block: Block) -> bool:
    """Empty texts and unsigned reasoning are answered with, and not taken back."""
    if "text" in block:
        return bool(str(block["text"]).strip())
    if "reasoningContent" not in block:
        return True
    thought = as_thinking(block) or {}
    return "data" in thought or bool(thought.get("signature"))


def _as_sent(block: Block) -> Block:
    """An answer's block without what only answers may have: some models write more than they take."""
    block = {name: value for name, value in block.items() if name != "type"}
    use = inner(block, "toolUse")
    if use and use.get("type") not in (None, _SERVERS):
        return {"toolUse": {name: value for name, value in use.items() if name != "type"}}
    return block


def _is_plain(blocks: Sequence[Block]) -> bool:
    """Reasoning, at most one text, calls: written back from a message's fields, it is this again."""
    last = texts = 0
    previous = ""
    for block in blocks:
        name = next(iter(block), "")
        rank = _ORDER.index(name) if name in _ORDER else -1
        if rank < last or len(block) != 1 or (name == "toolUse" and not is_call(block)):
            return False
        # Neighbouring texts are one: some models tell each word as a block of its own.
        last, texts = rank, texts + (name == "text" != previous)
        previous = name
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
    return [_call(call) for call in calls] if isinstance(calls, list | tuple) else []


def _call(call: Any) -> Any:
    function = call.get("function") if hasattr(call, "get") else None
    if function is None or not hasattr(function, "get"):
        return call
    try:
        arguments = load(function.get("arguments") or "{}")
    except (NotJSON, TypeError):
        arguments = function.get("arguments")
    return call.get("id"), function.get("name"), arguments
