"""``BudgetManager``: holds, spend, thresholds, increases, rollover, usage; in sync code, under asyncio, under trio."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._control.budget.asking import Ask, Divert, Taken
from llmkit._control.budget.checking import room
from llmkit._cost import Unbounded
from llmkit._operations import Balances, Reserve
from llmkit._secret import Secret
from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.errors import (
    BudgetExceededError,
    ConfigurationError,
    LimitReachedError,
    StoreError,
    UnboundedCostError,
)
from llmkit.events import BudgetOverrun, BudgetThresholdCrossed
from llmkit.stores import MemoryStore

from ._books import COLOURS, DAY, START, Clock, Office

D = Decimal
KEY = "sk-" + "proj-0123456789abcdefghij"


@pytest.fixture(params=COLOURS)
def office(request: pytest.FixtureRequest) -> Office:
    """A store, in each colour."""
    return Office(request.param)


# --- holds ------------------------------------------------------------------------------------


def test_a_hold_is_settled_once(office: Office) -> None:
    """What it cost is spent, what was held is free again; what comes later changes nothing."""
    manager = office.manager(Budget(10, scope="user"))
    hold = office.do(manager, "reserve", "2.50", user="ann")
    check = office.do(manager, "check_budget", user="ann")
    assert (check.limits[0].held, check.limits[0].spent, check.remaining()) == (
        D("2.50"),
        0,
        D("7.50"),
    )
    assert office.do(hold, "settle", 1, prompt_tokens=10, completion_tokens=5).status == "settled"
    assert office.do(hold, "settle", 2).status == "again"
    assert office.do(manager, "check_budget", user="ann").remaining() == 9
    assert office.balanced(manager)


def test_all_scopes_or_none(office: Office) -> None:
    """Where one budget refuses, nothing is held in the others."""
    manager = office.manager(Budget(100), Budget(1, scope="user"))
    with pytest.raises(BudgetExceededError) as caught:
        office.do(manager, "reserve", 2, user="ann")
    assert (caught.value.scope, caught.value.asked, caught.value.limit) == ("user=ann", 2, 1)
    held = [one.held for one in office.do(manager, "check_budget", user="ann").limits]
    assert held == [0, 0]


def test_a_hold_as_a_context(office: Office) -> None:
    """Settled within, it stays so; left open, nobody knows what it cost: it is settled at what was held."""
    manager = office.manager(Budget(10))

    def sync(settle: bool) -> None:  # noqa: FBT001
        with manager.reserve(2) as hold:
            if settle:
                hold.settle(1)

    async def awaited(settle: bool) -> None:  # noqa: FBT001
        async with await manager.areserve(2) as hold:
            if settle:
                await hold.asettle(1)

    for settle in (True, False):
        if office.colour == "sync":
            sync(settle)
        else:
            office.run(lambda settle=settle: awaited(settle))  # type: ignore[misc]
    assert office.do(manager, "check_budget").limits[0].spent == 3
    flags = [entry.flag for entry in office.do(manager, "entries")]
    assert flags == ["", "unsettled"]


def test_a_hold_whose_block_fails_costs_what_was_held(office: Office) -> None:
    """The call may have been made; its error is not hidden."""
    manager = BudgetManager(budgets=[Budget(10)])
    with pytest.raises(ZeroDivisionError), manager.reserve(2):
        raise ZeroDivisionError
    assert manager.check_budget().limits[0].spent == 2


def test_a_released_hold_costs_nothing_but_perhaps_a_request(office: Office) -> None:
    """Nothing was sent, or the provider refused: then a request left all the same."""
    manager = office.manager(Budget(10), RateLimit(requests=5, tokens=1000, parallel=2))
    for sent in (False, True):
        hold = office.do(manager, "reserve", 2, tokens=100)
        office.do(hold, "release", sent=sent)
    spent = {one.measure: one.spent for one in office.do(manager, "check_budget").limits}
    assert spent == {"usd": 0, "requests": 1, "tokens": 0, "parallel": 0}


def test_the_same_id_is_the_same_hold(office: Office) -> None:
    """While it is held. Once it has ended, a new attempt needs a new id."""
    manager = office.manager(Budget(10))
    first = office.do(manager, "reserve", 2, id="call-1")
    again = office.do(manager, "reserve", 2, id="call-1")
    assert first.id == again.id == "call-1"
    assert office.do(manager, "check_budget").limits[0].held == 2
    office.do(again, "settle", 1)
    with pytest.raises(ConfigurationError, match="of its own"):
        office.do(manager, "reserve", 2, id="call-1")


def test_a_hold_that_was_there_is_settled_by_its_own_lines() -> None:
    """Rules that came between have no line in it."""
    office = Office()
    manager, other = office.manager(Budget(10)), office.manager(Budget(10), RateLimit(requests=9))
    manager.reserve(2, id="call-1")
    assert other.reserve(2, id="call-1").settle(1) is not None
    assert [one.spent for one in other.check_budget().limits] == [1, 0]
    assert office.balanced(manager)

    more, less = office.manager(Budget(10), RateLimit(requests=9)), office.manager()
    more.reserve(2, id="call-2")
    hold = less.reserve(2, id="call-2")
    assert hold.settle(1) is not None
    assert [one.spent for one in more.check_budget().limits] == [2, 1]
    assert office.balanced(manager)


def test_a_lease_that_is_over_becomes_spend(office: Office) -> None:
    """And a late settlement corrects it."""
    manager = office.manager(Budget(10), RateLimit(parallel=1))
    hold = office.do(manager, "reserve", 2, lease=30)
    assert hold.expires_at == datetime.fromtimestamp(START + 30, UTC)
    office.clock.now += 31
    assert office.do(manager, "sweep") == 1
    usd, parallel = office.do(manager, "check_budget").limits
    assert (usd.spent, usd.held, parallel.used) == (2, 0, 0)
    assert office.do(hold, "settle", "0.5").status == "corrected"
    assert office.do(manager, "check_budget").limits[0].spent == D("0.5")
    assert office.balanced(manager)


def test_tokens_keep_what_was_used(office: Office) -> None:
    """Held are as many as can be used, kept those that were."""
    manager = office.manager(RateLimit(tokens=1000))
    hold = office.do(manager, "reserve", 0, tokens=800)
    with pytest.raises(LimitReachedError) as caught:
        office.do(manager, "reserve", 0, tokens=300)
    assert (caught.value.measure, caught.value.used, caught.value.asked) == ("tokens", 800, 300)
    office.do(hold, "settle", 0, prompt_tokens=100, completion_tokens=50)
    office.do(manager, "reserve", 0, tokens=850)


# --- looking ----------------------------------------------------------------------------------


def test_looking_changes_nothing(office: Office) -> None:
    """``check_budget`` says whether it fits, and why not; it holds nothing and writes nothing."""
    manager = office.manager(Budget(10, "day"), Budget(None, None, "user"))
    check = office.do(manager, "check_budget", 11, user="ann")
    assert not check
    day, user = check.limits
    assert (day.fits, day.remaining, day.resets_at) == (
        False,
        10,
        datetime(2026, 9, 22, tzinfo=UTC),
    )
    assert (user.fits, user.limit, user.remaining) == (True, None, None)
    assert check.retry_after is None
    assert office.do(manager, "check_budget", 10)
    assert {type(operation) for operation in office.store.asked} == {Balances}


def test_a_model_belongs_to_its_provider() -> None:
    """However both are written, they are one model of one provider."""
    manager = BudgetManager(budgets=[Budget(1, scope="provider"), Budget(1, scope="model")])
    for whose in (
        {"model": "groq/x"},
        {"model": "x", "provider": "groq"},
        {"model": "groq/x", "provider": "groq"},
    ):
        scopes = [one.scope for one in manager.check_budget(**whose).limits]  # type: ignore[arg-type]
        assert scopes == ["provider=groq", "model=groq/x"]
    assert [one.scope for one in manager.check_budget(model="x").limits] == ["model=x"]


def test_no_budget_refuses_nothing(office: Office) -> None:
    """A call to which no rule applies is let out and counted."""
    manager = office.manager(Budget(0, scope="team"))
    check = office.do(manager, "check_budget", 10**6, user="ann")
    assert check
    assert (check.limits, check.remaining(), check.retry_after) == ((), None, None)
    office.do(office.do(manager, "reserve", 10**6, user="ann"), "settle", 5)
    assert office.do(manager, "get_usage", {"user": "ann"}).usd == 5


def test_a_store_whose_clock_is_elsewhere() -> None:
    """Periods are the store's, whatever the clock of this machine says, and follow it when it leaps."""
    office = Office()
    manager = office.manager(Budget(10, "month", zone="Asia/Tokyo"))
    for leap in (0, 400 * DAY, -800 * DAY, 0.5 * DAY):
        office.clock.now += leap
        end = manager.check_budget().limits[0].resets_at
        assert end is not None
        assert 0 < end.timestamp() - office.clock.now <= 31 * DAY
        manager.reserve(1).settle(1)
        office.clock.now += 500 * DAY
        manager.update_spend(1)
        office.clock.now -= 500 * DAY
        assert manager.reset()


