"""Blocks under construction: deltas in, pieces of OpenAI's deltas out, and the whole blocks at the end.

Thinking and citations are told whole when their block is: half a signature is of no use. No events, no chunks here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..._json import NotJSON, load
from ._blocks import as_call, as_thinking, cited, keepsake
from ._format import ANSWER

__all__ = ["Growing", "Said", "Whole"]

Said = dict[str, Any]
_INPUT = "partial_json"


class _Block:
    """One block: its fields, texts that still grow, and where its own text or call stands."""

    __slots__ = ("at", "fields", "open", "pieces")

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = dict(fields)
        if isinstance(fields.get("citations"), list):
            # It grows here, and not in the event that it came with.
            self.fields["citations"] = [*fields["citations"]]
        self.pieces: dict[str, list[str]] = {}
        self.open = True
        self.at = 0

    @property
    def kind(self) -> Any:
        return self.fields.get("type")

    def text(self, name: str) -> str:
        """A text as it was when the block began."""
        begun = self.fields.get(name)
        return begun if isinstance(begun, str) else ""

    def add(self, name: str, piece: Any) -> str:
        """A piece of a growing text; nothing where it is none."""
        if not isinstance(piece, str):
            return ""
        self.pieces.setdefault(name, []).append(piece)
        return piece

    def complete(self) -> None:
        for name in self.pieces.keys() - {_INPUT}:
            self.fields[name] = self.text(name) + "".join(self.pieces[name])
        text = "".join(self.pieces.get(_INPUT, ()))
        if text.strip():
            self.fields["input"] = _parsed(text)
        self.pieces.clear()

    def so_far(self) -> dict[str, Any]:
        """The block's fields with what has grown by now; arguments that are no JSON yet are the text that they are."""
        told: dict[str, Any] = {
            n: self.text(n) + "".join(p) for n, p in self.pieces.items() if n != _INPUT
        }
        text = "".join(self.pieces.get(_INPUT, ()))
        return self.fields | told | ({"input": _parsed(text)} if text.strip() else {})


def _parsed(text: str) -> Any:
    try:
        return load(text)
    except NotJSON:
        # Cut off, or broken by the model: kept as the text that it is.
        return text


