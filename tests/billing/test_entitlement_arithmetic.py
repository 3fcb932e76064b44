"""What is left, against an oracle of fractions: never more than there is, and off by no more than a rounding."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from llmkit._control.billing.answers import ChargeUsage, Usage, Wallet
from llmkit._control.billing.available import Funds, Rules, funds_of
from llmkit._control.billing.deciding import Room, in_cost, verdict
from llmkit._control.billing.entitlement import Check
from llmkit._control.billing.purse import Purse
from llmkit._outbox import Owed

D = Decimal
NOW = 1_000_000
OURS, TOKENS, SEATS = "askii_coins", "tokens", "seats"

amounts = st.decimals(0, 10**6, places=9)
rates = st.sampled_from([D(1), D(3), D(7), D("0.3"), D(1_000_000), D("999999.9")])
wallets = st.lists(
    st.builds(
        Wallet,
        id=st.just("w"),
        status=st.sampled_from(["active", "active", "terminated"]),
        currency=st.sampled_from(["USD", "USD", "EUR"]),
        balance_cents=st.integers(-(10**6), 10**9),
        expires=st.sampled_from([None, None, NOW, NOW + 1]),
        metrics=st.sampled_from([(), (), (OURS,), (SEATS,)]),
        fee_types=st.sampled_from([(), ("charge",)]),
    ),
    max_size=4,
)
charges = st.lists(
    st.builds(
        ChargeUsage,
        metric=st.sampled_from([OURS, TOKENS, SEATS]),
        units=st.decimals(0, 10**15, places=6),
        amount_cents=st.integers(0, 10**6),
    ),
    max_size=4,
)
usages = st.dictionaries(st.sampled_from(["a", "b"]), charges, max_size=2)


def counts(one: Wallet) -> bool:
    """Whether a wallet pays for what we bill."""
    live = one.status == "active" and (one.expires is None or one.expires > NOW)
    for_us = not (one.metrics or one.fee_types) or OURS in one.metrics or "charge" in one.fee_types
    return live and for_us and one.currency == "USD"


def oracle(
    found: list[Wallet], used: dict[str, list[ChargeUsage]], rate: Decimal, factor: Decimal
) -> Fraction:
    """What is left, exactly: own wallets and the general ones, less our usage, less what others take of the latter."""
    total = sum((Fraction(one.balance_cents, 100) for one in found if counts(one)), Fraction())
    general = sum(
        (Fraction(one.balance_cents, 100) for one in found if counts(one) and not one.metrics),
        Fraction(),
    )
    own, others = Fraction(), Fraction()
    for each in used.values():
        for charge in each:
            cents = Fraction(charge.amount_cents, 100)
            if charge.metric == SEATS:
                others += cents
            elif charge.metric == TOKENS:
                own += cents
            else:
                exact = Fraction(charge.units) / Fraction(rate) * Fraction(factor)
                own += exact if cents <= exact + Fraction(1, 100) else cents
    return total - own - min(others, max(Fraction(), general))


@given(
    found=wallets, used=usages, rate=rates, factor=st.sampled_from([D(1), D("1.2"), D("0.7"), D(0)])
)
@example(
    [Wallet("w", "active", "USD", 1)], {"a": [ChargeUsage(OURS, D("0.000001"), 0)]}, D(3), D(1)
)
def test_what_is_left_is_never_more_than_there_is(
    found: list[Wallet], used: dict[str, list[ChargeUsage]], rate: Decimal, factor: Decimal
) -> None:
    """To the last digit where it can be written, and rounded down where a rate does not divide."""
    given_usages = {
        name: Usage("USD", sum(c.amount_cents for c in each), None, None, tuple(each))
        for name, each in used.items()
    }
    rules = Rules(frozenset({OURS, TOKENS}), {OURS: rate}, ended=False)
    # Whoever calls may have an arithmetic of his own.
    with decimal.localcontext(decimal.Context(prec=3)):
        left = funds_of("c", found, given_usages, rules, NOW, lambda _: factor).left
    if not any(counts(one) for one in found):
        assert left is None
        return
    exact = oracle(found, used, rate, factor)
    assert left is not None
    assert exact - Fraction(1, 10**30) < Fraction(left) <= exact


deeds = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "free", "spend", "written"]),
        st.sampled_from("abc"),
        amounts,
    ),
    max_size=30,
)


def do(purse: Purse, reserved: dict[str, Fraction], deed: tuple[str, str, Decimal]) -> Fraction:
    """Do it to a purse and to its model; what was spent."""
    what, call, usd = deed
    if what == "reserve":
        purse.reserve(call, usd, 1e9)
        reserved[call] = max(reserved.get(call, Fraction()), Fraction(usd))
    elif what == "written":
        purse.written(call)
    elif what == "spend":
        purse.spend(usd)
        return Fraction(usd)
    elif purse.settle(call, usd if what == "settle" else None):
        del reserved[call]
        return Fraction(usd) if what == "settle" else Fraction()
    return Fraction()


@given(before=deeds, after=deeds, owed=st.tuples(amounts, amounts))
def test_a_purse_never_trusts_what_is_older_than_its_own_spend(
    before: list[Any], after: list[Any], owed: tuple[Decimal, Decimal]
) -> None:
    """What is pending is what the outbox owes, and all that was spent since it was asked, and all that is reserved."""
    purse, reserved = Purse(), {}
    for deed in before:
        do(purse, reserved, deed)
    mark = purse.mark()
    since = sum((do(purse, reserved, deed) for deed in after), Fraction())
    purse.owes(mark, Owed(0, owed[0], owed[1], D(0)), D(1))
    expected = Fraction(owed[0]) + Fraction(owed[1]) + since + sum(reserved.values(), Fraction())
    assert Fraction(purse.pending) == expected


@given(
    left=amounts, pending=amounts, usd=amounts, factor=st.sampled_from([D(1), D("1.2"), D("0.3")])
)
def test_a_verdict_lets_out_what_fits_and_nothing_else(
    left: Decimal, pending: Decimal, usd: Decimal, factor: Decimal
) -> None:
    """What a call costs, as it is charged, is no more than what is left and not pending."""
    purse = Purse()
    purse.spend(pending)
    check = Check("c", usd=usd, reserve="x")
    found = verdict(check, Funds("c", left), purse, factor, Room())
    fits = Fraction(usd) * Fraction(factor) <= Fraction(left) - Fraction(pending)
    assert (not found.reason) is fits
    assert found.available is not None
    assert Fraction(found.available) * Fraction(factor) <= Fraction(left) - Fraction(pending)


@given(amount=st.decimals(-(10**6), 10**6, places=6), factor=st.decimals("0.001", 10, places=3))
def test_dollars_of_cost_are_rounded_down(amount: Decimal, factor: Decimal) -> None:
    """What is shown as available can be spent."""
    exact = Fraction(amount) / Fraction(factor)
    assert exact - Fraction(1, 10**15) < Fraction(in_cost(amount, factor)) <= exact
