"""HTTP as values: what a wire builds and reads. No socket, no HTTP library, no clock.

Header names of an answer are in lower case; a request keeps the spelling it was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ._call import Adjustment

__all__ = ["Endpoint", "HTTPRequest", "HTTPResponse", "Streamed", "join_url"]

_new = object.__new__
_REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "cf-ray",
)


@dataclass(slots=True)
class Endpoint:
    """Where a call goes: the base URL (no trailing slash), and headers and query of the provider."""

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


class Streamed(Protocol):
    """A body that is not held in memory."""

    @property
    def length(self) -> int | None:
        """How many bytes it has; ``None`` where that is not known before it has been read."""

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, from the beginning each time: a retry sends it again. Closing the iterator closes the file."""

    def shown(self) -> Any:
        """What a dry run shows of it: what it consists of, and not its bytes."""


@dataclass(slots=True)
class HTTPRequest:
    """A request, complete but for its credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    adjustments: tuple[Adjustment, ...] = ()
    lists: frozenset[str] = frozenset()
    """Headers (in lower case) that hold a list: what is set later is added to what is there."""
    upload: Streamed | None = None
    """What is sent in place of ``body``, where that is too long to be held."""

    @property
    def content(self) -> bytes | Streamed:
        """What is sent, whichever of the two it is."""
        return self.body if self.upload is None else self.upload

    def with_headers(self, headers: Mapping[str, str]) -> HTTPRequest:
        """Return a copy with these headers set; names are compared without regard to case."""
        if not headers:
            return self
        merged = merge_headers(self.headers, _added(self, headers) if self.lists else headers)
        # Field by field: every call makes one.
        made = _new(HTTPRequest)
        made.method, made.url, made.headers, made.body = self.method, self.url, merged, self.body
        made.adjustments, made.lists, made.upload = self.adjustments, self.lists, self.upload
        return made


@dataclass(slots=True)
class HTTPResponse:
    """An answer: status, headers, and the body as far as it was read (all of it, unless a stream)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def request_id(self) -> str | None:
        """The provider's id of this exchange, under whichever header it uses."""
        headers = self.headers
        for name in _REQUEST_ID_HEADERS:
            if (found := headers.get(name)) is not None:
                return found
        return None

    @property
    def content_type(self) -> str:
        """The media type, in lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def _added(request: HTTPRequest, headers: Mapping[str, str]) -> Mapping[str, str]:
    there = {k.lower(): v for k, v in request.headers.items() if k.lower() in request.lists}
    if not there:
        return headers
    return {
        k: _joined(there[k.lower()], v) if k.lower() in there else v for k, v in headers.items()
    }


def _joined(first: str, second: str) -> str:
    items = (item.strip() for item in f"{first},{second}".split(","))
    return ",".join(dict.fromkeys(item for item in items if item))


def merge_headers(base: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """Merge two sets of headers; the later one wins whatever the case of its names."""
    if not over:
        return dict(base)
    if {*map(str.lower, over)}.isdisjoint(map(str.lower, base)):
        return {**base, **over}
    names = {name.lower() for name in over}
    return {k: v for k, v in base.items() if k.lower() not in names} | dict(over)


def join_url(base: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """Join a base URL (which may carry a query of its own) and a path."""
    if not query and "?" not in base:
        return base.rstrip("/") + path
    base, _, own_query = base.partition("?")
    url = base.rstrip("/") + path
    from_query = "&".join(f"{name}={value}" for name, value in (query or {}).items())
    joined = "&".join(part for part in (own_query, from_query) if part)
    return f"{url}?{joined}" if joined else url
