"""The state machine of the money rules: whatever is done in whatever order, a store does what the model says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from llmkit._operations import (
    Attribution,
    Audit,
    Balance,
    Balances,
    Charge,
    Claim,
    Gone,
    Post,
    ReadEntries,
    ReadUsage,
    Refused,
    Reserve,
    Reserved,
    Reset,
    SettleHold,
    Stale,
    Sweep,
    Untimely,
    Window,
    WriteRule,
)
from llmkit.testing.store_conformance import SettableClock

from ._model import Model

PERIOD, WIDTH = 10_000, 1000
BACK = 30 * WIDTH
ROLLING = Window(WIDTH, ())
ACCOUNTS = ("usd:ever", "usd:rolling", "requests:rolling", "usd:period", "parallel:ever")
SCOPES = ("global", "user=ann")

whole = st.integers(0, 6).map(Decimal)
grains = st.integers(1, 6_000_000_000).map(lambda n: Decimal(n).scaleb(-9))
asked = st.fixed_dictionaries(
    {a: grains | whole if a.startswith("usd") else whole for a in ACCOUNTS}
)
some = st.lists(st.sampled_from(ACCOUNTS), unique=True, max_size=4)
leases = st.sampled_from((1, 500, 5000, 10**7))
whose = st.sampled_from(
    (Attribution(), Attribution(SCOPES, "acme", "m"), Attribution(SCOPES[:1], "acme", "n"))
)
extras = st.sampled_from(((Decimal(0), 0), (Decimal(3), 500), (Decimal(3), 0)))
rollovers = st.sampled_from((None, Decimal(2), Decimal(100)))


class Money(RuleBasedStateMachine):
    """``opened`` gives a store with nothing in it that reads this clock, and what ends it."""

    opened: Callable[[SettableClock], tuple[Any, Callable[[], None]]]

    @initialize()
    def begin(self) -> None:
        self.clock = SettableClock()
        self.latest = self.clock.milliseconds
        self.store, self.end = type(self).opened(self.clock)
        self.model = Model()
        self.limits: list[dict[str, tuple[int, Decimal | None]]] = [{}, {}]
        self.standing: dict[str, tuple[int, Decimal | None]] = {}
        self.done: list[Any] = []

    @override
    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.everything_ends()
            self.end()

    # --- what happens ------------------------------------------------------------------------

    @rule(by=st.sampled_from((1, 30, 400, 1000, 3000, 9999, 10_000, 60_000, 61_000, 200_000)))
    def time_passes(self, by: int) -> None:
        self.clock.milliseconds += by
        self.latest = max(self.latest, self.clock.milliseconds)

    @rule(by=st.sampled_from((1, 700, 5000, BACK)))
    def the_clock_jumps_back(self, by: int) -> None:
        self.clock.milliseconds = max(self.clock.milliseconds - by, self.latest - BACK)

    @rule(account=st.sampled_from(ACCOUNTS), limit=st.none() | st.integers(0, 15).map(Decimal))
    def a_limit_is_set(self, account: str, limit: Decimal | None) -> None:
        """By somebody: those who have seen the one before hear of it only when they ask."""
        wanted = self.model.perform(WriteRule(account, str(limit)), 0)
        written = self.store.perform(WriteRule(account, str(limit)))
        assert (written.done, written.rule) == (True, (account, wanted, str(limit)))
        self.standing[account] = (wanted, limit)

    @rule(
        who=st.integers(0, 1), accounts=some, amounts=asked, lease=leases,
        extra=extras, rollover=rollovers, usd=grains, whose=whose,
    )  # fmt: skip
    def reserve(
        self, who: int, accounts: list[str], amounts: dict[str, Decimal], lease: int,
        extra: tuple[Decimal, int], rollover: Decimal | None, usd: Decimal, whose: Attribution,
    ) -> None:  # fmt: skip
        """By one of two who each know the limits that they have last been told."""
        seen = {account: self.limits[who].get(account, (0, Decimal(10))) for account in accounts}
        now = self.clock.milliseconds
        until = now + extra[1]
        claims = tuple(
            Claim(
                a,
                self.window(a),
                amounts[a],
                seen[a][1],
                extra[0],
                until,
                rollover,
                a != ACCOUNTS[-1],
            )
            for a in accounts
        )
        versions = tuple((account, version) for account, (version, _) in seen.items())
        self.reserved(Reserve(f"h{len(self.done):04}", claims, lease, usd, whose, versions), who)

    @rule(account=st.sampled_from(ACCOUNTS), more=st.sampled_from((0, 0, 1, -1)), lease=leases)
    def reserve_what_is_left(self, account: str, more: int, lease: int) -> None:
        """To the last unit, or one unit more, or one less."""
        version, limit = self.standing.get(account, (0, Decimal(10)))
        unit = Decimal(more).scaleb(-9) if account.startswith("usd") else Decimal(more)
        keep = account != ACCOUNTS[-1]
        claim = Claim(account, self.window(account), Decimal(0), limit, keep=keep)
        amount = max(Decimal(0), unit + (Decimal(1) if limit is None else self.left(claim)))
        operation = Reserve(
            f"h{len(self.done):04}", (claim._replace(amount=amount),), lease, amount
        )
        self.reserved(operation._replace(seen=((account, version),)), 0)

    def left(self, claim: Claim) -> Decimal:
        """What is left of an account, by the model; what is overdue counts either way."""
        [(_, spent, held, limit)] = self.model.perform(Balances((claim,)), self.clock.milliseconds)
        return Decimal(limit - spent - held)

    @rule(account=st.sampled_from(ACCOUNTS), amount=whole, lease=leases)
    def reserve_a_little(self, account: str, amount: Decimal, lease: int) -> None:
        """Of one account, by who knows its limit."""
        version, limit = self.standing.get(account, (0, Decimal(10)))
        keep = account != ACCOUNTS[-1]
        claim = Claim(account, self.window(account), amount, limit, keep=keep)
        whose = Attribution((account,), "acme", "m")
        seen = ((account, version),)
        self.reserved(Reserve(f"h{len(self.done):04}", (claim,), lease, amount, whose, seen), 0)

    @precondition(lambda self: self.model.holds)
    @rule(
        data=st.data(), kind=st.sampled_from(("settle", "settle", "release", "unknown")),
        amounts=st.lists(grains | whole, min_size=4, max_size=4), usd=grains,
    )  # fmt: skip
    def settle(self, data: st.DataObject, kind: Any, amounts: list[Decimal], usd: Decimal) -> None:
        """In time, late, at more or less, at the hold, or not at all."""
        hold = self.model.holds[data.draw(st.sampled_from(sorted(self.model.holds)))].asked
        used = tuple(
            amount if claim.account.startswith("usd") else amount // 1
            for claim, amount in zip(hold.claims, amounts, strict=False)
        )
        nothing = tuple(Decimal(0) for _ in hold.claims)
        given = {"settle": (used, usd), "release": (nothing, Decimal(0)), "unknown": (None, None)}
        self.did(SettleHold(hold.hold, kind, *given[kind]))

    @rule(accounts=some, amounts=asked, ago=st.sampled_from((None, 0, 900, 9000)), whose=whose)
    def spend_elsewhere(
        self, accounts: list[str], amounts: dict[str, Decimal], ago: int | None, whose: Attribution
    ) -> None:
        """Counted whatever the limits."""
        at = None if ago is None else self.clock.milliseconds - ago
        charges = tuple(Charge(a, self.window(a), amounts[a]) for a in accounts)
        usd = sum(amounts.values(), Decimal(0))
        self.did(Post(f"p{len(self.done):04}", charges, usd, whose, at=at))

    @rule(accounts=some)
    def reset(self, accounts: list[str]) -> None:
        self.did(Reset(f"r{len(self.done):04}", tuple((a, self.window(a)) for a in accounts)))

    @rule(limit=st.sampled_from((1, 2, 1000)))
    def sweep(self, limit: int) -> None:
        self.did(Sweep(limit))

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def something_is_done_again(self, data: st.DataObject) -> None:
        """Any operation, by somebody who does not know that it was done."""
        operation = data.draw(st.sampled_from(self.done))
        if isinstance(operation, Reserve):
            self.reserved(operation, 0)
        else:
            self.did(operation)

    @rule()
    def a_release_overtakes_its_hold(self) -> None:
        """What is reserved by that id later is gone."""
        hold = f"h{len(self.done):04}"
        self.did(SettleHold(hold, "release", flag="cancelled"))
        claim = Claim("usd:ever", Window(), Decimal(1), Decimal(10**6))
        self.reserved(Reserve(hold, (claim,), 5000), 0)

    @rule()
    def a_hold_that_nobody_made_is_settled(self) -> None:
        assert self.store.perform(SettleHold("nobody")).status == "missing"

    # --- how it is done ----------------------------------------------------------------------

    def window(self, account: str) -> Window:
        if account.endswith(":ever"):
            return Window()
        if account.endswith(":rolling"):
            return ROLLING
        here = self.clock.milliseconds // PERIOD
        return Window(starts=tuple(PERIOD * (here + n) for n in range(-2, 3)))

    def did(self, operation: Any) -> None:
        """Do it in both, and compare."""
        self.done.append(operation)
        wanted = self.model.perform(operation, self.clock.milliseconds)
        found = self.store.perform(operation)
        if isinstance(found, Untimely):
            found = "untimely"
        assert getattr(found, "status", found) == wanted, operation

    def reserved(self, operation: Reserve, who: int) -> None:
        """The same, of a reservation; who hears of other limits will know them."""
        self.done.append(operation)
        wanted = self.model.perform(operation, self.clock.milliseconds)
        found = self.store.perform(operation)
        assert found.now == self.clock.milliseconds
        assert _plain(found) == wanted, (operation, found)
        if isinstance(found, Stale):
            self.limits[who].update(
                {
                    rule.scope: self.standing.get(rule.scope, (0, Decimal(10)))
                    for rule in found.rules
                }
            )

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def balances_equal(self) -> None:
        """Spent, held and limits are what the model makes of everything that happened."""
        if not hasattr(self, "store"):
            return
        claims = tuple(
            Claim(a, self.window(a), Decimal(0), Decimal(10), rollover=Decimal(5)) for a in ACCOUNTS
        )
        found = self.store.perform(Balances(claims))
        assert isinstance(found, Balance)
        told = [
            (line.account, line.spent, line.used - line.spent, line.limit) for line in found.lines
        ]
        assert told == self.model.perform(Balances(claims), self.clock.milliseconds)

    @invariant()
    def the_audit_balances(self) -> None:
        """To the last unit; and it knows how many holds there are."""
        if not hasattr(self, "store"):
            return
        audit = self.store.perform(Audit())
        assert not audit.differences
        states = [one.state for one in self.model.holds.values()]
        assert (audit.holds, audit.expired) == (states.count("live"), states.count("expired"))
        assert audit.entries == len(self.model.entries)

    @invariant()
    def usage_equals(self) -> None:
        """Calls and dollars of each scope."""
        if not hasattr(self, "store"):
            return
        found: dict[str, tuple[int, Decimal]] = {}
        for row in self.store.perform(ReadUsage()):
            calls, usd = found.get(row.scope, (0, Decimal(0)))
            found[row.scope] = calls + row.calls, usd + row.usd
        assert found == self.model.dollars()

    def everything_ends(self) -> None:
        """In the end every hold has exactly one end: settled, released, or expired (and corrected at most once)."""
        self.clock.milliseconds = self.latest + 10**9
        self.store.perform(Sweep(10**6))
        self.model.perform(Sweep(10**6), self.clock.milliseconds)
        entries = self.store.perform(ReadEntries(0, 10**6))
        assert sorted((e.id, e.kind) for e in entries) == sorted(self.model.entries.items())
        for hold in self.model.holds:
            ends = [e.kind for e in entries if e.hold == hold]
            assert ends in (["settle"], ["release"], ["unknown"], ["expire"], ["expire", "correct"])
        audit = self.store.perform(Audit())
        assert (audit.holds, audit.differences) == (0, ())


def _plain(found: Any) -> tuple[Any, ...]:
    """An answer to a reservation as the model says it."""
    if isinstance(found, Reserved):
        return ("reserved", found.expires, found.again)
    if isinstance(found, Refused):
        return ("refused", [refusal.account for refusal in found.refusals])
    if isinstance(found, Stale):
        return ("stale", [rule.scope for rule in found.rules])
    return ("gone",) if isinstance(found, Gone) else ("untimely",)
