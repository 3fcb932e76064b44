"""How many tokens a prompt has, asked of Anthropic. What is counted is what a chat would send.

Source: the types of anthropic 2.12.0, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from ..._call import Adjustment, Call
from ..._calls import CountCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ..._json import dump
from ...errors import APIError
from ...types.listing import TokenCount
from .._counting import as_chat, uncounted
from .._errors import unreadable
from .._objects import built, object_of, written
from ..anthropic_messages import AnthropicMessages

__all__ = ["AnthropicCount"]

_COUNTED = frozenset({
    "model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control", "output_config",
    "output_format", "speed", "mcp_servers", "context_management", "anthropic_version", "anthropic_beta",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnthropicCount:
    """The wire. ``chat`` writes the prompt."""

    chat: AnthropicMessages = field(default_factory=AnthropicMessages)

    def build(self, call: CountCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…/messages/count_tokens``."""
        made = self.chat.build(as_chat(call), to)
        body = written(made)
        host = self.chat.hosted
        if host is not None:
            body["model"] = call.model
        kept = {k: v for k, v in body.items() if k in _COUNTED or k in call.extra_body}
        path, mark, query = made.url.partition("?")
        url = f"{path}/count_tokens{mark}{query}"
        return HTTPRequest(
            method="POST",
            url=url if host is None else join_url(to.base_url, host.count_path, to.query),
            headers=made.headers,
            body=dump(kept),
            adjustments=(*call.adjustments, *uncounted(call), *_kept(made, kept)),
            lists=made.lists,
        )

    def parse(self, call: CountCall, response: HTTPResponse) -> TokenCount:
        """Read the count."""
        data = object_of(call, response, "input_tokens")
        if not isinstance(data["input_tokens"], int):
            raise unreadable(call, response, "input_tokens is no number")
        return built(TokenCount, {**data, "model": call.model})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return self.chat.error(as_chat(call), response)


def _kept(made: HTTPRequest, kept: Container[str]) -> list[Adjustment]:
    """What the chat's wire changed, but for what is not sent: the limit of an answer that nobody waits for."""
    return [c for c in made.adjustments if c.change != "defaulted" or c.parameter in kept]
