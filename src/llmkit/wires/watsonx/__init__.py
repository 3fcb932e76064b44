"""IBM watsonx.ai's chat, ``/ml/v1/text/chat`` and ``chat_stream``: OpenAI's messages under other surroundings.

Sources, read 2026-11-22: https://cloud.ibm.com/apidocs/watsonx-ai#text-chat by way of IBM's own SDKs: the schemas in
ibm-watsonx-ai 1.8.1 (``foundation_models/schema/_api.py``), github.com/IBM/watsonx-ai-java-sdk (of 2026-08-21).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from ..openai_chat import OpenAIChat
from ._encode import build
from ._errors import failed
from ._stream import WatsonxDecoder, parse

__all__ = ["WatsonxChat", "WatsonxDecoder"]


@dataclass(frozen=True, slots=True)
class WatsonxChat:
    """The wire. A model's name that begins with ``deployment/`` is a deployment's id.

    The project or space to bill stands in the endpoint's query, as ``project_id`` or ``space_id``, and is sent in the
    body.
    """

    messages: OpenAIChat = OpenAIChat(  # noqa: RUF009 - frozen
        refused=frozenset({"developer", "cache_control", "file"}), history=("reasoning_content",)
    )
    """What OpenAI's messages may not have here."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build(self.messages, call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return parse(call, response)

    def decoder(self, call: ChatCall) -> WatsonxDecoder:
        """A decoder for one stream."""
        return WatsonxDecoder(call)

    def reads_url(self, url: str) -> bool:
        """The service takes addresses of pictures, as OpenAI's does."""
        return True

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)
