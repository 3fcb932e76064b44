"""Interleaved rounds: in each, every measure is taken of all contestants, who take turns of a moment each.

What is compared was run within a second of each other, so that ratios stand when the machine's speed does not.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from bench import bars, payload
from bench.measures import BY_NAME, Measure, Size
from bench.peers import OURS, Peer
from bench.processes import Server
from bench.stands import Entry, Stand, stand

Tell = Callable[[str], None]
Turns = dict[str, list[dict[str, Any]]]
"""Each contestant's results, by its name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    measures: Sequence[Measure]
    peers: tuple[Peer, ...]
    size: Size
    interpreters: Mapping[str, Path]
    """By environment."""
    bars_only: bool = False
    """Leave out whoever no bar of a measure is about."""

    def entrants(self, measure: Measure) -> tuple[Peer, ...]:
        """Whom a measure is taken of."""
        found = measure.entrants(self.peers)
        if not self.bars_only:
            return found
        needed = bars.needed(measure.name, self.peers)
        return tuple(peer for peer in found if peer.name in needed)


def run(plan: Plan, server: Server, tell: Tell) -> Iterator[dict[str, Any]]:
    """Every sample: one contestant's turns in one measure of one round."""
    warm(plan, server, tell)
    for number in range(plan.size.rounds):
        for measure in plan.measures:
            if measure.memory and number:
                continue
            tell(f"round {number + 1} {measure.name} (machine: {speed():.0f} µs)")
            for name, turns in taken(plan, measure, number, server).items():
                sample = {"round": number, "measure": measure.name, "contestant": name}
                result = _split(turns)
                tell(f"  {name:14} {told(measure, result)}")
                yield {**sample, "machine_us": speed(), **result}


def taken(plan: Plan, measure: Measure, number: int, server: Server) -> Turns:
    """The turns of each contestant. Memory is measured of one after the other: side by side they would only wait."""
    entrants = plan.entrants(measure)
    if measure.memory:
        return {
            peer.name: turns
            for peer in entrants
            for turns in _together(plan, measure, (peer,), number, server).values()
        }
    return _together(plan, measure, entrants, number, server)


def _together(
    plan: Plan, measure: Measure, peers: tuple[Peer, ...], number: int, server: Server
) -> Turns:
    turns: Turns = {peer.name: [] for peer in peers}
    with contextlib.ExitStack() as standing:
        stands = [
            (peer.name, standing.enter_context(stand(_entry(plan, measure, peer, server))))
            for peer in peers
        ]
        for turn in range(plan.size.turns_of(measure)):
            for name, one in _ordered(stands, number + turn):
                turns[name].append(one.turn())
    return {name: _unless_it_broke(turns[name], name, one) for name, one in stands}


def _unless_it_broke(turns: list[dict[str, Any]], name: str, one: Stand) -> list[dict[str, Any]]:
    """Ours have to end as they should, too: how others end is not our business."""
    status = one.ended()
    return [{"error": f"ended with status {status}"}] if status and name in OURS else turns


def _entry(plan: Plan, measure: Measure, peer: Peer, server: Server) -> Entry:
    return Entry(plan.interpreters[peer.environment], peer, measure, plan.size, server)


def _ordered(stands: list[tuple[str, Stand]], turn: int) -> list[tuple[str, Stand]]:
    """Forwards and backwards in turn: who comes first gains nothing, and neighbours stay neighbours."""
    return stands[::-1] if turn % 2 else stands


def warm(plan: Plan, server: Server, tell: Tell) -> None:
    """Start everyone once, unmeasured: bytecode is compiled, files are in the page cache."""
    once = replace(plan, size=replace(plan.size, starts=1))
    for name, turns in _together(once, BY_NAME["first"], plan.peers, 0, server).items():
        tell(f"warm-up: {name} {turns[0].get('error', 'answers')}")


def _split(turns: list[dict[str, Any]]) -> dict[str, Any]:
    failed = [turn["error"] for turn in turns if "error" in turn]
    return {"error": failed[0]} if failed else {"turns": turns}


def told(measure: Measure, result: Mapping[str, Any]) -> str:
    """A sample in a line."""
    if "error" in result:
        return str(result["error"])
    if measure.memory:
        return f"{result['turns'][0]['growth_bytes'] / 1e6:+.2f} MB"
    wall, cpu = (median(turn[key] for turn in result["turns"]) for key in ("wall_us", "cpu_us"))
    return f"{wall:12.1f} µs wall {cpu:12.1f} µs CPU"


def speed() -> float:
    """Microseconds of CPU for a fixed piece of pure Python: how fast this machine is at the moment."""
    times = []
    for _ in range(5):
        start = time.process_time_ns()
        for _ in range(20):
            json.loads(json.dumps(payload.SMALL))
            sorted(str(number) for number in range(200))
        times.append((time.process_time_ns() - start) / 20e3)
    return round(median(times), 1)


def to_stderr(line: str) -> None:
    """Progress is not the result."""
    print(line, file=sys.stderr, flush=True)
