"""Cohere's chat, first version: a message and a history, tools without ids, a stream of lines.

Sources: https://docs.cohere.com/v1/reference/chat in its machine-readable form (the vendor's
cohere-developer-experience, e814c8a of 2026-08-20), recorded traffic; read 2026-11-22. The second is ``cohere_chat``.
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
from ._stream import CohereV1Decoder

__all__ = ["CohereChatV1", "CohereV1Decoder"]


@dataclass(frozen=True, slots=True)
class CohereChatV1:
    """The wire."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build(call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return parse(call, response)

    def decoder(self, call: ChatCall) -> CohereV1Decoder:
        """A decoder for one stream."""
        return CohereV1Decoder(call)

    def reads_url(self, url: str) -> bool:
        """Nothing is seen here."""
        return False

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return error(call, response)
