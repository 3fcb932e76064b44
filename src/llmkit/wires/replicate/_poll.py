"""A prediction from its creation to its end, step by step: asked for at growing intervals, or opened as a stream.

The address to ask at is made of the prediction's id; the one of a stream is the answer's own, on another host, and must
be one of the web's.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from urllib.parse import quote, urlsplit

from ..._call import Call
from ..._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .. import Step
from .._errors import unreadable
from ._read import RUNNING, checked, prediction

__all__ = ["finished", "streamed"]

_FIRST, _GROWING, _LONGEST = 0.5, 1.5, 5.0
_JSON = {"accept": "application/json"}
_EVENTS = {"accept": "text/event-stream", "cache-control": "no-store"}

Asking = Generator[Step, HTTPResponse, Any]


def finished(call: Call, to: Endpoint, response: HTTPResponse) -> Asking:
    """Ask until the prediction has ended; return it. Raises an ``APIError`` where it did not succeed."""
    data = checked(call, prediction(call, response))
    wait = _FIRST
    while data["status"] in RUNNING:
        response = yield Step(_asking(to, data["id"]), wait=wait)
        data = checked(call, prediction(call, response))
        wait = min(_LONGEST, wait * _GROWING)
    return data


def streamed(call: Call, to: Endpoint, response: HTTPResponse) -> Asking:
    """Open the prediction's stream; a model without one is waited for, and its prediction read as a stream of one."""
    data = checked(call, prediction(call, response))
    urls = data.get("urls")
    address = urls.get("stream") if isinstance(urls, dict) else None
    if address is None:
        data = yield from finished(call, to, response)
        yield Step(_asking(to, data["id"]), stream=True)
        return
    if not isinstance(address, str) or not _is_web(address):
        raise unreadable(call, response, "the address of its stream is none")
    yield Step(HTTPRequest("GET", address, dict(_EVENTS)), stream=True)


def _asking(to: Endpoint, prediction_id: str) -> HTTPRequest:
    url = join_url(to.base_url, f"/predictions/{quote(prediction_id, safe='')}", to.query)
    return HTTPRequest("GET", url, {**_JSON, **to.headers})


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
