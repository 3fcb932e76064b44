"""OpenAI's chat at a cloud that has the model in its address: ``…/models/NAME:rawPredict``.

Source: mistralai 3.7.0 (``gcp/client/_hooks/registration.py``), read 2026-11-22: the body is the maker's own, its model
included; only the path differs. What the body may hold is the inner wire's affair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from .._call import ChatCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ..errors import APIError
from ..types.chat import ChatCompletion
from .openai_chat import OpenAIChat, OpenAIChatDecoder

__all__ = ["RawPredict"]

_SAFE = "-._~@:"


@dataclass(frozen=True, slots=True)
class RawPredict:
    """The wire. ``publisher``: whose models they are; it may stand before a model's name, too."""

    chat: OpenAIChat
    publisher: str

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        name = call.model.removeprefix(f"{self.publisher}/")
        made = self.chat.build(replace(call, model=name), to)
        method = "streamRawPredict" if call.stream else "rawPredict"
        path = f"/publishers/{self.publisher}/models/{quote(name, safe=_SAFE)}:{method}"
        made.url = join_url(to.base_url, path, to.query)
        return made

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return self.chat.parse(call, response)

    def decoder(self, call: ChatCall) -> OpenAIChatDecoder:
        """A decoder for one stream."""
        return self.chat.decoder(call)

    def reads_url(self, url: str) -> bool:
        """Whether the host fetches an address in a message by itself."""
        return self.chat.reads_url(url)

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return self.chat.error(call, response)
