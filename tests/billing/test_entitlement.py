"""What an entitlement is decided by: Lago's numbers, a plan's prices, features, policies. Literals only."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from llmkit._control.billing.answers import (
    ChargeUsage,
    Feature,
    Plan,
    PlanCharge,
    Subscription,
    Usage,
    Wallet,
)
from llmkit._control.billing.available import (
    Funds,
    Rules,
    Standing,
    denied_feature,
    factor_of,
    funds_of,
    limited,
    picked,
    reckoned,
    standing_of,
)
from llmkit._control.billing.deciding import Room, in_cost, opened, refused, room_of, verdict
from llmkit._control.billing.entitlement import (
    Check,
    Entitlement,
    OpenUntil,
    amount,
    policy_of,
)
from llmkit._control.billing.purse import Purse
from llmkit._outbox import Owed
from llmkit.errors import ConfigurationError

D = Decimal
CODE = "askii_coins"
RULES = Rules(frozenset({CODE, "tokens"}), {CODE: D(1_000_000)})
NOW = 1_735_689_600_000


def wallet(cents: int, **more: Any) -> Wallet:
    """A wallet in dollars that pays for anything."""
    return Wallet(
        **{"id": "w", "status": "active", "currency": "USD", "balance_cents": cents, **more}
    )


def usage(*charges: ChargeUsage, currency: str = "USD") -> Usage:
    """A current period."""
    return Usage(currency, sum(one.amount_cents for one in charges), None, None, charges)


def left(*wallets: Wallet, rules: Rules = RULES, **usages: Usage) -> Decimal | None:
    """What is left of these."""
    return funds_of("c", wallets, usages, rules, NOW).left


# --- values -----------------------------------------------------------------------------------


def test_an_entitlement_is_true_where_it_allows_and_cannot_be_changed() -> None:
    """Whoever writes ``if entitlement:`` lets out what is allowed, and nobody can make it so afterwards."""
    allowed, denied = Entitlement(True), Entitlement(False, "insufficient_balance")
    assert allowed
    assert not denied
    with pytest.raises(dataclasses.FrozenInstanceError):
        denied.allowed = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("entitlement", "text"),
    [
        (
            Entitlement(True, subscription="s", available=D("1.500"), stale=True, source="cache"),
            "s is entitled, $1.5 available (stale cache)",
        ),
        (Entitlement(True, customer="c"), "c is entitled, no limit is known (lago)"),
        (
            Entitlement(True, customer="c", source="policy", stale=True, opened=True),
            "c is entitled, no limit is known (stale policy, opened by the outage policy)",
        ),
        (
            Entitlement(False, "feature_denied", "no vision", subscription="s"),
            "s is not entitled: feature_denied (no vision)",
        ),
        (Entitlement(False, "unknown_customer"), "nobody is not entitled: unknown_customer"),
    ],
)
def test_an_entitlement_says_what_it_is(entitlement: Entitlement, text: str) -> None:
    """Printed, it names whom it is about, what is left or why not, and by what it was decided."""
    assert str(entitlement) == text


def test_an_outage_policy_needs_an_end() -> None:
    """``OpenUntil`` without an amount and a time would be ``open``, and has to be written as that."""
    with pytest.raises(ConfigurationError, match="at least one"):
        OpenUntil()
    with pytest.raises(ConfigurationError, match="more than 0"):
        OpenUntil(seconds=0)
    with pytest.raises(ConfigurationError, match="amount of dollars"):
        OpenUntil(usd=D("-1"))
    given: Any = 0.1
    assert OpenUntil(usd=given).usd == D("0.1")


@pytest.mark.parametrize("given", ["closed", "open", OpenUntil(seconds=1)])
def test_what_an_outage_policy_can_be(given: Any) -> None:
    """The two words and the limited form are policies."""
    assert policy_of(given) == given


@pytest.mark.parametrize("given", ["opened", None, 1, True])
def test_what_an_outage_policy_cannot_be(given: Any) -> None:
    """Anything else is refused when billing is made, not in the first outage."""
    with pytest.raises(ConfigurationError, match="unreachable is"):
        policy_of(given)


@pytest.mark.parametrize("given", [True, "x", None, "NaN", "Infinity", -1])
def test_what_no_amount_of_dollars_is(given: Any) -> None:
    """What is no finite number of dollars is refused."""
    with pytest.raises(ConfigurationError, match="amount of dollars"):
        amount(given, "x")


# --- wallets and usage ------------------------------------------------------------------------


def test_usage_counts_by_units_which_are_exact() -> None:
    """4,200 coins are 0.0042 dollars off the balance, though Lago's cents still say nothing."""
    coins = ChargeUsage(CODE, D(4200), 0)
    assert left(wallet(100), s=usage(coins)) == D("0.9958")


