"""An answer under construction: its blocks, its calls and what must be told at its end.

Texts are gathered in lists and joined once. Knows the dialect's pieces, not its events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._blocks import keepsake

__all__ = ["Growing"]

_SAID = {"text": "content", "thinking": "reasoning_content"}
_NOTHING = "null"
# White space may go on for ever: what is longer is told as it came.
_HELD = 64


class _Block:
    __slots__ = ("closed", "first", "pieces")

    def __init__(self) -> None:
        self.first: dict[str, Any] = {}
        self.pieces: dict[str, list[str]] = {}
        self.closed = False

    def result(self) -> dict[str, Any]:
        texts = {name: "".join(pieces) for name, pieces in self.pieces.items()}
        kind = self.first.get("type") or next(iter(texts), "text")
        return {"type": kind, **self.first, **texts}


class _Call:
    """A call. Its arguments are held back as long as they may be the ``null`` of a call without any."""

    __slots__ = ("closed", "held", "number", "told")

    def __init__(self, number: int) -> None:
        self.number, self.held = number, ""
        self.told = self.closed = False

    def add(self, piece: str) -> str:
        if self.told:
            return piece
        self.held += piece
        if len(self.held) <= _HELD and _NOTHING.startswith(self.held.strip()):
            return ""
        self.told = True
        return self.held

    def rest(self) -> str:
        self.closed = True
        if self.told:
            return ""
        self.told = True
        return "{}" if self.held.strip() in ("", _NOTHING) else self.held


class Growing:
    """The parts of one answer by the index that its events name."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._length = 0
        self.starts: dict[int, int] = {}
        """Where each block begins in the whole text."""
        self.calls: dict[int, _Call] = {}
        self.plan: list[str] = []
        self.citations: list[dict[str, Any]] = []

    def add(self, index: Any, piece: dict[str, Any]) -> dict[str, Any]:
        """Take a piece of a block; return what it adds to the message."""
        key = _key(index)
        block = self._blocks.setdefault(key, _Block())
        self.starts.setdefault(key, self._length)
        said: dict[str, Any] = {}
        for name, value in piece.items():
            if name == "type" or not isinstance(value, str):
                block.first[name] = value
                continue
            block.pieces.setdefault(name, []).append(value)
            if name in _SAID and (value or name == "text"):
                said[_SAID[name]] = value
        self._length += len(said.get("content", ""))
        return said

    def close(self, index: Any) -> dict[str, Any] | None:
        """A block has ended: return it where it is thinking, which goes back whole."""
        block = self._blocks.get(_key(index))
        if block is None or block.closed:
            return None
        block.closed = True
        made = block.result()
        return made if made["type"] == "thinking" else None

    def close_blocks(self) -> Iterator[dict[str, Any]]:
        """Blocks whose end was not told."""
        found = (self.close(index) for index in self._blocks)
        return (thought for thought in found if thought is not None)

    def call(self, index: Any, piece: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Take a piece of a call; yield what is new of it."""
        new = _key(index) not in self.calls
        call = self.calls.setdefault(_key(index), _Call(len(self.calls)))
        told = piece.get("function")
        function = told if isinstance(told, dict) else {}
        given = function.get("arguments")
        text = call.add(given) if isinstance(given, str) else ""
        if new:
            rest = {k: v for k, v in piece.items() if k not in ("function", "index")}
            head = {"type": "function", **rest, "index": call.number}
            yield head | {"function": {"name": function.get("name"), "arguments": text}}
        elif text:
            yield {"index": call.number, "function": {"arguments": text}}

    def close_call(self, index: Any) -> Iterator[dict[str, Any]]:
        """A call has ended: yield what was held back of it."""
        call = self.calls.get(_key(index))
        if call is not None and not call.closed and (rest := call.rest()):
            yield {"index": call.number, "function": {"arguments": rest}}

    def close_calls(self) -> Iterator[dict[str, Any]]:
        """Calls whose end was not told."""
        for index in self.calls:
            yield from self.close_call(index)

    def keepsake(self) -> dict[str, Any] | None:
        """What the last chunk must carry beside the fields."""
        blocks = [block.result() for _, block in sorted(self._blocks.items())]
        return keepsake(blocks, "".join(self.plan), self.citations)


def _key(index: Any) -> int:
    return index if isinstance(index, int) else 0
