"""Measure the gateway beside a bare forwarder and LiteLLM's proxy.

usage: python benchmarks/gateway.py [--quick] [--rounds N] [--seconds S] [--peers litellm] [--litellm PYTHON]
    [--venvs PATH] [--page docs/benchmarks.md]

Run it with an interpreter that has llmkit with the extra ``proxy``. Gateways run one after the other, round by round,
each in a process of its own on one core; the benchmarks' server and who asks share the other. ``--peers litellm``
makes an environment for LiteLLM's proxy, or ``--litellm`` names its interpreter.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent
ROOT = HOME.parent

from bench import environments, machine, section  # noqa: E402 - the tree that this file is in
from bench.gateways import Gateway, Load, Plan, bare, dutiful, litellm, live, ours, running  # noqa: E402
from bench.processes import Server, cores, serving  # noqa: E402
from bench.section import Table  # noqa: E402

Found = dict[str, dict[str, list[float]]]
"""Figures by gateway and by what they are of, one for each round."""

_AT = (1, 16, 64)


def measured(gateway: Gateway, load: Load, direct: int, seconds: float) -> dict[str, float]:
    """One round of one gateway."""
    found = {"ready": gateway.ready, "memory at rest": gateway.rest}
    found["memory with a key"] = gateway.memory()
    plain = {"path": "/v1/chat/completions", "key": gateway.key, "seconds": seconds}
    load.run(
        port=gateway.port, concurrency=16, stream=False, **{**plain, "seconds": min(seconds, 1.0)}
    )
    for many in _AT:
        straight = load.run(port=direct, concurrency=many, stream=False, **plain)
        before = gateway.cpu()
        through = load.run(port=gateway.port, concurrency=many, stream=False, **plain)
        found |= {
            f"rate {many}": through["answers"] / through["seconds"],
            f"cpu {many}": (gateway.cpu() - before) / through["answers"] * 1e6,
            f"p50 {many}": through["p50"] * 1e3,
            f"p99 {many}": through["p99"] * 1e3,
            f"added {many}": (through["p50"] - straight["p50"]) * 1e3,
        }
    if not gateway.streams:
        return found | {"memory": gateway.memory()}
    before = gateway.cpu()
    streamed = load.run(port=gateway.port, concurrency=16, stream=True, **plain)
    found["chunks"] = streamed["events"] / streamed["seconds"]
    found["cpu of a chunk"] = (gateway.cpu() - before) / streamed["events"] * 1e6
    found["memory"] = gateway.memory()
    return found


def rounds(plans: Sequence[Plan], server: Server, many: int, seconds: float) -> Found:
    """Each gateway in its turn, over and over."""
    mine, other = cores()
    found: Found = {}
    load = Load(other)
    try:
        with tempfile.TemporaryDirectory(dir=ROOT) as place:
            for number in range(many):
                for plan in plans:
                    folder = Path(place) / f"{plan.name}-{number}"
                    with running(plan, folder, mine) as gateway:
                        for what, figure in measured(gateway, load, server.port, seconds).items():
                            found.setdefault(plan.name, {}).setdefault(what, []).append(figure)
                    print(f"round {number + 1}: {plan.name}", file=sys.stderr, flush=True)
    finally:
        load.close()
    return found


def middle(found: Found, name: str, what: str) -> float | None:
    """The median of all rounds."""
    figures = found.get(name, {}).get(what)
    return statistics.median(figures) if figures else None


def ratio(found: Found, what: str, of: str, by: str) -> float | None:
    """The median of the rounds' ratios."""
    ones, others = found.get(of, {}).get(what), found.get(by, {}).get(what)
    if not ones or not others:
        return None
    return statistics.median(one / other for one, other in zip(ones, others, strict=False))


Told = tuple[str, str, float | None, Callable[[float], bool], str]


def bars(found: Found) -> Table:
    """What must be reached, and is."""
    told: list[Told] = [
        (
            "requests/s at 16, by the bare forwarder's",
            "≥ 0.35 ×",
            ratio(found, "rate 16", "llmkit", "bare"),
            lambda x: x >= 0.35,
            "{:.2f} ×",
        ),
        (
            "requests/s at 16, by the forwarder's that does a gateway's duties by hand",
            "–",
            ratio(found, "rate 16", "llmkit", "by hand"),
            lambda x: True,
            "{:.2f} ×",
        ),
        (
            "requests/s at 16, by LiteLLM's",
            "≥ 30 ×",
            ratio(found, "rate 16", "llmkit", "litellm"),
            lambda x: x >= 30,
            "{:.1f} ×",
        ),
        (
            "added p50 at 1",
            "≤ 1 ms",
            middle(found, "llmkit", "added 1"),
            lambda x: x <= 1,
            "{:.2f} ms",
        ),
        (
            "p99 at 64",
            "≤ 100 ms",
            middle(found, "llmkit", "p99 64"),
            lambda x: x <= 100,
            "{:.1f} ms",
        ),
        (
            "streamed chunks/s at 16, by LiteLLM's",
            "≥ 50 ×",
            ratio(found, "chunks", "llmkit", "litellm"),
            lambda x: x >= 50,
            "{:.1f} ×",
        ),
        (
            "the same of the bare forwarder, where it holds no event back",
            "–",
            ratio(found, "chunks", "bare, live", "litellm"),
            lambda x: True,
            "{:.1f} ×",
        ),
        (
            "ready after its start",
            "< 1.5 s",
            middle(found, "llmkit", "ready"),
            lambda x: x < 1.5,
            "{:.2f} s",
        ),
        (
            "memory after all this",
            "< 100 MB",
            middle(found, "llmkit", "memory"),
            lambda x: x < 100,
            "{:.0f} MB",
        ),
    ]
    return Table(("bar", "must be", "is", ""), [_row(*one) for one in told])