def test_other_charges_count_by_what_lago_charges() -> None:
    """What else a subscription is charged for comes off the same wallet, in whole cents."""
    assert left(wallet(100), s=usage(ChargeUsage("seats", D(3), 30))) == D("0.70")


def test_our_metrics_that_count_no_money_count_by_what_lago_charges() -> None:
    """Tokens have no price here: what Lago makes of them is what they come to."""
    assert left(wallet(100), s=usage(ChargeUsage("tokens", D(1000), 25))) == D("0.75")


def test_all_of_a_customers_subscriptions_use_up_one_wallet() -> None:
    """A wallet is the customer's: what each of his subscriptions has used is taken off."""
    coins = usage(ChargeUsage(CODE, D(100_000), 10))
    assert left(wallet(100), a=coins, b=coins) == D("0.8")


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({}, True),
        ({"status": "terminated"}, False),
        ({"expires": NOW}, False),
        ({"expires": NOW + 1}, True),
        ({"metrics": (CODE,)}, True),
        ({"metrics": ("tokens", "x")}, True),
        ({"metrics": ("seats",)}, False),
        ({"fee_types": ("charge",)}, True),
        ({"fee_types": ("subscription",)}, False),
        ({"fee_types": ("subscription",), "metrics": (CODE,)}, True),
        ({"currency": "EUR"}, False),
    ],
)
def test_which_wallets_count(more: Any, *, counts: bool) -> None:
    """Active ones, not expired, in our currency, that pay for anything or for one of our metrics."""
    base = wallet(100)
    assert left(base, wallet(50, **more)) == (D("1.50") if counts else D("1.00"))


def test_a_wallet_in_another_currency_is_told_and_not_added() -> None:
    """Euros are no dollars: the finding names the wallet, and the balance is that of the others."""
    found = funds_of("c", [wallet(100), wallet(900, currency="EUR", id="w2")], {}, RULES, NOW)
    assert found.left == D("1.00")
    assert found.notes == ("wallet w2 is in EUR, and is not counted",)


def test_other_charges_do_not_use_up_what_pays_for_our_metrics_alone() -> None:
    """Seats for 30 dollars cannot be paid from coins' own wallet: that stays whole."""
    seats = usage(ChargeUsage("seats", D(3), 3000))
    assert left(wallet(500, metrics=(CODE,)), wallet(100), s=seats) == D("5.00")
    assert left(wallet(500, metrics=(CODE,)), s=seats) == D("5.00")


def test_usage_in_another_currency_is_told_and_not_taken_off() -> None:
    """A plan in euros is not paid from a wallet in dollars."""
    found = funds_of(
        "c", [wallet(100)], {"s": usage(ChargeUsage(CODE, D(5), 500), currency="EUR")}, RULES, NOW
    )
    assert (found.left, found.notes) == (D("1.00"), ("usage is in EUR, and is not counted",))


def test_what_lago_charges_above_the_units_price_counts() -> None:
    """A charge that is dearer than a coin's rate says, as with a package, counts by what it costs, and is told."""
    found = funds_of("c", [wallet(1000)], {"s": usage(ChargeUsage(CODE, D(1), 500))}, RULES, NOW)
    assert found.left == D("5.00")
    assert "what is charged counts" in found.notes[0]


def test_a_customer_without_a_wallet_pays_afterwards() -> None:
    """Nothing limits him, unless a wallet is required."""
    assert left() is None
    assert left(rules=dataclasses.replace(RULES, require_wallet=True)) == 0


def test_a_customer_whose_wallets_have_ended_has_nothing() -> None:
    """A prepaid balance that ran out of time must not become a blank cheque; one may say otherwise."""
    ended = wallet(100, status="terminated")
    found = funds_of("c", [ended], {}, RULES, NOW)
    assert (found.left, found.detail) == (0, "all wallets of customer c have ended")
    assert left(ended, rules=dataclasses.replace(RULES, ended=False)) is None


