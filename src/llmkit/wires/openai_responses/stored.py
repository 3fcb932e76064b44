"""Answers that the provider keeps: looked up, removed, cancelled, and what was asked in them.

Source: https://platform.openai.com/docs/api-reference/responses, read 2026-11-22. What was used is not counted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from typing_extensions import override

from ..._calls import ResourceCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from ...errors import APIError
from ...types._model import lenient
from ...types.answer import Answer
from ...types.responses import DeletedResponse, InputItems, Response
from .._actions import chosen, named
from .._errors import api_error, unreadable
from .._params import HEADERS, STREAM_HEADERS, Ledger, merge_extra, serialized
from ._decode import loaded
from ._stream import ResponsesDecoder

__all__ = ["STORED", "StoredDecoder", "StoredResponses"]

_ROUTES = {
    "retrieve": ("GET", ""),
    "delete": ("DELETE", ""),
    "cancel": ("POST", "/cancel"),
    "list": ("GET", "/input_items"),
}

_TAKEN = {
    "retrieve": ("include", "starting_after", "include_obfuscation"),
    "list": ("include", "after", "limit", "order"),
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
        """Write the call. Raises ``InvalidRequestError`` for an id that is none, or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        if not call.target:
            raise ledger.invalid("response_id must be a text that is not empty")
        method, rest = chosen(ledger, call, _ROUTES)
        query = named(ledger, {name: name for name in _TAKEN.get(call.action, ())})
        if call.stream:
            query["stream"] = True
        body: dict[str, Any] = {}
        merge_extra(body, call.extra_body)
        path = f"/responses/{quote(call.target, safe='')}{rest}"
        return HTTPRequest(
            method=method,
            url=_asking(join_url(to.base_url, path, to.query), query),
            headers={**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
            body=serialized(ledger, body) if body else b"",
            adjustments=(*call.adjustments, *ledger.adjustments),
        )

    def parse(self, call: ResourceCall, response: HTTPResponse) -> Answer:
        """Read an answer. An answer that failed in the background is an answer here, and is returned."""
        if call.action == "delete" and not response.body.strip():
            # The reference has no body for it.
            return DeletedResponse(id=call.target or "", deleted=True)
        data = loaded(call, response)
        kind, needed = _ANSWERS[call.action]
        if needed not in data:
            raise unreadable(call, response, f"it has no {needed}")
        return lenient(kind, data)

    def decoder(self, call: ResourceCall) -> StoredDecoder:
        """A decoder for the events of an answer that is looked up while it is made, or after it."""
        return StoredDecoder(call)

    def error(self, call: ResourceCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


class StoredDecoder(ResponsesDecoder):
    """The same events, and the same answer at their end; but what it used was counted when it was asked for."""

    @override
    def result(self) -> Response:
        """The answer as far as it has come."""
        made = super().result()
        made.count(None)
        return made


def _asking(url: str, query: Mapping[str, Any]) -> str:
    """The address with a query. Lists are written as ``include[]=…``, as the official SDKs do."""
    pairs = [(k, _word(v)) for k, v in query.items() if not isinstance(v, list | tuple)]
    pairs += (
        (f"{k}[]", _word(i)) for k, v in query.items() if isinstance(v, list | tuple) for i in v
    )
    asked = urlencode(pairs)
    return f"{url}{'&' if '?' in url else '?'}{asked}" if asked else url


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


STORED = StoredResponses()
