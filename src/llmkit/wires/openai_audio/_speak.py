"""A speech call to a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._calls import SpeechCall
from ..._http import Endpoint, HTTPRequest, join_url
from .._params import Ledger, check_value, merge_extra, serialized

if TYPE_CHECKING:
    from . import OpenAISpeech

__all__ = ["ACCEPTED", "build_speech"]

ACCEPTED = {"content-type": "application/json", "accept": "*/*"}
"""Audio comes in whatever type was asked for, errors in JSON."""


def build_speech(wire: OpenAISpeech, call: SpeechCall, to: Endpoint) -> HTTPRequest:
    """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
    ledger = Ledger(call)
    body: dict[str, Any] = {"model": call.model, "input": call.text}
    given = {"voice": call.voice, **call.params}
    for name, value in given.items():
        check_value(ledger, name, value)
        if value is None:
            continue
        if name == "voice" or wire.takes(name) or name in call.allowed:
            body[wire.renamed.get(name, name)] = value
        else:
            ledger.refuse(name, value)
    ledger.settle()
    if call.stream and wire.stream_field:
        body["stream"] = True
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        "POST",
        join_url(to.base_url, "/audio/speech", to.query),
        {**ACCEPTED, **to.headers},
        serialized(ledger, body),
        (*call.adjustments, *ledger.adjustments),
    )
