"""Cohere's chat, second version, as Cohere and the hosts that resell its models speak it.

Sources: https://docs.cohere.com/v2/reference/chat, …/chat-stream in their machine-readable form (the vendor's
cohere-developer-experience, e814c8a of 2026-08-20), recorded answers; read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from .._cohere import error
from ._decode import parse
from ._encode import build
from ._stream import CohereDecoder

__all__ = ["CohereChat", "CohereDecoder"]


@dataclass(frozen=True, slots=True)
class CohereChat:
    """The wire. Each field states how a host differs from the dialect at its widest."""

    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take at all."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build(self, call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return parse(call, response)

    def decoder(self, call: ChatCall) -> CohereDecoder:
        """A decoder for one stream."""
        return CohereDecoder(call)

    def reads_url(self, url: str) -> bool:
        """Images are taken by their address."""
        return True

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return error(call, response)
