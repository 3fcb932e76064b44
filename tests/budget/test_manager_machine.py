"""Managers of two processes over one store: hypothesis looks for an order of things that lets one out above a limit.

What is counted is worked out here from a list of everything that happened, by calendars and times, not by buckets.
A rolling window's parts may count a little longer than the window: so long a refusal is right, and an answer is too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.errors import BudgetExceededError, LimitReachedError
from llmkit.stores import MemoryStore, SQLiteStore
from llmkit.testing.store_conformance import SettableClock

FULL = bool(os.environ.get("LLMKIT_FULL"))
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, TEN = 60_000, 10_000
USERS = ("ann", "bob")
BACK = 20_000


@dataclass
class Spent:
    """A hold, or what was spent elsewhere. ``state``: live, over (expired), done."""

    user: str
    at: int
    usd: Decimal
    requests: int
    expires: int
    hold: Any = None
    state: str = "live"


@dataclass
class Limit:
    """One limit as it stands: of whom (all, each, or one), of what, over what."""

    who: str
    measure: str
    window: int | str | None
    most: Decimal

    def covers(self, user: str) -> bool:
        """Whether a user's calls count in it."""
        return self.who in {"all", "each", user}


def begins(window: int | str | None, now: int) -> int:
    """The first millisecond that counts now."""
    if window is None:
        return 0
    if isinstance(window, int):
        return now - window + 1
    there = datetime.fromtimestamp(now / 1000, BERLIN)
    day = there.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(day.timestamp() * 1000)


