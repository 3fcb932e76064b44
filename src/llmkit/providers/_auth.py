"""Credentials onto requests, as flows: an exchange that needs the network yields for it like any other decision.

``Auth.authorize(request, secret)`` is a flow that returns the request to send. Nothing here reads the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .._http import HTTPRequest
from .._secret import Secret

if TYPE_CHECKING:
    from .._flow import Flow

__all__ = ["Auth", "Bearer", "HeaderKey", "NoAuth"]


class Auth(Protocol):
    """How a provider wants to be shown a credential."""

    def authorize(self, request: HTTPRequest, secret: Secret | None) -> Flow[HTTPRequest]:
        """Return the request with the credential on it."""


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """The key, after ``prefix``, in one header."""

    header: str
    prefix: str = ""

    def authorize(self, request: HTTPRequest, secret: Secret | None) -> Flow[HTTPRequest]:
        """Set the header, unless the caller gave it; without a key the request stays as it is."""
        yield from ()
        if not secret or self.header in (name.lower() for name in request.headers):
            return request
        return request.with_headers({self.header: self.prefix + secret.reveal()})


def Bearer() -> HeaderKey:  # noqa: N802 - reads as the scheme it is
    """``Authorization: Bearer KEY``, RFC 6750."""
    return HeaderKey("authorization", "Bearer ")


@dataclass(frozen=True, slots=True)
class NoAuth:
    """No credential at all."""

    def authorize(self, request: HTTPRequest, secret: Secret | None) -> Flow[HTTPRequest]:
        """Return the request as it is."""
        yield from ()
        return request
