"""Measure stores and budgets: holding and settling on one contended scope, letting calls in at deployments, and a call
with a budget beside one without.

usage: python benchmarks/stores.py [--rounds N] [--pairs N] [--calls N] [--seconds S] [--dsn DSN] [--url URL]
    [--folder DIR] [--page docs/benchmarks.md] [NAME…]

All take turns, round by round, in one process; figures are over all rounds. Without --dsn and --url, servers are
started for it, from the packages that the tests use; everything is flushed to the disk (fsync, appendfsync).
SQLite's file is made in --folder, by default in the current directory: /tmp may be memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import itertools
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from bench import admissions, budgets, machine, section  # noqa: E402 - the tree that this file is in
from bench.section import Bar, Table  # noqa: E402

from llmkit import stores  # noqa: E402
from llmkit._operations import Attribution, Claim, Reserve, SettleHold, Window  # noqa: E402

CLAIM = Claim("usd:ever:global", Window(), Decimal("0.002"), Decimal(10**6))
WHO = Attribution(("global",), "acme", "acme-large")
USED = (Decimal("0.001"),)
CLIENTS = 8
TASKS = 64
_numbers = itertools.count()


def pair(store: Any, client: int = 0) -> None:
    """Hold, and settle at half."""
    hold = f"{os.getpid()}-{next(_numbers)}"
    store.perform(Reserve(hold, (CLAIM,), 600_000, CLAIM.amount, WHO))
    store.perform(SettleHold(hold, "settle", USED, USED[0], 10, 20))


async def apair(store: Any) -> None:
    """The same, by whatever the store has for async code."""
    hold = f"{os.getpid()}-{next(_numbers)}"
    reserve = Reserve(hold, (CLAIM,), 600_000, CLAIM.amount, WHO)
    settle = SettleHold(hold, "settle", USED, USED[0], 10, 20)
    if not hasattr(store, "aperform"):
        store.perform(reserve)
        await asyncio.sleep(0)
        store.perform(settle)
        return
    await store.aperform(reserve)
    await store.aperform(settle)


Pair = Callable[[Any, int], None]
"""What is measured, of a store and the client's number; and the same for async code."""
APair = Callable[[Any], Awaitable[None]]


class Subject(NamedTuple):
    """A store, and how another process opens the same one."""

    name: str
    open: Callable[[], Any]


# --- one after another -------------------------------------------------------------------------


