"""A stream's events to chunks. Blocks are rebuilt on the way: what OpenAI's deltas cannot say comes with the last one.

Events and deltas may be of types that nobody knows yet; they never raise. An exception does, as what it says it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._eventstream import Frame
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ...types._model import lenient
from ...types.chat import ChatCompletion, ChatCompletionChunk
from .._aws_frames import FrameReader
from .._aws_paths import bare
from .._errors import incomplete, unreadable
from ._blocks import inner
from ._decode import answered, beside, ending, parse
from ._format import answers_by_tool
from ._growing import Growing, Said

if TYPE_CHECKING:
    from . import BedrockConverse

__all__ = ["ConverseDecoder", "ConverseReading"]

_ROUTER = "prompt-router/"


class ConverseReading:
    """The events of one answer, whatever they came in; ``ended`` once its reason is known."""

    def __init__(self, call: ChatCall, *, by_tool: bool = False) -> None:
        self._call = call
        # Which model a router has chosen is told at the end; until then it is not known.
        self._model = "" if _ROUTER in call.model else bare(call.model)
        self._growing = Growing(by_tool=by_tool)
        self._begun = self.ended = self.done = False

    def event(self, name: str, data: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        """Take one event."""
        handle = _EVENTS.get(name)
        if handle is not None and not self.done:
            yield from handle(self, data)

    def finish(self, stray: bytes = b"") -> Iterator[ChatCompletionChunk]:
        """The stream has ended: it may lack its usage, but not its end. ``stray`` is half a frame."""
        if not self.ended:
            raise incomplete(self._call, b"" if self._begun else stray)
        self.done = True
        yield from ()

    def _start(self, data: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        yield from ()

    def _block(self, data: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        yield from self._said(
            self._growing.start(data.get("contentBlockIndex"), inner(data, "start"))
        )

    def _delta(self, data: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        yield from self._said(
            self._growing.grow(data.get("contentBlockIndex"), inner(data, "delta"))
        )

    def _block_stop(self, data: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        yield from self._said(self._growing.stop(data.get("contentBlockIndex")))

    def _stop(self, data: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        yield from self._said(self._growing.close())
        self.ended = True
        finish, told = ending(data, by_tool=self._growing.by_tool)
        kept = self._growing.keepsake()
        last = {} if kept is None else {"provider_specific_fields": kept}
        chunk = self._chunk(last, finish_reason=finish, **told)
        yield lenient(ChatCompletionChunk, {**beside(data), **chunk.to_dict()})

    def _metadata(self, data: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        yield self._bare(**answered(self._call, data))
        self.done = self.ended

    def _said(self, pieces: Iterator[Said]) -> Iterator[ChatCompletionChunk]:
        return (self._chunk(piece) for piece in pieces)

    def _chunk(self, delta: Said, **choice: Any) -> ChatCompletionChunk:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", **delta}
        return self._bare(choices=[{"index": 0, "delta": delta, **choice}])

    def _bare(self, /, **fields: Any) -> ChatCompletionChunk:
        made = {"id": self._call.id, "model": self._model, "choices": [], **fields}
        return lenient(ChatCompletionChunk, made)


_EVENTS: dict[
    str, Callable[[ConverseReading, Mapping[str, Any]], Iterator[ChatCompletionChunk]]
] = {
    "messageStart": ConverseReading._start,  # noqa: SLF001 - the class's own table
    "contentBlockStart": ConverseReading._block,  # noqa: SLF001
    "contentBlockDelta": ConverseReading._delta,  # noqa: SLF001
    "contentBlockStop": ConverseReading._block_stop,  # noqa: SLF001
    "messageStop": ConverseReading._stop,  # noqa: SLF001
    "metadata": ConverseReading._metadata,  # noqa: SLF001
}


class ConverseDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once the usage has come.

    A host that answers with one JSON object is read as a stream of one chunk.
    """

    def __init__(self, wire: BedrockConverse, call: ChatCall) -> None:
        self._wire, self._call = wire, call
        self._frames = FrameReader(call)
        self._reading = ConverseReading(call, by_tool=answers_by_tool(wire, call))
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        for frame in self._frames.feed(data):
            yield from self._reading.event(frame.text(":event-type"), self._loaded(frame))
            self.done = self._reading.done

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._frames.plain) is not None:
            yield from self.whole(plain)
        else:
            yield from self._reading.finish(self._frames.pending)
        self.done = True

    def whole(self, response: HTTPResponse) -> Iterator[ChatCompletionChunk]:
        """An answer that came in one piece, as a chunk."""
        yield _as_chunk(parse(self._wire, self._call, response))

    def _loaded(self, frame: Frame) -> Mapping[str, Any]:
        try:
            data = load(frame.payload)
        except NotJSON:
            response = HTTPResponse(200, body=frame.payload)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None
        return data if isinstance(data, dict) else {}


def _as_chunk(completion: ChatCompletion) -> ChatCompletionChunk:
    data = completion.to_dict() | {"object": "chat.completion.chunk"}
    for choice in data["choices"]:
        choice["delta"] = choice.pop("message", {})
        for position, call in enumerate(choice["delta"].get("tool_calls") or ()):
            call["index"] = position
    return lenient(ChatCompletionChunk, data)
