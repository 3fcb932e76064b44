"""What a budget costs: holding and settling through its manager, and a whole call with one beside one without."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import llmkit
from bench.payload import KEY, MODEL, SMALL
from bench.processes import cores, pin, serving
from bench.section import Table
from llmkit import Budget, BudgetManager
from llmkit._control.budget.asking import Ask

HELD, USED = Decimal("0.002"), Decimal("0.001")
TASKS = 64


Timed = dict[str, list[float]]


def managers(folder: Path) -> dict[str, Callable[[], BudgetManager]]:
    """How each is made: one budget that everything counts for."""
    return {
        "memory": lambda: _manager(None),
        "sqlite crash": lambda: _manager(folder / "managed.db"),
    }


def _manager(store: Any) -> BudgetManager:
    return BudgetManager(store, [Budget(10**6, "30d")])


def by_manager(manager: BudgetManager) -> None:
    """Hold, and settle at half."""
    hold = manager.reserve(HELD, user="ann")
    hold.settle(USED, prompt_tokens=10, completion_tokens=20)


_numbers = itertools.count()


def by_book(manager: BudgetManager) -> None:
    """The same, as a call does it."""
    ask = Ask(f"hold-{next(_numbers)}", "call", {"user": ("ann",)}, HELD, 30)
    taken: Any = manager.run(manager.book.take(ask))
    manager.run(manager.book.close(taken, taken.settle(USED, 10, 20)))


def pairs(folder: Path, rounds: int, count: int) -> Timed:
    """Seconds of each pair, by who counted it and how it was asked for."""
    with _opened(managers(folder)) as opened:
        work: dict[str, Callable[[], None]] = {
            f"{name}, {way.__name__.replace('_', ' ')}": partial(way, manager)
            for name, manager in opened.items()
            for way in (by_manager, by_book)
        }
        return _in_turns(
            work, rounds, {name: count if "memory" in name else count // 5 for name in work}
        )


def of_tasks(seconds: float) -> float:
    """Pairs a second of tasks in one loop, through a manager in memory."""

    async def work(manager: BudgetManager, until: float) -> int:
        for done in itertools.count():
            if time.perf_counter() > until:
                return done
            hold = await manager.areserve(HELD, user="ann")
            await asyncio.sleep(0)
            await hold.asettle(USED, prompt_tokens=10, completion_tokens=20)
        raise AssertionError

    async def all_of_them() -> float:
        manager, began = _manager(None), time.perf_counter()
        done = await asyncio.gather(*(work(manager, began + seconds) for _ in range(TASKS)))
        return sum(done) / (time.perf_counter() - began)

    return asyncio.run(all_of_them())


def calls(folder: Path, rounds: int, count: int) -> Timed:
    """Seconds of each call to a loopback server, without a budget and with each."""
    client, other = cores()
    folder = folder / "calls"
    folder.mkdir()
    with serving(other) as server, _opened(managers(folder)) as opened:
        pin(client)
        url = f"http://127.0.0.1:{server.port}/v1"
        work: dict[str, Callable[[], Any]] = {}
        with asyncio.Runner() as runner, ExitStack() as stack:
            for name, budget in {"no budget": None, **opened}.items():
                one = llmkit.Client(base_url=url, api_key=KEY, budget=budget)
                stack.callback(_close, runner, one)
                work[f"{name}, sync"] = partial(_call, one)
                work[f"{name}, async"] = partial(_arun, runner, one)
            return _in_turns(work, rounds, dict.fromkeys(work, count))


_ASKED: dict[str, Any] = {"model": f"openai/{MODEL}", "messages": SMALL, "max_tokens": 300}


def _call(client: llmkit.Client) -> None:
    client.completion(**_ASKED)


def _arun(runner: asyncio.Runner, client: llmkit.Client) -> None:
    runner.run(_acall(client))


async def _acall(client: llmkit.Client) -> None:
    await client.acompletion(**_ASKED)


def _close(runner: asyncio.Runner, client: llmkit.Client) -> None:
    runner.run(client.aclose())
    client.close()


@contextmanager
def _opened(makers: dict[str, Callable[[], BudgetManager]]) -> Iterator[dict[str, BudgetManager]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(make()) for name, make in makers.items()}


def _in_turns(work: dict[str, Callable[[], Any]], rounds: int, counts: dict[str, int]) -> Timed:
    """Each a little, over and over, so that all meet the machine as it is."""
    found: Timed = {name: [] for name in work}
    for turn in range(rounds + 1):
        for name, one in work.items():
            times = [timed(one) for _ in range(max(1, counts[name]))]
            # The first turn is to warm up.
            found[name] += times if turn else []
    return found


def timed(one: Callable[[], Any]) -> float:
    """Seconds of one."""
    began = time.perf_counter()
    one()
    return time.perf_counter() - began


def table(what: str, found: Timed) -> Table:
    """The middle, and the slowest but for one in a hundred."""
    rows = []
    for name, times in found.items():
        last = sorted(times)[int(len(times) * 0.99)]
        rows.append((name, f"{median(times) * 1e6:.1f}", f"{last * 1e6:.1f}", str(len(times))))
    return Table((what, "p50 µs", "p99 µs", "of"), rows)


def middle(found: Timed, name: str) -> float | None:
    """The median in microseconds; ``None`` where it was not measured."""
    return median(found[name]) * 1e6 if name in found else None


def above(found: Timed, name: str, without: str) -> float | None:
    """How much more one takes than another, in microseconds."""
    more, less = middle(found, name), middle(found, without)
    return None if more is None or less is None else more - less
