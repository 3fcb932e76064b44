"""One call as its flow is given it: the deployments that may answer (``Leg``), and all that is to be kept to (``Job``).

Values only; what happens with them is decided in ``call``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from .._call import Call, MediaPolicy, Timeouts
from .._flow import Deadlines, Flow, Limit
from .._http import Endpoint, HTTPRequest
from .._secret import Secret
from ..catalogue import Catalogue, default
from ..providers import Auth, Identity, Provider, Tokens, Where, unasked
from .address import Key
from .retry import RetryPolicy

__all__ = ["Clock", "Diversion", "Job", "Leg", "authorized", "identity"]


class Diversion(Exception):
    """A budget says that another model shall answer: nothing was asked for here."""

    def __init__(self, model: str, scope: str, threshold: Decimal) -> None:
        super().__init__(model)
        self.model, self.scope, self.threshold = model, scope, threshold


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the driver sees it: ``now`` is monotonic seconds, ``wall`` Unix time."""

    now: Callable[[], float]
    wall: Callable[[], float]


@dataclass(slots=True)
class Leg:
    """One deployment that may answer the call: the first, or a fallback."""

    provider: Provider
    wire: Any
    """A ``Wire`` of this kind of call."""
    endpoint: Endpoint
    key: Key
    key_source: str | None
    call: Call
    options: Mapping[str, Any] = field(default_factory=dict)
    where: Where | None = None
    """What the endpoint is found with, where the provider has its own way to."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What goes along with every request of this leg, once the call is prepared."""
    deployment: str = ""
    """The router's id of it, where one chose it."""
    timeouts: Timeouts | None = None
    """Of each attempt here, where the deployment has its own."""

    def with_key(self, key: Secret | None) -> Leg:
        """The same with the key that a function said."""
        return self if self.key is key else replace(self, key=key)


@dataclass(slots=True)
class Job:
    """One call with everything that its flow needs to know."""

    id: str
    legs: Sequence[Leg]
    policy: RetryPolicy
    timeouts: Timeouts
    clock: Clock
    abandon: Callable[[Any], None]
    """Takes what is to be settled and cannot be here any more: a ``CallFinished``, ``Holds``, ``Tab`` or ``Places``."""
    tokens: Tokens
    catalogue: Catalogue = field(default_factory=default)
    environ: Mapping[str, str] = field(default_factory=dict)
    kind: str = "chat"
    keyless: bool = False
    """Whether no provider is asked: credentials that are there go along, none is asked for, and none is missed."""
    stream: bool = False
    heard: bool = True
    """Whether anybody listens to events: without, those of a call that goes well are not made."""
    begins: bool = True
    """Whether anybody wants to hear that it begins, or an attempt."""
    hooks: Sequence[Any] = ()
    wanted: type | None = None
    mock: Any = None
    transport: str = ""
    limit: Limit | None = None
    media: MediaPolicy | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Whose it is, by kind."""
    shown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same without what looks like a secret."""
    book: Any = None
    """The ``Book`` of its budget, where it has one."""
    one_store: bool = False
    """Whether that is kept in the client's ledger."""
    desk: Any = None
    """What billing is told by, where there is any: it performs ``Begin`` and ``Finish``."""
    divert: Callable[[str], Leg] | None = None
    """What makes a leg of another model for the same call."""
    cache: Any = None
    """The call's part in its client's cache (``Caching``), where there is one."""
    way: Any = None
    """The ``Way`` of a router's call, which says where it goes; ``legs`` is empty then."""

    @property
    def named(self) -> tuple[str, str]:
        """Provider and model as far as they are known before anybody was asked."""
        if self.way is not None:
            named: tuple[str, str] = self.way.named
            return named
        call = self.legs[0].call
        return call.provider, call.model

    @property
    def first_url(self) -> str:
        """The base URL that is asked first, without its query; empty where nobody knows it yet."""
        if self.way is not None or self.mock is not None:
            return ""
        return self.legs[0].endpoint.base_url.partition("?")[0]

    @property
    def group(self) -> str:
        """What a router was asked for."""
        return self.way.group if self.way is not None else ""


def identity(
    job: Job,
    leg: Leg,
    secret: Secret | None,
    deadlines: Deadlines,
    show: Callable[[Secret], None],
) -> Identity:
    """Who calls on this leg."""
    wall = job.clock.wall
    return Identity(secret, leg.options, job.environ, wall, deadlines, job.tokens, show)


def authorized(job: Job, auth: Auth, request: HTTPRequest, who: Identity) -> Flow[HTTPRequest]:
    """The request with a credential that somebody may have to be asked for."""
    signing = auth.authorize(request, who)
    # Where no provider is asked, nobody is asked for a credential either.
    known = unasked(signing, request) or request if job.keyless else None
    return known or (yield from signing)
