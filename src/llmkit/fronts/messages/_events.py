"""A stream of chunks as this API's events, in its order: one block after another, the counts with the last.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._fold import Fold
from ...types.chat import ChatCompletionChunk
from ...types.usage import Usage
from .. import Asked
from .._pieces import Piece, extra_of, first, pieces
from .._riding import pack
from ._write import cited, head, image_block, native_usage, stopped, write

__all__ = ["MessageEvents"]

Event = dict[str, Any]


class MessageEvents:
    """Show it every chunk; it yields events."""

    def __init__(self, asked: Asked | None = None) -> None:
        self._asked = asked
        self._fold = Fold()
        self._tier: str | None = None
        self._begun = False
        self._next = 0
        self._open: tuple[str, int] | None = None
        self._calls: dict[int, int] = {}
        self._signed: dict[str, Any] = {}
        self._rides: dict[str, Any] = {}
        self._loose = False
        self._finish: str | None = None
        self._ending: dict[str, Any] = {}
        self._beside: dict[str, Any] = {}

    def add(self, chunk: ChatCompletionChunk) -> Iterator[Event]:
        """Take the next chunk."""
        self._fold.add(chunk)
        self._tier = chunk.service_tier or self._tier
        self._beside |= extra_of(chunk)
        if not self._begun:
            yield from self._begin(chunk.id, chunk.model)
        choice = first(chunk)
        if choice is None:
            return
        self._ending |= {k: v for k, v in extra_of(choice).items() if k.startswith("stop_")}
        for piece in pieces(choice):
            if piece.kind in _PIECES:
                yield from _PIECES[piece.kind](self, piece)

    def finish(self) -> Iterator[Event]:
        """The chunks have ended."""
        if not self._begun:
            yield from self._begin("", "")
        yield from self._close()
        yield from self._ride()
        told = stopped(self._finish, self._ending)
        usage = native_usage(self._fold.usage, self._tier)
        yield {"type": "message_delta", "delta": told, "usage": usage}
        yield {"type": "message_stop"}

    @property
    def usage(self) -> Usage | None:
        """What was used so far, in chat's terms."""
        return self._fold.usage

    def result(self) -> dict[str, Any]:
        """The whole answer, as far as it has come."""
        return write(self._fold.result(), self._asked)

    def _begin(self, response: str, model: str) -> Iterator[Event]:
        self._begun = True
        asked = "" if self._asked is None else self._asked.model
        usage = native_usage(self._fold.usage) | {"output_tokens": 0}
        message = head(response, model or asked) | {"content": [], "stop_reason": None}
        message |= {"stop_sequence": None, "usage": usage}
        yield {"type": "message_start", "message": message}
        yield {"type": "ping"}

    def _start(self, kind: str, block: Mapping[str, Any]) -> Iterator[Event]:
        yield from self._close()
        self._open = kind, self._next
        yield {"type": "content_block_start", "index": self._next, "content_block": dict(block)}
        self._next += 1

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._open[1]}
            self._open = None

    def _delta(self, kind: str, **told: Any) -> Event:
        index = self._open[1] if self._open is not None else 0
        return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **told}}

    def _is_open(self, kind: str) -> bool:
        return self._open is not None and self._open[0] == kind

    def _thinks(self, piece: Piece) -> Iterator[Event]:
        if not self._is_open("thinking"):
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            yield from self._start("thinking", empty)
        self._loose = True
        yield self._delta("thinking_delta", thinking=piece.value)

    def _block(self, piece: Piece) -> Iterator[Event]:
        """A block of thinking, whole: its signature is news, its text has mostly been told."""
        block = piece.value
        if not isinstance(block, Mapping):
            return
        if block.get("type") != "thinking":
            yield from self._start("block", block)
            yield from self._close()
        elif self._is_open("thinking"):
            yield from self._sign(block)
        elif not self._loose:
            yield from self._thinks(Piece("thought", block.get("thinking") or ""))
            yield from self._sign(block)
        elif block.get("signature"):
            # Told long ago, and closed without it.
            self._rides.setdefault("thinking_blocks", []).append(dict(block))

    def _sign(self, block: Mapping[str, Any]) -> Iterator[Event]:
        if block.get("signature"):
            yield self._delta("signature_delta", signature=block["signature"])
        yield from self._close()
        self._loose = False

    def _text(self, piece: Piece) -> Iterator[Event]:
        if not self._is_open("text"):
            yield from self._start("text", {"type": "text", "text": ""})
        yield self._delta("text_delta", text=piece.value)

    def _refusal(self, piece: Piece) -> Iterator[Event]:
        # With a reason of this API's own it is the provider's explanation, not the model's word.
        if "stop_reason" not in self._ending:
            yield from self._text(piece)

    def _note(self, piece: Piece) -> Iterator[Event]:
        citation = cited(piece.value) if isinstance(piece.value, Mapping) else None
        if citation is not None and self._is_open("text"):
            yield self._delta("citations_delta", citation=citation)

    def _image(self, piece: Piece) -> Iterator[Event]:
        yield from self._start("image", image_block(piece.value))
        yield from self._close()

    def _call(self, piece: Piece) -> Iterator[Event]:
        if piece.place in self._calls:
            return
        told = piece.value
        block = {"type": "tool_use", "id": told["id"], "name": told["name"], "input": {}}
        self._calls[piece.place] = self._next
        if told.get("signed"):
            self._signed[str(told["id"])] = told["signed"]
        yield from self._start("call", block)

    def _arguments(self, piece: Piece) -> Iterator[Event]:
        index = self._calls.get(piece.place)
        if index is not None:
            delta = {"type": "input_json_delta", "partial_json": piece.value}
            yield {"type": "content_block_delta", "index": index, "delta": delta}

    def _keep(self, piece: Piece) -> Iterator[Event]:
        if any(piece.value.values()):
            self._rides.setdefault("provider_specific_fields", {}).update(piece.value)
        yield from ()

    def _end(self, piece: Piece) -> Iterator[Event]:
        self._finish = piece.value
        yield from ()

    def _ride(self) -> Iterator[Event]:
        if self._signed:
            self._rides["calls"] = self._signed
        if self._rides:
            block = {"type": "redacted_thinking", "data": pack(self._rides)}
            yield from self._start("block", block)
            yield from self._close()


_PIECES: dict[str, Callable[[MessageEvents, Piece], Iterator[Event]]] = {
    "thought": MessageEvents._thinks,  # noqa: SLF001 - the class's own table
    "block": MessageEvents._block,  # noqa: SLF001
    "text": MessageEvents._text,  # noqa: SLF001
    "refusal": MessageEvents._refusal,  # noqa: SLF001
    "note": MessageEvents._note,  # noqa: SLF001
    "image": MessageEvents._image,  # noqa: SLF001
    "call": MessageEvents._call,  # noqa: SLF001
    "arguments": MessageEvents._arguments,  # noqa: SLF001
    "kept": MessageEvents._keep,  # noqa: SLF001
    "end": MessageEvents._end,  # noqa: SLF001
}
