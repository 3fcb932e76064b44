"""A stream as this API's own events, typed and kept whole, and the message that they make up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._calls import MessagesCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types._model import lenient
from ...types.messages import MessageEvent, MessageResponse
from .._errors import incomplete, unreadable
from .._plain import PlainBody
from ._errors import stream_error
from ._growing import Whole
from ._usage import update

__all__ = ["MessagesDecoder"]

Parse = Callable[[MessagesCall, HTTPResponse], MessageResponse]
Typed = Callable[[Mapping[str, Any]], MessageResponse]
# They say only that there will be an answer: up to what follows, a failure is one of opening the stream.
_HEADS = frozenset({"message_start", "ping"})


class MessagesDecoder:
    """Feed it bytes, cut anywhere; it yields events. ``done`` once ``message_stop`` has come."""

    def __init__(self, call: MessagesCall, parse: Parse, typed: Typed) -> None:
        self._call, self._parse, self._typed = call, parse, typed
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._message: dict[str, Any] = {}
        self._blocks = Whole()
        self._held: list[MessageEvent] = []
        self._begun = self._speaking = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[MessageEvent]:
        """Take the next bytes."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                yield from self._event(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[MessageEvent]:
        """The bytes have ended. Raises where that was too early."""
        if (plain := self._plain.response) is not None:
            yield from self._whole(self._parse(self._call, plain))
            return
        for event in self._sse.finish():
            yield from self._event(event)
        if not self.done and self._message.get("stop_reason") is None:
            raise incomplete(self._call, b"" if self._begun else bytes(self._sse.stray))
        if not self.done:
            self.done = True
            yield MessageEvent(type="message_stop")

    def _whole(self, answer: MessageResponse) -> Iterator[MessageEvent]:
        """A host that ignores ``stream``: its answer as the fewest events that say it."""
        said = answer.to_dict()
        self._message, self._blocks = said, Whole(said.get("content") or ())
        self.done = True
        yield lenient(MessageEvent, {"type": "message_start", "message": said | {"content": []}})
        for index, block in enumerate(said.get("content") or ()):
            told = {"index": index, "content_block": block}
            yield lenient(MessageEvent, {"type": "content_block_start", **told})
            yield lenient(MessageEvent, {"type": "content_block_stop", "index": index})
        delta = {name: said.get(name) for name in ("stop_reason", "stop_sequence")}
        last = {"type": "message_delta", "delta": delta, "usage": said.get("usage") or {}}
        yield lenient(MessageEvent, last)
        yield MessageEvent(type="message_stop")

    def _event(self, event: Event) -> Iterator[MessageEvent]:
        data = None if self.done or not event.data.strip() else self._loaded(event)
        if not isinstance(data, dict):
            return
        kind = str(data.get("type") or event.name)
        if kind == "error" or data.get("error"):
            raise stream_error(self._call, data)
        self._begun = True
        self._note(kind, data)
        self.done = kind == "message_stop"
        self._held.append(lenient(MessageEvent, {"type": kind, **data}))
        if self._speaking or kind not in _HEADS:
            self._speaking = True
            held, self._held = self._held, []
            yield from held

    def _loaded(self, event: Event) -> Any:
        try:
            return load(event.data)
        except NotJSON:
            if event.name == "error":
                text = event.data.decode("utf-8", "replace")
                raise stream_error(self._call, {"error": text}) from None
            response = HTTPResponse(200, body=event.data)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None

    def _note(self, kind: Any, data: dict[str, Any]) -> None:
        if kind == "message_start" and isinstance(data.get("message"), dict):
            usage = data["message"].get("usage")
            # A copy, once: it grows by what each of many events may tell.
            self._message = data["message"] | (
                {"usage": dict(usage)} if isinstance(usage, dict) else {}
            )
        elif kind == "message_delta":
            delta = data.get("delta")
            self._message |= delta if isinstance(delta, dict) else {}
            told = {k: v for k, v in data.items() if k not in ("type", "delta", "usage")}
            self._message |= told
            self._count(data.get("usage"))
        else:
            self._blocks.take(kind, data)
            self._fall_back(data.get("content_block"))

    def _count(self, told: Any) -> None:
        if not isinstance(self._message.get("usage"), dict):
            self._message["usage"] = {}
        update(self._message["usage"], told if isinstance(told, dict) else {})

    def _fall_back(self, block: Any) -> None:
        """Another model has taken over: it is that one's answer from here on."""
        if isinstance(block, dict) and block.get("type") == "fallback":
            to = block.get("to")
            model = to.get("model") if isinstance(to, dict) else None
            self._message["model"] = model or self._message.get("model")

    def result(self) -> MessageResponse:
        """The answer as far as it has come."""
        return self._typed({**self._message, "content": self._blocks.fields()})
