"""Measure billing: llmkit beside Lago's own SDK and LiteLLM's callback, at a fake Lago; and llmkit's own figures.

usage: python benchmarks/bills.py [--venvs DIR] [--kills N] [--calls N] [--page docs/billing-peers.md] [PART…]

Parts: safety, requests, waits, cost (needs the tests' PostgreSQL), entitlement, outage. Each contestant runs in
processes and an environment of its own, and is driven as its documentation says. An answer counts as billed if Lago
*counts* an event of it. The provider is the loopback server of the other benchmarks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

HOME = Path(__file__).resolve().parent
ROOT = HOME.parent
sys.path.insert(0, str(ROOT / "src"))

from bench import environments, machine, processes  # noqa: E402 - the tree that this file is in
from bench.bills import own, trials  # noqa: E402
from bench.bills.trials import STORES, Subject, Tally  # noqa: E402
from bench.peers import OWN, PINS  # noqa: E402
from bench.section import Table  # noqa: E402

LABELS = {"llmkit": "llmkit", "lago_agent_sdk": "lago-agent-sdk", "litellm": "LiteLLM's callback"}
ENVIRONMENTS = {"llmkit": OWN, "lago_agent_sdk": "lago-agent-sdk", "litellm": "litellm"}
TEN_THOUSAND = 10_000


def subjects(names: Iterable[str], cache: Path) -> list[Subject]:
    """The contestants, each with its interpreter; llmkit's is this tree."""
    found = []
    for name in names:
        python = environments.ready(ENVIRONMENTS[name], cache, ROOT)
        found.append(Subject(name, LABELS[name], python))
    return found


# --- the table beside others -------------------------------------------------------------------


Trial = Callable[[list[Subject], trials.Place, argparse.Namespace], Table]


def beside(trial: Trial) -> Callable[[argparse.Namespace], Table]:
    """A trial of all contestants, with a provider of its own."""

    def done(given: argparse.Namespace) -> Table:
        everybody = subjects(given.contestants, given.venvs.resolve())
        with processes.serving(None) as server:
            return trial(everybody, trials.Place(server, given.folder), given)

    return done


def safety(everybody: list[Subject], place: trials.Place, given: argparse.Namespace) -> Table:
    """Lost and doubled, under each kind of trouble, on either store of Lago's."""
    rows = []
    for subject in everybody:
        for store in STORES:
            trials.told(f"{subject.name} on {store}")
            killed = trials.killed(subject, store, place, given.kills)
            unheard = trials.unacknowledged(subject, store, place, given.calls)
            refused = trials.refused(subject, store, place, given.calls)
            shown = [_told(one) for one in (killed, unheard, refused)]
            rows.append((f"{subject.label}, {store}", *shown))
    heads = ("lost / double, of calls answered", f"{given.kills} SIGKILLs")
    return Table((*heads, "acknowledgements lost", "503 for half the time"), rows)


def _told(tally: Tally) -> str:
    return f"**{tally.lost}** / **{tally.double}** of {tally.answered}"


def asked(everybody: list[Subject], place: trials.Place, given: argparse.Namespace) -> Table:
    """Requests at Lago when nothing goes wrong."""
    rows = []
    for subject in everybody:
        trials.told(f"{subject.name} undisturbed")
        tally = trials.undisturbed(subject, "postgres", place, given.calls)
        rows.append((subject.label, *_asked(tally)))
    heads = ("per 10,000 calls", "requests", "events", "requests per 10,000 events", "connections")
    return Table(heads, rows)


def _asked(tally: Tally) -> tuple[str, ...]:
    by_call, by_event = TEN_THOUSAND / tally.answered, TEN_THOUSAND / tally.sent
    figures = (
        tally.requests * by_call,
        tally.sent * by_call,
        tally.requests * by_event,
        tally.connections * by_call,
    )
    return tuple(f"{figure:,.0f}" for figure in figures)