# --- spending elsewhere -----------------------------------------------------------------------


def test_spend_is_recorded_once(office: Office) -> None:
    """In every scope, whatever the limit; the same id changes nothing."""
    manager = office.manager(Budget(1), Budget(5, scope="user"))
    for status in ("posted", "again"):
        answer = office.do(manager, "update_spend", 3, id="bill-1", user="ann", prompt_tokens=7)
        assert answer.status == status
    assert [one.spent for one in office.do(manager, "check_budget", user="ann").limits] == [3, 3]
    assert len(office.told(BudgetOverrun)) == 1
    assert office.told(BudgetOverrun)[0].exceeded == ("global",)
    assert office.balanced(manager)


def test_spend_of_yesterday_counts_yesterday(office: Office) -> None:
    """In its own period, and on its own day."""
    manager = office.manager(Budget(10, "day"))
    office.do(manager, "update_spend", 3, at=START - DAY)
    office.do(manager, "update_spend", 2, at=datetime.fromtimestamp(START, UTC))
    office.do(manager, "update_spend", 1, at=START - 30 * DAY)
    assert office.do(manager, "check_budget").limits[0].spent == 2
    days = [(line.day, line.usd) for line in office.do(manager, "get_usage")]
    assert days == [(date(2026, 8, 22), 1), (date(2026, 9, 20), 3), (date(2026, 9, 21), 2)]
    assert not office.events


