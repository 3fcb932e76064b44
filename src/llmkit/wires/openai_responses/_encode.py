"""Calls to requests: a Responses call as it was given, a chat call translated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._calls import ResponsesCall
from ..._http import Endpoint, HTTPRequest, join_url
from .._params import HEADERS, STREAM_HEADERS, Ledger, check_value, merge_extra, serialized
from ._chat_params import Params
from ._input import Conversation

if TYPE_CHECKING:
    from . import OpenAIResponses, ResponsesChat

__all__ = ["build", "build_chat"]

_PATH = "/responses"
_SCHEMAS = ("tools", "text", "prompt")


def build(wire: OpenAIResponses, call: ResponsesCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/responses``: the format is the caller's own, and goes as given."""
    ledger = Ledger(call)
    body: dict[str, Any] = {"model": call.model, "input": call.input}
    if call.input is None:
        # A stored prompt or a conversation may be all that is asked.
        del body["input"]
    for name, value in call.params.items():
        if value is None:
            continue
        if name in wire.refused and name not in call.allowed:
            ledger.refuse(name, value)
            continue
        if name not in _SCHEMAS:
            check_value(ledger, name, value)
        body[name] = value
    ledger.settle()
    return _post(ledger, to, body)


def build_chat(wire: ResponsesChat, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write a chat call as a POST to ``…/responses``."""
    ledger = Ledger(call)
    stores = bool(call.params.get("store") or call.extra_body.get("store"))
    body: dict[str, Any] = {"model": call.model}
    body |= Conversation(ledger, call.messages, stores=stores).encode()
    Params(ledger, wire.refused).write(body)
    return _post(ledger, to, body)


def _post(ledger: Ledger, to: Endpoint, body: dict[str, Any]) -> HTTPRequest:
    call = ledger.call
    if call.stream:
        body["stream"] = True
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=join_url(to.base_url, _PATH, to.query),
        headers={**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )
