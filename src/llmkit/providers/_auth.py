"""Credentials onto requests, as flows: an exchange that needs the network yields for it like any other decision.

``Auth.authorize(request, identity)`` is a flow that returns the request to send. The environment is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .._flow import Deadlines
from .._http import HTTPRequest
from .._secret import Secret
from ..errors import AuthenticationError, ConfigurationError

if TYPE_CHECKING:
    from .._flow import Flow
    from ._tokens import Tokens

__all__ = ["Auth", "Bearer", "HeaderKey", "Identity", "NoAuth", "unasked"]


@dataclass(slots=True)
class Identity:
    """Who calls, as far as the caller said.

    ``secret``: the key, if there is one. ``options``: the call's options, in which secrets are ``Secret``.
    ``wall`` gives Unix time, ``deadlines`` are the call's, ``tokens`` keeps what is granted. What is given to
    ``show`` is hidden in errors and answers from then on.
    """

    secret: Secret | None
    options: Mapping[str, Any]
    environ: Mapping[str, str]
    wall: Callable[[], float]
    deadlines: Deadlines
    tokens: Tokens
    show: Callable[[Secret], None]


class Auth(Protocol):
    """How a provider wants to be shown a credential."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Return the request with the credential on it."""


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """The key, after ``prefix``, in one header."""

    header: str
    prefix: str = ""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Set the header, unless the caller gave it; without a key the request stays as it is."""
        yield from ()
        secret = identity.secret
        if not secret or self.header in (name.lower() for name in request.headers):
            return request
        return request.with_headers({self.header: self.prefix + secret.reveal()})


def Bearer() -> HeaderKey:  # noqa: N802 - reads as the scheme it is
    """``Authorization: Bearer KEY``, RFC 6750."""
    return HeaderKey("authorization", "Bearer ")


@dataclass(frozen=True, slots=True)
class NoAuth:
    """No credential at all."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Return the request as it is."""
        yield from ()
        return request


def unasked(signing: Flow[HTTPRequest], request: HTTPRequest) -> HTTPRequest | None:
    """The request as an auth leaves it, or as it was where no credential is there; nobody is asked for one.

    ``None``: something would have to be read or asked for.
    """
    try:
        next(signing)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    except (ConfigurationError, AuthenticationError):
        return request
    signing.close()
    return None
