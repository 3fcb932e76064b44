"""A transcription call to a form: fields as text, lists as fields that come several times, the file last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._calls import TranscriptionCall
from ..._http import Endpoint, HTTPRequest, join_url
from ..._multipart import Multipart, form_fields
from .._params import Ledger, check_value

if TYPE_CHECKING:
    from . import OpenAITranscription

__all__ = ["boundary", "build", "form_request"]

_TRANSLATING = frozenset({"prompt", "response_format", "temperature"})


def build(wire: OpenAITranscription, call: TranscriptionCall, to: Endpoint) -> HTTPRequest:
    """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
    ledger = Ledger(call)
    if call.translate and "translation" in wire.refused:
        ledger.refuse("translation", True)
    fields: dict[str, Any] = {"model": call.model, **_params(wire, call, ledger)}
    if call.stream:
        if "stream" in wire.refused:
            ledger.refuse("stream", True)
        else:
            fields["stream"] = True
    files = []
    if call.file.url is None:
        files = [("file", call.file)]
    elif wire.url_field is None:
        raise ledger.invalid(
            f"{call.provider} fetches no audio itself: give a file, not the address {call.file.url!r:.80}"
        )
    else:
        fields[wire.url_field] = call.file.url
    ledger.settle()
    fields |= call.extra_body
    form = Multipart(boundary(call), form_fields(fields, wire.listed), files)
    path = "/audio/translations" if call.translate else "/audio/transcriptions"
    return form_request(call, to, path, form, ledger)


def form_request(
    call: TranscriptionCall, to: Endpoint, path: str, form: Multipart, ledger: Ledger
) -> HTTPRequest:
    """A form as a request."""
    accept = "text/event-stream" if call.stream else "*/*"
    return HTTPRequest(
        "POST",
        join_url(to.base_url, path, to.query),
        {"content-type": form.content_type, "accept": accept, **to.headers},
        adjustments=(*call.adjustments, *ledger.adjustments),
        upload=form,
    )


def boundary(call: TranscriptionCall) -> str:
    """What divides the parts of a call's form: nobody who makes a file can know the call's id beforehand."""
    return f"llmkit-{call.id.removeprefix('call_')}"


def _params(wire: OpenAITranscription, call: TranscriptionCall, ledger: Ledger) -> dict[str, Any]:
    found = {}
    for name, value in call.params.items():
        check_value(ledger, name, value)
        if name == "response_format" and value == "json" and not wire.takes(name):
            continue  # the only one there is
        if name not in call.allowed and not _takes(wire, call, name, value):
            ledger.refuse(name, value)
            continue
        found[wire.renamed.get(name, name)] = value
    return found


def _takes(wire: OpenAITranscription, call: TranscriptionCall, name: str, value: Any) -> bool:
    if call.translate and name not in _TRANSLATING:
        return False
    return wire.takes(name) and not (name == "response_format" and value in wire.refused)