def test_ongoing_balances_count_only_where_they_are_declared_trustworthy() -> None:
    """On open-source Lago nobody refreshes them: by default the settled balance less usage is what is left."""
    coins = usage(ChargeUsage(CODE, D(100_000), 10))
    both = wallet(100, ongoing_cents=40)
    trusting = dataclasses.replace(RULES, trust_ongoing=True)
    assert left(both, s=coins) == D("0.9")
    assert left(both, rules=trusting) == D("0.40")
    assert left(wallet(100), s=coins, rules=trusting) == D("0.9")


def test_a_wallets_expiry_ends_what_is_known() -> None:
    """What was reckoned with a wallet means nothing once it expires: the earliest of them says when."""
    found = funds_of(
        "c", [wallet(1), wallet(1, expires=NOW + 9), wallet(1, expires=NOW + 5)], {}, RULES, NOW
    )
    assert found.ends == NOW + 5


def test_usage_is_asked_for_only_where_something_is_reckoned_from_it() -> None:
    """A customer who pays afterwards costs no request for usage, nor does one whose wallets say what is left."""
    trusting = dataclasses.replace(RULES, trust_ongoing=True)
    assert not reckoned([], RULES, NOW)
    assert not reckoned([wallet(1, status="terminated")], RULES, NOW)
    assert reckoned([wallet(1)], RULES, NOW)
    assert not reckoned([wallet(1, ongoing_cents=1)], trusting, NOW)
    assert limited([wallet(1, ongoing_cents=1)], trusting, NOW)


# --- plans, subscriptions, features -----------------------------------------------------------


def plan(*charges: PlanCharge) -> Plan:
    """A plan."""
    return Plan("pro", "USD", charges)


@pytest.mark.parametrize(
    ("charges", "factor"),
    [
        ((PlanCharge(CODE, "standard", D("0.000001")),), D(1)),
        ((PlanCharge(CODE, "standard", D("0.0000012")),), D("1.2")),
        ((PlanCharge(CODE, "standard", D(0)),), D(0)),
        ((PlanCharge(CODE, "dynamic"),), D(1)),
        ((PlanCharge(CODE, "standard", D("0.000002"), filtered=True),), D(1)),
        ((PlanCharge("seats", "standard", D(5)), PlanCharge(CODE, "graduated")), D(1)),
    ],
)
def test_a_plan_says_what_a_dollar_of_cost_is_charged(
    charges: tuple[PlanCharge, ...], factor: Decimal
) -> None:
    """A standard charge's price per coin gives the mark-up; where none can be told, a dollar is a dollar."""
    found, note = factor_of(plan(*charges), RULES)
    assert (found, note) == (factor, "")


def test_a_plan_that_does_not_charge_our_metric_is_told() -> None:
    """Then Lago would never charge anything: the finding says so."""
    assert factor_of(plan(), RULES) == (D(1), "plan pro has no charge for askii_coins")
    assert factor_of(None, RULES) == (D(1), "")


def test_with_a_mark_up_less_is_left() -> None:
    """At 1.2 dollars for a dollar, 100,000 coins are 12 cents."""
    coins = usage(ChargeUsage(CODE, D(100_000), 12))
    found = funds_of("c", [wallet(100)], {"s": coins}, RULES, NOW, lambda _: D("1.2"))
    assert found.left == D("0.88")


def subscription(external_id: str = "s", **more: Any) -> Subscription:
    """An active subscription of customer c."""
    given = {"customer": "c", "status": "active", "plan_code": "pro", **more}
    return Subscription(external_id, **given)


def test_a_subscription_that_is_not_active_is_denied() -> None:
    """``pending`` or ``terminated`` is a no, with its word."""
    found = standing_of(subscription(status="pending"), RULES)
    assert (found.denied, found.detail) == ("no_active_subscription", "subscription s is pending")


def test_the_only_active_subscription_is_meant() -> None:
    """One is taken, none is a no."""
    assert picked([subscription()], "c", RULES).subscription == "s"
    assert picked([], "c", RULES).denied == "no_active_subscription"


def test_of_several_subscriptions_none_is_guessed() -> None:
    """The no names them, and what to say; with ``plan`` one is meant."""
    both = [subscription("a", plan_code="pro"), subscription("b", plan_code="basic")]
    found = picked(both, "c", RULES)
    assert (found.subscription, found.denied) == ("", "several_subscriptions")
    assert "(a, b)" in found.detail
    assert "plan=" in found.detail
    assert picked(both, "c", dataclasses.replace(RULES, plan="basic")).subscription == "b"
    none = picked(both, "c", dataclasses.replace(RULES, plan="x"))
    assert (none.denied, none.detail) == (
        "no_active_subscription",
        "customer c has no active subscription of plan x",
    )