def test_a_stored_rule_counts_spend_from_elsewhere() -> None:
    """A process that has not heard of a rule records its spend there all the same."""
    office = Office()
    mine, other = office.manager(), office.manager()
    mine.set_budget(Budget(10, None, {"user": "ann"}))
    other.update_spend(4, user="ann")
    assert mine.check_budget(user="ann").remaining() == 6


def test_a_reset_clears_what_was_spent_now(office: Office) -> None:
    """What is held stays held; usage and the ledger keep everything."""
    manager = office.manager(Budget(10, "1d", "user"), Budget(10, None, "user"))
    office.do(manager, "update_spend", 8, user="ann")
    hold = office.do(manager, "reserve", 1, user="ann")
    assert office.do(manager, "reset", {"user": "ann"}, window="24h") is True
    day, total = office.do(manager, "check_budget", user="ann").limits
    assert (day.spent, day.held, total.spent) == (0, 1, 8)
    assert office.do(manager, "reset", {"user": "ann"}) is True
    assert office.do(manager, "reset", {"user": "nobody"}, measure="tokens") is False
    office.do(hold, "settle", 1)
    assert office.do(manager, "get_usage", {"user": "ann"}, group_by=()).usd == 9
    assert office.balanced(manager)


# --- thresholds, soft limits, fallbacks -------------------------------------------------------


def test_each_threshold_is_told_once(office: Office) -> None:
    """By whoever crosses it; two managers over one store tell it once between them."""
    one = office.manager(Budget(10, None, thresholds=[0.5, 0.8, 1]))
    two = office.manager(Budget(10, None, thresholds=[0.5, 0.8, 1]))
    for manager in (one, two, one, two, one, two, one, two, one, two):
        office.do(office.do(manager, "reserve", 1), "settle", 1)
    told = office.told(BudgetThresholdCrossed)
    assert [event.threshold for event in told] == [D("0.5"), D("0.8"), 1]
    assert [event.spent for event in told] == [5, 8, 10]
    assert (told[0].scope, told[0].window, told[0].mark, told[0].soft) == (
        "global",
        "total",
        5,
        False,
    )