def waits(everybody: list[Subject], place: trials.Place, given: argparse.Namespace) -> Table:
    """What a call takes without billing and with it: rounds of all, in turns."""
    times: dict[str, dict[str, list[float]]] = {}
    for _ in range(given.rounds):
        for subject in everybody:
            trials.told(f"{subject.name}, what it adds")
            for name, found in trials.added(subject, place, given.calls).items():
                times.setdefault(subject.label, {}).setdefault(name, []).extend(found)
    rows = [(label, *_waits(found)) for label, found in times.items()]
    heads = ("a call, ms", "without: median", "p99", "with: median", "p99", "added: median", "p99")
    return Table(heads, rows)


def _waits(found: dict[str, list[float]]) -> tuple[str, ...]:
    bare, billed = found["bare"], found["billed"]
    figures = [trials.middle(bare), trials.far(bare), trials.middle(billed), trials.far(billed)]
    figures += [figures[2] - figures[0], figures[3] - figures[1]]
    return tuple(f"{1e3 * figure:.2f}" for figure in figures)


def told(table: Table) -> Table:
    """The same, once it is printed."""
    print(f"{table.text()}\n", flush=True)
    return table


# --- the page ----------------------------------------------------------------------------------


def page(tables: Iterable[Table], given: argparse.Namespace) -> str:
    """All of it, as a page."""
    versions = ", ".join(PINS[ENVIRONMENTS[name]][0] for name in given.contestants if name != OWN)
    made = {
        **machine.described(),
        "today": machine.today(),
        "revision": machine.revision(ROOT),
        "versions": versions,
        "load": machine.load(),
    }
    parts = [
        ABOUT.format(kills=given.kills, calls=given.calls, rounds=given.rounds),
        MADE.format(**made),
        *(f"{table.markdown()}\n" for table in tables),
    ]
    return "\n".join(parts)


MADE = """\
- {today}; llmkit at `{revision}`, {versions}; load {load} at the end.
- {processor}, {cores} cores; {system}; Python {python}.
"""
ABOUT = """\
# Billing, measured

What `python benchmarks/bills.py --page docs/billing-peers.md` found. Each contestant calls the same loopback
provider through its own client and bills through its own code, driven as its documentation says, to the same fake
Lago (`llmkit.testing.FakeLago`), which keeps and counts events as Lago does. A call is *lost* if its caller got an
answer and Lago counts no event of it; it is *double* where more events count than the provider served calls.

- **SIGKILL**: the process makes a call every 10 ms and is killed at a random moment, {kills} times, then started once
  more in peace.
- **Acknowledgements lost**: {calls} calls; every third request to Lago is done, and its connection is torn down in
  place of an answer.
- **503 for half the time**: {calls} calls; Lago refuses until half of them are made.
- What a call takes is measured in {rounds} rounds of {calls} calls, ten without billing and ten with it in turns,
  while what was billed is being sent.

Lago's SDK bills tokens, each kind an event; llmkit and LiteLLM's callback bill one event a call. llmkit's outbox is
a file (SQLite, `durability="crash"`); the others keep what is to be sent in memory.
"""

PARTS: dict[str, Callable[[argparse.Namespace], Table]] = {
    "safety": beside(safety),
    "requests": beside(asked),
    "waits": beside(waits),
    "cost": lambda given: own.cost(given.folder, given.calls),
    "entitlement": lambda given: own.warm(given.calls),
    "outage": lambda given: own.outage(given.folder),
}


def main() -> None:
    """Print the tables, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--venvs", type=Path, default=HOME / ".venvs", help="of the contestants")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=".", help="where files are made; /tmp may be memory")
    parser.add_argument("--page", type=Path, help="the page to write")
    parser.add_argument("--contestants", nargs="*", default=list(LABELS), choices=list(LABELS))
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    given = parser.parse_args()
    tables = [told(PARTS[part](given)) for part in given.parts or PARTS]
    if given.page is not None:
        given.page.write_text(page(tables, given), encoding="utf-8")


if __name__ == "__main__":
    main()
