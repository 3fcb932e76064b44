"""Declarations, which rule holds for whom, and when there is room again."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._control.budget.rules import read_terms, written_terms
from llmkit._operations import Reserve, WriteRule
from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    LimitReachedError,
    StoreError,
)
from llmkit.stores import MemoryStore

from ._books import DAY, Clock, Office

D = Decimal


# --- declarations -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "amount"),
    [(10, "10"), (0.1, "0.1"), ("12.50", "12.50"), (D("1E+2"), "100"), (0, "0"), (-0.0, "0")],
)
def test_amounts_are_what_they_are_written_as(limit: Any, amount: str) -> None:
    """A float is its text: a tenth is a tenth, to the last digit."""
    assert str(Budget(limit).limit) == amount or Budget(limit).limit == D(amount)
    assert Budget(limit).limit == D(amount)
    assert "E" not in str(Budget(limit).limit)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"limit": -1}, "0 or more"),
        ({"limit": float("nan")}, "finite"),
        ({"limit": "Infinity"}, "finite"),
        ({"limit": "ten"}, "an amount"),
        ({"limit": True}, "an amount"),
        ({"limit": [1]}, "an amount"),
        ({"limit": 1, "soft": -1}, "soft"),
        ({"limit": 1, "thresholds": [1.5]}, "shares"),
        ({"limit": 1, "thresholds": [0]}, "shares"),
        ({"limit": 1, "thresholds": 80}, "shares"),
        ({"limit": None, "fallbacks": {0.5: "a/b"}}, "fallbacks"),
        ({"limit": 1, "fallbacks": {0.5: "b"}}, "provider/model"),
        ({"limit": 1, "fallbacks": {2: "a/b"}}, "shares"),
        ({"limit": 1, "fallbacks": "a/b"}, "fallbacks"),
        ({"limit": 1, "window": "30d", "rollover": True}, "roll over"),
        ({"limit": None, "rollover": True}, "roll over"),
        ({"limit": 1, "window": "fortnight"}, "no window"),
        ({"limit": 1, "scope": "usr"}, "did you mean 'user'"),
        ({"limit": 1, "zone": "Mars"}, "no time zone"),
    ],
)
def test_a_wrong_budget_is_refused(arguments: dict[str, Any], says: str) -> None:
    """Where it is made, with what it could be."""
    with pytest.raises(ConfigurationError, match=says):
        Budget(**arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "limits requests="),
        ({"requests": 1.5}, "whole number"),
        ({"tokens": -1}, "0 or more"),
        ({"requests": 1, "per": "minute"}, "no window"),
    ],
)
def test_a_wrong_rate_limit_is_refused(arguments: dict[str, Any], says: str) -> None:
    """Where it is made, with what it could be."""
    with pytest.raises(ConfigurationError, match=says):
        RateLimit(**arguments)


def test_one_scope_has_one_limit_of_a_kind() -> None:
    """Two that would be one account are a mistake; other windows are not."""
    BudgetManager(budgets=[Budget(1, "24h"), Budget(9, "30d"), Budget(9, "day")])
    with pytest.raises(ConfigurationError, match="two limits"):
        BudgetManager(budgets=[Budget(1, "24h"), Budget(2, "1d")])
    with pytest.raises(ConfigurationError, match="Budget"):
        BudgetManager(budgets=[("user", 10)])  # type: ignore[list-item]


def test_declarations_are_values() -> None:
    """Equal where they say the same, printed as they were written, and picklable."""
    one = Budget(10, "24h", "user", fallbacks={0.8: "a/b"}, thresholds=[0.5])
    assert one == Budget(
        "10", "24h", {"user": "*"}, fallbacks={"0.8": "a/b"}, thresholds=[D("0.5")]
    )
    assert len({one, Budget(10, "1d", "user", fallbacks=one.fallbacks, thresholds=[0.5])}) == 2
    assert pickle.loads(pickle.dumps(one)).terms == one.terms  # noqa: S301 - our own
    assert "user" in repr(one)
    assert "_terms" not in repr(one)
    assert pickle.loads(pickle.dumps(RateLimit(3))).terms == RateLimit(3).terms  # noqa: S301


amounts = st.decimals(0, 10**9, places=6, allow_nan=False)
shares = st.sampled_from([D("0.1"), D("0.5"), D("0.8"), D(1)])


@given(
    amounts, amounts, st.sets(shares), st.booleans(), st.sampled_from(["day", "month", "30d", None])
)
def test_terms_read_back(limit: D, soft: D, told: set[D], roll: bool, window: str | None) -> None:  # noqa: FBT001
    """What a stored rule says is what was declared."""
    budget = Budget(
        limit,
        window,
        "user",
        soft=soft,
        thresholds=told,
        fallbacks={"0.8": "a/b"},
        rollover=roll and window in {"day", "month"},
        zone="Asia/Tokyo",
    )
    raised = budget.terms[0]._replace(extra=D(3), extra_until=5)
    listed = (raised, *RateLimit(3, 4, 5, per="90s").terms)
    assert read_terms(written_terms(listed)) == listed
    assert read_terms(None) == ()


# --- which rule holds -------------------------------------------------------------------------


def limits(manager: BudgetManager, **whose: Any) -> dict[str, D | None]:
    """The limits of a call: by scope and window."""
    found = manager.check_budget(**whose).limits
    return {f"{one.scope} {one.measure} {one.window}": one.limit for one in found}


def test_every_scope_of_a_call_counts() -> None:
    """Global, templates, single ones, products, each tag by itself."""
    manager = BudgetManager(
        budgets=[
            Budget(100),
            Budget(10, None, "user"),
            Budget(7, None, "tag"),
            Budget(5, None, {"key": "*", "model": "gpt-4o"}),
            Budget(1, None, {"team": "red"}),
            Budget(2, None, {"team": "blue"}),
            Budget(3, None, "session"),
        ]
    )
    whose = {
        "user": "ann",
        "tags": ["a", "b", "a"],
        "team": "red",
        "key": "k",
        "model": "openai/gpt-4o",
    }
    assert limits(manager, **whose) == {
        "global usd month": 100,
        "user=ann usd total": 10,
        "tag=a usd total": 7,
        "tag=b usd total": 7,
        "key=k&model=gpt-4o usd total": 5,
        "team=red usd total": 1,
    }


def test_the_nearer_rule_holds() -> None:
    """One account has one limit: what is named before what is said of each; whichever was declared first."""
    for budgets in (
        [Budget(10, None, "user"), Budget(50, None, {"user": "ann"})],
        [Budget(50, None, {"user": "ann"}), Budget(10, None, "user")],
    ):
        manager = BudgetManager(budgets=budgets)
        assert limits(manager, user="ann") == {"user=ann usd total": 50}
        assert limits(manager, user="bob") == {"user=bob usd total": 10}


def test_of_equally_near_rules_the_smaller_holds() -> None:
    """A key on any model, and a model under any key, are one account: it keeps to both."""
    manager = BudgetManager(
        budgets=[
            Budget(9, None, {"key": "k", "model": "*"}),
            Budget(4, None, {"key": "*", "model": "a/b"}),
        ]
    )
    assert limits(manager, key="k", model="a/b") == {"key=k&model=a/b usd total": 4}


def test_a_stored_rule_overrules_a_declared_one_of_its_scope() -> None:
    """And only there; taken back, the declared one holds again. A nearer declared one stays."""
    manager = BudgetManager(budgets=[Budget(10, None, "user"), Budget(50, None, {"user": "ann"})])
    manager.set_budget(Budget(20, None, "user"))
    assert limits(manager, user="bob") == {"user=bob usd total": 20}
    assert limits(manager, user="ann") == {"user=ann usd total": 50}
    assert manager.remove_budget("user") == 1
    assert limits(manager, user="bob") == {"user=bob usd total": 10}
    assert manager.remove_budget("user") == 0


def test_a_lowered_limit_holds_at_once_elsewhere() -> None:
    """Another process that had the old rule is told by the store, and does not overspend by it."""
    office = Office()
    mine, other = office.manager(), office.manager()
    mine.set_budget(Budget(10, None, {"user": "ann"}))
    other.reserve(5, user="ann").settle(5)
    mine.set_budget(Budget(6, None, {"user": "ann"}))
    with pytest.raises(BudgetExceededError) as caught:
        other.reserve(2, user="ann")
    assert caught.value.limit == 6
    mine.set_budget(Budget(8, None, {"user": "ann"}))
    other.reserve(2, user="ann").release()


def test_a_rule_of_another_scope_costs_nobody_a_question() -> None:
    """A storm of changes for one user is no storm for the others: one operation for each hold, as before."""
    office = Office()
    mine, other = office.manager(), office.manager()
    mine.set_budget(Budget(10, None, {"user": "ann"}))
    other.reserve(1, user="bob").release()
    office.store.count(Reserve)
    for limit in range(50):
        mine.set_budget(Budget(limit, None, {"user": "ann"}))
        other.reserve(1, user="bob").release()
    assert office.store.count(Reserve) == 50


def test_a_first_rule_of_a_kind_is_found_in_a_few_questions() -> None:
    """Who has never heard of stored rules asks once for the kinds, once for the rule, and then knows."""
    office = Office()
    mine, other = office.manager(), office.manager()
    mine.set_budget(Budget(10, None, {"user": "ann"}))
    office.store.count(Reserve)
    other.reserve(1, user="ann").release()
    assert office.store.count(Reserve) == 3
    other.reserve(1, user="ann").release()
    assert office.store.count(Reserve) == 1


def test_two_who_set_budgets_at_once_both_have_their_say() -> None:
    """A rule that was written over another's reading is read again."""
    office = Office()
    mine, other = office.manager(), office.manager()
    meanwhile = [
        ("user=*", lambda: other.set_budget(Budget(2, "1d", "user"))),
        ("*", lambda: other.set_budget(Budget(3, "1d", "team"))),
    ]

    def before(operation: Any) -> None:
        if type(operation) is WriteRule and meanwhile and operation.scope == meanwhile[-1][0]:
            meanwhile.pop()[1]()

    office.store.before = before
    mine.set_budget(Budget(1, "30d", "user"))
    assert [info.limit for info in mine.list_budgets()] == [3, 2, 1]
    assert limits(other, user="x", team="t") == {
        "team=t usd 1d": 3,
        "user=x usd 1d": 2,
        "user=x usd 30d": 1,
    }


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "7",
        '[{"limit":"1"}]',
        '[{"measure":"apples","window":"1d"}]',
        '[{"measure":"usd","window":"1d","limit":"x"}]',
    ],
)
def test_a_rule_that_nobody_can_read_refuses(body: str) -> None:
    """It may be a limit. Other scopes' calls go on."""
    office = Office()
    manager = office.manager()
    manager.set_budget(Budget(1, scope={"user": "ann"}))
    office.store.perform(WriteRule("user=ann", body))
    with pytest.raises(StoreError, match="cannot be read"):
        manager.reserve(0, user="ann")
    manager.reserve(0, user="bob")
    assert manager.remove_budget({"user": "ann"}) == 1
    manager.reserve(10, user="ann")


def test_a_call_cannot_belong_to_thousands_of_scopes() -> None:
    """A stranger's tags do not make a transaction of any size."""
    manager = BudgetManager(budgets=[Budget(1, scope="tag")])
    with pytest.raises(InvalidRequestError, match="256 values of tag at most"):
        manager.reserve(0, tags=[str(n) for n in range(300)])
    pairs = BudgetManager(budgets=[Budget(1, scope="tag&user")])
    many = [str(n) for n in range(200)]
    with pytest.raises(InvalidRequestError, match="256 budgets at most"):
        pairs.reserve(0, tags=many, user=many)  # type: ignore[arg-type]
    stored = BudgetManager()
    stored.set_budget(Budget(1, scope={"tag": "x", "user": "y", "team": "z"}))
    with pytest.raises(InvalidRequestError, match="256 budgets at most"):
        stored.reserve(0, tags=many, user=many, team="z")  # type: ignore[arg-type]


# --- when there is room again -----------------------------------------------------------------


@given(
    spends=st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 40)), min_size=1, max_size=12),
    asked=st.integers(1, 100),
    seconds=st.sampled_from([1, 7, 60, 3600]),
)
def test_to_wait_is_enough_and_less_is_not(
    spends: list[tuple[int, int]], asked: int, seconds: int
) -> None:
    """``retry_after`` of a rolling window: after it there is room; one bucket earlier there is none."""
    clock = Clock()
    manager = BudgetManager(MemoryStore(clock=clock), [Budget(100, f"{seconds}s")])
    for gap, amount in spends:
        clock.now += gap / 40_000 * seconds / 4
        manager.update_spend(amount)
    try:
        manager.reserve(asked).release()
    except BudgetExceededError as error:
        wait = error.retry_after
        assert wait is not None
        bucket = manager.book.plan({}).lines[0].terms.period.width / 1000
        then = clock.now
        if wait > bucket:
            clock.now = then + wait - bucket
            with pytest.raises(BudgetExceededError):
                manager.reserve(asked)
        clock.now = then + wait
        manager.reserve(asked).release()


def test_a_calendar_s_budget_waits_for_its_period() -> None:
    """From the next day on, and not a moment before; what is more than a whole day's never fits."""
    office = Office()
    manager = office.manager(Budget(10, "day"))
    manager.update_spend(10)
    with pytest.raises(BudgetExceededError) as caught:
        manager.reserve(1)
    wait = caught.value.retry_after
    assert wait is not None
    assert (office.clock.now + wait) % DAY == pytest.approx(0.001, abs=1e-4)
    office.clock.now += wait - 0.01
    with pytest.raises(BudgetExceededError):
        manager.reserve(1)
    office.clock.now += 0.01
    manager.reserve(1).release()
    with pytest.raises(BudgetExceededError) as caught:
        manager.reserve(11)
    assert caught.value.retry_after is None


def test_nobody_knows_when_a_place_is_free() -> None:
    """Parallel requests, and limits for ever, have no ``retry_after``."""
    manager = BudgetManager(budgets=[RateLimit(parallel=1), Budget(1, None, "user")])
    with manager.reserve(0) as hold:
        with pytest.raises(LimitReachedError) as reached:
            manager.reserve(0)
        hold.release()
    assert reached.value.retry_after is None
    assert (reached.value.measure, reached.value.used) == ("parallel", 1)
    manager.update_spend(1, user="ann")
    with pytest.raises(BudgetExceededError) as exceeded:
        manager.reserve(1, user="ann")
    assert exceeded.value.retry_after is None


def test_the_longest_wait_counts() -> None:
    """Of several limits that refuse, the last one to have room says when."""
    office = Office()
    manager = office.manager(RateLimit(requests=1), RateLimit(requests=1, per="1h", scope="user"))
    manager.reserve(0, user="ann").settle(0)
    with pytest.raises(LimitReachedError) as caught:
        manager.reserve(0, user="ann")
    assert caught.value.scope == "user=ann"
    assert len(caught.value.shortfalls) == 2
    wait = caught.value.retry_after
    assert wait is not None
    assert 3600 <= wait <= 3661
    money = office.manager(
        Budget(0.5, "30s"), RateLimit(requests=0, tokens=0, scope="user", per="1h")
    )
    money.update_spend(0.5, user="ann")
    with pytest.raises(BudgetExceededError) as both:
        money.reserve(0.5, user="ann")
    assert both.value.shortfalls[0].retry_after is not None
    assert both.value.retry_after is None, "no request will ever be let out"
    office.clock.now += wait
    manager.reserve(0, user="ann")


def test_money_is_named_first() -> None:
    """A call that is refused for money and for its rate is refused for money: waiting will not help."""
    manager = BudgetManager(budgets=[RateLimit(requests=0), Budget(0, scope="user")])
    with pytest.raises(BudgetExceededError) as caught:
        manager.reserve(1, user="ann")
    assert [one.measure for one in caught.value.shortfalls] == ["usd", "requests"]
    assert caught.value.status_code == 429
    assert "user=ann" in str(caught.value)


