"""A stream's bytes to its events as JSON objects; an error among them raises, as what it says it is.

What an event means is its readers' affair. Unknown kinds are events too, and never raise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._call import Call
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from .._errors import incomplete, unreadable
from .._plain import PlainBody
from ._failures import failed, failure, is_error
from ._gather import ENDS

__all__ = ["Events"]

_DONE = b"[DONE]"


class Events:
    """Feed it bytes, cut anywhere. ``done`` once an event has come that ends the stream."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._begun = False
        self.done = False

    @property
    def plain(self) -> HTTPResponse | None:
        """The answer of a host that ignores ``stream``; ``None`` where events came."""
        return self._plain.response

    def feed(self, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
        """Take the next bytes; yield kinds and events."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                yield from self._event(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The bytes have ended. Raises where that was too early."""
        for event in self._sse.finish():
            yield from self._event(event)
        if not self.done:
            raise incomplete(self._call, b"" if self._begun else bytes(self._sse.stray))

    def _event(self, event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
        data = event.data.strip()
        if self.done or not data or data == _DONE:
            return
        loaded = self._loaded(event)
        if not isinstance(loaded, dict):
            return
        kind = loaded.get("type") or event.name
        if kind == "error" or is_error(loaded):
            raise failure(self._call, loaded, HTTPResponse(200))
        if not isinstance(kind, str) or not kind:
            return
        self._begun = True
        self._check(kind, loaded)
        self.done = kind in ENDS
        yield kind, loaded

    def _check(self, kind: str, event: dict[str, Any]) -> None:
        answer = event.get("response")
        told = answer if isinstance(answer, dict) else {}
        if kind == "response.failed":
            raise failed(self._call, told, HTTPResponse(200))

    def _loaded(self, event: Event) -> Any:
        try:
            return load(event.data)
        except NotJSON:
            if event.name == "error":
                told = {"error": event.data.decode("utf-8", "replace")}
                raise failure(self._call, told, HTTPResponse(200)) from None
            response = HTTPResponse(200, body=event.data)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None
