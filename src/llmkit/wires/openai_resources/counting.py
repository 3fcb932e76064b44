"""How many tokens a prompt has, asked of OpenAI's Responses API. What is counted is what a chat there would send.

Source: ``InputTokenCountParams`` of openai 3.54.0, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import Adjustment, Call
from ..._calls import CountCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import dump
from ...errors import APIError
from ...types.listing import TokenCount
from .. import ChatWire
from .._counting import as_chat, uncounted
from .._errors import unreadable
from .._objects import built, object_of, written

__all__ = ["OpenAICount"]

_COUNTED = frozenset({
    "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text", "truncation",
    "conversation", "previous_response_id", "personality",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenAICount:
    """The wire. ``chat`` writes a chat as a request to the Responses API."""

    chat: ChatWire

    def build(self, call: CountCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…/responses/input_tokens``."""
        made = self.chat.build(as_chat(call), to)
        body = written(made)
        kept = {k: v for k, v in body.items() if k in _COUNTED or k in call.extra_body}
        path, mark, query = made.url.partition("?")
        listed: list[Adjustment] = [c for c in made.adjustments if c.change != "defaulted"]
        return HTTPRequest(
            method="POST",
            url=f"{path}/input_tokens{mark}{query}",
            headers=made.headers,
            body=dump(kept),
            adjustments=(*call.adjustments, *uncounted(call), *listed),
        )

    def parse(self, call: CountCall, response: HTTPResponse) -> TokenCount:
        """Read the count."""
        data = object_of(call, response, "input_tokens")
        if not isinstance(data["input_tokens"], int):
            raise unreadable(call, response, "input_tokens is no number")
        told = {name: value for name, value in data.items() if name != "object"}
        return built(TokenCount, {**told, "model": call.model})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return self.chat.error(as_chat(call), response)
