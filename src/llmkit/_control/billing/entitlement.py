"""Whether whoever bills lets a customer's call out: what is asked, what comes of it, what an outage means. Values only.

The rules that make the one of the other are in ``available``, asking is ``asking``'s, remembering is the gate's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Protocol

from typing_extensions import override

from ..._cost import FrozenMap
from ...errors import ConfigurationError
from .currency import plain

__all__ = [
    "Check",
    "Entitlement",
    "Gate",
    "OpenUntil",
    "Policy",
    "Reason",
    "Source",
    "amount",
    "policy_of",
]

Reason = Literal[
    "",
    "no_active_subscription",
    "several_subscriptions",
    "unknown_customer",
    "insufficient_balance",
    "unbounded_cost",
    "feature_denied",
    "not_authorized",
    "billing_unavailable",
]
"""Why not. ``several_subscriptions``: which one to bill would be a guess. ``unbounded_cost``: a balance limits the
customer, and nobody can say what the call may cost. ``not_authorized``: the authorize service says no.
``billing_unavailable``: nobody could say, and the outage policy does not let it out."""

Source = Literal["lago", "authorize", "cache", "policy", "gate"]
"""Who says so: the service, asked just now; what it said before; the outage policy; one's own gate."""

_NOTHING: Final[FrozenMap[Any]] = FrozenMap()


class Check(NamedTuple):
    """May this customer's call out? The answer is an ``Entitlement``; a denial or an outage is one, no exception.

    At least one of ``customer`` and ``subscription`` (their external ids) is needed. ``feature``: the code of a
    feature of the plan, or ``code.privilege``; ``""``: the gate's own, if it has one. ``usd``: the most that it may
    cost; ``None`` where nobody can say. ``reserve``: the call's id; what it may cost is then reserved until
    ``settled``, or for ``lease`` milliseconds. The same id again is the same reservation, raised where ``usd`` is
    more.
    """

    customer: str = ""
    subscription: str = ""
    feature: str = ""
    usd: Decimal | None = None
    reserve: str | None = None
    lease: int = 660_000


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Whether a call may be made, and what that was decided by. True where it may.

    Attributes:
        allowed: whether it may.
        reason: why not; ``""`` where it may.
        detail: the same, or by what policy, in a sentence.
        customer, subscription: external ids, as far as they are known; ``""`` is not known.
        available: dollars that are left, less what is reserved, this call's reservation not counted; ``None``: no
            wallet limits it, or (``reason`` and ``opened`` say so) nobody knows.
        reserved: dollars that are reserved for this call; ``None``: nothing is.
        features: of the subscription: by feature's code, by privilege's code, its value.
        stale: what it was decided by is older than it should be; newer is being asked for.
        source: ``lago``, ``authorize`` (asked just now), ``cache``, ``policy`` (of outages), ``gate`` (one's own).
        as_of: Unix time at which what it was decided by was asked for; ``None``: never.
        opened: nobody could say, and the outage policy lets it out. It is billed all the same.
        notes: findings, such as wallets in another currency that do not count.
    """

    allowed: bool
    reason: Reason = ""
    detail: str = ""
    customer: str = ""
    subscription: str = ""
    available: Decimal | None = None
    reserved: Decimal | None = None
    features: Mapping[str, Mapping[str, Any]] = field(default=_NOTHING)
    stale: bool = False
    source: Source = "lago"
    as_of: float | None = None
    opened: bool = False
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.allowed

    @override
    def __str__(self) -> str:
        who = self.subscription or self.customer or "nobody"
        if not self.allowed:
            return f"{who} is not entitled: {self.reason}" + (
                f" ({self.detail})" * bool(self.detail)
            )
        left = (
            "no limit is known" if self.available is None else f"${plain(self.available)} available"
        )
        how = "stale " * self.stale + self.source + ", opened by the outage policy" * self.opened
        return f"{who} is entitled, {left} ({how})"


@dataclass(frozen=True, slots=True)
class OpenUntil:
    """``unreachable=OpenUntil(usd=5, seconds=600)``: in an outage, calls go out until so much, or for so long.

    Args:
        usd: dollars that one customer's calls may cost, from the outage's beginning (as it met this customer) on.
        seconds: how long, from then on.

    Raises:
        ConfigurationError: neither is given, or one is no amount.
    """

    usd: Decimal | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.usd is None and self.seconds is None:
            raise ConfigurationError("OpenUntil(usd=…, seconds=…): say at least one of them")
        if self.usd is not None:
            object.__setattr__(self, "usd", amount(self.usd, "OpenUntil(usd=…)"))
        if self.seconds is not None:
            seconds = float(amount(self.seconds, "OpenUntil(seconds=…)", "seconds"))
            if not seconds > 0:
                raise ConfigurationError("OpenUntil(seconds=…) is more than 0")
            object.__setattr__(self, "seconds", seconds)


class Gate(Protocol):
    """Who is asked before a call goes out, and told what came of it. None of it raises for a denial or an outage.

    In this order: ``perform`` a ``Check`` that reserves; write the call's intent, of ``Entitlement.reserved``, and
    say so with ``written``; ``raised`` and again ``written`` where a later attempt may cost more; at the end, once
    its bills are in the outbox, ``settled``.
    """

    def perform(self, operation: Check) -> Entitlement:
        """May it go out? It waits only where nothing recent enough is known."""

    def aperform(self, operation: Check) -> Awaitable[Entitlement]:
        """``perform``, awaited."""

    def written(self, call: str) -> None:
        """The outbox has an intent of what is reserved for this call: what it owes is not counted twice."""

    def raised(self, call: str, usd: Decimal | None) -> bool:
        """Reserve so much for the call in all, if that is more; ``False``: there is no room, and nothing changed."""

    def settled(self, call: str, usd: Decimal | None) -> None:
        """The call has ended, and its bills are written: it cost so much. ``None``: nothing is billed."""


Policy = Literal["closed", "open"] | OpenUntil


def policy_of(given: Any) -> Policy:
    """An outage policy. Raises ``ConfigurationError``."""
    if isinstance(given, OpenUntil) or given in ("closed", "open"):
        policy: Policy = given
        return policy
    raise ConfigurationError(
        f"unreachable is 'closed', 'open' or OpenUntil(usd=…, seconds=…), not {given!r}"
    )


def amount(given: Any, what: str, of: str = "dollars") -> Decimal:
    """An amount, not negative; of a float, what it shows. Raises ``ConfigurationError``."""
    try:
        value = Decimal(repr(given) if isinstance(given, float) else given)
    except (ArithmeticError, TypeError, ValueError):
        value = Decimal("NaN")
    if isinstance(given, bool) or not value.is_finite() or value < 0:
        raise ConfigurationError(f"{what} is an amount of {of}, not {given!r}")
    return value
