"""Find out where the time of a call goes, and write it into ``docs/performance.md``.

usage: python benchmarks/stages.py [--quick] [--only SECTION,…] [--transport NAME] [--page FILE] [--functions N]
                                   [--tree PATH] [--venvs PATH]

For each kind of call and each transport a process of its own, as ``run.py`` has them: one core for it, another for the
server. ``--functions`` also prints where in the code most of the time was spent.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import environments, machine, section
from bench.peers import OWN
from bench.processes import HOME, Server, cores, environment, pin, serving
from bench.section import Table
from bench.stages.places import ALL, ORDER
from bench.stages.process import SECTIONS, TRANSPORTS, Section
from bench.terminal import columns

SECONDS, QUICK_SECONDS = 6.0, 1.0
LABELS = {"httpx": "httpx", "reqwest": "[fast]"}
HEADING = "## Stage by stage\n"

Found = dict[str, dict[str, Any]]
"""What was found of one kind of call, by transport."""


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Find out where the time of a call goes.")
    add = parser.add_argument
    add("--quick", action="store_true", help="a second for each: to see that it works")
    names = ", ".join(one.name for one in SECTIONS)
    add("--only", default="", metavar="SECTION,…", help=f"some of {names}")
    add("--transport", choices=TRANSPORTS, help="one of them alone")
    add("--page", type=Path, metavar="FILE", help="the page that the tables go into")
    add("--functions", type=int, default=0, metavar="N", help="print the N heaviest functions")
    add("--tree", type=Path, default=HOME.parent, metavar="PATH", help="the llmkit: tree or wheel")
    add("--venvs", type=Path, default=HOME / ".venvs", metavar="PATH", help="environments' place")
    return parser.parse_args(given)


def chosen(text: str) -> list[Section]:
    """The sections asked for, or all."""
    names = [name for name in text.split(",") if name]
    if strange := set(names) - {one.name for one in SECTIONS}:
        raise SystemExit(f"--only takes {', '.join(one.name for one in SECTIONS)}, not {strange}")
    return [one for one in SECTIONS if not names or one.name in names]


def found(
    interpreter: Path, one: Section, transport: str, server: Server, seconds: float
) -> dict[str, Any]:
    """Run one kind of call over one transport."""
    url = f"http://127.0.0.1:{server.port}/v1"
    command = [str(interpreter), "-m", "bench.stages.process"]
    done = subprocess.run(
        [*command, one.name, transport, url, str(seconds)],
        cwd=HOME,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{one.name} over {transport} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def stages(result: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Of each stage: calls of Python functions, and µs of the time that the call takes without an instrument."""
    calls: Counter[str] = Counter()
    samples: Counter[str] = Counter()
    for stage, _, count in result["calls"]:
        calls[stage] += count
    for stage, _, count in result["samples"]:
        samples[stage] += count
    each = result["times"]["ours"]["wall_us"] / samples.total()
    return {
        name: (calls[name], samples[name] * each) for name in ORDER if calls[name] or samples[name]
    }


def table(one: Section, by_transport: Found) -> Table:
    """A kind of call: its stages down, its transports across."""
    figures = {name: stages(result) for name, result in by_transport.items()}
    heads = [one.title]
    for name in figures:
        heads += [f"{LABELS[name]}: Python calls", f"µs a {one.unit}", "share"]
    rows = [
        (stage, *(cell for each in figures.values() for cell in _cells(each, stage)))
        for stage in ORDER
        if any(stage in each for each in figures.values())
    ]
    whole = ("**together**", *(cell for each in figures.values() for cell in _whole(each)))
    return Table(tuple(heads), [*rows, whole, *_beside(by_transport)])


def _cells(figures: dict[str, tuple[float, float]], stage: str) -> tuple[str, str, str]:
    if stage not in figures:
        return "–", "–", "–"
    calls, micros = figures[stage]
    total = sum(each for _, each in figures.values())
    return f"{calls:.1f}", f"{micros:.1f}", f"{micros / total:.0%}"


def _whole(figures: dict[str, tuple[float, float]]) -> tuple[str, str, str]:
    calls, micros = (sum(column) for column in zip(*figures.values(), strict=True))
    return f"{calls:.0f}", f"{micros:.1f}", ""


def _beside(by_transport: Found) -> list[tuple[str, ...]]:
    """The transport alone, in the same minute; CPU time for both."""
    times = [result["times"] for result in by_transport.values()]
    return [
        (what, *(cell for one in times for cell in ("", f"{one[who][clock]:.1f}", "")))
        for what, who, clock in _SAID
    ]


_SAID = (
    ("the transport alone, in turns with it", "alone", "wall_us"),
    ("CPU time, all threads", "ours", "cpu_us"),
    ("CPU time of the transport alone", "alone", "cpu_us"),
)


def heaviest(result: dict[str, Any], most: int) -> list[str]:
    """Where in the code it was oftenest."""
    total = sum(count for *_, count in result["samples"])
    each = result["times"]["ours"]["wall_us"] / total
    counted = {(stage, function): count for stage, function, count in result["calls"]}
    lines = [("µs", "calls", "stage", "function")]
    for stage, function, count in result["samples"][:most]:
        calls = counted.get((stage, function), 0.0)
        lines.append((f"{count * each:.2f}", f"{calls:.1f}", stage, function or "–"))
    return columns(lines)


def about(tree: Path, before: float | None, *, quick: bool = False) -> str:
    """What the tables are of, and how they were made."""
    described = machine.described()
    does = "\n".join(f"- *{stage.name}*: {stage.does}." for stage in sorted(ALL, key=_ordered))
    return f"""
What `python benchmarks/stages.py --page docs/performance.md` found, a kind of call a table. The stages:

{does}

- {machine.today()}; llmkit at `{machine.revision(tree)}`; load {before} when it began{_QUICKLY if quick else ""}.
- {described["processor"]}, {described["cores"]} cores; {described["system"]}; Python {described["python"]}.
"""


_QUICKLY = "; a second for each kind of call: it shows that it works, and little else"


def _ordered(stage: Any) -> int:
    return ORDER.index(stage.name)


def main(given: Sequence[str]) -> None:
    """Do it."""
    options = arguments(given)
    tree = options.tree.resolve()
    interpreter = environments.ready(OWN, options.venvs.resolve(), tree)
    names = [options.transport] if options.transport else list(TRANSPORTS)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    before = machine.load()
    tables = []
    client, other = cores()
    with serving(other) as server:
        pin(client)
        for one in chosen(options.only):
            result = {name: found(interpreter, one, name, server, seconds) for name in names}
            tables.append(table(one, result))
            print(f"\n{tables[-1].text()}", flush=True)
            for name in names if options.functions else ():
                print(f"\n{name}", *heaviest(result[name], options.functions), sep="\n")
    if options.page:
        section.written(options.page, about(tree, before, quick=options.quick), tables, HEADING)
        print(f"\ntables in {options.page}")


if __name__ == "__main__":
    main(sys.argv[1:])