def alone(subjects: list[Subject], rounds: int, pairs: int, work: Pair = pair) -> budgets.Timed:
    """The seconds of each pair, by store."""
    times: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    opened = {subject.name: subject.open() for subject in subjects}
    for store in opened.values():
        for _ in range(20):
            work(store, 0)
    for _ in range(rounds):
        for name, store in opened.items():
            # A pair of a store over a socket takes longer than one in memory.
            count = pairs if name == "memory" else max(1, pairs // 5)
            times[name] += measured(store, count, work)
    for store in opened.values():
        store.close()
    return times


def measured(store: Any, pairs: int, work: Pair) -> list[float]:
    """Seconds of each pair."""
    return [budgets.timed(lambda: work(store, 0)) for _ in range(pairs)]


# --- many at once ------------------------------------------------------------------------------


Rates = dict[str, tuple[float, float, float]]


def together(subjects: list[Subject], rounds: int, seconds: float) -> Rates:
    """Pairs a second of tasks in a loop, of threads, and of processes; 0 where there is no such thing."""

    def row(subject: Subject) -> tuple[float, float, float]:
        shared = subject.name != "memory"
        found = of_tasks(subject, seconds), of_threads(subject, seconds)
        return *found, of_processes(subject, seconds) if shared else 0.0

    return in_turns(subjects, rounds, row)


def letting_in(subjects: list[Subject], rounds: int, seconds: float) -> Rates:
    """Admissions a second of tasks, of processes at one deployment, and at several."""

    def row(subject: Subject) -> tuple[float, float, float]:
        tasks = of_tasks(subject, seconds, admissions.apair)
        if subject.name == "memory":
            return tasks, 0.0, 0.0
        works = admissions.pair, admissions.spread
        one, several = (of_processes(subject, seconds, work) for work in works)
        return tasks, one, several

    return in_turns(subjects, rounds, row)


def in_turns(
    subjects: list[Subject], rounds: int, row: Callable[[Subject], tuple[float, float, float]]
) -> Rates:
    """The medians of each store's rows, which are measured in turns."""
    found: dict[str, list[tuple[float, float, float]]] = {one.name: [] for one in subjects}
    for _ in range(rounds):
        for subject in subjects:
            found[subject.name].append(row(subject))
    rates: Rates = {}
    for name, rows in found.items():
        first, second, third = map(statistics.median, zip(*rows, strict=True))
        rates[name] = first, second, third
    return rates


def rates_table(rates: Rates, of_tasks: float) -> Table:
    """Stores by themselves, and a manager in memory."""
    heads = ("pairs a second", f"{TASKS} tasks", f"{CLIENTS} threads", f"{CLIENTS} processes")
    rows = [(n, *(f"{rate:,.0f}" if rate else "–" for rate in row)) for n, row in rates.items()]
    return Table(heads, [*rows, ("memory, by manager", f"{of_tasks:,.0f}", "–", "–")])


def of_tasks(subject: Subject, seconds: float, one: APair = apair) -> float:
    """Tasks of one event loop."""

    async def work(store: Any, until: float) -> int:
        for done in itertools.count():
            if time.perf_counter() > until:
                return done
            await one(store)
        raise AssertionError

    async def all_of_them() -> float:
        store = subject.open()
        await one(store)
        until = time.perf_counter() + seconds
        done = await asyncio.gather(*(work(store, until) for _ in range(TASKS)))
        await store.aclose()
        return sum(done) / seconds

    return asyncio.run(all_of_them())


def of_threads(subject: Subject, seconds: float) -> float:
    """Threads of one process, with one store."""
    store, done = subject.open(), [0] * CLIENTS
    pair(store)
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < until:
            pair(store)
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    return sum(done) / seconds


def of_processes(subject: Subject, seconds: float, one: Pair = pair) -> float:
    """Processes, each with a store of its own over the same ledger. They begin together."""
    fork = multiprocessing.get_context("fork")
    ready, counts = fork.Barrier(CLIENTS), fork.Queue()

    def work(number: int) -> None:
        store, done = subject.open(), 0
        one(store, number)
        ready.wait(60)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            one(store, number)
            done += 1
        counts.put(done)
        store.close()

    processes = [fork.Process(target=work, args=(n,)) for n in range(CLIENTS)]
    for process in processes:
        process.start()
    total: int = sum(counts.get(timeout=60 + seconds) for _ in processes)
    for process in processes:
        process.join()
    return total / seconds


# --- who is measured ---------------------------------------------------------------------------


@contextlib.contextmanager
def all_subjects(given: argparse.Namespace) -> Iterator[list[Subject]]:
    """The stores asked for, their servers running."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))
        makers: dict[str, Callable[[], Callable[[], Any]]] = {
            "memory": lambda: stores.MemoryStore,
            "sqlite crash": lambda: lambda: stores.SQLiteStore(folder / "crash.db"),
            "sqlite power": lambda: (
                lambda: stores.SQLiteStore(folder / "power.db", durability="power")
            ),
            "postgres": lambda: postgres(given.dsn or started_postgres(stack)),
            "redis": lambda: redis(given.url or started_redis(stack)),
        }
        names = given.names or list(makers)
        yield [Subject(name, makers[name]()) for name in names]


def postgres(dsn: str) -> Callable[[], Any]:
    """Stores over one ledger of a server."""
    schema = f"llmkit_benchmark_{os.getpid()}"
    return lambda: stores.PostgresStore(dsn, schema=schema)


def redis(url: str) -> Callable[[], Any]:
    """The same."""
    return lambda: stores.RedisStore(url, name=f"benchmark-{os.getpid()}")


def started_postgres(stack: contextlib.ExitStack) -> str:
    """The address of a server of our own."""
    server = _of_the_tests("_postgres").PostgresServer(fsync="on")
    stack.callback(server.remove)
    server.start()
    address: str = server.dsn()
    return address


def started_redis(stack: contextlib.ExitStack) -> str:
    """The address of a server of our own."""
    address: str = stack.enter_context(_of_the_tests("_redis").running()).url
    return address


def _of_the_tests(module: str) -> Any:
    sys.path.insert(0, str(ROOT / "tests"))
    return importlib.import_module(f"stores.{module}")


# --- what is printed ---------------------------------------------------------------------------


def bars(single: budgets.Timed, rates: Rates, of_tasks: float, called: budgets.Timed) -> Table:
    """What a budget may cost, and does. That Redis and PostgreSQL take one round trip each is counted by the tests."""
    own = "a pair in memory"
    file = "SQLite (crash)"
    found = [
        Bar(f"{own}, by manager", 40, budgets.middle(single, "memory, by manager"), "µs"),
        Bar(f"{own}, by book", 40, budgets.middle(single, "memory, by book"), "µs"),
        Bar(f"a pair, {file}, by manager", 1e3, budgets.middle(single, "sqlite crash, by manager"), "µs"),
        Bar(f"pairs of {CLIENTS} PostgreSQL clients", 1e3, rates.get("postgres", (None,))[-1], "a second", least=True),
        Bar(f"pairs of {TASKS} tasks in memory", 3e3, of_tasks, "a second", least=True),
    ]  # fmt: skip
    for colour in ("sync", "async"):
        more = budgets.above(called, f"sqlite crash, {colour}", f"no budget, {colour}")
        found.append(Bar(f"a call with {file} above one without, {colour}", 1200, more, "µs"))
    return Table(("bar", "must be", "is", ""), [bar.row() for bar in found])


def all_tables(given: argparse.Namespace) -> list[Table]:
    """Everything that is measured, told as it comes."""
    found: list[Table] = []

    def told(table: Table) -> None:
        found.append(table)
        print(f"{table.text()}\n", flush=True)

    with all_subjects(given) as subjects, tempfile.TemporaryDirectory(dir=given.folder) as folder:
        single = alone(subjects, given.rounds, given.pairs)
        single |= budgets.pairs(Path(folder), given.rounds, given.pairs)
        told(budgets.table("a pair, alone", single))
        rates = together(subjects, given.rounds, given.seconds)
        of_tasks = budgets.of_tasks(given.seconds)
        told(rates_table(rates, of_tasks))
        let_in = alone(subjects, given.rounds, given.pairs, admissions.pair)
        told(budgets.table("an admission, alone", let_in))
        told(admissions.table(letting_in(subjects, given.rounds, given.seconds)))
        # The last: the process is pinned to a core for it.
        called = budgets.calls(Path(folder), given.rounds, given.calls)
        told(budgets.table("a call", called))
        told(bars(single, rates, of_tasks, called))
    return found


def about() -> str:
    """Where and when, as a paragraph of the page."""
    made = machine.described()
    return (
        "What `python benchmarks/stores.py --page docs/benchmarks.md` measured: a *pair* is a hold and its settlement"
        " on one scope that all count for; an *admission* is a call that is let in at a deployment with limits of"
        " requests, tokens and places, and leaves. Everything is flushed to the disk. A call is one to the loopback"
        " server above. That Redis and PostgreSQL take one round trip for each of the two is counted by the tests.\n\n"
        f"- {machine.today()}; llmkit at `{machine.revision(ROOT)}`; load {machine.load()} at the end.\n"
        f"- {made['processor']}, {made['cores']} cores; {made['system']}; Python {made['python']}.\n"
    )


def main() -> None:
    """Print six tables; the last are the bars."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--pairs", type=int, default=2000, help="of memory in a round; of the others, a fifth"
    )
    parser.add_argument("--calls", type=int, default=200, help="of each client in a round")
    parser.add_argument("--page", type=Path, help="whose section of stores is written anew")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of each measurement of many at once"
    )
    parser.add_argument("--dsn", help="a PostgreSQL server")
    parser.add_argument("--url", help="a Redis server")
    parser.add_argument("--folder", default=".", help="where SQLite's file is made")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    print(json.dumps({"cores": os.cpu_count(), "python": sys.version.split()[0]}))
    tables = all_tables(given)
    if given.page is not None:
        section.written(given.page, about(), [tables[-1], *tables[:-1]])


if __name__ == "__main__":
    main()
