"""Try the router's strategies in a simulated world, in virtual time: outages, brown-outs, slow deployments.

usage: python benchmarks/router_sim.py [--calls N] [--seed N] [--page FILE.md] [NAME…]

A hundred deployments, a million calls, the same for all; the same seed gives the same figures. Beside llmkit's
strategies runs a model of LiteLLM's default router. With --page, the tables are written into that page, between its
markers, and the drawings beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from sim import report  # noqa: E402 - the tree that this file is in
from sim.clock import Clock  # noqa: E402
from sim.ours import Ours  # noqa: E402
from sim.report import SLICES, Result  # noqa: E402
from sim.shuffle import Shuffle  # noqa: E402
from sim.world import BLACKOUT, PHASES, Call, Host, Phase, World, calls, spread  # noqa: E402

RATE: Final = 150.0
_PEER: Final = "LiteLLM's default (model)"
_ROUTERS: Final[dict[str, Callable[[World, Clock, int], Any]]] = {
    _PEER: Shuffle,
    "simple-shuffle": lambda *of: _ours("simple-shuffle", *of),
    "least-busy": lambda *of: _ours("least-busy", *of),
    "latency-based-routing": lambda *of: _ours("latency-based-routing", *of),
    "usage-based-routing-v2": lambda *of: _ours("usage-based-routing-v2", *of),
    "cost-based-routing": lambda *of: _ours("cost-based-routing", *of),
    "order": lambda *of: _ours("simple-shuffle", *of, order=True),
}


def _ours(name: str, world: World, clock: Clock, seed: int, *, order: bool = False) -> Ours:
    return Ours(world, clock, name, seed, order=order)


class Run:
    """One router, all calls."""

    def __init__(self, name: str, count: int, seed: int) -> None:
        self.name, self.count = name, count
        self.span = count / RATE
        self.world, self.clock = World(seed, self.span), Clock()
        self.router = _ROUTERS[name](self.world, self.clock, seed + 1)
        self.calls = iter(calls(seed + 2, count, RATE))
        self.times: list[tuple[float, float]] = []
        self.failures: list[tuple[float, bool]] = []
        self.usd = 0.0

    def result(self) -> Result:
        """Run it to its end."""
        self._arrive()
        self.clock.run()
        seconds = sorted(took for _, took in self.times)
        return Result(
            self.name,
            self.count,
            len(self.failures),
            sum(avoidable for _, avoidable in self.failures),
            sum(host.asked for host in self.world.hosts) / self.count,
            statistics.median(seconds),
            seconds[int(0.99 * len(seconds))],
            1000 * self.usd / len(seconds),
            spread(self.world.hosts),
            self._p99s(),
            self._failed(),
            {phase.name: self._within(*self._span(phase)) for phase in PHASES},
        )

    def _arrive(self) -> None:
        call = next(self.calls, None)
        if call is not None:
            self.clock.at(call.at, partial(self._begin, call))

    def _begin(self, call: Call) -> None:
        self._arrive()
        self.router.ask(call, partial(self._ended, call))

    def _ended(self, call: Call, host: Host | None) -> None:
        now = self.clock.now
        if host is None:
            self.failures.append((call.at, self.world.capacity(now)))
            return
        self.times.append((call.at, now - call.at))
        self.usd += host.price / 1e6 * (call.prompt + call.answer)

    def _span(self, phase: Phase) -> tuple[float, float]:
        start = phase.start * self.span
        return start, phase.end * self.span or start + BLACKOUT

    def _within(self, start: float, end: float) -> tuple[float, float]:
        """(share of calls that failed, p99) of those that came between."""
        took = sorted(seconds for at, seconds in self.times if start <= at < end)
        failed = sum(start <= at < end for at, _ in self.failures)
        p99 = took[int(0.99 * len(took))] if took else 0.0
        return failed / max(1, failed + len(took)), p99

    def _slice(self, at: float) -> int:
        return min(SLICES - 1, int(at / self.span * SLICES))

    def _p99s(self) -> tuple[float, ...]:
        slices: list[list[float]] = [[] for _ in range(SLICES)]
        for at, took in self.times:
            slices[self._slice(at)].append(took)
        return tuple(sorted(one)[int(0.99 * len(one))] if one else 0.0 for one in slices)

    def _failed(self) -> tuple[int, ...]:
        counts = [0] * SLICES
        for at, _ in self.failures:
            counts[self._slice(at)] += 1
        return tuple(counts)


def run(name: str, count: int, seed: int) -> Result:
    """One router's result."""
    began = time.perf_counter()
    result = Run(name, count, seed).result()
    print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return result


def written(page: Path, results: list[Result]) -> None:
    """Put the tables between the page's markers, and the drawings beside it."""
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition("<!-- simulation -->\n")
    _, end, tail = rest.partition("<!-- end of simulation -->")
    if not begin or not end:
        raise SystemExit(f"{page} has no markers <!-- simulation --> … <!-- end of simulation -->")
    told = f"{results[0].calls:,} calls to each router.\n\n"
    body = f"{told}{report.table(results)}\n{report.phases(results)}\n"
    page.write_text(head + begin + body + end + tail, encoding="utf-8")
    for what, title, unit in (
        ("failed_by_slice", "Calls that failed", ""),
        ("p99_by_slice", "p99 of a call's time, with all its attempts", "s"),
    ):
        drawing = report.drawing(results, what, title, unit)
        (page.parent / f"{page.stem}-{what.split('_')[0]}.svg").write_text(
            drawing, encoding="utf-8"
        )


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *_ROUTERS], help="which; by default all")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    jobs = [(name, given.calls, given.seed) for name in given.names or _ROUTERS]
    with multiprocessing.Pool() as pool:
        results = pool.starmap(run, jobs, chunksize=1)
    print(report.table(results))
    print(report.phases(results))
    if given.page is not None:
        written(given.page, results)


if __name__ == "__main__":
    main()
