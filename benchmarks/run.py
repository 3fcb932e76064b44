"""Measure llmkit beside raw httpx and its peers: one command, which makes everything that it needs.

usage: python benchmarks/run.py [--quick] [--bars] [--only MEASURE,…] [--rounds N] [--peers NAME,…] [--out FILE]
                                [--tree PATH] [--venvs PATH]

Prints tables, writes every sample as JSON and a plot beside it; ``report.py`` makes ``docs/benchmarks.md`` of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import bars, environments, headroom, machine, plot, rounds, summary, terminal, verdicts
from bench.measures import BY_NAME, FULL, MEASURES, QUICK, Measure, Size
from bench.peers import PEERS, Peer
from bench.processes import cores, pin, serving

HOME = Path(__file__).resolve().parent
OPTIONAL = tuple(peer.name for peer in PEERS if peer.environment != "llmkit")


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Measure llmkit beside raw httpx and its peers.")
    add = parser.add_argument
    add("--quick", action="store_true", help="few and short measurements: to see that it works")
    add("--bars", action="store_true", help="only what a bar is about")
    add("--only", metavar="MEASURE,…", default="", help=f"some of {', '.join(BY_NAME)}")
    add("--rounds", type=int, metavar="N", help="how often everything is measured (full: 5)")
    add("--peers", metavar="NAME,…", help=f"some of {', '.join(OPTIONAL)}, or none")
    add("--out", type=Path, metavar="FILE", help="where the samples go (results/<date>.json)")
    add("--tree", type=Path, default=HOME.parent, metavar="PATH", help="the llmkit: tree or wheel")
    add("--venvs", type=Path, default=HOME / ".venvs", metavar="PATH", help="environments' place")
    return parser.parse_args(given)


def chosen(text: str) -> list[Measure]:
    """Measures by name, or by the beginning of their names."""
    wanted = [name for name in text.split(",") if name]
    found = [one for one in MEASURES if any(one.name.startswith(name) for name in wanted)]
    if wanted and not found:
        raise SystemExit(f"--only takes {', '.join(BY_NAME)}, not {text!r}")
    return found or list(MEASURES)


def contestants(text: str | None) -> tuple[Peer, ...]:
    """Always llmkit and httpx, and the peers that were asked for."""
    wanted = OPTIONAL if text is None else () if text == "none" else tuple(text.split(","))
    if strange := set(wanted) - set(OPTIONAL):
        raise SystemExit(f"--peers takes {', '.join(OPTIONAL)}, not {', '.join(sorted(strange))}")
    return tuple(peer for peer in PEERS if peer.name in wanted or peer.name not in OPTIONAL)


def barred(
    measures: Sequence[Measure], peers: tuple[Peer, ...]
) -> tuple[list[Measure], tuple[Peer, ...]]:
    """Of those measures and contestants, the ones that a bar is about."""
    kept = [measure for measure in measures if bars.of(measure.name)]
    names = {name for measure in kept for name in bars.needed(measure.name, peers)}
    return kept, tuple(peer for peer in peers if peer.name in names)


def size(options: argparse.Namespace) -> Size:
    """How much to measure."""
    chosen_size = QUICK if options.quick else FULL
    return dataclasses.replace(chosen_size, rounds=options.rounds or chosen_size.rounds)


def measured(plan: rounds.Plan) -> dict[str, Any]:
    """Run the plan against a server of its own."""
    client, other = cores()
    with serving(other) as server:
        pin(client)
        server_is = headroom.measured(server)
        rounds.to_stderr(f"server: {server_is}")
        before = machine.load()
        samples = list(rounds.run(plan, server, rounds.to_stderr))
    return {
        "load": {"before": before, "after": machine.load()},
        "server": {**server_is, "pinned": other is not None},
        "samples": samples,
    }


def write(result: dict[str, Any], path: Path) -> None:
    """The samples one a line, and the plot."""
    samples = ",\n".join(json.dumps(sample) for sample in result["samples"])
    rest = {key: value for key, value in result.items() if key != "samples"}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rest, indent=1).removesuffix("\n}")
    path.write_text(f'{text},\n "samples": [\n{samples}\n]}}\n', encoding="utf-8")
    path.with_suffix(".svg").write_text(
        plot.drawn(summary.tables(result["samples"])), encoding="utf-8"
    )


def main(given: Sequence[str]) -> None:
    """Do it."""
    options = arguments(given)
    wanted = chosen(options.only)
    peers = contestants(options.peers)
    if options.bars:
        wanted, peers = barred(wanted, peers)
    cache, tree = options.venvs.resolve(), options.tree.resolve()
    names = dict.fromkeys(peer.environment for peer in peers)
    interpreters = {name: environments.ready(name, cache, tree) for name in names}
    plan = rounds.Plan(wanted, peers, size(options), interpreters, options.bars)
    about = {
        "date": machine.today(),
        "quick": options.quick,
        "size": dataclasses.asdict(plan.size),
        "tree": machine.revision(tree),
        "machine": machine.described(),
        "versions": {name: environments.contents(path) for name, path in interpreters.items()},
    }
    result = {**about, **measured(plan)}
    found = summary.tables(result["samples"])
    for one in found:
        print(terminal.table(one))
    print(verdicts.text(verdicts.verdicts(found)))
    kind = "-quick" if options.quick else ""
    path = options.out or HOME / "results" / f"{machine.today()}{kind}.json"
    write(result, path)
    print(f"\nsamples in {path}, plot beside it")


if __name__ == "__main__":
    main(sys.argv[1:])
