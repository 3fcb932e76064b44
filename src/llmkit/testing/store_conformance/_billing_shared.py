"""Checks of an outbox that many use at once, and that is opened again."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

from ..._outbox import (
    Amend,
    Amended,
    Conclude,
    Count,
    Intend,
    Mark,
    Marked,
    ReadBills,
    ReleaseLane,
    Take,
)
from ._billing import Billing, bill
from ._sharing import THREADS, Sharing
from ._subject import LEASE

__all__ = ["BillingShared"]

_CALLS: Final = 25


class BillingShared(Billing, Sharing):
    """The races."""

    def test_threads_conclude_while_one_sends(self) -> None:
        """Many conclude, all want to send: whoever has the lane does; each bill is taken to be sent by one only."""
        self.perform(Count())

        def work(thread: int) -> list[str]:
            sent: list[str] = []
            for number in range(_CALLS):
                call = f"t{thread}n{number}"
                self.store.perform(Intend(call, "sub", "{}", LEASE))
                self.store.perform(Conclude(call, (bill(f"{call}:m"),)))
                self._send(f"sender {thread}", sent)
            return sent

        sent = Counter(one for ids in self._race(work) for one in ids)
        rest: list[str] = []
        self._send("last", rest)
        sent.update(rest)
        self.same((len(sent), set(sent.values())), (THREADS * _CALLS, {1}))
        self.same(dict(self.perform(Count()).states), {"delivered": THREADS * _CALLS})

    def _send(self, sender: str, sent: list[str]) -> None:
        bills = self.store.perform(Take(sender, 1000, LEASE)).bills
        sent += [one.id for one in bills]
        self.store.perform(Mark(tuple(Marked(one.id, "delivered") for one in bills)))
        self.store.perform(ReleaseLane(sender))

    def test_threads_conclude_one_call(self) -> None:
        """The same call concluded by all at once has its bills once."""
        self.perform(Intend("c1", "sub", "{}", LEASE))

        def work(thread: int) -> Any:
            return self.store.perform(Conclude("c1", (bill("c1:m"), bill("c1:n"))))

        found = self._race(work)
        fresh = Counter(one for billed in found for one in billed.fresh)
        self.same((dict(fresh), sum(b.intended for b in found)), ({"c1:m": 1, "c1:n": 1}, 1))

    def test_threads_amend_one_bill(self) -> None:
        """Of those who all want to decide what becomes of a held bill, one does."""
        self.perform(Conclude("c1", (bill("c1:m", "held"),)))

        def work(thread: int) -> Any:
            state = "queued" if thread % 2 else "discarded"
            after = bill("c1:m", state, reason=f"{thread}")  # type: ignore[arg-type]
            return self.store.perform(Amend((Amended(after, ("held",)),)))

        done = [thread for thread, ids in enumerate(self._race(work)) if ids]
        (found,) = self.perform(ReadBills())
        self.same([found.reason], [str(thread) for thread in done])

    def test_opened_again(self) -> None:
        """What was written is there for who opens it later, and numbers go on behind it."""
        self.perform(Conclude("c1", (bill("c1:m"),)))
        self.perform(Intend("c2", "sub", "{}", LEASE))
        self.perform(Take("a", 1, LEASE))
        if not self.shared:
            pytest.skip("it is gone with its process")
        before = self.perform(ReadBills())
        other = self.open(self.place, self.clock)
        try:
            self.same(other.perform(ReadBills()), before)
            self.same(other.perform(Take("b", 1, LEASE)).sender, "a")
            other.perform(Conclude("c3", (bill("c3:m"),)))
            numbers = [one.number for one in self.perform(ReadBills())]
            self.same(numbers, sorted(set(numbers)))
        finally:
            other.close()