class Managers(RuleBasedStateMachine):
    """``opened`` gives a new store that reads this clock."""

    opened: Callable[[SettableClock], Any]

    @initialize()
    def begin(self) -> None:
        # Late in the evening, an hour before the clocks go back in Berlin's autumn night.
        start = datetime(2026, 10, 24, 23, 58, tzinfo=BERLIN)
        self.clock = SettableClock(int(start.timestamp() * 1000))
        self.latest = self.clock.milliseconds
        self.store = type(self).opened(self.clock)
        declared = (
            Budget(20, "day", zone="Europe/Berlin"),
            Budget(9, "1m", "user"),
            Budget(60, None, {"user": "ann"}),
            RateLimit(requests=6, per="10s", scope="user"),
            RateLimit(parallel=4),
        )
        self.managers = [BudgetManager(self.store, declared) for _ in range(2)]
        self.limits = {
            "day": Limit("all", "usd", "day", Decimal(20)),
            "each": Limit("each", "usd", MINUTE, Decimal(9)),
            "ann": Limit("ann", "usd", None, Decimal(60)),
            "requests": Limit("each", "requests", TEN, Decimal(6)),
            "parallel": Limit("all", "parallel", None, Decimal(4)),
        }
        self.spent: list[Spent] = []

    @override
    def teardown(self) -> None:
        if hasattr(self, "store"):
            audit = self.managers[0].audit()
            assert not audit.differences
            for manager in self.managers:
                manager.close()
            self.store.close()

    @property
    def now(self) -> int:
        return self.clock.milliseconds

    # --- what happens ------------------------------------------------------------------------

    @rule(by=st.sampled_from((1, 900, 5000, 10_000, 61_000, 125_000, 3_600_000, 86_400_000)))
    def time_passes(self, by: int) -> None:
        self.clock.milliseconds += by
        self.latest = max(self.latest, self.now)
        self.expire()

    @rule(by=st.sampled_from((1, 3000, BACK)))
    def the_clock_jumps_back(self, by: int) -> None:
        self.clock.milliseconds = max(self.now - by, self.latest - BACK)

    def expire(self) -> None:
        """Leases end."""
        self.managers[0].sweep()
        for one in self.spent:
            if one.state == "live" and one.expires <= self.now:
                one.state = "over"

    @rule(
        by=st.integers(0, 1),
        user=st.sampled_from(USERS),
        usd=st.sampled_from(("0", "0.5", "1", "2.25", "4", "9")),
        lease=st.sampled_from((0.5, 8.0, 3600.0)),
    )
    def reserve(self, by: int, user: str, usd: str, lease: float) -> None:
        """By one of the two, whose rules may be old."""
        self.expire()
        asked = Spent(user, self.now, Decimal(usd), 1, self.now + int(lease * 1000))
        refused: Exception | None = None
        looked = self.managers[1 - by].check_budget(Decimal(usd), user=user)
        try:
            asked.hold = self.managers[by].reserve(Decimal(usd), lease=lease, user=user)
        except (BudgetExceededError, LimitReachedError) as refusal:
            refused = refusal
        assert looked.fits == (refused is None), (looked, refused)
        if refused is not None:
            assert any(self.full(limit, asked, slack=True) for limit in self.limits.values()), (
                refused
            )
            return
        above = [
            name for name, limit in self.limits.items() if self.full(limit, asked, slack=False)
        ]
        assert not above, (above, asked)
        self.spent.append(asked)

    @rule(by=st.integers(0, 1), user=st.sampled_from(USERS), usd=st.sampled_from(("0", "1", "5")))
    def wait_as_long_as_told(self, by: int, user: str, usd: str) -> None:
        """And nothing else happens: then there is room."""
        looked = self.managers[by].check_budget(Decimal(usd), user=user)
        if looked.fits or looked.retry_after is None or self.now < self.latest:
            return  # what was counted in a day to come, by a clock that has jumped back, is known when it comes
        self.time_passes(math.ceil(looked.retry_after * 1000))
        assert self.managers[by].check_budget(Decimal(usd), user=user).fits, looked

    @rule(by=st.integers(0, 1), user=st.sampled_from(USERS), share=st.sampled_from((0, 0, 1)))
    def reserve_what_is_left(self, by: int, user: str, share: int) -> None:
        """To the last cent, or one more."""
        room = [
            self.left(limit)
            for limit in self.limits.values()
            if limit.measure == "usd" and limit.covers(user)
        ]
        amount = max(Decimal(0), min(room) + Decimal(share) / 100)
        self.reserve(by, user, str(amount), 8.0)

    @precondition(
        lambda self: any(one.hold is not None and one.state != "done" for one in self.spent)
    )
    @rule(data=st.data(), usd=st.sampled_from((None, "0", "0.01", "1", "3")), kept=st.booleans())
    def settle(self, data: st.DataObject, usd: str | None, *, kept: bool) -> None:
        """In time or late, at what it cost, or released."""
        open_ones = [
            n for n, one in enumerate(self.spent) if one.hold is not None and one.state != "done"
        ]
        one = self.spent[data.draw(st.sampled_from(open_ones))]
        if kept:
            one.hold.settle(None if usd is None else Decimal(usd))
            one.usd = one.usd if usd is None else Decimal(usd)
        else:
            one.hold.release()
            one.usd, one.requests = Decimal(0), 0
        one.state = "done"

    @rule(by=st.integers(0, 1), user=st.sampled_from(USERS), usd=st.sampled_from(("0.5", "3")))
    def spend_elsewhere(self, by: int, user: str, usd: str) -> None:
        self.managers[by].update_spend(Decimal(usd), user=user)
        self.spent.append(Spent(user, self.now, Decimal(usd), 1, 0, state="done"))

    @rule(by=st.integers(0, 1), most=st.integers(1, 30))
    def the_day_s_limit_is_set(self, by: int, most: int) -> None:
        self.managers[by].set_budget(Budget(most, "day", zone="Europe/Berlin"))
        self.limits["day"].most = Decimal(most)

    @rule(by=st.integers(0, 1), most=st.integers(1, 15))
    def each_user_s_limit_is_set(self, by: int, most: int) -> None:
        self.managers[by].set_budget(Budget(most, "1m", "user"))
        self.limits["each"].most = Decimal(most)

    @rule(by=st.integers(0, 1), most=st.integers(1, 10))
    def the_limit_of_requests_is_set(self, by: int, most: int) -> None:
        self.managers[by].set_budget(RateLimit(requests=most, per="10s", scope="user"))
        self.limits["requests"].most = Decimal(most)

    @rule(by=st.integers(0, 1))
    def what_was_set_is_taken_back(self, by: int) -> None:
        self.managers[by].remove_budget("global", window="day@Europe/Berlin")
        self.limits["day"].most = Decimal(20)

    # --- what is counted -----------------------------------------------------------------------

    def counted(self, limit: Limit, user: str, *, slack: bool) -> Iterator[Spent]:
        """What counts in a limit now; ``slack``: what may count still."""
        first = begins(limit.window, self.now)
        if slack and isinstance(limit.window, int):
            first -= 2 * limit.window // 60 + 2
        for one in self.spent:
            if (
                limit.covers(one.user)
                and (limit.who != "each" or one.user == user)
                and one.at >= first
            ):
                yield one

    def used(self, limit: Limit, user: str, *, slack: bool) -> Decimal:
        """How much that is."""
        found = self.counted(limit, user, slack=slack)
        if limit.measure == "usd":
            return sum((one.usd for one in found), Decimal(0))
        if limit.measure == "parallel":
            return Decimal(sum(one.state == "live" for one in found))
        # What was spent elsewhere may be a request, or none.
        return Decimal(sum(one.requests for one in found if slack or one.hold is not None))

    def full(self, limit: Limit, asked: Spent, *, slack: bool) -> bool:
        """Whether there is no room in it."""
        amounts = {"usd": asked.usd, "requests": Decimal(1), "parallel": Decimal(1)}
        used = self.used(limit, asked.user, slack=slack)
        return limit.covers(asked.user) and used + amounts[limit.measure] > limit.most

    def left(self, limit: Limit) -> Decimal:
        """What is left of it, for the one who has least."""
        return min(limit.most - self.used(limit, user, slack=True) for user in USERS)


def run(opened: Callable[[SettableClock], Any], examples: int, full: int) -> None:
    """So many examples in a normal run, so many in a full one."""
    machine = type("Machine", (Managers,), {"opened": staticmethod(opened)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=full if FULL else examples,
            stateful_step_count=80 if FULL else 40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_in_memory() -> None:
    """Over a store in memory."""
    run(lambda clock: MemoryStore(clock=clock), 50, 150)


def test_in_a_file(tmp_path: Path) -> None:
    """Over a file."""
    paths = (tmp_path / f"{number}.db" for number in range(10**6))
    run(lambda clock: SQLiteStore(next(paths), clock=clock), 10, 30)
