"""A stream's events to chunks. Blocks are rebuilt on the way: what OpenAI's deltas cannot say comes with the last one.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11-22. Events and deltas may be of
types that nobody knows yet; they never raise. An error event does, as what it says it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types._model import lenient
from ...types.chat import ChatCompletion, ChatCompletionChunk
from .._alike import CREDIT, LESSON, Alike, Run, learned, place
from .._errors import incomplete, unreadable
from .._plain import PlainBody
from ._decode import beside, ending, parse, refusal
from ._errors import stream_error
from ._format import answers_by_tool
from ._growing import Growing, Said
from ._usage import prompt_side, translated, update

if TYPE_CHECKING:
    from . import AnthropicMessages

__all__ = ["AnthropicDecoder"]

_DELTA = "content_block_delta"
# Each delta that is a text, and the text's name.
_TEXTS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}


class AnthropicDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once ``message_stop`` has come.

    A host that ignores ``stream`` and answers with one JSON object is read as a stream of one chunk.
    """

    def __init__(self, wire: AnthropicMessages, call: ChatCall) -> None:
        self._wire, self._call = wire, call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._id, self._model = call.id, call.model
        self._usage: dict[str, Any] = {}
        self._rest: dict[str, Any] = {}
        self._begun = self._ended = False
        self._growing = Growing(by_tool=answers_by_tool(wire, call))
        self._credit = CREDIT
        self._like: Alike | None = None
        self._grows: tuple[Any, str] = (None, "")
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        if self._plain.open and self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                chunk = None if self._like is None else self._liken(event, self._like)
                if chunk is not None:
                    yield chunk
                else:
                    yield from self._event(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def run(self, data: bytes) -> Run | None:
        """What a piece begins with, where that is events like the last one; else ``None``, and nothing is taken."""
        if self._like is None or self.done or not self._sse.idle:
            return None
        found = self._like.run(data)
        if found is None or "" in found.texts:
            return None
        self._growing.extend(*self._grows, found.texts)
        self._credit = CREDIT
        return found

    def _liken(self, event: Event, like: Alike) -> ChatCompletionChunk | None:
        """The chunk of an event like the last one; who adds nothing makes none."""
        if self.done or (found := like.one(event.data)) is None:
            return None
        text, chunk = found
        if not text:
            return None
        self._growing.extend(*self._grows, [text])
        self._credit = min(CREDIT, self._credit + 1)
        return chunk

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._plain.response) is not None:
            self.done = True
            yield _as_chunk(parse(self._wire, self._call, plain))
            return
        for event in self._sse.finish():
            yield from self._event(event)
        if self.done:
            return
        if not self._ended:
            raise incomplete(self._call, b"" if self._begun else bytes(self._sse.stray))
        yield from self._stop({})

    def _event(self, event: Event) -> Iterator[ChatCompletionChunk]:
        if self.done or not event.data.strip():
            return
        data = self._loaded(event)
        if not isinstance(data, dict):
            return
        kind = data.get("type") or event.name
        if kind == "error" or data.get("error"):
            raise stream_error(self._call, data)
        handle = _EVENTS.get(kind) if isinstance(kind, str) else None
        if handle is None:
            return
        self._like = None
        if kind != _DELTA:
            yield from handle(self, data)
            return
        chunks = [*handle(self, data)]
        self._learn(event, data, chunks)
        yield from chunks

    def _loaded(self, event: Event) -> Any:
        try:
            return load(event.data)
        except NotJSON:
            response = HTTPResponse(200, body=event.data)
            if event.name == "error":
                text = event.data.decode("utf-8", "replace")
                raise stream_error(self._call, {"error": text}) from None
            if event.name and event.name not in _EVENTS:
                return None
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None

    def _start(self, data: dict[str, Any]) -> Iterator[ChatCompletionChunk]:
        """The head is told with the first piece: a fallback, which comes before it, changes the model."""
        message = data.get("message")
        told = message if isinstance(message, dict) else {}
        self._id, self._model = told.get("id") or self._id, told.get("model") or self._model
        self._rest = beside(told)
        if isinstance(told.get("usage"), dict):
            self._usage = told["usage"]
        yield from ()

    def _block(self, data: dict[str, Any]) -> Iterator[ChatCompletionChunk]:
        block = data.get("content_block")
        if not isinstance(block, dict):
            return
        if block.get("type") == "fallback" and isinstance(block.get("to"), Mapping):
            self._model = block["to"].get("model") or self._model
        yield from self._said(self._growing.start(data.get("index"), block))

    def _delta(self, data: dict[str, Any]) -> Iterator[ChatCompletionChunk]:
        if isinstance(data.get("delta"), dict):
            yield from self._said(self._growing.grow(data.get("index"), data["delta"]))

    def _learn(self, event: Event, data: dict[str, Any], chunks: list[ChatCompletionChunk]) -> None:
        """What there is to be known of a delta like this one, which has come to these chunks."""
        delta = data["delta"] if isinstance(data.get("delta"), dict) else {}
        kind = delta.get("type")
        name = _TEXTS.get(kind) if isinstance(kind, str) else None
        if name is None or len(chunks) != 1 or self._credit < LESSON:
            return
        chunk, path = chunks[0], place(chunks[0])
        if path is None or event.name not in ("", _DELTA) or chunk.choices[0].delta.role:
            return
        self._credit -= LESSON
        line = b"event: %b\n" % _DELTA.encode() if event.name else b""
        self._like = learned(event.data, ("delta", name), chunk, path, named=line)
        self._grows = (data.get("index"), name)

    def _block_stop(self, data: dict[str, Any]) -> Iterator[ChatCompletionChunk]:
        yield from self._said(self._growing.stop(data.get("index")))

    def _message_delta(self, data: dict[str, Any]) -> Iterator[ChatCompletionChunk]:
        if isinstance(data.get("usage"), dict):
            update(self._usage, data["usage"])
        delta = data.get("delta")
        told = delta if isinstance(delta, dict) else {}
        finish, ended = ending(told, by_tool=self._growing.by_tool)
        self._rest |= beside({k: v for k, v in data.items() if k != "delta"}) | beside(told)
        if finish is None:
            return
        yield from self._said(self._growing.close())
        self._ended = True
        kept = self._growing.keepsake()
        last = {} if kept is None else {"provider_specific_fields": kept}
        last |= refusal(told, silent=self._growing.is_silent)
        chunk = self._chunk(last, finish_reason=finish, **ended)
        yield lenient(ChatCompletionChunk, {**self._rest, **chunk.to_dict()})

    def _stop(self, data: dict[str, Any]) -> Iterator[ChatCompletionChunk]:
        if not self._ended:
            # A host that tells no reason has ended all the same.
            reason = "tool_use" if self._growing.calls else "end_turn"
            yield from self._message_delta({"delta": {"stop_reason": reason}})
        if self._usage:
            tier = self._usage.get("service_tier")
            told = {} if tier is None else {"service_tier": tier}
            yield self._bare(usage=translated(self._usage), **told)
        self.done = True

    def _said(self, pieces: Iterator[Said]) -> Iterator[ChatCompletionChunk]:
        for piece in pieces:
            if not self._begun:
                yield from self._prompt_usage()
            yield self._chunk(piece)

    def _prompt_usage(self) -> Iterator[ChatCompletionChunk]:
        """What the prompt used is known now; of a stream that breaks, nothing else ever will be."""
        if self._usage:
            yield self._bare(usage=prompt_side(self._usage))

    def _chunk(self, delta: Said, **choice: Any) -> ChatCompletionChunk:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", **delta}
        return self._bare(choices=[{"index": 0, "delta": delta, **choice}])

    def _bare(self, **fields: Any) -> ChatCompletionChunk:
        made = {"id": self._id, "model": self._model, "choices": [], **fields}
        return lenient(ChatCompletionChunk, made)


_EVENTS: dict[str, Callable[[AnthropicDecoder, dict[str, Any]], Iterator[ChatCompletionChunk]]] = {
    "message_start": AnthropicDecoder._start,  # noqa: SLF001 - the class's own table
    "content_block_start": AnthropicDecoder._block,  # noqa: SLF001
    "content_block_delta": AnthropicDecoder._delta,  # noqa: SLF001
    "content_block_stop": AnthropicDecoder._block_stop,  # noqa: SLF001
    "message_delta": AnthropicDecoder._message_delta,  # noqa: SLF001
    "message_stop": AnthropicDecoder._stop,  # noqa: SLF001
}


def _as_chunk(completion: ChatCompletion) -> ChatCompletionChunk:
    data = completion.to_dict() | {"object": "chat.completion.chunk"}
    for choice in data["choices"]:
        choice["delta"] = choice.pop("message", {})
        for position, call in enumerate(choice["delta"].get("tool_calls") or ()):
            call["index"] = position
    return lenient(ChatCompletionChunk, data)
