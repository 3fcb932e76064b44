"""The check that asks most: random sequences of operations, each answer compared with the reference's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

import pytest

from ..._operations import Audit, Balances, Entry, Look, ReadEntries, ReadRules, ReadUsage
from ..._outbox import Count, Owing, ReadBills
from ...stores.memory import MemoryStore
from ._billing import unnumbered
from ._random import ACCOUNTS, Operations
from ._random_admission import DEPLOYMENTS, QUOTAS, Admissions
from ._random_billing import Billings
from ._subject import Subject, claim

__all__ = ["Compared"]

_TOLD: Final = 12


class Compared(Subject):
    """The comparison. Its sequences are made from seeds, so that a failure comes again."""

    def test_equal_to_the_reference(self) -> None:
        """Whatever is asked in whatever order, under a clock that jumps, the answers are those of ``MemoryStore``."""
        self._each(self._money)

    def test_admission_equal_to_the_reference(self) -> None:
        """The same of letting in and leaving, of cooldowns and probes; and the ledger has nothing of it."""
        self._each(self._admission)

    def test_billing_equal_to_the_reference(self) -> None:
        """The same of the outbox: intents, bills, senders, what becomes of them, and what is owed."""
        if not self.outbox:
            pytest.skip("it offers no outbox")
        self._each(self._billing)

    def _each(self, compare: Callable[[int], None]) -> None:
        """Each sequence in a place of its own."""
        for seed in range(self.sequences):
            store = self.store
            place = self.place / f"sequence-{seed}"
            place.mkdir()
            self.store = self.open(place, self.clock)
            try:
                compare(seed)
            finally:
                self._end()
                self.store = store

    def _end(self) -> None:
        ended: Any = self.store
        if self._runner is not None:
            self._runner.run(ended.aclose())
        else:
            ended.close()

    def _money(self, seed: int) -> None:
        asked = Operations(seed, self.clock, ends_calls=self.ends_calls)
        self._compare_all(self._compare(asked, seed), asked, seed)

    def _admission(self, seed: int) -> None:
        reference = self._compare(Admissions(seed, self.clock), seed)
        self.same(
            self.perform(Look(DEPLOYMENTS, QUOTAS)), reference.perform(Look(DEPLOYMENTS, QUOTAS))
        )
        self.same(self.perform(ReadEntries()), ())
        self.audited()

    def _billing(self, seed: int) -> None:
        asked = Billings(seed, self.clock)
        reference = self._compare(asked, seed)
        for operation in (ReadBills(), Count(), Owing("", 0), Owing("s1", 0)):
            found, wanted = self.perform(operation), reference.perform(operation)
            self.same((seed, unnumbered(found)), (seed, unnumbered(wanted)))

    def _compare(self, asked: Operations | Admissions | Billings, seed: int) -> MemoryStore:
        """Do all in both; the reference, as it is then."""
        reference = MemoryStore(clock=self.clock)
        latest: deque[str] = deque(maxlen=_TOLD)
        for step in range(self.steps):
            operation = asked.next()
            latest.append(f"{self.clock.milliseconds}: {operation!r}")
            wanted, found = reference.perform(operation), self.perform(operation)
            if unnumbered(wanted) != unnumbered(found):
                done = "\n ".join(latest)
                self.fail(
                    f"sequence {seed}, step {step}, after\n {done}\n expected {wanted!r}\n found    {found!r}"
                )
        return reference

    def _compare_all(self, reference: MemoryStore, asked: Operations, seed: int) -> None:
        """The whole of both, at the end."""
        claims = tuple(claim(1, None, account, asked.window(account)) for account in ACCOUNTS)
        for operation in (Balances(claims), ReadUsage(), ReadRules()):
            self.same((seed, self.perform(operation)), (seed, reference.perform(operation)))
        ours, theirs = (_unnumbered(p(ReadEntries())) for p in (self.perform, reference.perform))
        for found, wanted in zip(ours, theirs, strict=True):
            self.same((seed, found), (seed, wanted))
        self._audited_alike(reference)

    def _audited_alike(self, reference: MemoryStore) -> None:
        """Both audits find the same, and no difference."""
        found, wanted = (perform(Audit()) for perform in (self.perform, reference.perform))
        self.expect(not wanted.differences, f"the reference's audit found {wanted.differences}")
        self.same(found, wanted)


def _unnumbered(entries: tuple[Entry, ...]) -> list[Entry]:
    """Numbers may have gaps."""
    return [entry._replace(number=0) for entry in entries]
