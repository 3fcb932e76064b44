"""How many tokens a prompt has, asked of the Gemini API. What is counted is what a chat would send.

Source: ``CountTokensRequest`` of the v1beta reference, read 2026-11-22. In recorded traffic the enterprise host has the
fields beside each other (``flat``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..._call import Call
from ..._calls import CountCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import dump
from ...errors import APIError
from ...types.listing import TokenCount
from .._counting import as_chat, uncounted
from .._errors import unreadable
from .._objects import built, items, written
from .._params import Ledger
from ..gemini import Gemini
from ..gemini._failures import failed
from ._where import model_path, object_in

__all__ = ["GeminiCount"]

_FLAT = ("contents", "systemInstruction", "tools", "generationConfig")
_CHAT, _COUNT = ":generateContent", ":countTokens"


@dataclass(frozen=True, slots=True)
class GeminiCount:
    """The wire. ``chat`` writes the prompt."""

    chat: Gemini = field(default_factory=Gemini)
    flat: bool = False
    """Whether the prompt's fields stand beside each other, not as a whole request."""

    def build(self, call: CountCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…:countTokens``."""
        made = self.chat.build(as_chat(call), to)
        body = written(made)
        return HTTPRequest(
            method="POST",
            url=_COUNT.join(made.url.rsplit(_CHAT, 1)),
            headers=made.headers,
            body=dump(self._body(call, body)),
            adjustments=(*call.adjustments, *uncounted(call), *made.adjustments),
        )

    def _body(self, call: CountCall, body: dict[str, Any]) -> dict[str, Any]:
        if self.flat:
            return {k: v for k, v in body.items() if k in _FLAT or k in call.extra_body}
        if set(body) == {"contents"}:
            return body
        model = model_path(Ledger(call), call.model)[1:]
        return {"generateContentRequest": {"model": model, **body}}

    def parse(self, call: CountCall, response: HTTPResponse) -> TokenCount:
        """Read the count."""
        data = object_in(call, response, "totalTokens")
        total, cached = data.pop("totalTokens"), data.get("cachedContentTokenCount")
        if not isinstance(total, int):
            raise unreadable(call, response, "totalTokens is no number")
        told = {
            "model": call.model,
            "input_tokens": total,
            "cached_tokens": cached if isinstance(cached, int) else None,
            "details": items(data.get("promptTokensDetails")) or None,
        }
        return built(TokenCount, {**data, **told})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)
