"""What is left of a customer's balance, by Lago's numbers; what a subscription may do. Rules only: pure, no clock.

All amounts are dollars as Lago charges them. ``factor`` is how many of them it charges for one dollar that a call
costs: 1, unless the plan says otherwise. What this process knows beside Lago's numbers is the purse's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from functools import reduce
from typing import Any, Final, NamedTuple

from ..._cost import MATH, FrozenMap
from .answers import ChargeUsage, Plan, Subscription, Usage, Wallet
from .currency import plain
from .entitlement import Reason

__all__ = [
    "DOWN", "Funds", "Period", "Picked", "Rules", "Standing", "carried", "denied_feature", "factor_of", "funds_of",
    "limited", "picked", "reckoned", "standing_of", "used",
]  # fmt: skip

# Where digits end: what is used is never too little, and what is left never too much.
_UP: Final = Context(prec=60, rounding=ROUND_CEILING)
DOWN: Final = Context(prec=60, rounding=ROUND_FLOOR)
_ZERO, _ONE, _CENT = Decimal(0), Decimal(1), Decimal("0.01")
_NOTHING: Final[FrozenMap[Any]] = FrozenMap()


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts.

    Attributes:
        codes: all our metrics: a wallet for one of them is for us.
        rates: of our metrics that count money, how many units are a dollar.
        currency: of wallets and charges; others do not count.
        trust_ongoing: whether wallets' ongoing balances are kept up to date: then they are what is left.
        require_wallet: whether a customer without a wallet has nothing, and does not pay afterwards.
        ended: whether a customer has nothing whose wallets for us have all ended. ``False``: he pays afterwards.
        plan: which of a customer's subscriptions is meant, by its plan's code.
        settling: seconds for which an ended period's usage may not have come off a wallet yet.
    """

    codes: frozenset[str]
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    currency: str = "USD"
    trust_ongoing: bool = False
    require_wallet: bool = False
    ended: bool = True
    plan: str = ""
    settling: float = 10_800.0


class Standing(NamedTuple):
    """What is known of a subscription. ``ends``: milliseconds of Unix time from which on it is none.

    ``period_end``: likewise, of the current billing period.
    """

    subscription: str
    customer: str = ""
    denied: Reason = ""
    detail: str = ""
    features: Mapping[str, Mapping[str, Any]] = _NOTHING
    ends: int | None = None
    factor: Decimal = _ONE
    note: str = ""
    period_end: int | None = None


class Period(NamedTuple):
    """A subscription's current period: since when (milliseconds of Unix time), and dollars that it has come to."""

    since: int | None
    used: Decimal


class Funds(NamedTuple):
    """What a customer has. ``left``: balance less usage; ``None``: no wallet limits it.

    ``subscriptions``: the active ones; ``None`` where nobody asked. ``ends``: milliseconds of Unix time at which a
    wallet expires. ``begun``: when the first of it was asked for. ``carried``: dollars of ended periods that may not
    be paid yet, counted until then.
    """

    customer: str
    left: Decimal | None = None
    denied: Reason = ""
    detail: str = ""
    subscriptions: tuple[Subscription, ...] | None = None
    ends: int | None = None
    notes: tuple[str, ...] = ()
    begun: int = 0
    balance: Decimal = _ZERO
    periods: Mapping[str, Period] = _NOTHING
    carried: Decimal = _ZERO
    carried_until: int = 0


class Picked(NamedTuple):
    """Which subscription is meant, or why none."""

    subscription: str = ""
    denied: Reason = ""
    detail: str = ""


def standing_of(found: Subscription, rules: Rules) -> Standing:
    """What a subscription's answer says."""
    factor, note = factor_of(found.plan, rules)
    denied: Reason = "" if found.status == "active" else "no_active_subscription"
    return Standing(
        found.external_id,
        found.customer,
        denied,
        f"subscription {found.external_id} is {found.status}" if denied else "",
        {one.code: one.privileges for one in found.features or ()},
        found.ending,
        factor,
        note,
        found.period_end,
    )


def factor_of(plan: Plan | None, rules: Rules) -> tuple[Decimal, str]:
    """How many dollars are charged for a dollar of cost, and what is odd about that."""
    if plan is None or not rules.rates:
        return _ONE, ""
    charges = [one for one in plan.charges if one.metric in rules.rates]
    if not charges:
        return _ONE, f"plan {plan.code} has no charge for {', '.join(sorted(rules.rates))}"
    total = _ZERO
    for charge in charges:
        plain = charge.amount is not None and not charge.filtered
        each = MATH.multiply(charge.amount, rules.rates[charge.metric]) if plain else _ONE  # type: ignore[arg-type]
        total = MATH.add(total, each)
    return total, ""


