"""Fifty calls on one client, each with faults drawn at random: each ends as its faults say, and is settled once."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from llmkit.testing import faults

from ..io._colour import Colour
from ._cell import FULL, SAID, Cell, Met, cell, each_colour_name, each_wire, limits, run
from ._places import Ends
from ._table import TABLE, Outcome

CALLS = 50
SEEDS = range(40 if FULL else 1)
# A connection that dies idle may be found out too late, which is another failure than the one drawn; what waits for
# whole seconds, or for the total time, would take too long.
LEFT_OUT = {
    "close early",
    "reset after",
    "429, retry-after-date",
    "429, anthropic-ratelimit-reset",
    "429, epoch",
    "bomb",
    "small bomb",
}


def _drawn(name: str) -> bool:
    row = TABLE[name]
    slow = row.plain.late or row.stream.late or isinstance(row.fault, faults.SlowStart)
    stalls = isinstance(row.fault, faults.Stall) or (
        row.fault.__class__ is Ends and "stall" in name
    )
    return not (slow or stalls or isinstance(row.fault, faults.BreakTLS) or name in LEFT_OUT)


DRAWN = [name for name in TABLE if _drawn(name)]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one call meets, request by request, and what it comes to."""

    names: tuple[str | None, ...]
    retries: int
    stream: bool
    comes_to: Outcome | None
    """`None` is an undisturbed answer."""


def planned(rng: random.Random, wire: str) -> Plan:
    """A call with up to two retries, each of whose attempts may meet a fault."""
    retries, stream = rng.randrange(3), rng.random() < 0.5
    names: list[str | None] = []
    while True:
        name = rng.choice(DRAWN) if rng.random() < 0.7 else None
        names.append(name)
        met = None if name is None else TABLE[name].meets(wire, stream=stream)
        if met is None or not met.passes or len(names) > retries:
            return Plan(tuple(names), retries, stream, met)


@pytest.mark.parametrize("seed", SEEDS)
@each_colour_name
@each_wire
def test_fifty_calls(wire: str, name_of_colour: str, seed: int) -> None:
    """Settlements are as many as calls, one connection at most is left, and every request met its own fault."""
    rng = random.Random(f"{wire} {seed}")
    with cell(wire, Colour(name_of_colour), stream=False) as made:

        async def body() -> None:
            requests = 0
            for number in range(1, CALLS + 1):
                plan = planned(rng, wire)
                made.stream = plan.stream
                made.sim.fail(*(None if n is None else TABLE[n].fault for n in plan.names))
                met = await made.ask(timeout=limits(), num_retries=plan.retries)
                requests += len(plan.names)
                judge(made, met, plan)
                assert len(made.settlements) == number
                assert len(made.sim.requests) == requests, plan
                await made.open_at_most(1)
            assert len({settled.call_id for settled in made.settlements}) == CALLS

        run(made, body)


def judge(made: Cell, met: Met, plan: Plan) -> None:
    """The call came to what its last fault says, after as many attempts as it met faults."""
    settled = made.settlements[-1]
    assert settled.attempts == len(plan.names), plan
    expected = plan.comes_to
    if expected is None or expected.error is None:
        assert met.error is None, (plan, met.error)
        assert SAID in met.text
        assert settled.outcome == "completed"
    else:
        assert type(met.error) is expected.error, (plan, met.error)
        assert settled.outcome == expected.settled, plan
        assert (met.error.partial is not None) == expected.begun
