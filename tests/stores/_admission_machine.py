"""The state machine of letting calls in: whatever is done in whatever order, a store does what the model says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from llmkit._operations import (
    Admit,
    Admitted,
    Audit,
    Candidate,
    Cool,
    Full,
    Leave,
    Look,
    Quota,
    ReadEntries,
)
from llmkit.testing.store_conformance import SettableClock

from ._admission_model import AdmissionModel

WIDTH = 1000
BACK = 30 * WIDTH
DEPLOYMENTS = ("d", "e", "f")
QUOTAS = (("rpm", WIDTH), ("tpm", WIDTH), ("tpm", 5 * WIDTH))
LIMITS = {("rpm", WIDTH): 4, ("tpm", WIDTH): 20, ("tpm", 5 * WIDTH): 30}

deployments = st.sampled_from(DEPLOYMENTS)
taken = st.fixed_dictionaries({}, optional={
    ("rpm", WIDTH): st.sampled_from((1, 1, 1, 0, 5)), ("tpm", WIDTH): st.integers(0, 12),
    ("tpm", 5 * WIDTH): st.integers(0, 12),
})  # fmt: skip


@st.composite
def one_candidate(draw: st.DrawFn) -> Candidate:
    asked = draw(taken)
    quotas = tuple(Quota(*which, LIMITS[which], amount) for which, amount in asked.items())
    return Candidate(draw(deployments), quotas, draw(st.sampled_from((None, None, 1, 2))))


candidates = st.lists(one_candidate(), min_size=1, max_size=3, unique_by=lambda one: one.deployment)
leases = st.sampled_from((1, 500, 5000, 70_000))
outcomes = st.sampled_from((True, False, None))
corrections = st.dictionaries(
    st.sampled_from(("rpm", "tpm", "other")), st.integers(0, 25), max_size=2
)


class Letting(RuleBasedStateMachine):
    """``opened`` gives a store with nothing in it that reads this clock, and what ends it."""

    opened: Callable[[SettableClock], tuple[Any, Callable[[], None]]]

    @initialize()
    def begin(self) -> None:
        self.clock = SettableClock()
        self.latest = self.clock.milliseconds
        self.store, self.end = type(self).opened(self.clock)
        self.model = AdmissionModel()
        self.asked: list[Admit] = []
        self.left: list[str] = []

    @override
    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.everybody_leaves()
            self.end()

    # --- what happens ------------------------------------------------------------------------

    @rule(by=st.sampled_from((1, 30, 400, 1000, 5000, 9999, 60_000, 61_000, 350_000)))
    def time_passes(self, by: int) -> None:
        self.clock.milliseconds += by
        self.latest = max(self.latest, self.clock.milliseconds)

    @rule(by=st.sampled_from((1, 700, 5000, BACK)))
    def the_clock_jumps_back(self, by: int) -> None:
        self.clock.milliseconds = max(self.clock.milliseconds - by, self.latest - BACK)

    @rule(wanted=candidates, lease=leases)
    def somebody_comes(self, wanted: list[Candidate], lease: int) -> None:
        self.come(Admit(f"t{len(self.asked):04}", tuple(wanted), lease))

    @rule(wanted=candidates, lease=leases)
    def somebody_comes_as_soon_as_it_is_worth_it(self, wanted: list[Candidate], lease: int) -> None:
        """Nobody else has come, and none of the candidates is another: who waited as told is let in."""
        asked = Admit(f"t{len(self.asked):04}", tuple(wanted[:1]), lease)
        found = self.come(asked)
        if isinstance(found, Full) and found.waits[0] is not None and found.waits[0] < 10**9:
            self.time_passes(found.waits[0])
            again = self.come(asked)
            # A cooldown's end does not say what the quotas do.
            assert isinstance(again, Admitted) or again.waits[0] is None or again.waits[0] > 0

    @rule(which=deployments, quota=st.sampled_from(QUOTAS), more=st.sampled_from((0, 0, 1, -1)))
    def somebody_takes_what_is_left(self, which: str, quota: tuple[str, int], more: int) -> None:
        """To the last one, or one more, or one less."""
        used = self.model.used(which, *quota, self.clock.milliseconds)
        amount = max(LIMITS[quota] - used + more, 0)
        row = Quota(*quota, LIMITS[quota], amount)
        self.come(Admit(f"t{len(self.asked):04}", (Candidate(which, (row,)),), 5000))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def somebody_asks_again(self, data: st.DataObject) -> None:
        """Who is in, who has left, who was not let in."""
        self.come(data.draw(st.sampled_from(self.asked[-10:])))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), wanted=candidates)
    def somebody_asks_for_something_else(
        self, data: st.DataObject, wanted: list[Candidate]
    ) -> None:
        ticket = data.draw(st.sampled_from(self.asked[-10:])).ticket
        self.come(Admit(ticket, tuple(wanted), 5000))

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), used=corrections, worked=outcomes)
    def somebody_leaves(self, data: st.DataObject, used: dict[str, int], worked: Any) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.model.tickets)))
        self.did(Leave(ticket, tuple(used.items()), worked))
        self.left.append(ticket)

    @precondition(lambda self: self.left)
    @rule(data=st.data())
    def somebody_leaves_again(self, data: st.DataObject) -> None:
        self.did(Leave(data.draw(st.sampled_from(self.left[-5:])), (("tpm", 3),), worked=True))

    @rule(wanted=candidates)
    def somebody_leaves_before_he_comes(self, wanted: list[Candidate]) -> None:
        asked = Admit(f"t{len(self.asked):04}", tuple(wanted), 5000)
        self.did(Leave(asked.ticket))
        assert self.come(asked) == Full(self.clock.milliseconds, (None,) * len(wanted))

    @rule(
        which=deployments, lease=st.sampled_from((0, 1, 900, 4000, 70_000)),
        strikes=st.integers(0, 3), reason=st.sampled_from(("", "busy", "down")),
    )  # fmt: skip
    def one_cools_down(self, which: str, lease: int, strikes: int, reason: str) -> None:
        self.did(Cool(which, lease, reason, strikes))

    @rule(which=deployments)
    def one_is_well(self, which: str) -> None:
        self.did(Cool(which, 0, "", 0))

    # --- how it is done ----------------------------------------------------------------------

    def did(self, operation: Any) -> Any:
        """Do it in both, and compare."""
        wanted = self.model.perform(operation, self.clock.milliseconds)
        found = self.store.perform(operation)
        assert found == wanted, operation
        return found

    def come(self, operation: Admit) -> Any:
        """The same; it may be asked again."""
        self.asked.append(operation)
        return self.did(operation)

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def all_looks_alike(self) -> None:
        """Places, probes, cooldowns and quotas are what the model makes of everything that happened."""
        if hasattr(self, "store"):
            self.did(Look(DEPLOYMENTS, QUOTAS))

    def everybody_leaves(self) -> None:
        """In the end nobody is in, no quota is used, and no ledger knows of it."""
        self.time_passes(10**9)
        found = self.did(Look(DEPLOYMENTS, QUOTAS))
        assert [(one.running, one.probing, one.used) for one in found.health] == [
            (0, False, (0, 0, 0))
        ] * 3
        assert self.store.perform(ReadEntries()) == ()
        audit = self.store.perform(Audit())
        assert (audit.entries, audit.holds, audit.differences) == (0, 0, ())
