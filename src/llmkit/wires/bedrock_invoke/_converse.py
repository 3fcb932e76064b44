"""Models whose own body is Converse's with small differences: the fields beside it stand in it, under a version.

Source: https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import NotJSON, dump, load
from ...errors import APIError
from ...types.chat import ChatCompletion, ChatCompletionChunk
from .._aws_errors import failed
from .._aws_frames import FrameReader
from .._aws_paths import model_url
from .._errors import unreadable
from ..bedrock_converse import BedrockConverse
from ..bedrock_converse._stream import ConverseReading
from ._envelope import method_of
from ._stream import event_of

__all__ = ["InvokedConverse"]

_EXTRA = "additionalModelRequestFields"
_VERSION = "messages-v1"


@dataclass(frozen=True, slots=True)
class InvokedConverse:
    """The wire: ``converse`` writes and reads what the body has in common with it."""

    converse: BedrockConverse

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        request = self.converse.build(call, to)
        body: dict[str, Any] = load(request.body)
        for name, value in body.pop(_EXTRA, {}).items():
            old = body.get(name)
            both = isinstance(old, dict) and isinstance(value, dict)
            body[name] = {**old, **value} if both else value  # type: ignore[dict-item]
        body.setdefault("schemaVersion", _VERSION)
        url = model_url(to, call.model, method_of(call))
        return HTTPRequest("POST", url, request.headers, dump(body), request.adjustments)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return self.converse.parse(call, response)

    def decoder(self, call: ChatCall) -> _Decoder:
        """A decoder for one stream."""
        return _Decoder(self, call)

    def reads_url(self, url: str) -> bool:
        """Whether the host fetches an address in a message by itself."""
        return self.converse.reads_url(url)

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


class _Decoder:
    """Converse's events, each in a chunk's bytes under its name."""

    def __init__(self, wire: InvokedConverse, call: ChatCall) -> None:
        self._wire, self._call = wire, call
        self._frames = FrameReader(call)
        self._reading = ConverseReading(call)
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        for frame in self._frames.feed(data):
            for name, event in self._event(event_of(self._call, frame)):
                yield from self._reading.event(name, event)
            self.done = self._reading.done

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._frames.plain) is not None:
            yield from self._wire.converse.decoder(self._call).whole(plain)
        else:
            yield from self._reading.finish(self._frames.pending)
        self.done = True

    def _event(self, raw: bytes) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if not raw:
            return
        try:
            data = load(raw)
        except NotJSON:
            response = HTTPResponse(200, body=raw)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None
        for name, event in data.items() if isinstance(data, dict) else ():
            if isinstance(event, dict):
                yield name, event
