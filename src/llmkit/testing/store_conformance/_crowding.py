"""Checks of many who want to be let in at once: threads, tasks, those who are cancelled, those who share a store."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import Any

import pytest

from ..._operations import Admit, Admitted, Candidate, Cool, Health, Leave, Look, Looked
from ._admitting import candidate
from ._cooling import Cooling
from ._sharing import THREADS, Sharing
from ._subject import LEASE, START

__all__ = ["Crowding"]


class _Crowd:
    """How many are in where, and the most there ever were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = Counter[str]()
        self.most = 0

    def count(self, name: str, more: int) -> None:
        with self._lock:
            self._within[name] += more
            self.most = max(self.most, self._within[name])


class Crowding(Cooling, Sharing):
    """The races, once more. Threads perform in the sync colour."""

    def test_threads_race_for_a_quota(self) -> None:
        """Eight threads want twice what there is: they get all of it, and no more."""
        asked = candidate("d", ("rpm", 40, 1), ("tpm", 10**6, 7))

        def work(thread: int) -> int:
            tickets = (Admit(f"{thread}/{n}", (asked,), LEASE) for n in range(10))
            return sum(isinstance(self.store.perform(one), Admitted) for one in tickets)

        self.same(sum(self._race(work)), 40)
        self.same(self.health("d", "rpm", "tpm"), Health("d", running=40, used=(40, 280)))

    def test_threads_race_for_places(self) -> None:
        """Eight threads come and go, each by the order of his own: never are more in than may be, and none is stuck."""
        orders = tuple(candidate(name, ("rpm", 10**6, 1), parallel=2) for name in "def")
        crowd = _Crowd()

        def work(thread: int) -> int:
            order = (*orders[thread % 3 :], *orders[: thread % 3])
            return sum(self._come_and_go(f"{thread}/{n}", order, crowd) for n in range(20))

        admitted = sum(self._race(work))
        self.expect(crowd.most <= 2, f"{crowd.most} were in at once, of 2")  # noqa: PLR2004
        found: Looked = self.perform(Look(("d", "e", "f"), (("rpm", 1000),)))
        self.same([one.running for one in found.health], [0, 0, 0])
        self.same(sum(one.used[0] for one in found.health), admitted)

    def _come_and_go(self, ticket: str, order: tuple[Candidate, ...], crowd: _Crowd) -> bool:
        """Whether he was let in. Who counts himself after he came, and before he leaves, never counts too many."""
        found = self.store.perform(Admit(ticket, order, LEASE))
        if not isinstance(found, Admitted):
            return False
        name = order[found.place].deployment
        crowd.count(name, 1)
        crowd.count(name, -1)
        return bool(self.store.perform(Leave(ticket)))

    def test_threads_race_to_probe(self) -> None:
        """Of eight who come when a cooldown is over, one is the probe; when it has worked, all may come."""
        self.perform(Cool("d", 1000, "busy"))
        self.clock.milliseconds += 1000
        found = self._race(lambda n: self.store.perform(Admit(f"t{n}", (candidate(),), LEASE)))
        probes = [n for n, one in enumerate(found) if isinstance(one, Admitted)]
        self.same([found[n].probe for n in probes], [True])
        self.clock.milliseconds += 1
        self.perform(Leave(f"t{probes[0]}", worked=True))
        found = self._race(lambda n: self.store.perform(Admit(f"u{n}", (candidate(),), LEASE)))
        self.same([(type(one), one.probe) for one in found], [(Admitted, False)] * THREADS)

    def test_one_ticket_of_all(self) -> None:
        """Eight threads come by one ticket: it is one place; eight leave by it: one does."""
        one = candidate("d", ("rpm", 5, 1), parallel=1)
        found = self._race(lambda _: self.store.perform(Admit("t1", (one,), LEASE)))
        self.same(Counter(answer.again for answer in found), {False: 1, True: THREADS - 1})
        self.same(self.health("d", "rpm"), Health("d", running=1, used=(1,)))
        left = self._race(lambda _: self.store.perform(Leave("t1")))
        self.same(Counter(left), {True: 1, False: THREADS - 1})
        self.same(self.health("d", "rpm"), Health("d", used=(1,)))

    def test_a_ticket_that_nobody_has(self) -> None:
        """Eight threads leave by it, and by others, all at once."""

        def work(thread: int) -> list[bool]:
            names = [f"t{n}" for n in range(5)]
            return [self.store.perform(Leave(name)) for name in names[:: 1 - 2 * (thread % 2)]]

        self.same(self._race(work), [[False] * 5] * THREADS)

    def test_threads_cool_one_down(self) -> None:
        """The longest cooldown stays, with its reason, and the most strikes."""
        self._race(lambda n: self.store.perform(Cool("d", 1000 * (n + 1), f"{n}", THREADS - n)))
        last = THREADS * 1000
        self.same(self.health(), Health("d", START + last, THREADS, f"{THREADS - 1}"))

    def test_threads_do_everything(self) -> None:
        """Coming, leaving, cooling, looking in any order: all are answered, and all places are free at the end."""
        orders = [candidate(name, ("tpm", 10**6, 5)) for name in "def"]

        def work(thread: int) -> None:
            for number in range(12):
                ticket = f"{thread}/{number}"
                self.store.perform(Admit(ticket, tuple(orders[:: 1 - 2 * (number % 2)]), LEASE))
                self.store.perform(Cool("edf"[number % 3], number % 2, "busy", number % 2))
                self.store.perform(Look(("f", "e", "d"), (("tpm", 1000),)))
                self.store.perform(Leave(ticket, (("tpm", 1),), worked=True))

        self._race(work)
        found = self.perform(Look(("d", "e", "f")))
        self.same([(one.running, one.probing) for one in found.health], [(0, False)] * 3)

    def test_tasks_race_for_a_quota(self) -> None:
        """The same in one event loop."""
        if self._runner is None:
            pytest.skip("only async code has tasks")
        store: Any = self.store
        asked = candidate("d", ("rpm", 10, 1), parallel=15)

        async def all_at_once() -> list[Any]:
            admits = [Admit(f"t{n}", (asked,), LEASE) for n in range(30)]
            return await asyncio.gather(*map(store.aperform, admits))

        found = self._runner.run(all_at_once())
        self.same(sum(isinstance(one, Admitted) for one in found), 10)
        self.same(self.health("d", "rpm"), Health("d", running=10, used=(10,)))

    def test_cancelled_while_coming(self) -> None:
        """Who is cancelled while he comes, and then leaves, is not in: no leaving overtakes its coming."""
        if self._runner is None:
            pytest.skip("only async code is cancelled")
        self._runner.run(self._come_and_leave())
        time.sleep(0.1)
        self.same(self.health().running, 0)
        self.admitted("next", candidate(parallel=1))

    async def _come_and_leave(self) -> None:
        store: Any = self.store
        for number in range(40):
            tickets = [f"t{number}.{n}" for n in range(3)]
            coming = [
                asyncio.ensure_future(store.aperform(Admit(one, (candidate(),), LEASE)))
                for one in tickets
            ]
            await asyncio.sleep(number % 12 * 0.0002)
            for one in coming:
                one.cancel()
            await asyncio.gather(*coming, return_exceptions=True)
            await asyncio.gather(*[store.aperform(Leave(one)) for one in tickets])

    def test_two_that_let_in(self) -> None:
        """What is opened twice at one place shares places, quotas, cooldowns and probes, at once."""
        if not self.shared:
            pytest.skip("each lets in by itself")
        other = self.open(self.place, self.clock)
        one = candidate("d", ("rpm", 2, 1), parallel=1)
        self.admitted("t1", one)
        self.same(other.perform(Admit("t2", (one,), LEASE)).waits, (None,))
        self.same(other.perform(Leave("t1")), True)
        self.same(other.perform(Admit("t2", (one,), LEASE)), Admitted(START, 0))
        self.same(self.perform(Leave("t2")), True)
        self.expect(self.full(one)[0], "a third was let in, of two")
        other.perform(Cool("e", 1000, "busy"))
        self.same(self.full(candidate("e")), (1000,))
        self.clock.milliseconds += 1000
        self.admitted("t3", candidate("e"))
        found = other.perform(Look(("e",))).health
        self.same(found, (Health("e", START + 1000, 1, "busy", True, 1),))
        other.close()
