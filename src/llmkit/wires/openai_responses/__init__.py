"""OpenAI's Responses, as OpenAI, Azure, xAI and other hosts speak it: by itself, and as one more way to chat.

Sources: https://platform.openai.com/docs/api-reference/responses and …/responses-streaming, the official Python SDK's
types, 3.54.0, and recorded traffic; read 2026-11-22. docs/responses.md has every decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import ChatCall
from ..._calls import ResponsesCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from ...types.responses import Response
from .._errors import api_error
from ._chat_stream import ResponsesChatDecoder
from ._decode import parse, parse_chat
from ._encode import build, build_chat
from ._stream import ResponsesDecoder
from ._tools import flat_format

__all__ = [
    "CHAT",
    "RESPONSES",
    "OpenAIResponses",
    "ResponsesChat",
    "ResponsesChatDecoder",
    "ResponsesDecoder",
    "flat_format",
]


@dataclass(frozen=True, slots=True)
class OpenAIResponses:
    """The wire for calls in this API's own form, which go and come back as they are."""

    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take."""

    def build(self, call: ResponsesCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        return build(self, call, to)

    def parse(self, call: ResponsesCall, response: HTTPResponse) -> Response:
        """Read an answer below 400. Raises an ``APIError``: also for one that failed, inside a 200."""
        return parse(call, response)

    def decoder(self, call: ResponsesCall) -> ResponsesDecoder:
        """A decoder for one stream; its chunks are the API's events."""
        return ResponsesDecoder(call)

    def error(self, call: ResponsesCall, response: HTTPResponse) -> APIError:
        """Read an answer of 400 and above."""
        return api_error(call, response)


@dataclass(frozen=True, slots=True)
class ResponsesChat:
    """The wire for chat calls: some models are reached by this API alone."""

    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build_chat(self, call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return parse_chat(call, response)

    def decoder(self, call: ChatCall) -> ResponsesChatDecoder:
        """A decoder for one stream."""
        return ResponsesChatDecoder(call)

    def reads_url(self, url: str) -> bool:
        """The API fetches images and files by itself."""
        return True

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


RESPONSES = OpenAIResponses()
"""The API as OpenAI itself has it."""

CHAT = ResponsesChat()
"""Chat by way of it."""
