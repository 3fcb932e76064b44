"""Measure stores: how long it takes to hold and settle on one contended scope, and how often a second it is done.

usage: python benchmarks/stores.py [--rounds N] [--pairs N] [--seconds S] [--dsn DSN] [--url URL] [--folder DIR] [NAME…]

Stores take turns, round by round, in one process; figures are over all rounds. Without --dsn and --url, servers are
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
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from llmkit import stores  # noqa: E402 - the tree that this file is in
from llmkit._operations import Attribution, Claim, Reserve, SettleHold, Window  # noqa: E402

CLAIM = Claim("usd:ever:global", Window(), Decimal("0.002"), Decimal(10**6))
WHO = Attribution(("global",), "acme", "acme-large")
USED = (Decimal("0.001"),)
CLIENTS = 8
TASKS = 64
_numbers = itertools.count()


def pair(store: Any) -> None:
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


class Subject(NamedTuple):
    """A store, and how another process opens the same one."""

    name: str
    open: Callable[[], Any]


# --- one after another -------------------------------------------------------------------------


def alone(subjects: list[Subject], rounds: int, pairs: int) -> None:
    """Print the time of a pair, in microseconds, of each store."""
    times: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    opened = {subject.name: subject.open() for subject in subjects}
    for store in opened.values():
        for _ in range(20):
            pair(store)
    for _ in range(rounds):
        for name, store in opened.items():
            # A pair of a store over a socket takes longer than one in memory.
            times[name] += measured(store, pairs if name == "memory" else max(1, pairs // 5))
    print(f"{'a pair, alone':<24}{'p50 µs':>10}{'p99 µs':>10}{'pairs':>8}")
    for name, found in times.items():
        found.sort()
        middle, last = statistics.median(found), found[int(len(found) * 0.99)]
        print(f"{name:<24}{middle * 1e6:>10.1f}{last * 1e6:>10.1f}{len(found):>8}")
    for store in opened.values():
        store.close()


def measured(store: Any, pairs: int) -> list[float]:
    """Seconds of each pair."""
    found = []
    for _ in range(pairs):
        began = time.perf_counter()
        pair(store)
        found.append(time.perf_counter() - began)
    return found


# --- many at once ------------------------------------------------------------------------------


def together(subjects: list[Subject], rounds: int, seconds: float) -> None:
    """Print how many pairs a second there are of tasks in a loop, of threads, and of processes."""
    print(
        f"\n{'pairs a second':<24}{f'{TASKS} tasks':>12}{f'{CLIENTS} threads':>12}{f'{CLIENTS} processes':>14}"
    )
    found: dict[str, list[list[float]]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            shared = subject.name != "memory"
            row = [of_tasks(subject, seconds), of_threads(subject, seconds)]
            found[subject.name].append([*row, of_processes(subject, seconds) if shared else 0.0])
    for name, rows in found.items():
        tasks, threads, processes = (
            statistics.median(column) for column in zip(*rows, strict=True)
        )
        said = f"{processes:>14,.0f}" if processes else f"{'–':>14}"
        print(f"{name:<24}{tasks:>12,.0f}{threads:>12,.0f}{said}")


def of_tasks(subject: Subject, seconds: float) -> float:
    """Tasks of one event loop."""

    async def work(store: Any, until: float) -> int:
        for done in itertools.count():
            if time.perf_counter() > until:
                return done
            await apair(store)
        raise AssertionError

    async def all_of_them() -> float:
        store = subject.open()
        await apair(store)
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


def of_processes(subject: Subject, seconds: float) -> float:
    """Processes, each with a store of its own over the same ledger. They begin together."""
    fork = multiprocessing.get_context("fork")
    ready, counts = fork.Barrier(CLIENTS), fork.Queue()

    def work() -> None:
        store, done = subject.open(), 0
        pair(store)
        ready.wait(60)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pair(store)
            done += 1
        counts.put(done)
        store.close()

    processes = [fork.Process(target=work) for _ in range(CLIENTS)]
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


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--pairs", type=int, default=2000, help="of memory in a round; of the others, a fifth"
    )
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="of each measurement of many at once"
    )
    parser.add_argument("--dsn", help="a PostgreSQL server")
    parser.add_argument("--url", help="a Redis server")
    parser.add_argument("--folder", default=".", help="where SQLite's file is made")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    print(json.dumps({"cores": os.cpu_count(), "python": sys.version.split()[0]}))
    with all_subjects(given) as subjects:
        alone(subjects, given.rounds, given.pairs)
        together(subjects, given.rounds, given.seconds)


if __name__ == "__main__":
    main()
