"""Gemini's ``generateContent`` and ``streamGenerateContent``, as the Gemini API and Vertex AI speak them.

Sources: the v1beta reference in its machine-readable form, the types of google-genai 3.4.0 and recorded traffic, all
read 2026-11-22; docs/wires/gemini.md names them, and has every decision. Hosts differ by the fields below and no more.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from ._decode import parse
from ._encode import build
from ._failures import failed
from ._stream import GeminiDecoder

__all__ = ["Gemini", "GeminiDecoder"]


@dataclass(frozen=True, slots=True)
class Gemini:
    """The wire. Each field states how a host differs from the Gemini API's own."""

    model_path: str = "/models/{model}"
    """Where a model's methods are, below the base URL; ``{model}`` is its name, escaped."""

    resources: tuple[str, ...] = ("models/", "tunedModels/")
    """A model's name that begins so is the path itself: Vertex AI has ``endpoints/`` too."""

    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take, beside those that the format has no field for."""

    labels: bool = False
    """Whether ``metadata`` can be sent, as ``labels``: Vertex AI only."""

    json_schema: bool = True
    """Whether schemas go as full JSON Schema (``parametersJsonSchema``, ``responseJsonSchema``); otherwise
    they are converted to the OpenAPI subset, and what that cannot say is in the ledger."""

    media: tuple[str, ...] = ()
    """Prefixes of the addresses that the host reads media from by itself; others are refused."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build(self, call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return parse(call, response)

    def decoder(self, call: ChatCall) -> GeminiDecoder:
        """A decoder for one stream."""
        return GeminiDecoder(call)

    def reads_url(self, url: str) -> bool:
        """Whether the host reads this address by itself."""
        return url.startswith(self.media)

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)
