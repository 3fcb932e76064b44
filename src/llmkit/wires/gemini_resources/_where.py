"""Names as parts of an address, pages, and errors in Google's form inside a 200."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..._call import Call
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from .._errors import unreadable
from .._objects import asked, loaded
from .._params import Ledger
from ..gemini._failures import failure, is_error

__all__ = ["LISTING", "downloaded", "model_path", "object_in", "page", "resource"]

LISTING = {"limit": "pageSize", "after": "pageToken"}
_SAFE = "-._~@:"


def resource(ledger: Ledger, collection: str, name: str | None) -> str:
    """``/files/abc`` of ``files/abc`` or ``abc``. Raises ``InvalidRequestError`` for what is no name."""
    own = (name or "").removeprefix(f"{collection}/")
    if not own.strip(".") or "/" in own:
        raise ledger.invalid(f"{name!r:.80} is no name of one of the {collection}")
    return f"/{collection}/{quote(own, safe=_SAFE)}"


def downloaded(ledger: Ledger, to: Endpoint, file: str | None) -> HTTPRequest:
    """The request for a file's bytes."""
    path = f"{resource(ledger, 'files', file)}:download"
    return asked(ledger, to, path, {"alt": "media"}, accept="*/*")


def model_path(ledger: Ledger, name: str | None, default: str = "models") -> str:
    """``/models/gemini-…`` of a model's name, with its collection or without."""
    parts = (name or "").split("/")
    if any(not part.strip(".") for part in parts):
        raise ledger.invalid(f"model {name!r:.80} is no model's name")
    parts = parts if len(parts) > 1 else [default, *parts]
    return "/" + "/".join(quote(part, safe=_SAFE) for part in parts)


def object_in(call: Call, response: HTTPResponse, *fields: str) -> dict[str, Any]:
    """The answer's JSON object. An error is one only where nothing else is: a failed file has one, too."""
    data = loaded(call, response)
    if is_error(data) and (not isinstance(data, dict) or set(data) == {"error"}):
        raise failure(call, response, data)
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    missing = [field for field in fields if field not in data]
    if missing:
        raise unreadable(call, response, f"it has no {missing[0]}")
    return data


def page(data: dict[str, Any], name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A page in OpenAI's form; ``name``: what the provider calls its items."""
    token = data.get("nextPageToken") or None
    beside = {k: v for k, v in data.items() if k not in (name, "nextPageToken")}
    told = {"data": items, "next_cursor": token, "has_more": token is not None}
    return {**beside, "object": "list", **told}
