"""A stream of pictures: bytes to events, and to the whole answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._calls import ImageCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types.image import ImageEvent, ImageResponse
from .._errors import error_from, incomplete, unreadable
from .._objects import built
from .._plain import PlainBody
from ._decode import parse

__all__ = ["ImageDecoder"]

_DONE = ".completed"
# What is said of one picture, or of the event that it came in, and not of the answer.
_OF_ONE = frozenset({
    "type", "created_at", "usage", "partial_image_index", "sequence_number", "b64_json", "url", "revised_prompt",
    "mime_type",
})  # fmt: skip
_PICTURE = ("b64_json", "url", "revised_prompt", "mime_type")


class ImageDecoder:
    """Feed it bytes, cut anywhere; it yields events. A host that ignores ``stream`` is read as finished pictures."""

    def __init__(self, call: ImageCall) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._finished: list[dict[str, Any]] = []
        self._answer: ImageResponse | None = None
        self.done = False

    def feed(self, data: bytes) -> Iterator[ImageEvent]:
        """Take the next bytes."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                if (made := self._event(event)) is not None:
                    yield made
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[ImageEvent]:
        """The bytes have ended."""
        if (plain := self._plain.response) is not None:
            self._answer = parse(self._call, plain)
            yield from self._as_events(self._answer)
        for event in self._sse.finish():
            if (made := self._event(event)) is not None:
                yield made
        if not (self.done or self._finished or self._answer):
            raise incomplete(self._call, bytes(self._sse.stray))
        self.done = True

    def result(self) -> ImageResponse:
        """The whole answer: the finished pictures that have come, and what was used for all of them."""
        if self._answer is not None:
            return self._answer
        last = self._finished[-1] if self._finished else {}
        data: dict[str, Any] = {name: last[name] for name in last.keys() - _OF_ONE}
        data["created"] = last.get("created_at")
        data["data"] = [
            {name: event[name] for name in _PICTURE if name in event} for event in self._finished
        ]
        data["usage"] = _sum([event.get("usage") for event in self._finished])
        return built(ImageResponse, data)

    def _event(self, event: Event) -> ImageEvent | None:
        said = event.data.strip()
        if self.done or not said:
            return None
        if said == b"[DONE]":
            self.done = True
            return None
        try:
            data = load(event.data)
        except NotJSON:
            response = HTTPResponse(200, body=event.data)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None
        return self._made(event, data) if isinstance(data, dict) else None

    def _made(self, event: Event, data: dict[str, Any]) -> ImageEvent | None:
        kind = str(data.get("type") or event.name)
        if "error" in (kind, event.name) or data.get("error"):
            body = data if isinstance(data.get("error"), dict) else {"error": data}
            raise error_from(self._call, HTTPResponse(200), body)
        if "b64_json" not in data and "url" not in data:
            return None
        data["type"] = kind
        if kind.endswith(_DONE):
            self._finished.append(data)
        return built(ImageEvent, data)

    def _as_events(self, answer: ImageResponse) -> Iterator[ImageEvent]:
        verb = "image_generation" if self._call.action == "generate" else "image_edit"
        for image in answer.data:
            told = {"type": f"{verb}{_DONE}", "created_at": answer.created}
            yield built(ImageEvent, {**image.to_dict(), **told})


def _sum(usages: list[Any]) -> dict[str, Any] | None:
    """Each picture's event has what it used itself."""
    total: dict[str, Any] = {}
    for usage in usages:
        if isinstance(usage, dict):
            _add(total, usage)
    return total or None


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict):
            if isinstance(inner := total.setdefault(name, {}), dict):
                _add(inner, value)
        elif isinstance(value, int) and isinstance(total.get(name, 0), int):
            total[name] = total.get(name, 0) + value