def test_marks_move_with_an_increase() -> None:
    """While it lasts, the shares are of what holds then."""
    office = Office()
    manager = office.manager(Budget(10, None, thresholds=[1]))
    manager.increase_budget("global", 10, START + 60)
    manager.update_spend(12)
    assert not office.told(BudgetThresholdCrossed)
    assert not office.told(BudgetOverrun)
    manager.update_spend(8)
    assert [event.mark for event in office.told(BudgetThresholdCrossed)] == [20]


def test_one_bill_can_cross_several(office: Office) -> None:
    """Each is told, in order; with the amounts as they stand."""
    manager = office.manager(Budget(10, None, soft=6, thresholds=[0.5]))
    office.do(manager, "update_spend", 7)
    told = office.told(BudgetThresholdCrossed)
    assert sorted((event.mark, event.soft) for event in told) == [(5, False), (6, True)]


def test_a_soft_limit_refuses_nothing(office: Office) -> None:
    """It is told at its shares, and calls go on."""
    manager = office.manager(Budget(None, None, "user", soft=10, thresholds=[0.8, 1]))
    for _ in range(12):
        office.do(office.do(manager, "reserve", 1, user="ann"), "settle", 1)
    told = office.told(BudgetThresholdCrossed)
    assert [(event.mark, event.soft, event.limit) for event in told] == [
        (8, True, None),
        (10, True, None),
    ]
    assert not office.told(BudgetOverrun)


def test_a_bill_above_its_hold_is_told(office: Office) -> None:
    """And which budgets are above their limit by it."""
    manager = office.manager(Budget(10, None), Budget(3, None, "user"))
    office.do(office.do(manager, "reserve", 2, user="ann"), "settle", 2)
    assert not office.told(BudgetOverrun)
    office.do(office.do(manager, "reserve", 1, user="ann"), "settle", 4)
    [over] = office.told(BudgetOverrun)
    assert (over.usd, over.held, over.exceeded) == (4, 1, ("user=ann",))
    office.do(manager, "update_spend", 1, user="ann")
    assert len(office.told(BudgetOverrun)) == 1, "ann was above her limit already"


def test_what_counts_in_no_window_any_more_crosses_nothing() -> None:
    """A late settlement in a bucket that has left its window."""
    office = Office()
    manager = office.manager(Budget(10, "1m"))
    hold = manager.reserve(1, lease=10)
    office.clock.now += 3600
    manager.update_spend(9)
    assert [event.threshold for event in office.told(BudgetThresholdCrossed)] == [D("0.8")]
    hold.settle(9)
    assert len(office.told(BudgetThresholdCrossed)) == 1


def test_callbacks_that_are_coroutines(office: Office) -> None:
    """They are awaited, by blocking code once it closes; what fails in one changes nothing."""
    heard: list[Any] = []

    async def hear(event: Any) -> None:
        await asyncio.sleep(0) if office.colour == "asyncio" else None
        heard.append(event)

    def fail(event: Any) -> None:
        raise ZeroDivisionError

    manager = BudgetManager(office.store, [Budget(1)], callbacks=[fail, hear])
    office.do(manager, "update_spend", 1)
    office.do(manager, "close")
    assert {event.threshold for event in heard} == {D("0.8"), 1}


def take(
    manager: BudgetManager, usd: str, model: str = "openai/gpt-4o", **more: Any
) -> Taken | Divert:
    """One attempt of a client's."""
    attributes = {"model": (model,), "user": ("ann",)}
    ask = Ask(f"{model}-{usd}-{more}", "call-1", attributes, D(usd), **more)
    return manager.run(manager.book.take(ask))


def test_a_cheaper_model_answers_from_a_threshold_on() -> None:
    """The bound counts: a call that could cross it goes to the other model, which goes up to the limit."""
    manager = BudgetManager(
        budgets=[Budget(10, None, "user", fallbacks={0.5: "openai/gpt-4o-mini", 0.8: "groq/llama"})]
    )
    assert isinstance(take(manager, "5"), Taken)
    assert take(manager, "1") == Divert("openai/gpt-4o-mini", "user=ann", D("0.5"))
    assert take(manager, "4") == Divert("groq/llama", "user=ann", D("0.8"))
    assert isinstance(take(manager, "3", "openai/gpt-4o-mini"), Taken)
    assert take(manager, "1", "openai/gpt-4o-mini") == Divert("groq/llama", "user=ann", D("0.8"))
    assert isinstance(take(manager, "2", "groq/llama"), Taken)
    with pytest.raises(BudgetExceededError) as caught:
        take(manager, "1", "groq/llama")
    assert caught.value.limit == 10