def picked(found: Sequence[Subscription], customer: str, rules: Rules) -> Picked:
    """The only active subscription of a customer, or that of the plan; nothing is guessed."""
    fitting = [one for one in found if not rules.plan or one.plan_code == rules.plan]
    if len(fitting) == 1:
        return Picked(fitting[0].external_id)
    of_plan = f" of plan {rules.plan}" if rules.plan else ""
    if not fitting:
        return Picked(
            "", "no_active_subscription", f"customer {customer} has no active subscription{of_plan}"
        )
    names = ", ".join(one.external_id for one in fitting[:5])
    return Picked(
        "",
        "several_subscriptions",
        f"customer {customer} has {len(fitting)} active subscriptions{of_plan} ({names}): "
        "name one with subscription=, or its plan with plan=",
    )


def denied_feature(standing: Standing, feature: str) -> str:
    """Why the feature (its code, or ``code.privilege``) is not to be had; ``""`` where it is.

    A feature whose privileges that are yes or no are all no is not. Numbers and choices are for the caller to read.
    """
    if not feature:
        return ""
    whole = standing.features.get(feature)
    if whole is not None:
        flags = [value for value in whole.values() if isinstance(value, bool)]
        return f"feature {feature} is switched off" if flags and not any(flags) else ""
    code, _, privilege = feature.rpartition(".")
    privileges = standing.features.get(code, {}) if code else {}
    if privileges.get(privilege) is None:
        return f"subscription {standing.subscription} does not have {feature}"
    return f"{feature} is switched off" if privileges[privilege] is False else ""


# --- what is left -----------------------------------------------------------------------------


def _is_ours(wallet: Wallet, rules: Rules) -> bool:
    if not wallet.metrics and not wallet.fee_types:
        return True
    return "charge" in wallet.fee_types or not rules.codes.isdisjoint(wallet.metrics)


def _is_live(wallet: Wallet, now: int) -> bool:
    return wallet.status == "active" and (wallet.expires is None or wallet.expires > now)


def limited(wallets: Iterable[Wallet], rules: Rules, now: int) -> bool:
    """Whether some wallet counts."""
    return any(_is_live(one, now) for one in _ours(wallets, rules))


def reckoned(wallets: Iterable[Wallet], rules: Rules, now: int) -> bool:
    """Whether usage has to be asked for: some wallet counts that does not itself say what is left."""
    live = (one for one in _ours(wallets, rules) if _is_live(one, now))
    return any(one.ongoing_cents is None or not rules.trust_ongoing for one in live)


def _ours(wallets: Iterable[Wallet], rules: Rules) -> list[Wallet]:
    return [one for one in wallets if one.currency == rules.currency and _is_ours(one, rules)]


def funds_of(
    customer: str,
    wallets: Sequence[Wallet],
    usages: Mapping[str, Usage],
    rules: Rules,
    now: int,
    factor: Callable[[str], Decimal] = lambda _: _ONE,
) -> Funds:
    """What a customer has left: of the wallets that count, their settled balance less what is used by now.

    Args:
        customer: whose.
        wallets: all of them.
        usages: of each of his active subscriptions, the current period.
        rules: what counts.
        now: milliseconds of Unix time.
        factor: of a subscription.
    """
    ours = _ours(wallets, rules)
    notes = [_foreign(one) for one in wallets if _counts_not(one, rules, now)]
    live = [one for one in ours if _is_live(one, now)]
    if not live:
        return _without(customer, ended=bool(ours), rules=rules, notes=tuple(notes))
    expiries = [one.expires for one in live if one.expires is not None]
    balance, general = _balances(live, rules)
    periods: dict[str, Period] = {}
    left = balance
    if reckoned(live, rules, 0):
        left, periods = _left(balance, general, usages, rules, factor, notes)
    ends = min(expiries, default=None)
    return Funds(customer, left, ends=ends, notes=tuple(notes), balance=balance, periods=periods)


def _counts_not(wallet: Wallet, rules: Rules, now: int) -> bool:
    return wallet.currency != rules.currency and _is_live(wallet, now) and _is_ours(wallet, rules)


def _foreign(wallet: Wallet) -> str:
    return f"wallet {wallet.id} is in {wallet.currency or 'no currency'}, and is not counted"


