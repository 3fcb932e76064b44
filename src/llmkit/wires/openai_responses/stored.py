"""Answers that the provider keeps: looked up, removed, cancelled, and what was asked in them.

Source: https://platform.openai.com/docs/api-reference/responses, read 2026-11-22. What was used is not counted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ...errors import APIError
from ...types._model import lenient
from ...types.answer import Answer
from ...types.responses import DeletedResponse, InputItems, Response
from .._errors import api_error, unreadable
from .._params import HEADERS, Ledger, merge_extra, serialized
from ._decode import loaded

__all__ = ["STORED", "StoredResponses"]

_ROUTES = {
    "retrieve": ("GET", ""),
    "delete": ("DELETE", ""),
    "cancel": ("POST", "/cancel"),
    "list": ("GET", "/input_items"),
}

_ANSWERS: dict[str, tuple[type[Answer], str]] = {
    "retrieve": (Response, "output"),
    "cancel": (Response, "output"),
    "delete": (DeletedResponse, "id"),
    "list": (InputItems, "data"),
}


@dataclass(frozen=True, slots=True)
class StoredResponses:
    """The wire for ``ResourceCall`` about ``responses``."""

    def build(self, call: ResourceCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` for an id that is none."""
        ledger = Ledger(call)
        if not call.target:
            raise ledger.invalid("response_id must be a text that is not empty")
        method, rest = _ROUTES[call.action]
        path = f"/responses/{quote(call.target, safe='')}{rest}"
        query = {name: value for name, value in call.params.items() if value is not None}
        # Lists are written as ``include[]=…``, as the official SDKs do.
        pairs = [(k, _word(v)) for k, v in query.items() if not isinstance(v, list | tuple)]
        pairs += (
            (f"{k}[]", _word(i)) for k, v in query.items() if isinstance(v, list | tuple) for i in v
        )
        asked = urlencode(pairs)
        url = join_url(to.base_url, path, to.query)
        url = f"{url}{'&' if '?' in url else '?'}{asked}" if asked else url
        body: dict[str, Any] = {}
        merge_extra(body, call.extra_body)
        return HTTPRequest(
            method=method,
            url=url,
            headers={**HEADERS, **to.headers},
            body=serialized(ledger, body) if body else b"",
            adjustments=call.adjustments,
        )

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read an answer. An answer that failed in the background is an answer here, and is returned."""
        data = loaded(call, response)
        kind, needed = _ANSWERS[call.action]
        if needed not in data:
            raise unreadable(call, response, f"it has no {needed}")
        return lenient(kind, data)

    def error(self, call: ResourceCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


STORED = StoredResponses()