def test_another_limit_refuses_where_no_model_helps() -> None:
    """A fallback is no way around the budget of somebody else."""
    manager = BudgetManager(
        budgets=[Budget(10, None, "user", fallbacks={0.5: "a/b"}), Budget(1, None)]
    )
    with pytest.raises(BudgetExceededError) as caught:
        take(manager, "2")
    assert caught.value.scope == "global"


# --- bounds -----------------------------------------------------------------------------------


def test_what_has_no_bound_is_refused() -> None:
    """Where a limit counts it, with the reason; where nothing limits it, it goes."""
    manager = BudgetManager(budgets=[Budget(10, scope="user"), RateLimit(requests=9)])

    def attempt(hold: str, attributes: dict[str, Any], usd: Any) -> Any:
        return manager.run(manager.book.take(Ask(hold, "c", attributes, usd)))

    with pytest.raises(UnboundedCostError, match=r"a file.*max_cost"):
        attempt("h1", {"user": ("ann",)}, lambda: Unbounded("a file by its id"))
    with pytest.raises(UnboundedCostError, match="user=ann"):
        attempt("h2", {"user": ("ann",)}, None)
    assert attempt("h3", {"team": ("red",)}, None).usd == 0


def test_a_soft_limit_takes_what_has_no_bound() -> None:
    """It refuses nothing; what the call cost is counted when it is known."""
    manager = BudgetManager(budgets=[Budget(None, None, soft=10)])
    taken = manager.run(manager.book.take(Ask("h", "c", {}, None)))
    manager.run(manager.book.close(taken, taken.settle(D(3))))
    assert manager.check_budget().limits[0].spent == 3


def test_a_bill_where_no_money_is_counted_overruns_nothing(office: Office) -> None:
    """Only requests are limited: there is no hold that it could be above."""
    manager = office.manager(RateLimit(requests=5), Budget(None, None, "team"))
    taken = manager.run(manager.book.take(Ask("h", "c", {"team": ("red",)}, lambda: None)))
    manager.run(manager.book.close(taken, taken.settle(D(3))))
    taken = manager.run(manager.book.take(Ask("i", "c", {}, lambda: D(1))))
    manager.run(manager.book.close(taken, taken.settle(D(3))))
    assert office.events == []


def test_a_fallback_is_known_by_any_name() -> None:
    """A model whose name is written otherwise in a scope is not diverted to itself for ever."""
    manager = BudgetManager(budgets=[Budget(10, None, fallbacks={0.5: "ollama/llama3:8b"})])
    assert take(manager, "6") == Divert("ollama/llama3:8b", "global", D("0.5"))
    assert isinstance(take(manager, "6", "ollama/llama3:8b"), Taken)