FEATURES = (
    Feature("llm", {"tier": "pro", "max": 5}),
    Feature("vision", {"enabled": False}),
    Feature("mixed", {"a": False, "b": True, "none": None}),
    Feature("a.b", {}),
)


@pytest.mark.parametrize(
    ("feature", "had"),
    [
        ("", True),
        ("llm", True),
        ("llm.tier", True),
        ("llm.max", True),
        ("llm.other", False),
        ("vision", False),
        ("vision.enabled", False),
        ("mixed", True),
        ("mixed.a", False),
        ("mixed.b", True),
        ("mixed.none", False),
        ("a.b", True),
        ("audio", False),
        (".x", False),
    ],
)
def test_which_features_a_subscription_has(feature: str, *, had: bool) -> None:
    """A feature that is absent, or whose flags are all off, is denied; a number or a choice is there to be read."""
    standing = standing_of(subscription(features=FEATURES), RULES)
    assert (denied_feature(standing, feature) == "") is had


def test_a_subscription_of_another_customer_is_denied() -> None:
    """Who says customer and subscription has to say a pair."""
    standing = Standing("s", "c")
    assert refused(Check("c", "s"), standing, "")[0] == ""
    assert refused(Check("d", "s"), standing, "")[0] == "no_active_subscription"
    assert refused(Check("", "s"), standing, "llm")[0] == "feature_denied"


# --- the purse --------------------------------------------------------------------------------


def owed(queued: str = "0", delivered: str = "0", intended: str = "0") -> Owed:
    """What an outbox says."""
    return Owed(0, D(queued), D(delivered), D(intended))


def test_a_purse_counts_what_is_reserved_and_spent() -> None:
    """A reservation counts until it is settled, then what was spent does."""
    purse = Purse()
    purse.reserve("a", D(3), 10)
    purse.reserve("b", D(2), 10)
    assert purse.pending == 5
    assert purse.settle("a", D(1))
    assert purse.pending == 3
    assert purse.settle("b", None)
    assert purse.pending == 1
    assert not purse.settle("b", D(7))
    assert purse.pending == 1


def test_a_reservation_is_raised_and_never_lowered() -> None:
    """A later attempt of a call reserves the more of the two."""
    purse = Purse()
    for usd in ("3", "2", "4"):
        purse.reserve("a", D(usd), 10)
    assert (purse.pending, purse.reserved("a"), purse.reserved("b")) == (4, 4, 0)


def test_what_the_outbox_owes_takes_the_place_of_what_was_spent_before() -> None:
    """What was spent up to the question is in the answer; what was spent since counts beside it."""
    purse = Purse()
    purse.spend(D(5))
    mark = purse.mark()
    purse.spend(D(2))
    purse.owes(mark, owed("4", "1"), D(1))
    assert purse.pending == 7


def test_own_intents_do_not_count_twice_and_those_of_others_do() -> None:
    """Of 10 dollars of intents 3 are of a call that is reserved here; 7 are other processes'."""
    purse = Purse()
    purse.reserve("a", D(3), 10)
    purse.reserve("unwritten", D(1), 10)
    purse.written("a")
    purse.owes(purse.mark(), owed(intended="10"), D(1))
    assert purse.pending == 11


def test_an_intent_that_came_after_the_question_is_not_taken_off() -> None:
    """What the outbox was asked before it was written, it cannot have counted."""
    purse = Purse()
    purse.reserve("a", D(3), 10)
    mark = purse.mark()
    purse.written("a")
    purse.owes(mark, owed(intended="7"), D(1))
    assert purse.pending == 10


def test_a_lease_that_is_over_ends_a_reservation() -> None:
    """A call that nobody settles does not hold a balance for ever."""
    purse = Purse()
    purse.reserve("a", D(3), 10)
    purse.reserve("b", D(2), 20)
    assert purse.lapsed(9.9) == []
    assert purse.lapsed(10) == ["a"]
    assert purse.pending == 2
    assert purse.lapsed(100) == ["b"]
    assert (purse.pending, purse.idle) == (0, True)


# --- verdicts ---------------------------------------------------------------------------------


def judged(usd: str | None, left_over: str | None, *, reserve: bool = True, **room: Any) -> Any:
    """A verdict."""
    funds = Funds("c", None if left_over is None else D(left_over))
    check = Check("c", usd=None if usd is None else D(usd), reserve="x" if reserve else None)
    return verdict(check, funds, Purse(), D(1), Room(**room))