def test_a_refusal_in_words() -> None:
    """Whose, of what, how much, and until when; what is not known is not said."""
    office = Office()
    manager = office.manager(Budget(10, "day", "user"), RateLimit(parallel=1, scope="team"))
    manager.update_spend("9.50", user="ann")
    with pytest.raises(BudgetExceededError) as exceeded:
        manager.reserve(1, user="ann")
    assert str(exceeded.value) == (
        "the budget of user=ann (day) is $10: $9.5 are spent and $0 held, and the call may cost $1; "
        "there is room in 9 h 46 min"
    )
    assert (exceeded.value.max_budget, exceeded.value.current_cost) == (10.0, 9.5)
    manager.reserve(0, team="red")
    with pytest.raises(LimitReachedError) as reached:
        manager.reserve(0, team="red")
    assert str(reached.value) == "the limit of team=red is 1 at once: 1 used, and the call needs 1"
    assert pickle.loads(pickle.dumps(exceeded.value)).shortfalls == exceeded.value.shortfalls  # noqa: S301


def test_threads_share_a_manager() -> None:
    """While rules change under them: nothing fails, nothing is above the limit, the ledger balances."""
    manager = BudgetManager(budgets=[Budget(1000, "day", "user"), RateLimit(parallel=64)])

    def work(number: int) -> int:
        done = 0
        for turn in range(60):
            if number == 0 and not turn % 5:
                manager.set_budget(Budget(100 + turn, None, {"user": f"u{turn % 3}"}))
            try:
                manager.reserve(3, user=f"u{turn % 3}").settle(2)
            except BudgetExceededError:
                continue
            done += 1
        return done

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(work, range(8)))
    assert not manager.audit().differences
    spent = [manager.check_budget(user=f"u{n}").limits for n in range(3)]
    assert sum(lines[0].spent for lines in spent) == 2 * done
    assert all(line.used <= line.limit for lines in spent for line in lines if line.limit)


def test_a_wait_knows_when_an_increase_ends() -> None:
    """Room that an increase gives is none once it has ended."""
    office = Office()
    manager = office.manager(Budget(10, "1h"))
    manager.increase_budget("global", 10, office.clock.now + 1800)
    manager.update_spend(10)
    office.clock.now += 600
    manager.update_spend(10)
    with pytest.raises(BudgetExceededError) as caught:
        manager.reserve(10)
    wait = caught.value.retry_after
    assert wait is not None
    office.clock.now += wait - 61
    with pytest.raises(BudgetExceededError):
        manager.reserve(10)
    office.clock.now += 61
    manager.reserve(10).release()


def test_no_burst_of_twice_as_many_at_the_edge_of_a_window() -> None:
    """Requests just before a minute ends and just after it begins are in one minute."""
    office = Office()
    manager = office.manager(RateLimit(requests=10))
    office.clock.now += 60 - office.clock.now % 60 - 0.1
    for _ in range(10):
        manager.reserve(0).settle(0)
    office.clock.now += 0.2
    with pytest.raises(LimitReachedError):
        manager.reserve(0)