def test_bounds_are_worked_out_once_and_only_where_they_count() -> None:
    """Also where rules turn out to be stale, and where a stored rule counts what nobody knew of."""
    office = Office()
    mine, other = office.manager(RateLimit(requests=9)), office.manager(RateLimit(requests=9))
    asked: list[str] = []

    def usd() -> Decimal:
        asked.append("usd")
        return D(3)

    def attempt(hold: str) -> Any:
        return other.run(other.book.take(Ask(hold, "c", {"user": ("ann",)}, usd, lambda: 1 // 0)))

    attempt("h1")
    assert asked == []
    mine.set_budget(Budget(5, None, {"user": "ann"}))
    assert attempt("h2").usd == 3
    assert asked == ["usd"]
    mine.set_budget(Budget(6, None, {"user": "ann"}))
    assert attempt("h3").usd == 3
    assert asked == ["usd"] * 2
    assert mine.check_budget(user="ann").remaining() == 0


def test_how_much_room_there_is() -> None:
    """The least of all limits, by measure; nothing is said of what nothing limits."""
    manager = BudgetManager(budgets=[Budget(10), Budget(3, scope="user"), RateLimit(tokens=500)])
    manager.update_spend(1, user="ann", prompt_tokens=100)
    assert manager.run(room(manager.book, {"user": ("ann",)})) == {"usd": 2, "tokens": 400}
    assert manager.book.measures({}) == {"usd", "tokens"}


# --- rules at run time ------------------------------------------------------------------------


def test_an_increase_ends_by_itself(office: Office) -> None:
    """For one of many it is its own; what is declared still holds, also where that changes meanwhile."""
    manager = office.manager(Budget(10, None, "user"))
    office.do(
        manager, "increase_budget", {"user": "ann"}, 5, datetime.fromtimestamp(START + 60, UTC)
    )
    office.do(office.do(manager, "reserve", 15, user="ann"), "release")
    with pytest.raises(BudgetExceededError):
        office.do(manager, "reserve", 11, user="bob")
    changed = office.manager(Budget(20, None, "user"))
    assert office.do(changed, "check_budget", user="ann").remaining() == 25
    [info, _] = [info for info in office.do(changed, "list_budgets") if info.scope != "global"][
        ::-1
    ]
    assert (info.scope, info.limit, info.extra, info.extra_until) == ("user=ann", 20, 5, START + 60)
    office.clock.now += 60
    assert office.do(changed, "check_budget", user="ann").remaining() == 20


def test_an_increase_of_a_stored_limit_stays_when_the_limit_changes(office: Office) -> None:
    """They are two things: what holds, and what is added for a time. 0 ends it."""
    manager = office.manager()
    office.do(manager, "set_budget", Budget(10, None, "user"))
    office.do(manager, "increase_budget", "user", 5, START + 60)
    office.do(manager, "set_budget", Budget(20, None, "user"))
    assert office.do(manager, "check_budget", user="ann").remaining() == 25
    office.do(manager, "increase_budget", "user", 0, START + 60)
    assert office.do(manager, "check_budget", user="ann").remaining() == 20


@pytest.mark.parametrize(
    ("scope", "more"),
    [("global", {}), ("user", {}), ("user", {"window": "1d", "measure": "tokens"})],
)
def test_an_increase_says_which(scope: str, more: dict[str, Any]) -> None:
    """Of no limit, or of several, there is no increase."""
    manager = BudgetManager(budgets=[Budget(1, "1d", "user"), Budget(9, "30d", "user")])
    with pytest.raises(ConfigurationError, match="which limit"):
        manager.increase_budget(scope, 5, START * 2, **more)
    manager.increase_budget("user", 5, START * 2, window="24h")
    assert [info.extra for info in manager.list_budgets()] == [5, 0]


def test_what_was_left_rolls_over(office: Office) -> None:
    """All of it, or so much at most; only from a period that was used at all."""
    for rollover, left in ((True, 17), (4, 14)):
        fresh = Office(office.colour)
        manager = fresh.manager(Budget(10, "day", rollover=rollover))
        fresh.do(manager, "update_spend", 3)
        assert fresh.do(manager, "check_budget").remaining() == 7
        fresh.clock.now += DAY
        assert fresh.do(manager, "check_budget").remaining() == left
        fresh.clock.now += DAY
        assert fresh.do(manager, "check_budget").remaining() == 10


def test_budgets_are_listed_as_they_hold(office: Office) -> None:
    """Declared and stored, each once."""
    manager = office.manager(Budget(10, None, "user"), RateLimit(requests=5))
    office.do(manager, "set_budget", Budget(20, None, "user", soft=3, thresholds=[0.5]))
    office.do(manager, "set_budget", RateLimit(parallel=2, scope={"team": "red"}))
    found = office.do(manager, "list_budgets")
    assert [(i.scope, i.measure, i.window, i.limit, i.stored) for i in found] == [
        ("global", "requests", "1m", 5, False),
        ("team=red", "parallel", "total", 2, True),
        ("user=*", "usd", "total", 20, True),
    ]
    assert (found[2].soft, found[2].thresholds) == (3, (D("0.5"),))
    assert office.do(manager, "remove_budget", {"team": "red"}, measure="usd") == 0
    assert office.do(manager, "remove_budget", {"team": "red"}, measure="parallel") == 1
    office.do(manager, "set_budget", Budget(9, "1d", "user"))
    assert office.do(manager, "remove_budget", "user", window="24h") == 1
    assert [i.limit for i in office.do(manager, "list_budgets")] == [5, 20]


def test_a_scopes_limits_are_set_as_a_whole(office: Office) -> None:
    """What is named is there, the rest is gone; an increase goes on; nothing of another scope is taken."""
    manager = office.manager(Budget(5))
    red = {"team": "red"}
    office.do(manager, "set_budgets", red, [Budget(9, "1d", red), RateLimit(3, scope=red)])
    office.do(manager, "increase_budget", red, 2, START + 99, window="1d")
    office.do(manager, "set_budgets", red, [Budget(8, "1d", red)])
    found = {(i.scope, i.measure): (i.limit, i.extra) for i in office.do(manager, "list_budgets")}
    assert found == {("global", "usd"): (5, 0), ("team=red", "usd"): (8, 2)}
    with pytest.raises(ConfigurationError, match="none of team=red"):
        office.do(manager, "set_budgets", red, [Budget(8)])
    with pytest.raises(ConfigurationError, match="not two"):
        office.do(manager, "set_budgets", red, [Budget(8, "1d", red), Budget(9, "24h", red)])
    office.do(manager, "set_budgets", red, ())
    assert [i.limit for i in office.do(manager, "list_budgets")] == [5]


# --- usage ------------------------------------------------------------------------------------


def spend(office: Office, manager: BudgetManager) -> None:
    """Some usage: two users, two models, two days."""
    for user, model, usd in (
        ("ann", "openai/gpt-4o", 1),
        ("bob", "openai/gpt-4o", 2),
        ("ann", "groq/x:y", 4),
    ):
        office.do(
            manager,
            "update_spend",
            usd,
            user=user,
            model=model,
            tags=["t"],
            prompt_tokens=10,
            completion_tokens=5,
        )
        office.clock.now += DAY if user == "bob" else 0


def test_usage_by_everything(office: Office) -> None:
    """Rows for a DataFrame: with what they are grouped by, and nothing else."""
    manager = office.manager()
    spend(office, manager)
    assert office.do(manager, "get_usage", group_by="model").to_rows() == [
        {"model": "groq/x:y", "calls": 1, "prompt_tokens": 10, "completion_tokens": 5, "usd": D(4)},
        {
            "model": "openai/gpt-4o",
            "calls": 2,
            "prompt_tokens": 20,
            "completion_tokens": 10,
            "usd": D(3),
        },
    ]
    by_user = office.do(manager, "get_usage", "user", group_by=())
    assert {line.scope: line.usd for line in by_user} == {"user=ann": 5, "user=bob": 2}
    assert len(by_user) == 2
    whole = office.do(manager, "get_usage", group_by=())
    assert (whole.usd, whole.calls, whole.prompt_tokens, whole.completion_tokens) == (7, 3, 30, 15)
    ann = office.do(manager, "get_usage", {"user": "ann", "model": "gpt-4o"})
    assert (len(ann), ann.usd) == (1, 1)
    assert office.do(manager, "get_usage", {"provider": "groq"}).usd == 4
    assert [line.provider for line in office.do(manager, "get_usage", "provider", group_by=())] == [
        "groq",
        "openai",
    ]


def test_usage_of_some_days(office: Office) -> None:
    """Both included; as dates or as text."""
    manager = office.manager()
    spend(office, manager)
    assert office.do(manager, "get_usage", {"tag": "t"}, since="2026-09-22").usd == 4
    assert office.do(manager, "get_usage", until=date(2026, 9, 21)).usd == 3
    assert office.do(manager, "get_usage", since=datetime(2026, 9, 23, tzinfo=UTC)).usd == 0


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("get_usage", {"group_by": "hour"}, "grouped by"),
        ("get_usage", {"since": "yesterday"}, "a day is"),
        ("check_budget", {"usr": "ann"}, "did you mean 'user'"),
        ("check_budget", {"user": 1.5}, "a text"),
        ("check_budget", {"tokens": -1}, "whole number"),
        ("reserve", {"usd": "much"}, "an amount"),
        ("reserve", {"usd": 1, "lease": 0}, "lease is in seconds"),
        ("reserve", {"usd": 1, "lease": float("nan")}, "lease is in seconds"),
        ("update_spend", {"usd": -1}, "0 or more"),
        ("update_spend", {"usd": 1, "prompt_tokens": 1.5}, "whole number"),
        ("update_spend", {"usd": 1, "at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ("set_budget", {"budget": 10}, "give a Budget"),
        ("reset", {"scope": "user"}, "stands for many"),
        ("reset", {"measure": "dollars"}, "nothing is measured"),
        ("reset", {"window": "mnth"}, "did you mean 'month'"),
        ("increase_budget", {"scope": "global", "amount": 1, "until": "noon"}, "until is"),
    ],
)
def test_wrong_arguments_are_refused(name: str, arguments: dict[str, Any], says: str) -> None:
    """Before the store is asked, with what they could be."""
    office = Office()
    with pytest.raises(ConfigurationError, match=says):
        getattr(office.manager(), name)(**arguments)
    assert office.store.asked == []


# --- managers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"store": "mysql://h/db"}, "postgresql://"),
        ({"store": object()}, "a store is a path, .* not object"),
        ({"unreachable": "maybe"}, "'closed' or 'open'"),
        ({"unreachable": "open"}, "catch_up"),
        ({"output": "guess"}, "'derive' or 'refuse'"),
    ],
)
def test_a_wrong_manager_is_refused(arguments: dict[str, Any], says: str) -> None:
    """The message says what there is."""
    with pytest.raises(ConfigurationError, match=says):
        BudgetManager(**arguments)


def test_a_store_s_password_is_in_no_message() -> None:
    """Nor in a repr."""
    with pytest.raises(ConfigurationError) as caught:
        BudgetManager("mysql://user:hunter2@host/db")
    assert "hunter2" not in str(caught.value)
    manager = BudgetManager(budgets=[Budget(1, scope={"key": KEY})])
    hold = manager.reserve(0, key=Secret(KEY))  # type: ignore[typeddict-item]
    shown = f"{manager!r} {hold!r} {manager.list_budgets()} {manager.check_budget(key=KEY)}"
    assert KEY not in shown
    assert "BudgetManager(MemoryStore()" in shown
    assert len(manager.check_budget(key=KEY).limits) == 1


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("postgresql://user:secret@host/db", "PostgresStore"),
        ("host=host user=user password=secret", "PostgresStore"),
        ("redis://host", "RedisStore"),
        (Path("budgets.db"), "SQLiteStore"),
    ],
)
def test_a_store_by_its_address(address: Any, kind: str) -> None:
    """Nothing is opened before it is used, and its password is in no repr."""
    manager = BudgetManager(address)
    assert repr(manager).startswith(f"BudgetManager({kind}(")
    assert "secret" not in repr(manager)


def test_a_file_is_shared(tmp_path: Path, office: Office) -> None:
    """Two managers on one SQLite file, each with a connection of its own: what one holds the other has not."""
    one, two = (BudgetManager(tmp_path / "budgets.db", [Budget(10)]) for _ in range(2))
    hold = office.do(one, "reserve", 6)
    with pytest.raises(BudgetExceededError):
        office.do(two, "reserve", 6)
    office.do(two, "set_budget", Budget(12))
    office.do(hold, "settle", 6)
    office.do(office.do(one, "reserve", 6), "settle", "5.5")
    assert office.do(two, "check_budget").remaining() == D("0.5")
    assert not office.do(two, "audit").differences
    for manager in (one, two):
        office.do(manager, "close")
        manager.close()


def test_managers_are_closed(office: Office) -> None:
    """By hand or as a context; a store of one's own stays open."""
    manager = office.manager(Budget(1))
    office.do(manager, "close")
    with BudgetManager() as closed:
        closed.update_spend(1)

    async def within() -> Any:
        async with BudgetManager() as one:
            await one.aupdate_spend(1)
            return await one.acatch_up()

    if office.colour != "sync":
        assert office.run(within) == 0
    assert office.do(manager, "catch_up") == 0


def test_a_clock_that_leaps_on_forever_ends() -> None:
    """No loop without end: a store whose time is never where it was says so."""
    clock = Clock()
    store = Office().store
    store._store = MemoryStore(clock=clock)

    def leap(operation: Any) -> None:
        clock.now += 4000 * DAY if isinstance(operation, Reserve) else 0

    store.before = leap
    manager = BudgetManager(store, [Budget(1, "day")])
    with pytest.raises(StoreError):
        manager.reserve(1)


def test_the_names_are_public() -> None:
    """Found at the root, lazily."""
    assert llmkit.BudgetManager is BudgetManager
    assert (llmkit.Budget, llmkit.RateLimit) == (Budget, RateLimit)