def _without(customer: str, *, ended: bool, rules: Rules, notes: tuple[str, ...]) -> Funds:
    if ended and rules.ended:
        why = f"all wallets of customer {customer} have ended"
        return Funds(customer, _ZERO, detail=why, notes=notes)
    if rules.require_wallet:
        return Funds(customer, _ZERO, detail=f"customer {customer} has no wallet", notes=notes)
    return Funds(customer, None, notes=notes)


def _balances(live: Sequence[Wallet], rules: Rules) -> tuple[Decimal, Decimal]:
    """Of all wallets, and of those that pay for other charges, too."""
    cents = general = _ZERO
    for wallet in live:
        ongoing = wallet.ongoing_cents if rules.trust_ongoing else None
        balance = Decimal(wallet.balance_cents if ongoing is None else ongoing)
        cents = MATH.add(cents, balance)
        if not wallet.metrics:
            general = MATH.add(general, balance)
    return MATH.multiply(cents, _CENT), MATH.multiply(general, _CENT)


def _left(
    balance: Decimal,
    general: Decimal,
    usages: Mapping[str, Usage],
    rules: Rules,
    factor: Callable[[str], Decimal],
    notes: list[str],
) -> tuple[Decimal, dict[str, Period]]:
    own, others = _ZERO, _ZERO
    periods: dict[str, Period] = {}
    for subscription, usage in usages.items():
        ours, rest = used(usage, rules, factor(subscription), notes)
        periods[subscription] = Period(usage.since, _UP.add(ours, rest))
        own, others = _UP.add(own, ours), _UP.add(others, rest)
    # What pays for our metrics alone is not used up by other charges.
    taken = min(others, max(_ZERO, general))
    return DOWN.subtract(DOWN.subtract(balance, own), taken), periods


def carried(before: Funds | None, found: Funds, pending: Decimal, rules: Rules) -> Funds:
    """The same, less what periods that have just ended came to: their invoices may not have come off a wallet yet.

    Lago's usage begins at nothing with a period, and its invoices are made within the hour, by jobs. Until balances
    have gone down by as much, for ``settling`` seconds at most, it is still taken off.

    Args:
        before: what was known before.
        found: what was just found.
        pending: what was spent beside the numbers of ``before``.
        rules: what counts.
    """
    if before is None or found.left is None or before.left is None:
        return found
    now = found.begun
    rest = before.carried if now < before.carried_until else _ZERO
    rolled = _rolled(before, found)
    if rolled is not None:
        rest = _UP.add(rest, _UP.add(rolled, pending))
    rest = max(_ZERO, _UP.subtract(rest, max(_ZERO, MATH.subtract(before.balance, found.balance))))
    if not rest:
        return found
    until = before.carried_until if rolled is None else now + int(rules.settling * 1000)
    note = f"${plain(rest)} of a period that has ended may not be paid yet"
    return found._replace(
        left=DOWN.subtract(found.left, rest),
        notes=(*found.notes, note),
        carried=rest,
        carried_until=until,
    )


def _rolled(before: Funds, found: Funds) -> Decimal | None:
    """What the periods that have ended since had come to; ``None``: none has."""
    ended = [
        old.used
        for name, old in before.periods.items()
        if (new := found.periods.get(name)) is not None and (new.since or 0) > (old.since or 0)
    ]
    return reduce(_UP.add, ended, _ZERO) if ended else None


def used(usage: Usage, rules: Rules, factor: Decimal, notes: list[str]) -> tuple[Decimal, Decimal]:
    """What the current period has come to: by our metrics, which is exact, and by all other charges."""
    if usage.currency and usage.currency != rules.currency and usage.amount_cents:
        notes.append(f"usage is in {usage.currency}, and is not counted")
        return _ZERO, _ZERO
    own, others = _ZERO, _ZERO
    for charge in usage.charges:
        amount = MATH.multiply(Decimal(charge.amount_cents), _CENT)
        if charge.metric in rules.codes:
            own = _UP.add(own, _own(charge, amount, rules, factor, notes))
        else:
            others = _UP.add(others, amount)
    return own, others


def _own(
    charge: ChargeUsage, amount: Decimal, rules: Rules, factor: Decimal, notes: list[str]
) -> Decimal:
    """By units, which are exact, where they count money. Where Lago charges more than that, what Lago charges."""
    rate = rules.rates.get(charge.metric)
    if rate is None:
        return amount
    exact = _UP.multiply(_UP.divide(charge.units, rate), factor)
    if amount <= MATH.add(exact, _CENT):
        return exact
    notes.append(
        f"{charge.metric} is charged ${amount:f}, its units are ${exact:f}: what is charged counts"
    )
    return amount
