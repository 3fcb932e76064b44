"""Checks of many at once: threads that race for what is left, for one hold, for one settlement; and who comes later."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ..._operations import Audit, Charge, Post, Reserve, Reserved, SettleHold, WriteRule
from ._subject import LEASE, WHO, Subject, claim

__all__ = ["THREADS", "Sharing"]

THREADS = 8
_SECONDS = 60.0


class Sharing(Subject):
    """The races. Threads perform in the sync colour; async code has them through its own checks."""

    def _race(self, work: Callable[[int], Any]) -> list[Any]:
        """What each thread's work gave; they start together."""
        found: list[Any] = [None] * THREADS
        ready = threading.Barrier(THREADS)

        def run(number: int) -> None:
            try:
                ready.wait(_SECONDS)
                found[number] = work(number)
            except BaseException as error:  # noqa: BLE001 - the check says it
                found[number] = error

        threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_SECONDS)
        self.expect(not any(t.is_alive() for t in threads), f"still at work after {_SECONDS} s")
        for outcome in found:
            self.expect(not isinstance(outcome, BaseException), f"a thread failed: {outcome!r}")
        return found

    def test_threads_race_for_what_is_left(self) -> None:
        """Eight threads want twice what there is, of two accounts in different orders: they get all, and no more."""
        limit, each = 40, 10
        claims = claim(1, limit), claim(1, limit, "requests:ever:global")

        def work(thread: int) -> int:
            order = claims if thread % 2 else claims[::-1]
            asked = (Reserve(f"{thread}/{n}", order, LEASE, Decimal(1), WHO) for n in range(each))
            return sum(isinstance(self.store.perform(one), Reserved) for one in asked)

        self.same(sum(self._race(work)), limit)
        self.same(self.standing(*claims), [("0", str(limit))] * 2)
        self.audited(holds=limit)

    def test_threads_reserve_and_settle(self) -> None:
        """Eight threads reserve and settle as fast as they can; every settlement is in the ledger, once."""
        each = 10

        def work(thread: int) -> None:
            for number in range(each):
                hold = f"{thread}/{number}"
                self.store.perform(Reserve(hold, (claim(2, 1000),), LEASE, Decimal(2), WHO))
                self.store.perform(SettleHold(hold, amounts=(Decimal(1),), usd=Decimal(1)))

        self._race(work)
        self.same(self.standing(claim()), [(str(THREADS * each), "0")])
        wanted = sorted(f"{t}/{n}" for t in range(THREADS) for n in range(each))
        self.same(sorted(entry.id for entry in self.entries()), wanted)
        self.audited()

    def test_one_hold_reserved_by_all(self) -> None:
        """Eight threads reserve the same hold: it is held once, and seven are told that it was."""
        found = self._race(lambda _: self.store.perform(Reserve("h1", (claim(6),), LEASE)))
        self.same(Counter(one.again for one in found), {False: 1, True: THREADS - 1})
        self.same(self.standing(claim()), [("0", "6")])
        self.audited(holds=1)

    def test_one_hold_settled_by_all(self) -> None:
        """Eight threads settle the same hold: one does."""
        self.held("h1", claim(9))
        found = self._race(lambda n: self.store.perform(SettleHold("h1", amounts=(Decimal(n),))))
        self.same(Counter(one.status for one in found), {"settled": 1, "again": THREADS - 1})
        self.same(len(self.entries()), 1)
        self.audited()

    def test_one_entry_posted_by_all(self) -> None:
        """Eight threads post the same entry: one does."""
        charge = Charge(claim().account, claim().window, Decimal(1))
        spend = Post("p1", (charge,), Decimal(1), WHO)
        found = self._race(lambda _: self.store.perform(spend))
        self.same(Counter(one.status for one in found), {"posted": 1, "again": THREADS - 1})
        self.same(self.standing(claim()), [("1", "0")])
        self.audited()

    def test_one_rule_written_by_all(self) -> None:
        """Eight threads write a rule over the same version: one does."""
        found = self._race(lambda n: self.store.perform(WriteRule("global", f"{n}", 0)))
        self.same(sum(one.done for one in found), 1)
        self.same({one.rule for one in found}, {next(one.rule for one in found if one.done)})

    def test_two_that_open_one_ledger(self) -> None:
        """What one has done, another sees at once, and who opens it later, too."""
        if not self.shared:
            pytest.skip("each has a ledger of its own")
        other = self.open(self.place, self.clock)
        self.held("h1", claim(6))
        self.expect(
            not isinstance(other.perform(Reserve("h2", (claim(6),), LEASE)), Reserved), "12 of 10"
        )
        self.same(other.perform(SettleHold("h1")).status, "settled")
        self.same(self.perform(SettleHold("h1")).status, "again")
        other.close()
        later = self.open(self.place, self.clock)
        self.same(later.perform(SettleHold("h1")).status, "again")
        later.close()
        self.same(self.standing(claim()), [("6", "0")])
        self.audited()

    def test_opened_by_all_at_once(self) -> None:
        """Eight that open a new ledger at the same moment have one ledger, and none fails."""
        if not self.shared:
            pytest.skip("each has a ledger of its own")
        place = self.place / "new"
        place.mkdir()

        def work(thread: int) -> bool:
            one = self.open(place, self.clock)
            try:
                return isinstance(
                    one.perform(Reserve(f"h{thread}", (claim(1, 5),), LEASE)), Reserved
                )
            finally:
                one.close()

        self.same(sum(self._race(work)), 5)

    def test_cancelled(self) -> None:
        """Who is cancelled has done all of it or nothing, and the next one's answer is the next one's."""
        if self._runner is None:
            pytest.skip("only async code is cancelled")
        self.held("first", claim(1, None))
        self._runner.run(self._cancel())
        audit = self.perform(Audit())
        self.expect(not audit.differences, f"the audit found {audit.differences}")

    async def _cancel(self) -> None:
        store: Any = self.store
        for number in range(1, 60):
            reserve = Reserve(f"h{number}", (claim(number, None),), LEASE)
            asking = [asyncio.ensure_future(store.aperform(reserve)) for _ in range(2)]
            await asyncio.sleep(number % 12 * 0.0002)
            asking[0].cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            answer = asking[1].result()
            self.same([line.amount for line in answer.lines], [number])
            self.same((await store.aperform(SettleHold(f"h{number}"))).status, "settled")

    def test_cancelled_and_released(self) -> None:
        """Who is cancelled while he reserves, and then releases, holds nothing: no release overtakes its hold."""
        if self._runner is None:
            pytest.skip("only async code is cancelled")
        self._runner.run(self._release())
        time.sleep(0.1)
        self.audited()

    async def _release(self) -> None:
        store: Any = self.store
        for number in range(60):
            holds = [f"h{number}.{n}" for n in range(3)]
            asked = [Reserve(hold, (claim(1, None),), LEASE) for hold in holds]
            asking = [asyncio.ensure_future(store.aperform(reserve)) for reserve in asked]
            await asyncio.sleep(number % 12 * 0.0002)
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            ends = [SettleHold(hold, "release", (Decimal(0),), Decimal(0)) for hold in holds]
            await asyncio.gather(*map(store.aperform, ends))

    def test_closing(self) -> None:
        """A store that was never used can be closed, and closed again; it says how durable it is."""
        other = self.open(self.place, self.clock)
        self.expect(
            isinstance(other.durability, str) and other.durability, "its durability is not said"
        )
        other.close()
        other.close()
