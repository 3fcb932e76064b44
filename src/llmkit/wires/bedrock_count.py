"""How many tokens a prompt has, by CountTokens: of what Converse would send, or of what an invoked model would.

Source: ``CountTokens`` in the service model of bedrock-runtime in botocore 1.44.5, and recorded traffic; read
2026-11-22.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

from .._call import Call
from .._calls import CountCall
from .._http import Endpoint, HTTPRequest, HTTPResponse
from .._json import dump, load
from ..errors import APIError
from ..types.listing import TokenCount
from . import ChatWire
from ._aws_errors import failed
from ._aws_paths import bare, model_url
from ._counting import as_chat, uncounted
from ._errors import unreadable
from ._objects import built, object_of
from ._params import HEADERS

__all__ = ["BedrockCount"]

_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
_ROUTED = re.compile(r"^invoke/")


@dataclass(frozen=True, slots=True)
class BedrockCount:
    """The wire. ``converse`` writes the prompt, or ``invoked`` where the model's name has that route."""

    converse: ChatWire
    invoked: ChatWire | None = None

    def build(self, call: CountCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…/model/{model}/count-tokens``."""
        chat = as_chat(call)
        routed = self.invoked if _ROUTED.match(call.model) else None
        made = (routed or self.converse).build(chat, to)
        if routed is not None:
            given: dict[str, Any] = {"invokeModel": {"body": base64.b64encode(made.body).decode()}}
        else:
            body = load(made.body)
            given = {"converse": {name: body[name] for name in _COUNTED if name in body}}
        return HTTPRequest(
            method="POST",
            url=model_url(to, call.model, "count-tokens"),
            headers={**HEADERS, **to.headers},
            body=dump({"input": given}),
            adjustments=(*call.adjustments, *uncounted(call), *made.adjustments),
        )

    def parse(self, call: CountCall, response: HTTPResponse) -> TokenCount:
        """Read the count."""
        data = object_of(call, response, "inputTokens")
        if not isinstance(data["inputTokens"], int):
            raise unreadable(call, response, "inputTokens is no number")
        rest = {k: v for k, v in data.items() if k != "inputTokens"}
        told = {"model": bare(call.model), "input_tokens": data["inputTokens"]}
        return built(TokenCount, {**rest, **told})

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)
