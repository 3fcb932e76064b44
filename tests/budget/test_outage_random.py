"""Any order of calls, failures, deaths and recoveries: in the end each call is counted once, at what it cost."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from llmkit._control.budget.owed import Owing
from llmkit._operations import ReadEntries, Reserve, Reserved, Sweep
from llmkit.errors import BudgetUnavailableError

from ._outages import PARALLEL, World, nothing_sent, spent

if TYPE_CHECKING:
    from pathlib import Path

    from llmkit._control.budget.outage import LetGo, Outage

ZERO = Decimal(0)
BOUND = Decimal(1)


class Machine:
    """Three processes that make calls, and what is known of each call."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.world = World(folder)
        self.random = random.Random(seed)
        self.open: dict[str, tuple[int, Reserve, Reserved | LetGo]] = {}
        self.settled: dict[str, Decimal] = {}
        self.lost: set[str] = set()
        self.number = 0
        self.processes = [self._process() for _ in range(3)]

    def _process(self) -> Outage:
        mode = self.random.choice(["open", "closed"])
        return self.world.outage(unreachable=mode)

    def step(self) -> None:
        """Do something."""
        acts = [self.call] * 4 + [self.end] * 4 + [self.turn] * 2 + [self.wait, self.kill]
        self.random.choice(acts)()

    def call(self) -> None:
        """A process asks for a hold."""
        self.number += 1
        which = self.random.randrange(3)
        ask = self.world.ask(f"h{self.number}")
        try:
            answer = self.world.reserve(self.processes[which], ask)
        except BudgetUnavailableError:
            self.settled[ask.hold] = ZERO
        else:
            self.open[ask.hold] = which, ask, answer

    def end(self) -> None:
        """A call ends: it is settled, or nothing was sent, or its stream was dropped."""
        if not self.open:
            return
        hold = self.random.choice(list(self.open))
        which, ask, answer = self.open.pop(hold)
        usd = self.random.choice(["0", "0.25", "0.7"])
        op = nothing_sent(ask) if usd == "0" else spent(ask, usd)
        self.world.run(self.processes[which].settle(op, ask, answer))
        self.settled[hold] = Decimal(usd)

    def turn(self) -> None:
        """The store goes, or comes."""
        self.world.store.how = self.random.choice([None, "before", "after"])

    def wait(self) -> None:
        """Time passes, sometimes more than a lease."""
        self.world.clock.now += self.random.choice([0.3, 6, 70])
        if self.random.random() < 0.5:
            self.world.store.store.perform(Sweep())

    def kill(self) -> None:
        """A process dies, with what it had in memory; another takes its place."""
        which = self.random.randrange(3)
        for hold in [hold for hold, (whose, _, _) in self.open.items() if whose == which]:
            del self.open[hold]
            self.lost.add(hold)
        # A hold that was doubtful, and whose release was in memory, is nobody's now.
        self.lost |= {w.owed.id for w in self.processes[which]._memory}
        self.processes[which] = self._process()

    def finish(self) -> None:
        """The store is back for good, and all leases are over."""
        while self.open:
            self.end()
        self.world.store.how = None
        self.world.clock.now += 10_000
        for process in self.processes:
            self.world.run(process.catch_up())
        self.world.run(self.processes[0].perform(Sweep()))


@pytest.mark.parametrize("seed", range(1000 if os.environ.get("LLMKIT_FULL") else 50))
def test_each_call_is_counted_once(seed: int, tmp_path: Path) -> None:
    """What was settled counts at what it cost; of what died, all that it might have cost at most."""
    machine = Machine(tmp_path, seed)
    for _ in range(60):
        machine.step()
    machine.finish()
    world, found = machine.world, dict.fromkeys(machine.settled, ZERO)
    for entry in world.store.store.perform(ReadEntries()):
        hold = entry.id.partition("/")[0]
        found[hold] = found.get(hold, ZERO) + entry.usd
    for hold, usd in machine.settled.items():
        assert found[hold] == usd or (hold in machine.lost and found[hold] == BOUND), hold
    assert all(found.get(hold, ZERO) in {ZERO, BOUND} for hold in machine.lost - {*machine.settled})
    assert world.total() == (sum(found.values(), ZERO), ZERO)
    assert world.total(PARALLEL) == (ZERO, ZERO)
    assert world.disk.perform(Owing()) == (0, ZERO)
    assert world.balanced()
