"""The Gemini API's pictures by Imagen: ``predict``. Gemini models make pictures in a chat, by ``modalities``.

Source: what google-genai 3.4.0 sends to this host, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._call import Call
from ..._calls import ImageCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError, ContentPolicyViolationError
from ...types.image import ImageResponse
from .._actions import named
from .._objects import built, items, posted
from .._params import Ledger
from ..gemini._failures import failed
from ._where import model_path, object_in

__all__ = ["GeminiImages"]

_FIELDS = {
    "n": "sampleCount",
    "aspect_ratio": "aspectRatio",
    "resolution": "sampleImageSize",
    "size": "aspectRatio",
    "response_format": "response_format",
}
# OpenAI's sizes, as shapes: how many pixels there are is not the caller's to say.
_SHAPES = {
    "1024x1024": "1:1",
    "512x512": "1:1",
    "256x256": "1:1",
    "1792x1024": "16:9",
    "1024x1792": "9:16",
    "1536x1024": "4:3",
    "1024x1536": "3:4",
}


@dataclass(frozen=True, slots=True)
class GeminiImages:
    """The wire."""

    def build(self, call: ImageCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…:predict``."""
        ledger = Ledger(call)
        if call.action != "generate" or call.stream:
            raise ledger.invalid(f"{call.provider} makes pictures, at once and from a text, only")
        told = named(ledger, _FIELDS)
        if told.pop("response_format", "b64_json") != "b64_json":
            raise ledger.invalid("pictures come as themselves there: response_format is b64_json")
        if (size := call.params.get("size")) is not None:
            told["aspectRatio"] = _shape(ledger, size)
        body: dict[str, Any] = {"instances": [{"prompt": call.prompt}]}
        if told:
            body["parameters"] = told
        return posted(ledger, to, f"{model_path(ledger, call.model)}:predict", body)

    def parse(self, call: ImageCall, response: HTTPResponse) -> ImageResponse:
        """Read the pictures. Raises ``ContentPolicyViolationError`` where all were withheld."""
        data = object_in(call, response)
        made = items(data.get("predictions"))
        pictures = [
            {**one, "b64_json": one.pop("bytesBase64Encoded"), "mime_type": one.get("mimeType")}
            for one in made
            if "bytesBase64Encoded" in one
        ]
        if not pictures:
            reason = next((one.get("raiFilteredReason") for one in made), None)
            raise ContentPolicyViolationError(
                str(reason or "no picture was made: all were withheld"),
                provider=call.provider,
                model=call.model,
                body=data,
                sent="yes",
            )
        return built(ImageResponse, {"data": pictures})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


def _shape(ledger: Ledger, size: Any) -> str:
    if size not in _SHAPES:
        raise ledger.invalid(f"size {size!r:.40} has no shape that is known; give aspect_ratio")
    sent = _SHAPES[size]
    ledger.adjust("size", "renamed", size, sent, "it is the shape that can be chosen there")
    return sent
