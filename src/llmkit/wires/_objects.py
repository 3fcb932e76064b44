"""What wires of calls with one JSON object each way share: parameters to a request, an answer to its object.

No dialect's names: paths, parameters and fields are each wire's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from .._call import Call
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from ..types._model import Model, lenient
from ._errors import error_from, unreadable
from ._params import HEADERS, STREAM_HEADERS, Ledger, check_value, merge_extra, serialized

__all__ = [
    "asked",
    "built",
    "items",
    "loaded",
    "object_of",
    "posted",
    "segment",
    "taken",
    "written",
]

M = TypeVar("M", bound=Model)
_ACCEPT = {"accept": "application/json"}


def taken(
    ledger: Ledger, refused: frozenset[str] = frozenset(), renamed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The call's parameters as they are sent. Raises ``UnsupportedParamsError`` for those in ``refused``."""
    sent: dict[str, Any] = {}
    call, names = ledger.call, renamed or {}
    for name, value in call.params.items():
        if value is None:
            continue
        if name in refused and name not in call.allowed:
            ledger.refuse(name, value)
            continue
        check_value(ledger, name, value)
        sent[names.get(name, name)] = value
    ledger.settle()
    return sent


def posted(ledger: Ledger, to: Endpoint, path: str, body: dict[str, Any]) -> HTTPRequest:
    """A POST of a JSON object; the caller's own fields go over it."""
    call = ledger.call
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=join_url(to.base_url, path, to.query),
        headers={**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


def asked(
    ledger: Ledger,
    to: Endpoint,
    path: str,
    query: Mapping[str, Any] | None = None,
    *,
    method: str = "GET",
    accept: str = "application/json",
) -> HTTPRequest:
    """A request without a body. Raises ``InvalidRequestError`` where the caller wants one sent."""
    call = ledger.call
    if call.extra_body:
        raise ledger.invalid("this call has no body that extra_body could go into")
    said = {name: _worded(value) for name, value in (query or {}).items() if value is not None}
    return HTTPRequest(
        method=method,
        url=join_url(to.base_url, path, {**said, **to.query}),
        headers={"accept": accept, **to.headers},
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


def _worded(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quote(text, safe="")


def segment(ledger: Ledger, name: str, value: str | None) -> str:
    """One part of a path, escaped. Raises ``InvalidRequestError`` for what is none."""
    if not isinstance(value, str) or not value.strip("."):
        raise ledger.invalid(f"{name} must be an id, not {value!r:.80}")
    return quote(value, safe=":@~")


def loaded(call: Call, response: HTTPResponse) -> Any:
    """The answer's JSON. Raises ``APIResponseValidationError`` where it is none."""
    try:
        return load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None


def object_of(call: Call, response: HTTPResponse, *fields: str) -> dict[str, Any]:
    """The answer's JSON object, which has these fields. Raises for an error inside a 200, and for anything else."""
    data = loaded(call, response)
    if isinstance(data, list) and data and isinstance(data[0], dict) and "error" in data[0]:
        raise error_from(call, response, data)
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    missing = [field for field in fields if field not in data]
    if missing and (data.get("error") or "error" in (data.get("object"), data.get("type"))):
        raise error_from(call, response, data)
    if missing:
        raise unreadable(call, response, f"it has no {missing[0]}")
    return data


def written(request: HTTPRequest) -> dict[str, Any]:
    """The JSON object that another wire has written, to be sent elsewhere."""
    data = load(request.body)
    return data if isinstance(data, dict) else {}


def items(value: Any) -> list[dict[str, Any]]:
    """The objects in what should be a list of them, and may be anything."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def built(model: type[M], data: Mapping[str, Any]) -> M:
    """The object as a model; what has a wrong type is kept beside it."""
    try:
        return model.model_validate(data)
    except ValueError:
        return lenient(model, data)
