"""A stream of chunks as this API's events, in its order: items one after another, numbered, each begun, grown and done.

Source: https://platform.openai.com/docs/api-reference/responses-streaming, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._fold import Fold
from ...types.chat import ChatCompletionChunk
from ...types.usage import Usage
from .. import Asked
from .._pieces import Piece, extra_of, first, pieces
from ._open import Call, Item, Refusal, Said, Thought
from ._write import cited, ended, head, native_usage, picture, reasoning

__all__ = ["ResponseEvents"]

Event = dict[str, Any]


class ResponseEvents:
    """Show it every chunk; it yields events."""

    def __init__(self, asked: Asked | None = None) -> None:
        self._asked = asked
        self._fold = Fold()
        self._number = 0
        self._answer: dict[str, Any] | None = None
        self._beside: dict[str, Any] = {}
        self._output: dict[int, dict[str, Any]] = {}
        self._next = 0
        self._open: Item | None = None
        self._calls: dict[int, Call] = {}
        self._rides: dict[str, Any] = {}
        self._loose = False
        self._finish: str | None = None

    def add(self, chunk: ChatCompletionChunk) -> Iterator[Event]:
        """Take the next chunk."""
        self._fold.add(chunk)
        self._beside |= extra_of(chunk)
        for name in ("service_tier", "system_fingerprint"):
            if chunk.get(name) is not None:
                self._beside[name] = chunk[name]
        if self._answer is None:
            yield from self._begin(chunk)
        choice = first(chunk)
        for piece in () if choice is None else pieces(choice):
            if piece.kind in _PIECES:
                yield from map(self._numbered, _PIECES[piece.kind](self, piece))

    def finish(self) -> Iterator[Event]:
        """The chunks have ended."""
        if self._answer is None:
            yield from self._begin(ChatCompletionChunk())
        yield from map(self._numbered, self._close_all())
        made = self.result()
        yield self._numbered({"type": f"response.{made['status']}", "response": made})

    @property
    def usage(self) -> Usage | None:
        """What was used so far, in chat's terms."""
        return self._fold.usage

    def result(self) -> dict[str, Any]:
        """The whole answer, as far as it has come."""
        output = [item for _, item in sorted(self._output.items())]
        made = {**(self._answer or head("", "", None, self._asked)), **ended(self._finish)}
        made |= {"output": output, "usage": native_usage(self._fold.usage, output)}
        return made | {k: v for k, v in self._beside.items() if k != "usage"}

    def _begin(self, chunk: ChatCompletionChunk) -> Iterator[Event]:
        self._answer = head(chunk.id, chunk.model, chunk.created, self._asked)
        for kind in ("created", "in_progress"):
            yield self._numbered({"type": f"response.{kind}", "response": dict(self._answer)})

    def _numbered(self, event: Event) -> Event:
        self._number += 1
        return {**event, "sequence_number": self._number - 1}

    def _name(self, prefix: str) -> str:
        response = "" if self._answer is None else str(self._answer["id"]).removeprefix("resp_")
        return f"{prefix}_{response}_{self._next}"

    def _begun(self, item: Item) -> Iterator[Event]:
        self._next += 1
        if isinstance(item, Call):
            # Hosts may write several calls by turns; each stays open to the end.
            self._calls[item.call] = item
        else:
            self._open = item
        yield from item.begin()

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            item, self._open = self._open, None
            yield from item.end()
            self._output[item.index] = item.whole()

    def _close_all(self) -> Iterator[Event]:
        yield from self._close()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            yield from call.end()
            self._output[call.index] = call.whole()
        if self._rides:
            yield from self._told(reasoning(self._name("rs"), "", self._rides))
            self._rides = {}

    def _told(self, item: dict[str, Any]) -> Iterator[Event]:
        """An item that is whole when it is told."""
        index = self._next
        self._next += 1
        for kind in ("added", "done"):
            yield {"type": f"response.output_item.{kind}", "output_index": index, "item": item}
        self._output[index] = item

    def _thinks(self, piece: Piece) -> Iterator[Event]:
        if not isinstance(self._open, Thought):
            yield from self._close()
            yield from self._begun(Thought(self._name("rs"), self._next))
        self._loose = True
        if self._open is not None:
            yield from self._open.grow(piece.value)

    def _block(self, piece: Piece) -> Iterator[Event]:
        """A block of thinking, whole: it rides in its item where that is still open, else at the end."""
        if not isinstance(piece.value, Mapping):
            return
        if isinstance(self._open, Thought):
            self._open.rides.setdefault("thinking_blocks", []).append(dict(piece.value))
            self._loose = False
            yield from self._close()
            return
        text = piece.value.get("thinking")
        if text and not self._loose:
            yield from self._thinks(Piece("thought", text))
            yield from self._block(piece)
        elif piece.value.get("signature") or piece.value.get("data"):
            self._rides.setdefault("thinking_blocks", []).append(dict(piece.value))

    def _text(self, piece: Piece) -> Iterator[Event]:
        yield from self._say(Said, piece.value)

    def _refusal(self, piece: Piece) -> Iterator[Event]:
        yield from self._say(Refusal, piece.value)

    def _say(self, kind: type[Said], text: str) -> Iterator[Event]:
        if type(self._open) is not kind:
            yield from self._close()
            yield from self._begun(kind(self._name("msg"), self._next))
        if self._open is not None:
            yield from self._open.grow(text)

    def _note(self, piece: Piece) -> Iterator[Event]:
        if isinstance(self._open, Said) and isinstance(piece.value, Mapping):
            yield self._open.annotate(cited(piece.value))

    def _image(self, piece: Piece) -> Iterator[Event]:
        yield from self._close()
        yield from self._told(picture(self._name("ig"), piece.value))

    def _call(self, piece: Piece) -> Iterator[Event]:
        if piece.place in self._calls:
            return
        yield from self._close()
        told = piece.value
        if told.get("signed"):
            self._rides.setdefault("calls", {})[str(told["id"])] = told["signed"]
        yield from self._begun(Call(self._name("fc"), self._next, piece.place, told))

    def _arguments(self, piece: Piece) -> Iterator[Event]:
        call = self._calls.get(piece.place)
        if call is not None:
            yield from call.grow(piece.value)

    def _keep(self, piece: Piece) -> Iterator[Event]:
        self._rides.setdefault("provider_specific_fields", {}).update(piece.value)
        yield from ()

    def _end(self, piece: Piece) -> Iterator[Event]:
        self._finish = piece.value
        yield from ()


_PIECES: dict[str, Callable[[ResponseEvents, Piece], Iterator[Event]]] = {
    "thought": ResponseEvents._thinks,  # noqa: SLF001 - the class's own table
    "block": ResponseEvents._block,  # noqa: SLF001
    "text": ResponseEvents._text,  # noqa: SLF001
    "refusal": ResponseEvents._refusal,  # noqa: SLF001
    "note": ResponseEvents._note,  # noqa: SLF001
    "image": ResponseEvents._image,  # noqa: SLF001
    "call": ResponseEvents._call,  # noqa: SLF001
    "arguments": ResponseEvents._arguments,  # noqa: SLF001
    "kept": ResponseEvents._keep,  # noqa: SLF001
    "end": ResponseEvents._end,  # noqa: SLF001
}
