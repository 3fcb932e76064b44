"""Whatever rules there are, whatever is done, wherever the clock leaps: no hold that is given goes above a limit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.errors import BudgetExceededError, LimitReachedError

from ._books import Office

scopes = st.sampled_from(
    ["global", "user", "tag", "tag&user", {"user": "ann"}, {"tag": "b", "user": "*"}, "team"]
)
windows = st.sampled_from([None, None, "30s", "1h", "30d", "day", "month"])
budgets = st.builds(
    lambda limit, window, scope, roll, zone: Budget(
        limit, window, scope, rollover=roll and window in {"day", "week", "month"}, zone=zone
    ),
    st.integers(0, 30),
    windows,
    scopes,
    st.booleans(),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia"]),
)
rates = st.builds(
    lambda number, measure, scope: RateLimit(**{measure: number}, scope=scope),
    st.integers(0, 30),
    st.sampled_from(["requests", "tokens", "parallel"]),
    scopes,
)
rules = st.lists(
    st.one_of(budgets, rates),
    min_size=1,
    max_size=5,
    unique_by=lambda rule: tuple((rule.scope, terms.key) for terms in rule.terms),
)
callers = st.fixed_dictionaries(
    {"user": st.sampled_from(["ann", "bob"]), "tags": st.lists(st.sampled_from("abc"), max_size=3)}
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), callers, st.integers(0, 12)),
        st.tuples(st.just("settle"), st.integers(0, 20), st.integers(0, 12)),
        st.tuples(st.just("release"), st.integers(0, 20)),
        st.tuples(st.just("post"), callers, st.integers(0, 5)),
        st.tuples(st.just("set"), st.integers(0, 4), st.integers(0, 30)),
        st.tuples(st.just("raise"), scopes, st.integers(0, 9)),
        st.tuples(
            st.just("leap"), st.sampled_from([-90_000, -61, 1, 59, 7_200, 90_000, 2_700_000])
        ),
    ),
    max_size=30,
)


class Use:
    """What a hold, or spend from elsewhere, counts by right in the accounts that were its own."""

    def __init__(self, accounts: set[tuple[str, str, str]], amount: int, hold: Any = None) -> None:
        self.accounts, self.amount, self.hold = accounts, Decimal(amount), hold

    def end(self, amount: int) -> None:
        """It came to so much; only the first end counts."""
        if not self.hold.done:
            self.amount = Decimal(amount)


class World:
    """Two processes over one store, what they hold, and what should be counted for ever."""

    def __init__(self, declared: list[Any]) -> None:
        self.office = Office()
        self.declared = declared
        self.managers = [self.office.manager(*declared) for _ in range(2)]
        self.uses: list[Use] = []

    @property
    def holds(self) -> list[Use]:
        return [use for use in self.uses if use.hold is not None]

    def step(self, manager: BudgetManager, name: str, *args: Any) -> None:
        getattr(self, f"do_{name}")(manager, *args)

    def limits(self, whose: Any) -> Any:
        """As a process sees them that has just asked."""
        return self.managers[1].check_budget(**whose).limits

    def accounts(self, whose: Any) -> set[tuple[str, str, str]]:
        return {(one.scope, one.measure, one.window) for one in self.limits(whose)}

    def do_reserve(self, manager: BudgetManager, whose: Any, amount: int) -> None:
        lease = 45.0 if amount % 2 else 10.0**6
        try:
            hold = manager.reserve(amount, tokens=amount, lease=lease, **whose)
        except (BudgetExceededError, LimitReachedError):
            return
        self.uses.append(Use(self.accounts(whose), amount, hold))
        self.check(whose)

    def check(self, whose: Any) -> None:
        for one in self.limits(whose):
            assert one.limit is None or one.used <= one.limit, one
            if one.measure == "usd" and one.window == "total":
                account = (one.scope, one.measure, one.window)
                assert one.used == sum(use.amount for use in self.uses if account in use.accounts)

    def do_settle(self, manager: BudgetManager, which: int, amount: int) -> None:
        for use in self.holds[which : which + 1]:
            use.end(amount)
            use.hold.settle(amount, prompt_tokens=amount)

    def do_release(self, manager: BudgetManager, which: int) -> None:
        for use in self.holds[which : which + 1]:
            use.end(0)
            use.hold.release(sent=bool(which % 2))

    def do_post(self, manager: BudgetManager, whose: Any, amount: int) -> None:
        self.uses.append(Use(self.accounts(whose), amount))
        manager.update_spend(amount, **whose)

    def do_set(self, manager: BudgetManager, which: int, limit: int) -> None:
        for rule in self.declared[which : which + 1]:
            if isinstance(rule, Budget):
                manager.set_budget(Budget(limit, rule.window, rule.scope, zone=rule.zone))

    def do_raise(self, manager: BudgetManager, scope: Any, amount: int) -> None:
        for one in manager.list_budgets()[:1]:
            until = self.office.clock.now + 3600
            manager.increase_budget(
                one.scope, amount, until, window=one.window, measure=one.measure
            )

    def do_leap(self, manager: BudgetManager, seconds: int) -> None:
        self.office.clock.now += seconds


@settings(max_examples=60, deadline=None)
@given(rules, steps, st.randoms(use_true_random=False))
def test_no_hold_goes_above_a_limit(declared: list[Any], done: list[Any], chance: Any) -> None:
    """Right after each hold, every limit that holds for the call has room for it; and the ledger balances."""
    world = World(declared)
    for name, *args in done:
        world.step(chance.choice(world.managers), name, *args)
    assert not world.managers[0].audit().differences
    for use in world.holds:
        use.hold.settle(1)
    world.office.clock.now += 10.0**7
    world.managers[0].sweep()
    audit = world.managers[1].audit()
    assert (audit.holds, audit.expired, audit.differences) == (0, 0, ())
