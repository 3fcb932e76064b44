"""OpenAI's images: made, edited, varied; as OpenAI and xAI speak them.

Sources: the types of openai 3.54.0 and recorded traffic of both, read 2026-11-22. Pictures to edit go as a form, in
pieces, or by their addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..._call import Call
from ..._calls import ImageCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.image import ImageResponse
from .._errors import api_error
from ._decode import parse
from ._encode import build
from ._stream import ImageDecoder

__all__ = ["IMAGES", "OPEN", "ImageDecoder", "OpenAIImages"]


@dataclass(frozen=True, slots=True)
class OpenAIImages:
    """The wire. Each field states how a host differs from OpenAI's own API."""

    refused: frozenset[str] = frozenset({"aspect_ratio", "resolution"})
    """Parameters that the host does not take."""

    actions: frozenset[str] = frozenset({"generate", "edit", "vary"})
    """What can be asked of the host."""

    sides: bool = False
    """Whether the size goes as ``width`` and ``height``."""

    formats: Mapping[str, str] = field(default_factory=dict)
    """The host's words for values of ``response_format``."""

    def build(self, call: ImageCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        return build(self, call, to)

    def parse(self, call: ImageCall, response: HTTPResponse) -> ImageResponse:
        """Read an answer."""
        return parse(call, response)

    def decoder(self, call: ImageCall) -> ImageDecoder:
        """A decoder for one stream."""
        return ImageDecoder(call)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


IMAGES = OpenAIImages()
# xAI's and the like: made, not edited; the shape is said in other words.
OPEN = OpenAIImages(refused=frozenset(), actions=frozenset({"generate"}))