class Growing:
    """The blocks of one answer. ``by_tool``: our own tool's call is the answer's text."""

    def __init__(self, *, by_tool: bool) -> None:
        self.by_tool = by_tool
        self._blocks: dict[Any, _Block] = {}
        self._length = self.calls = 0
        self._spoken = False

    def start(self, index: Any, fields: dict[str, Any]) -> Iterator[Said]:
        """A block begins."""
        block = self._blocks[_key(index)] = _Block(fields)
        begin = _STARTS.get(block.kind) if isinstance(block.kind, str) else None
        if begin is not None:
            yield from begin(self, block)

    def grow(self, index: Any, delta: dict[str, Any]) -> Iterator[Said]:
        """A block grows; one that never began is begun, where its type can be told."""
        name = delta.get("type")
        grow, kind = _DELTAS.get(name, (None, "")) if isinstance(name, str) else (None, "")
        if grow is None:
            return
        if _key(index) not in self._blocks:
            if not kind:
                return
            yield from self.start(index, {"type": kind})
        yield from grow(self, self._blocks[_key(index)], delta)

    def extend(self, index: Any, name: str, pieces: list[str]) -> None:
        """A block grows by pieces of the text that it has just grown by; what is said of them is known."""
        self._blocks[_key(index)].pieces[name] += pieces
        if name == "text":
            self._length += sum(map(len, pieces))

    def stop(self, index: Any) -> Iterator[Said]:
        """A block is complete."""
        block = self._blocks.get(_key(index))
        if block is None or not block.open:
            return
        wrote = _INPUT in block.pieces and "".join(block.pieces[_INPUT]).strip() != ""
        block.open = False
        block.complete()
        yield from self._completed(block, wrote=wrote)

    def close(self) -> Iterator[Said]:
        """The answer is complete: so is every block that its host did not stop."""
        for index in list(self._blocks):
            yield from self.stop(index)

    @property
    def is_silent(self) -> bool:
        """Whether neither text nor a call has come."""
        return self._length == self.calls == 0

    def blocks(self) -> list[dict[str, Any]]:
        """The blocks as they came, those that still grow as far as they have."""
        return [block.so_far() for block in self._blocks.values()]

    def keepsake(self) -> dict[str, Any] | None:
        """What OpenAI's fields do not say of the blocks."""
        blocks = [block.fields for block in self._blocks.values()]
        whole = all(isinstance(b.get("input", {}), dict) for b in blocks)
        return keepsake([b for b in blocks if not self._is_answer(b)]) if whole else None

    def _is_answer(self, fields: dict[str, Any]) -> bool:
        return self.by_tool and fields.get("type") == "tool_use" and fields.get("name") == ANSWER

    def _completed(self, block: _Block, *, wrote: bool) -> Iterator[Said]:
        if (thought := as_thinking(block.fields)) is not None:
            yield {"thinking_blocks": [thought]}
        elif block.kind == "text":
            if found := [*cited(block.fields, block.at)]:
                yield {"annotations": found}
        elif block.kind == "tool_use" and not wrote:
            # No argument is an argument too: "" is no JSON. Some hosts tell all of them at the start.
            text = as_call(block.fields)["function"]["arguments"]
            yield from self._arguments(block, text)

    def _arguments(self, block: _Block, text: str) -> Iterator[Said]:
        if self._is_answer(block.fields):
            yield {"content": text}
        else:
            yield {"tool_calls": [{"index": block.at, "function": {"arguments": text}}]}

    def _start_text(self, block: _Block) -> Iterator[Said]:
        block.at = self._length
        text = block.text("text")
        self._length += len(text)
        if text or not self._spoken:
            yield {"content": text}
        self._spoken = True

    def _start_thinking(self, block: _Block) -> Iterator[Said]:
        if text := block.text("thinking"):
            yield {"reasoning_content": text}

    def _start_call(self, block: _Block) -> Iterator[Said]:
        if self._is_answer(block.fields):
            return
        block.at = self.calls
        self.calls += 1
        function = {"name": block.fields.get("name"), "arguments": ""}
        made = {"index": block.at, "id": block.fields.get("id"), "type": "function"}
        yield {"tool_calls": [made | {"function": function}]}

    def _text(self, block: _Block, delta: dict[str, Any]) -> Iterator[Said]:
        if piece := block.add("text", delta.get("text")):
            self._length += len(piece)
            yield {"content": piece}

    def _thinking(self, block: _Block, delta: dict[str, Any]) -> Iterator[Said]:
        if piece := block.add("thinking", delta.get("thinking")):
            yield {"reasoning_content": piece}

    def _signature(self, block: _Block, delta: dict[str, Any]) -> Iterator[Said]:
        block.fields["signature"] = delta.get("signature")
        yield from ()

    def _input(self, block: _Block, delta: dict[str, Any]) -> Iterator[Said]:
        piece = block.add(_INPUT, delta.get(_INPUT))
        if piece and block.kind == "tool_use":
            yield from self._arguments(block, piece)

    def _citation(self, block: _Block, delta: dict[str, Any]) -> Iterator[Said]:
        if not isinstance(block.fields.get("citations"), list):
            block.fields["citations"] = []
        block.fields["citations"].append(delta.get("citation"))
        yield from ()

    def _compaction(self, block: _Block, delta: dict[str, Any]) -> Iterator[Said]:
        block.fields |= {k: v for k, v in delta.items() if k != "type"}
        yield from ()


_Delta = Callable[[Growing, _Block, dict[str, Any]], Iterator[Said]]
_STARTS: dict[str, Callable[[Growing, _Block], Iterator[Said]]] = {
    "text": Growing._start_text,  # noqa: SLF001 - the class's own table
    "thinking": Growing._start_thinking,  # noqa: SLF001
    "tool_use": Growing._start_call,  # noqa: SLF001
}
# Each delta, and the type of block it must belong to, where it can only be one.
_DELTAS: dict[str, tuple[_Delta | None, str]] = {
    "text_delta": (Growing._text, "text"),  # noqa: SLF001
    "thinking_delta": (Growing._thinking, "thinking"),  # noqa: SLF001
    "signature_delta": (Growing._signature, "thinking"),  # noqa: SLF001
    "input_json_delta": (Growing._input, ""),  # noqa: SLF001
    "citations_delta": (Growing._citation, "text"),  # noqa: SLF001
    "compaction_delta": (Growing._compaction, "compaction"),  # noqa: SLF001
}


def _key(index: Any) -> Any:
    return index if isinstance(index, int | str) else None


class Whole:
    """The blocks of one answer as they came, for whoever wants them in their own form."""

    def __init__(self, blocks: Iterable[dict[str, Any]] = ()) -> None:
        self._growing = Growing(by_tool=False)
        for index, block in enumerate(blocks):
            deque(self._growing.start(index, block), maxlen=0)

    def take(self, kind: Any, event: dict[str, Any]) -> None:
        """Take an event that may be about a block."""
        index, block, delta = event.get("index"), event.get("content_block"), event.get("delta")
        if kind == "content_block_start" and isinstance(block, dict):
            deque(self._growing.start(index, block), maxlen=0)
        elif kind == "content_block_delta" and isinstance(delta, dict):
            deque(self._growing.grow(index, delta), maxlen=0)
        elif kind == "content_block_stop":
            deque(self._growing.stop(index), maxlen=0)

    def fields(self) -> list[dict[str, Any]]:
        """The blocks, as far as they have come."""
        return self._growing.blocks()
