"""Credentials onto requests, as flows: an exchange that needs the network yields for it like any other decision.

``Auth.authorize(request, identity)`` is a flow that returns the request to send. The environment is passed in.
"""

from __future__ import annotations

import functools
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

__all__ = ["Auth", "Bearer", "HeaderKey", "Identity", "NoAuth", "at_once_of", "unasked"]

_new = object.__new__


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
    """How a provider wants to be shown a credential.

    One that needs nobody for it may have ``at_once(request, secret)``, too, which returns what ``authorize`` would, or
    ``None`` where it does need somebody: it is asked first, and costs less.
    """

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Return the request with the credential on it."""


@functools.lru_cache(maxsize=64)
def at_once_of(kind: type[Auth]) -> Callable[..., HTTPRequest | None] | None:
    """The ``at_once`` of a class; ``None`` where it has none, or authorizes in another way than who brought it."""
    for one in kind.__mro__:
        if "at_once" in one.__dict__:
            return kind.at_once  # type: ignore[attr-defined, no-any-return]
        if "authorize" in one.__dict__:
            return None
    return None


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """The key, after ``prefix``, in one header."""

    header: str
    prefix: str = ""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Set the header, unless the caller gave it; without a key the request stays as it is."""
        yield from ()
        return self.at_once(request, identity.secret)

    def at_once(self, request: HTTPRequest, secret: Secret | None) -> HTTPRequest:
        """See ``authorize``."""
        value = None if secret is None else secret.reveal()
        if not value or self.header in map(str.lower, request.headers):
            return request
        # Field by field: every call makes one.
        made = _new(HTTPRequest)
        made.method, made.url, made.body = request.method, request.url, request.body
        made.headers = {**request.headers, self.header: self.prefix + value}
        made.adjustments, made.lists = request.adjustments, request.lists
        made.upload = request.upload
        return made


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

    def at_once(self, request: HTTPRequest, _secret: Secret | None) -> HTTPRequest:
        """See ``authorize``."""
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