@pytest.mark.parametrize(
    ("usd", "left_over", "room", "reason"),
    [
        ("1", "1", {}, ""),
        ("1.000001", "1", {}, "insufficient_balance"),
        ("1.5", "1", {"overshoot": D("0.5")}, ""),
        ("0", "0", {}, ""),
        ("0", "-0.01", {}, "insufficient_balance"),
        ("5", None, {}, ""),
        (None, None, {}, ""),
        (None, "100", {}, "unbounded_cost"),
        (None, "100", {"unbounded": D(100)}, ""),
        (None, "100", {"unbounded": D(101)}, "insufficient_balance"),
    ],
)
def test_what_funds_say_of_a_call(usd: Any, left_over: Any, room: Any, reason: str) -> None:
    """A call goes out where all that it can cost fits, and what nobody can bound only by a setting."""
    assert judged(usd, left_over, **room).reason == reason


@pytest.mark.parametrize(("left_over", "allowed"), [("0.01", True), ("0", False), (None, True)])
def test_a_question_without_an_amount_asks_whether_anything_is_left(
    left_over: Any, *, allowed: bool
) -> None:
    """``check_entitlement()`` of somebody with nothing left is a no."""
    assert (judged(None, left_over, reserve=False).reason == "") is allowed


def test_a_mark_up_is_reckoned_with() -> None:
    """At 1.2 for a dollar, 12 dollars let out calls that cost 10."""
    funds = Funds("c", D(12))
    found = verdict(Check("c", usd=D(10), reserve="x"), funds, Purse(), D("1.2"), Room())
    assert (found.reason, found.available) == ("", D(10))
    more = verdict(Check("c", usd=D("10.01"), reserve="x"), funds, Purse(), D("1.2"), Room())
    assert more.reason == "insufficient_balance"
    assert in_cost(D(1), D(3)) == D("0." + "3" * 30)


def test_room_for_raising_a_reservation() -> None:
    """What a call holds already is its own; what others hold is not."""
    purse = Purse()
    purse.reserve("a", D(4), 10)
    purse.reserve("b", D(3), 10)
    assert room_of(Funds("c", D(10)), purse, "a", D(7), Room())
    assert not room_of(Funds("c", D(10)), purse, "a", D("7.1"), Room())
    assert room_of(None, purse, "a", D(70), Room())
    assert room_of(Funds("c"), purse, "a", D(70), Room())


# --- outages ----------------------------------------------------------------------------------


def test_closed_lets_nothing_out() -> None:
    """And no outage of the customer begins: there is nothing to count."""
    purse = Purse()
    assert opened(Check("c"), purse, "closed", 5, Room()).reason == "billing_unavailable"
    assert not purse.is_open


def test_open_lets_out_and_reserves_all_the_same() -> None:
    """What it may cost is reserved, so that it counts when the outage is over."""
    found = opened(Check("c", usd=D(3)), Purse(), "open", 5, Room())
    assert (found.reason, found.reserve) == ("", 3)
    assert opened(Check("c"), Purse(), "open", 5, Room(unbounded=D(2))).reserve == 2


def test_open_for_so_many_seconds_from_the_outages_beginning() -> None:
    """The time runs from when the outage met this customer."""
    purse = Purse()
    policy = OpenUntil(seconds=60)
    reasons = [opened(Check("c"), purse, policy, now, Room()).reason for now in (100, 159.9, 160)]
    assert reasons == ["", "", "billing_unavailable"]
    purse.over()
    assert opened(Check("c"), purse, policy, 500, Room()).reason == ""


def test_open_until_so_much_has_gone_out() -> None:
    """What calls turn out to cost takes the place of what they might have; what nobody can bound does not go."""
    purse, policy = Purse(), OpenUntil(usd=D(5))

    def ask(call: str, usd: str | None) -> str:
        amount = None if usd is None else D(usd)
        found = opened(Check("c", usd=amount, reserve=call), purse, policy, 0, Room())
        if not found.reason:
            purse.reserve(call, found.reserve, 10, opened=True)
        return found.reason

    assert ask("a", "4") == ""
    assert ask("b", "2") == "billing_unavailable"
    assert ask("a", "5") == ""
    purse.settle("a", D(1))
    assert ask("b", "4") == ""
    assert ask("c", "0.01") == "billing_unavailable"
    assert ask("c", None) == "billing_unavailable"
