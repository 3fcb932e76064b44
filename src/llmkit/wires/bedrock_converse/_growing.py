"""Blocks under construction: deltas in, pieces of OpenAI's deltas out, and the whole blocks at the end.

Reasoning and citations are told whole when their block is: half a signature is of no use. No events, no chunks here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._json import NotJSON, load
from ._blocks import annotated, as_call, as_image, as_thinking, inner, is_call, keepsake
from ._format import ANSWER

__all__ = ["Growing", "Said"]

Said = dict[str, Any]


class _Block:
    """One block: what it began with, texts that still grow, and where its own text or call stands."""

    __slots__ = ("at", "fields", "items", "length", "name", "open", "pieces", "spoken")

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        self.name, self.fields = name, dict(fields)
        self.pieces: dict[str, list[str]] = {}
        self.items: list[Any] = []
        self.open, self.spoken = True, False
        self.at = self.length = 0

    def add(self, name: str, piece: Any) -> str:
        """A piece of a growing text; nothing where it is none."""
        if not isinstance(piece, str):
            return ""
        self.pieces.setdefault(name, []).append(piece)
        return piece

    def joined(self, name: str) -> str:
        return "".join(self.pieces.get(name, ()))

    def whole(self) -> dict[str, Any]:
        """The block as an answer in one piece would have it."""
        return _WHOLE[self.name](self)

    @property
    def is_answer(self) -> bool:
        return self.name == "toolUse" and self.fields.get("name") == ANSWER


def _whole_text(block: _Block) -> dict[str, Any]:
    text = block.joined("text")
    if not block.items:
        return {"text": text}
    return {"citationsContent": {"content": [{"text": text}], "citations": block.items}}


def _whole_call(block: _Block) -> dict[str, Any]:
    text = block.joined("input")
    return {"toolUse": {**block.fields, "input": _parsed(text) if text.strip() else {}}}


def _whole_thought(block: _Block) -> dict[str, Any]:
    if "redactedContent" in block.pieces:
        return {"reasoningContent": {"redactedContent": _rejoined(block.pieces["redactedContent"])}}
    made = {"text": block.joined("text")}
    if "signature" in block.pieces:
        made["signature"] = block.joined("signature")
    return {"reasoningContent": {"reasoningText": made}}


def _whole_result(block: _Block) -> dict[str, Any]:
    return {"toolResult": {**block.fields, "content": block.items}}


def _whole_image(block: _Block) -> dict[str, Any]:
    """Its bytes come in pieces; where it is kept, or why there is none, at once."""
    made = {"source": {}, **block.fields}
    if "bytes" in block.pieces:
        made["source"] = {**made["source"], "bytes": _rejoined(block.pieces["bytes"])}
    return {"image": made}


_WHOLE: dict[str, Callable[[_Block], dict[str, Any]]] = {
    "text": _whole_text,
    "toolUse": _whole_call,
    "reasoningContent": _whole_thought,
    "toolResult": _whole_result,
    "image": _whole_image,
}


def _parsed(text: str) -> Any:
    try:
        return load(text)
    except NotJSON:
        # Cut off, or broken by the model: kept as the text that it is.
        return text


def _rejoined(pieces: list[str]) -> str:
    """Bytes that came in pieces, each encoded by itself."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(p) for p in pieces)).decode("ascii")
    except ValueError:
        return "".join(pieces)


