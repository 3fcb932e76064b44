"""A stream's events to chunks. Blocks are rebuilt on the way: what OpenAI's deltas cannot say comes with the last one.

Source: https://docs.cohere.com/v2/docs/streaming, read 2026-11-22. Events of types that nobody knows yet are
passed over. ``message-end`` has the reason and the usage; ``[DONE]`` follows it, or the bytes end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types._model import lenient
from ...types.chat import ChatCompletion, ChatCompletionChunk
from .._cohere import error_in
from .._errors import incomplete, unreadable
from .._plain import PlainBody
from ._blocks import annotated, as_logprobs
from ._decode import ending, is_error, parse
from ._growing import Growing
from ._usage import translated

__all__ = ["CohereDecoder", "as_chunk"]

Chunks = Iterator[ChatCompletionChunk]


class CohereDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once ``[DONE]`` has come.

    A host that ignores ``stream`` and answers with one JSON object is read as a stream of one chunk.
    """

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._id, self._model = call.id, call.model
        self._growing = Growing()
        self._begun = self._ended = False
        self.done = False

    def feed(self, data: bytes) -> Chunks:
        """Take the next bytes."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                yield from self._event(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Chunks:
        """The bytes have ended."""
        if (plain := self._plain.response) is not None:
            self.done = True
            yield as_chunk(parse(self._call, plain))
            return
        for event in self._sse.finish():
            yield from self._event(event)
        if not (self.done or self._ended):
            raise incomplete(self._call, b"" if self._begun else bytes(self._sse.stray))
        self.done = True

    def _event(self, event: Event) -> Chunks:
        said = event.data.strip()
        if self.done or not said:
            return
        if said == b"[DONE]":
            self.done = self._ended
            return
        data = self._loaded(event)
        if not isinstance(data, dict):
            return
        kind = data.get("type") or event.name
        handle = _EVENTS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            yield from handle(self, data, _message(data))
        elif kind == "error" or is_error(data):
            raise error_in(self._call, data)

    def _loaded(self, event: Event) -> Any:
        try:
            return load(event.data)
        except NotJSON:
            if event.name and event.name not in _EVENTS and event.name != "error":
                return None
            response = HTTPResponse(200, body=event.data)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None

    def _start(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        told = data.get("id")
        self._id = told if isinstance(told, str) and told else self._id
        yield from ()

    def _content(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        piece = message.get("content")
        if not isinstance(piece, dict):
            return
        said = self._growing.add(data.get("index"), piece)
        logprobs = as_logprobs(data.get("logprobs"))
        if said or logprobs:
            yield self._chunk(said, **({"logprobs": logprobs} if logprobs else {}))

    def _content_end(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        thought = self._growing.close(data.get("index"))
        if thought is not None:
            yield self._chunk({"thinking_blocks": [thought]})

    def _plan(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        piece = message.get("tool_plan")
        if isinstance(piece, str) and piece:
            self._growing.plan.append(piece)
            yield self._chunk({"reasoning_content": piece})

    def _call_piece(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        piece = message.get("tool_calls")
        if isinstance(piece, dict):
            yield from self._calls(self._growing.call(data.get("index"), piece))

    def _call_end(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        yield from self._calls(self._growing.close_call(data.get("index")))

    def _calls(self, pieces: Iterator[dict[str, Any]]) -> Chunks:
        for piece in pieces:
            yield self._chunk({"tool_calls": [piece]})

    def _citation(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        found = message.get("citations")
        for citation in found if isinstance(found, list) else [found]:
            if isinstance(citation, dict):
                self._growing.citations.append(citation)
                notes = list(annotated(citation, self._growing.starts))
                if notes:
                    yield self._chunk({"annotations": notes})

    def _end(self, data: dict[str, Any], message: Mapping[str, Any]) -> Chunks:
        delta = data.get("delta")
        told = delta if isinstance(delta, dict) else {}
        if told.get("error") and told.get("finish_reason") is None:
            raise error_in(self._call, told)
        finish, ended = ending(self._call, told)
        yield from self._calls(self._growing.close_calls())
        for thought in self._growing.close_blocks():
            yield self._chunk({"thinking_blocks": [thought]})
        self._ended = True
        kept = self._growing.keepsake()
        last = {} if kept is None else {"provider_specific_fields": kept}
        # A host that tells no reason has ended all the same.
        reason = finish or ("tool_calls" if self._growing.calls else "stop")
        yield self._chunk(last, finish_reason=reason, **ended)
        if isinstance(told.get("usage"), dict):
            yield self._bare(usage=translated(told["usage"]))

    def _chunk(self, delta: dict[str, Any], **choice: Any) -> ChatCompletionChunk:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", **delta}
        return self._bare(choices=[{"index": 0, "delta": delta, **choice}])

    def _bare(self, **fields: Any) -> ChatCompletionChunk:
        made = {"id": self._id, "model": self._model, "choices": [], **fields}
        return lenient(ChatCompletionChunk, made)


_EVENTS: dict[str, Callable[[CohereDecoder, dict[str, Any], Mapping[str, Any]], Chunks]] = {
    "message-start": CohereDecoder._start,  # noqa: SLF001 - the class's own table
    "content-start": CohereDecoder._content,  # noqa: SLF001
    "content-delta": CohereDecoder._content,  # noqa: SLF001
    "content-end": CohereDecoder._content_end,  # noqa: SLF001
    "tool-plan-delta": CohereDecoder._plan,  # noqa: SLF001
    "tool-call-start": CohereDecoder._call_piece,  # noqa: SLF001
    "tool-call-delta": CohereDecoder._call_piece,  # noqa: SLF001
    "tool-call-end": CohereDecoder._call_end,  # noqa: SLF001
    "citation-start": CohereDecoder._citation,  # noqa: SLF001
    "message-end": CohereDecoder._end,  # noqa: SLF001
}


def _message(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event adds to the message."""
    delta = data.get("delta")
    message = delta.get("message") if isinstance(delta, Mapping) else None
    return message if isinstance(message, Mapping) else {}


def as_chunk(completion: ChatCompletion) -> ChatCompletionChunk:
    """A whole answer as the only chunk of a stream."""
    data = completion.to_dict() | {"object": "chat.completion.chunk"}
    for choice in data["choices"]:
        choice["delta"] = choice.pop("message", {})
        for position, call in enumerate(choice["delta"].get("tool_calls") or ()):
            call["index"] = position
    return lenient(ChatCompletionChunk, data)
