"""A stream of the first version: one event a line, as JSON, or framed as server-sent events.

Source: https://docs.cohere.com/v1/docs/streaming, read 2026-11-22. ``stream-end`` is the last and has all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ...types._model import lenient
from ...types.chat import ChatCompletionChunk
from .._cohere import error_in
from .._errors import incomplete
from .._numbers import whole
from ..cohere_chat._stream import as_chunk
from ._decode import annotated, as_call, ending, listed, parse_body, rest, usage
from ._lines import Lines

__all__ = ["CohereV1Decoder"]

Chunks = Iterator[ChatCompletionChunk]


class CohereV1Decoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once ``stream-end`` has come."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._id = call.id
        self._lines = Lines(call)
        self._begun = False
        self._calls: dict[int, bool] = {}
        self._citations: list[dict[str, Any]] = []
        self.done = False

    def feed(self, data: bytes) -> Chunks:
        """Take the next bytes."""
        for event in self._lines.feed(data):
            yield from self._event(event)

    def finish(self) -> Chunks:
        """The bytes have ended."""
        for event in self._lines.finish():
            yield from self._event(event)
        if not self.done:
            raise incomplete(self._call)

    def _event(self, data: dict[str, Any]) -> Chunks:
        if self.done:
            return
        kind = data.get("event_type")
        if kind is None:
            yield from self._whole(data)
            return
        handle = _EVENTS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            yield from handle(self, data)

    def _whole(self, data: dict[str, Any]) -> Chunks:
        """A host that does not stream answers in one object; an error is one, too."""
        if isinstance(data.get("message"), str) or data.get("error"):
            raise error_in(self._call, data)
        if not self._begun and "text" in data:
            self.done = True
            yield as_chunk(parse_body(self._call, HTTPResponse(200), data))

    def _start(self, data: dict[str, Any]) -> Chunks:
        told = data.get("generation_id")
        self._id = told if isinstance(told, str) and told else self._id
        yield from ()

    def _text(self, data: dict[str, Any]) -> Chunks:
        if isinstance(data.get("text"), str):
            yield self._chunk({"content": data["text"]})

    def _citation(self, data: dict[str, Any]) -> Chunks:
        for citation in listed(data.get("citations")):
            self._citations.append(citation)
            if notes := list(annotated(citation)):
                yield self._chunk({"annotations": notes})

    def _call_piece(self, data: dict[str, Any]) -> Chunks:
        """A piece of a call, or of the plan before it."""
        if isinstance(data.get("text"), str) and data["text"]:
            yield self._chunk({"reasoning_content": data["text"]})
        piece = data.get("tool_call_delta")
        if not isinstance(piece, dict):
            return
        index = whole(piece.get("index")) or 0
        function = {"name": piece.get("name"), "arguments": piece.get("parameters")}
        made: dict[str, Any] = {k: v for k, v in function.items() if isinstance(v, str)}
        head = {} if index in self._calls else {"id": f"{self._id}-{index}", "type": "function"}
        self._calls[index] = True
        if made or head:
            yield self._chunk({"tool_calls": [{"index": index, **head, "function": made}]})

    def _whole_calls(self, data: dict[str, Any]) -> Chunks:
        """All calls at once: news only where they did not come in pieces."""
        for i, told in enumerate(listed(data.get("tool_calls"))):
            if i not in self._calls:
                self._calls[i] = True
                yield self._chunk({"tool_calls": [{"index": i, **as_call(self._id, i, told)}]})

    def _end(self, data: dict[str, Any]) -> Chunks:
        found = data.get("response")
        whole = found if isinstance(found, dict) else {}
        yield from self._whole_calls(whole)
        finish, ended = ending(self._call, {**whole, **data}, called=bool(self._calls))
        kept = {"provider_specific_fields": {"citations": self._citations}}
        last = self._chunk(kept if self._citations else {}, finish_reason=finish, **ended)
        yield lenient(ChatCompletionChunk, {**rest(whole), **last.to_dict()})
        if (counted := usage(whole)) is not None:
            yield self._bare(usage=counted)
        self.done = True

    def _chunk(self, delta: dict[str, Any], **choice: Any) -> ChatCompletionChunk:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", **delta}
        return self._bare(choices=[{"index": 0, "delta": delta, **choice}])

    def _bare(self, **fields: Any) -> ChatCompletionChunk:
        made = {"id": self._id, "model": self._call.model, "choices": [], **fields}
        return lenient(ChatCompletionChunk, made)


_EVENTS: dict[str, Callable[[CohereV1Decoder, dict[str, Any]], Chunks]] = {
    "stream-start": CohereV1Decoder._start,  # noqa: SLF001 - the class's own table
    "text-generation": CohereV1Decoder._text,  # noqa: SLF001
    "citation-generation": CohereV1Decoder._citation,  # noqa: SLF001
    "tool-calls-chunk": CohereV1Decoder._call_piece,  # noqa: SLF001
    "tool-calls-generation": CohereV1Decoder._whole_calls,  # noqa: SLF001
    "stream-end": CohereV1Decoder._end,  # noqa: SLF001
}