class Growing:
    """The blocks of one answer. ``by_tool``: our own tool's call is the answer's text."""

    def __init__(self, *, by_tool: bool) -> None:
        self.by_tool = by_tool
        self._blocks: dict[Any, _Block] = {}
        self._length = self.calls = 0

    def start(self, index: Any, start: Mapping[str, Any]) -> Iterator[Said]:
        """A block begins: only some say so, before their first piece."""
        name = next(iter(start), "")
        if name in _WHOLE:
            yield from self._begin(index, name, inner(start, name))

    def _begin(self, index: Any, name: str, fields: Mapping[str, Any]) -> Iterator[Said]:
        block = self._blocks[_key(index)] = _Block(name, fields)
        block.at = self._length
        if name == "toolUse" and is_call({name: fields}) and not self._is_ours(block):
            block.at, self.calls = self.calls, self.calls + 1
            function = {"name": fields.get("name"), "arguments": ""}
            call = {"index": block.at, "id": fields.get("toolUseId"), "type": "function"}
            yield {"tool_calls": [call | {"function": function}]}

    def grow(self, index: Any, delta: Mapping[str, Any]) -> Iterator[Said]:
        """A block grows; one that never began is begun by its first piece."""
        name = next(iter(delta), "")
        kind, grow = _DELTAS.get(name, ("", None))
        if grow is None:
            return
        block = self._blocks.get(_key(index))
        if block is None:
            yield from self._begin(index, kind, {})
            block = self._blocks[_key(index)]
        yield from grow(self, block, delta[name])

    def stop(self, index: Any) -> Iterator[Said]:
        """A block is complete."""
        block = self._blocks.get(_key(index))
        if block is not None and block.open:
            block.open = False
            yield from self._completed(block)

    def close(self) -> Iterator[Said]:
        """The answer is complete: so is every block that nobody stopped."""
        for index in list(self._blocks):
            yield from self.stop(index)

    def keepsake(self) -> dict[str, Any] | None:
        """What OpenAI's fields do not say of the blocks."""
        blocks = [block.whole() for block in self._blocks.values() if not self._is_ours(block)]
        uses = [inner(block, "toolUse") for block in blocks]
        whole = all(isinstance(use.get("input", {}), Mapping) for use in uses)
        return keepsake(blocks) if whole else None

    def _is_ours(self, block: _Block) -> bool:
        return self.by_tool and block.is_answer

    def _completed(self, block: _Block) -> Iterator[Said]:
        whole = block.whole()
        if (thought := as_thinking(whole)) is not None:
            yield {"thinking_blocks": [thought]}
        elif (image := as_image(whole)) is not None:
            yield {"images": [image]}
        elif block.name == "text":
            if found := [*annotated(whole, block.at, block.length)]:
                yield {"annotations": found}
        elif block.name == "toolUse" and is_call(whole) and not block.joined("input").strip():
            # No argument is an argument too: "" is no JSON.
            yield from self._arguments(block, as_call(whole["toolUse"])["function"]["arguments"])

    def _arguments(self, block: _Block, text: str) -> Iterator[Said]:
        if self._is_ours(block):
            yield {"content": text}
        elif is_call({"toolUse": block.fields}):
            yield {"tool_calls": [{"index": block.at, "function": {"arguments": text}}]}

    def _text(self, block: _Block, delta: Any) -> Iterator[Said]:
        piece = block.add("text", delta)
        block.length += len(piece)
        self._length += len(piece)
        if piece or not block.spoken:
            yield {"content": piece}
        block.spoken = True

    def _input(self, block: _Block, delta: Any) -> Iterator[Said]:
        given = delta.get("input") if isinstance(delta, Mapping) else None
        if piece := block.add("input", given):
            yield from self._arguments(block, piece)

    def _reasoning(self, block: _Block, delta: Any) -> Iterator[Said]:
        given = delta if isinstance(delta, Mapping) else {}
        for name in ("signature", "redactedContent"):
            block.add(name, given.get(name))
        if piece := block.add("text", given.get("text")):
            yield {"reasoning_content": piece}

    def _citation(self, block: _Block, delta: Any) -> Iterator[Said]:
        block.items.append(delta)
        yield from ()

    def _result(self, block: _Block, delta: Any) -> Iterator[Said]:
        block.items += delta if isinstance(delta, list) else [delta]
        yield from ()

    def _image(self, block: _Block, delta: Any) -> Iterator[Said]:
        given = delta if isinstance(delta, Mapping) else {}
        source = inner(given, "source")
        block.add("bytes", source.get("bytes"))
        block.fields |= {name: value for name, value in given.items() if name != "source"}
        if rest := {name: value for name, value in source.items() if name != "bytes"}:
            block.fields["source"] = {**inner(block.fields, "source"), **rest}
        yield from ()


_Delta = Callable[[Growing, _Block, Any], Iterator[Said]]
# Each delta, and the block that it begins where none has.
_DELTAS: dict[str, tuple[str, _Delta | None]] = {
    "text": ("text", Growing._text),  # noqa: SLF001 - the class's own table
    "toolUse": ("toolUse", Growing._input),  # noqa: SLF001
    "reasoningContent": ("reasoningContent", Growing._reasoning),  # noqa: SLF001
    "citation": ("text", Growing._citation),  # noqa: SLF001
    "toolResult": ("toolResult", Growing._result),  # noqa: SLF001
    "image": ("image", Growing._image),  # noqa: SLF001
}


def _key(index: Any) -> Any:
    return index if isinstance(index, int | str) else None
