"""``dry_run=True``: the request that would be sent, secrets hidden, what was changed, and the most it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import pricing
from .._call import Adjustment
from .._flow import Deadlines, Flow
from .._http import HTTPRequest
from .._json import NotJSON, load
from .._secret import HIDDEN, Secret, redact_headers, redact_url
from ..providers import unasked
from .call import prepared
from .job import Job, Leg, identity

__all__ = ["DryRun", "dry"]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a call would be. Nothing was sent.

    ``bound`` is the most that the call can cost in USD, or why that cannot be said. ``fallbacks`` are
    the requests that would follow if this one failed.
    """

    provider: str
    model: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any
    ledger: tuple[Adjustment, ...]
    key_source: str | None
    bound: pricing.Cost | pricing.Unbounded
    fallbacks: tuple[DryRun, ...] = ()
    deployment: str = ""
    """A router's id of who would be asked."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            **({"deployment": self.deployment} if self.deployment else {}),
            "provider": self.provider,
            "model": self.model,
            "request": {
                "method": self.method,
                "url": self.url,
                "headers": dict(self.headers),
                "body": self.body,
            },
            "ledger": [
                {
                    "parameter": a.parameter,
                    "change": a.change,
                    "given": a.given,
                    "sent": a.sent,
                    "reason": a.reason,
                }
                for a in self.ledger
            ],
            "key_source": self.key_source,
            "bound": str(self.bound),
            "fallbacks": [f.to_dict() for f in self.fallbacks],
        }


def dry(job: Job) -> Flow[DryRun]:
    """Prepare the call as if to send it."""
    first, *rest = [_described(job, leg, request) for leg, request in (yield from prepared(job))]
    return DryRun(**{name: getattr(first, name) for name in _FIELDS}, fallbacks=tuple(rest))


_FIELDS = tuple(name for name in DryRun.__dataclass_fields__ if name != "fallbacks")


def _described(job: Job, leg: Leg, request: HTTPRequest) -> DryRun:
    from .bounding import bound_of  # noqa: PLC0415 - few calls are run dry

    call = leg.call
    secret = leg.key if isinstance(leg.key, Secret) else None
    secrets = (secret,) if secret else ()
    return DryRun(
        provider=call.provider,
        model=call.model,
        method=request.method,
        url=redact_url(request.url, secrets),
        headers=redact_headers(_headers(job, leg, request), secrets),
        body=_shown(request),
        ledger=request.adjustments,
        key_source=leg.key_source,
        bound=bound_of(job, leg, request),
        deployment=leg.deployment,
    )


def _shown(request: HTTPRequest) -> Any:
    """The body as data; what is no JSON as text, what is uploaded as what it is made of."""
    if request.upload is not None:
        return request.upload.shown()
    try:
        return load(request.body) if request.body else None
    except NotJSON:
        return request.body.decode("utf-8", "replace")


def _headers(job: Job, leg: Leg, request: HTTPRequest) -> Mapping[str, str]:
    """The headers with those that the provider's auth adds, as far as that needs no network.

    What they would say is hidden, whatever they are called: it is made of a credential, here even of none.
    """
    secret = None if leg.key is None else Secret(HIDDEN)
    who = identity(job, leg, secret, Deadlines(0, 0, 0, 0), lambda _: None)
    signed = unasked(leg.provider.auth_of(leg.key_source).authorize(request, who), request)
    if signed is None:
        # What an exchange would bring is a token.
        return {**request.headers, "authorization": HIDDEN}
    added = (name for name, value in signed.headers.items() if request.headers.get(name) != value)
    return {**request.headers, **dict.fromkeys(added, HIDDEN)}
