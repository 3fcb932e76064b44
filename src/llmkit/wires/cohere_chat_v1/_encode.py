"""A call to a request of the first version: every parameter is sent, refused, or listed in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest
from .._cohere import address
from .._params import HEADERS, STREAM_HEADERS, Ledger, check_value, merge_extra, serialized
from ..cohere_chat._encode import HINTS, NEUTRAL, SAMPLING, in_range, limited, stops, written_format
from ._history import History
from ._tools import write_choice, write_tools

__all__ = ["build"]

_SAME = frozenset({"seed"})
_LIMITS = frozenset({"max_tokens", "max_completion_tokens"})
_LATER = frozenset({"tools", "tool_choice", "parallel_tool_calls", "stream_options"})


def build(call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/v1/chat``."""
    ledger = Ledger(call)
    body: dict[str, Any] = {"model": call.model, **History(ledger).encode()}
    for name, value in call.params.items():
        if value is not None and value not in NEUTRAL.get(name, ()):
            check_value(ledger, name, value)
            _one(ledger, name, value, body)
    write_tools(ledger, call.params.get("tools"), body)
    write_choice(ledger, call.params, body)
    ledger.settle()
    if call.stream:
        body["stream"] = True
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=address(to, "v1", "/chat"),
        headers={**(STREAM_HEADERS if call.stream else HEADERS), **_ACCEPT, **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


# A stream comes as lines of JSON: events are a choice of the client's, and lines what everybody has asked for.
_ACCEPT: Mapping[str, str] = {"accept": "application/json"}


def _one(ledger: Ledger[ChatCall], name: str, value: Any, body: dict[str, Any]) -> None:
    if name in _SAME:
        body[name] = value
    elif name in SAMPLING:
        new, least, most = SAMPLING[name]
        body[new] = in_range(ledger, name, value, least, most)
    elif name in _LIMITS:
        limited(ledger, value, body)
    elif name == "stop":
        body["stop_sequences"] = stops(ledger, value)
    elif name == "response_format":
        sent = written_format(ledger, value, "schema")
        body |= {} if sent is None else {name: sent}
    elif name in ledger.call.allowed:
        body[name] = value
    elif name not in _LATER:
        ledger.refuse(name, value, HINTS.get(name, ""))
