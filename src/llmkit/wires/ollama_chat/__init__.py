"""Ollama's own chat, ``/api/chat``: options in a group of their own, arguments as objects, a stream of JSON lines.

Sources: https://docs.ollama.com/api/chat and its OpenAPI document, and the server's ``api/types.go`` and
``server/routes.go`` (github.com/ollama/ollama, commit of 2026-08-21), read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from ..openai_chat import OpenAIChat
from ._decode import parse
from ._encode import build
from ._errors import error, stream_error
from ._stream import OllamaDecoder

__all__ = ["OllamaChat", "OllamaDecoder", "error", "stream_error"]


@dataclass(frozen=True, slots=True)
class OllamaChat:
    """The wire. An address that ends in ``/v1`` is the same server's OpenAI form, and is spoken to in that."""

    compatible: OpenAIChat = OpenAIChat(renamed={"max_completion_tokens": "max_tokens"})  # noqa: RUF009 - frozen
    """How requests are written to an address that ends in ``/v1``."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        if to.base_url.partition("?")[0].rstrip("/").endswith("/v1"):
            return self.compatible.build(call, to)
        return build(call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer in either form; see ``ChatWire``."""
        return parse(call, response)

    def decoder(self, call: ChatCall) -> OllamaDecoder:
        """A decoder for one stream, in either form."""
        return OllamaDecoder(call)

    def reads_url(self, url: str) -> bool:
        """Pictures are sent as bytes: the server fetches nothing."""
        return False

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return error(call, response)