def _row(
    what: str, bar: str, found: float | None, reached: Callable[[float], bool], form: str
) -> tuple[str, ...]:
    if found is None:
        return (what, bar, "–", "not measured")
    said = "reached" if reached(found) else "missed"
    return (what, bar, form.format(found), said if bar != "–" else "")


_SHOWN = (
    *((f"requests/s at {many}", f"rate {many}", "{:,.0f}") for many in _AT),
    *((f"CPU of a request at {many}, µs", f"cpu {many}", "{:,.0f}") for many in _AT),
    *((f"p50 at {many}, ms", f"p50 {many}", "{:.2f}") for many in _AT),
    *((f"p99 at {many}, ms", f"p99 {many}", "{:.2f}") for many in _AT),
    ("added p50 at 1, ms", "added 1", "{:.2f}"),
    ("streamed chunks/s at 16", "chunks", "{:,.0f}"),
    ("CPU of a chunk, µs", "cpu of a chunk", "{:.1f}"),
    ("ready after, s", "ready", "{:.2f}"),
    ("memory at rest, MB", "memory at rest", "{:.0f}"),
    ("memory once its key is made, MB", "memory with a key", "{:.0f}"),
    ("memory after, MB", "memory", "{:.0f}"),
)


def table(found: Found) -> Table:
    """All that was measured."""
    names = list(found)

    def cell(name: str, what: str, form: str) -> str:
        figure = middle(found, name, what)
        return "–" if figure is None else form.format(figure)

    rows = [(title, *(cell(n, what, form) for n in names)) for title, what, form in _SHOWN]
    return Table(("gateway", *names), rows)


def about() -> str:
    """Where and when, as a paragraph of the page."""
    made: dict[str, Any] = machine.described()
    return (
        "What `python benchmarks/gateway.py --peers litellm --page docs/benchmarks.md` measured: a bare forwarder"
        " (Starlette and pyreqwest), one that hands on each event of a stream as it comes (live; pyreqwest alone holds"
        " them back), the same with a gateway's duties done by hand (key, hold, settlement, usage and a"
        " line of the log; no routes, prices or checks), `python -m llmkit.proxy` with a key that has a rate limit and"
        " a budget, its request log written to SQLite (`crash`), and LiteLLM's proxy with its master key and no"
        " database; one worker each, on one core; the answers' server and who asks are on the other. Medians of"
        " all rounds.\n\n"
        f"- {machine.today()}; llmkit at `{machine.revision(ROOT)}`; load {machine.load()} at the end.\n"
        f"- {made['processor']}, {made['cores']} cores; {made['system']}; Python {made['python']}.\n"
    )


def plans(given: argparse.Namespace, upstream: str) -> list[Plan]:
    """Who is measured."""
    here = Path(sys.executable)
    found = [one(here, upstream) for one in (bare, live, dutiful, ours)]
    if given.litellm is not None:
        found.append(litellm(given.litellm, upstream))
    elif given.peers == "litellm":
        found.append(
            litellm(environments.ready("litellm-proxy", given.venvs.resolve(), ROOT), upstream)
        )
    return [plan for plan in found if plan.name not in given.without]


def main() -> None:
    """Print a table, and the bars."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--peers", choices=["none", "litellm"], default="none")
    parser.add_argument("--litellm", type=Path, metavar="PYTHON", help="an interpreter that has it")
    parser.add_argument("--without", action="append", default=[], metavar="NAME")
    parser.add_argument("--venvs", type=Path, default=HOME / ".venvs", metavar="PATH")
    parser.add_argument("--page", type=Path, help="whose section of the gateway is written anew")
    given = parser.parse_args()
    many, seconds = (1, 1.0) if given.quick else (given.rounds, given.seconds)
    _, other = cores()
    with serving(other) as server:
        found = rounds(plans(given, f"http://127.0.0.1:{server.port}"), server, many, seconds)
    tables = [bars(found), table(found)]
    for one in reversed(tables):
        print(f"{one.text()}\n", flush=True)
    if given.page is not None:
        section.written(given.page, about(), tables, section.GATEWAY)


if __name__ == "__main__":
    main()
