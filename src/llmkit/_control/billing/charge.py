"""What a call says to billing: that it begins, and what it comes to. Values only.

A billing object performs these as a store performs operations (``perform``, ``aperform``), so that a call's flow
need not know what colour it is run in, nor what an entitlement costs to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["Begin", "Begun", "Charge", "Finish", "Finished"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Begin(NamedTuple):
    """A call is about to leave: check its entitlement, reserve, write the intent. The answer is ``Begun``.

    Performed again for a later attempt of the same call, it raises what is reserved where ``usd`` is more.

    ``attributes``: whose it is, by kind (``subscription``, ``customer``, ``user``, ``team`` …). ``usd``: the most
    that this attempt can cost; ``None`` where nobody can say. ``lease``: milliseconds, the call's total timeout.

    Raises (from ``perform``): NotEntitledError: it may not be made; nothing was sent, nothing is reserved, no
    intent is left. BillingError: the outbox cannot be written, and the policy is not to go on without; or nobody is
    named to be billed, and the policy is to raise.
    """

    call: str
    attributes: Mapping[str, tuple[str, ...]]
    provider: str
    model: str
    kind: str
    lease: int
    usd: Decimal | None = None
    metadata: Mapping[str, Any] = _NOTHING


class Begun(NamedTuple):
    """It may go out. ``subscription``: who is billed, as far as is known now (``""``: nobody yet)."""

    subscription: str


class Charge(NamedTuple):
    """What one thing is billed for: the answer of a call, an attempt of it that failed, a row of a batch.

    ``id``: unique and URL-safe: the call's id, ``"{call}-{attempt}"``, or what a batch and its row are called.
    ``at``: milliseconds of Unix time at which it ended. ``usd``: its cost, ``None`` unknown (``reason`` says why).
    ``outcome``: of the call (``completed``, ``closed`` …), ``attempt`` for one of its failed attempts, or
    ``interrupted`` for the part of a stream that broke and was gone on with elsewhere: its reader has got it.
    ``estimated``: the provider's own count never came. ``usage``: the counts as numbers by name, to price it anew
    by.
    """

    id: str
    at: int
    outcome: str
    provider: str
    model: str
    kind: str
    usd: Decimal | None
    cost_status: str = "unknown"
    reason: str = ""
    estimated: bool = False
    usage: Mapping[str, Any] = _NOTHING


class Finish(NamedTuple):
    """A call has ended like this: conclude its intent, release what it reserved. The answer is ``Finished``.

    Without charges nothing is billed. It is performed once or more often: the second time changes nothing.
    """

    call: str
    attributes: Mapping[str, tuple[str, ...]]
    charges: tuple[Charge, ...] = ()
    metadata: Mapping[str, Any] = _NOTHING


class Finished(NamedTuple):
    """``bills``: ids and states of what was written. ``spilled``: the outbox could not be written; it is in memory."""

    bills: tuple[tuple[str, str], ...] = ()
    spilled: bool = False
