"""From what is known of a subscription and of its customer's funds: may this call go out? Pure rules.

What is known, how old it is and whom to ask for more are the gate's.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Context, Decimal
from typing import Final, NamedTuple

from ..._cost import MATH
from .available import DOWN, Funds, Standing, denied_feature
from .currency import plain
from .entitlement import Check, OpenUntil, Policy, Reason
from .purse import Purse

__all__ = ["Room", "Verdict", "opened", "refused", "room_of", "verdict"]

_SHORTER: Final = Context(prec=30, rounding=ROUND_FLOOR)
_ZERO, _ONE = Decimal(0), Decimal(1)
_NO_ROOM: Final = "insufficient_balance"


class Verdict(NamedTuple):
    """``reserve``: dollars of cost to reserve. ``available``: in dollars of cost, too; ``None``: no limit."""

    reason: Reason = ""
    detail: str = ""
    available: Decimal | None = None
    reserve: Decimal = _ZERO


class Room(NamedTuple):
    """What may be overdrawn, and what is reserved where nobody can say what a call may cost (``None``: refused)."""

    overshoot: Decimal = _ZERO
    unbounded: Decimal | None = None


def refused(check: Check, standing: Standing, feature: str) -> tuple[Reason, str]:
    """What the subscription says against it; two empty texts where it does not."""
    if standing.denied:
        return standing.denied, standing.detail
    if check.customer and standing.customer and check.customer != standing.customer:
        why = f"subscription {standing.subscription} is not customer {check.customer}'s"
        return "no_active_subscription", why
    missing = denied_feature(standing, check.feature or feature)
    return ("feature_denied", missing) if missing else ("", "")


def verdict(check: Check, funds: Funds, purse: Purse, factor: Decimal, room: Room) -> Verdict:
    """What the funds say. A call that has a reservation already may use it again."""
    if funds.denied:
        return Verdict(funds.denied, funds.detail)
    usd = check.usd
    if usd is None and check.reserve is not None:
        usd = room.unbounded
    if funds.left is None:
        return Verdict(reserve=usd or _ZERO)
    available = DOWN.subtract(funds.left, purse.pending)
    if check.reserve is not None:
        available = DOWN.add(available, purse.reserved(check.reserve))
    shown = in_cost(available, factor)
    if usd is None and check.reserve is not None:
        why = (
            "nobody can say what it may cost, and a wallet limits it: set max_tokens, or unbounded="
        )
        return Verdict("unbounded_cost", why, shown)
    if _fits(usd, factor, DOWN.add(available, room.overshoot)):
        return Verdict(available=shown, reserve=usd or _ZERO)
    return Verdict(_NO_ROOM, _short(usd, shown, funds), shown)


def _fits(usd: Decimal | None, factor: Decimal, available: Decimal) -> bool:
    return available > 0 if usd is None else MATH.multiply(usd, factor) <= available


def _short(usd: Decimal | None, available: Decimal, funds: Funds) -> str:
    if funds.detail:
        return funds.detail
    asked = "" if usd is None else f"it may cost ${plain(usd)}, and "
    return f"{asked}${plain(available)} are available"


def in_cost(amount: Decimal, factor: Decimal) -> Decimal:
    """Dollars that Lago charges, as dollars that calls cost, rounded down."""
    return amount if factor in {_ZERO, _ONE} else _SHORTER.divide(amount, factor)


def room_of(funds: Funds | None, purse: Purse, call: str, usd: Decimal, room: Room) -> bool:
    """Whether a call's reservation may be raised to so much (in Lago's dollars)."""
    if funds is None or funds.left is None:
        return True
    free = DOWN.subtract(DOWN.add(funds.left, room.overshoot), purse.pending)
    return usd <= DOWN.add(free, purse.reserved(call))


def opened(check: Check, purse: Purse, policy: Policy, now: float, room: Room) -> Verdict:
    """What the outage policy says; it begins an outage of this customer, if there is none."""
    usd = room.unbounded if check.usd is None else check.usd
    if policy == "closed":
        return Verdict("billing_unavailable")
    since, gone = purse.opened(now)
    if isinstance(policy, OpenUntil):
        if policy.seconds is not None and now - since >= policy.seconds:
            return Verdict("billing_unavailable", f"for more than {policy.seconds:g} s")
        if policy.usd is not None:
            if usd is None:
                return Verdict("billing_unavailable", "and nobody can say what it may cost")
            before = purse.reserved(check.reserve) if check.reserve else _ZERO
            if MATH.subtract(MATH.add(gone, usd), before) > policy.usd:
                return Verdict("billing_unavailable", f"and ${plain(gone)} were let out since")
    return Verdict(reserve=usd or _ZERO)
