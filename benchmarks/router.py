"""Measure the router: what ``route()`` takes for each strategy, and what a routed call takes above a plain one.

usage: python benchmarks/router.py [--rounds N] [--routes N] [--calls N] [--page docs/benchmarks.md]

All take turns, round by round, in one process. Calls go over a transport in memory, the same for all.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from bench import machine, section  # noqa: E402 - the tree that this file is in
from bench.budgets import Timed, middle, timed  # noqa: E402
from bench.payload import KEY, MODEL, SMALL  # noqa: E402
from bench.section import Bar, Table  # noqa: E402

import llmkit  # noqa: E402
from llmkit._control.routing.route import Route  # noqa: E402
from llmkit._control.routing.settings import Settings  # noqa: E402
from llmkit._control.routing.strategies import strategy_of  # noqa: E402
from llmkit._control.routing.table import Table as Deployments  # noqa: E402
from llmkit._control.routing.wanted import Wanted  # noqa: E402
from llmkit.router import Deployment, Router  # noqa: E402

STRATEGIES: Final = (
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "usage-based-routing-v2",
    "cost-based-routing",
)
SIZES: Final = (1, 10, 100)
_ANSWER: Final = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Foxes are red."},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":20,"completion_tokens":4,"total_tokens":24}}'
)


def deployments(count: int, **how: Any) -> list[Deployment]:
    """So many of one group. They are well, and have room."""
    return [
        Deployment("g", f"openai/{MODEL}", id=f"d{n}", api_key=f"{KEY}-{n:03}", **how)
        for n in range(count)
    ]


def in_turns(work: dict[str, Callable[[], Any]], rounds: int, count: int) -> Timed:
    """Each a little, over and over; the first turn is to warm up."""
    found: Timed = {name: [] for name in work}
    gc.collect()
    for turn in range(rounds + 1):
        for name, one in work.items():
            times = [timed(one) for _ in range(count)]
            found[name] += times if turn else []
    return found


# --- route() -----------------------------------------------------------------------------------


def routes(rounds: int, count: int) -> Timed:
    """Seconds of ``Router.route()``, by strategy and number of deployments; and of what decides in it alone."""
    work: dict[str, Callable[[], Any]] = {}
    for name, size in itertools.product(STRATEGIES, SIZES):
        router = Router(deployments(size, rpm=10**9), routing_strategy=name)
        work[f"{name}, {size}"] = partial(router.route, "g", SMALL)
        work[f"{name}, {size}, alone"] = _deciding(name, size)
    return in_turns(work, rounds, count)


def _deciding(name: str, size: int) -> Callable[[], Any]:
    """The decision without what makes a call of keywords."""
    table = Deployments(deployments(size, rpm=10**9), Settings(strategy=name), strategy_of(name))
    numbers = itertools.cycle([n / 97 for n in range(97)])
    subject = {"messages": SMALL}

    def decide() -> Any:
        wanted = Wanted("g", "chat", subject=subject)
        route = Route(table, wanted, until=600.0, draw=numbers.__next__, now=1.0, id="c")
        return route.decision(1.0)

    return decide


# --- calls -------------------------------------------------------------------------------------


def _answered(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=_ANSWER, headers={"content-type": "application/json"})


def clients(transport: Callable[[], Any]) -> dict[str, llmkit.Client]:
    """A plain client and routers."""
    return {
        "plain": llmkit.Client(api_key=KEY, http_client=transport()),
        "10 deployments": Router(deployments(10), http_client=transport()),
        "10 with limits": Router(
            deployments(10, rpm=10**9, tpm=10**12, max_parallel=100), http_client=transport()
        ),
        "100 deployments": Router(deployments(100), http_client=transport()),
    }


@contextmanager
def callers() -> Iterator[dict[str, Callable[[], Any]]]:
    """One call of each client, sync and async, over a transport that answers in memory."""
    over = httpx.MockTransport(_answered)
    work: dict[str, Callable[[], Any]] = {}
    with asyncio.Runner() as runner:
        for name, client in clients(lambda: httpx.Client(transport=over)).items():
            work[f"{name}, sync"] = partial(client.completion, _model(name), SMALL)
        for name, client in clients(lambda: httpx.AsyncClient(transport=over)).items():
            work[f"{name}, async"] = partial(_arun, runner, client, _model(name))
        yield work


def _model(name: str) -> str:
    return f"openai/{MODEL}" if name == "plain" else "g"


def _arun(runner: asyncio.Runner, client: llmkit.Client, model: str) -> None:
    async def call() -> None:
        await client.acompletion(model, SMALL)

    runner.run(call())


def calls(rounds: int, count: int) -> Timed:
    """Seconds of each call."""
    with callers() as work:
        return in_turns(work, rounds, count)


# --- what is printed ---------------------------------------------------------------------------


def table(what: str, found: Timed) -> Table:
    """The middle, the quickest, and the slowest but for one in a hundred."""
    rows = []
    for name, times in found.items():
        ranked = sorted(times)
        shown = (ranked[len(ranked) // 2], ranked[0], ranked[int(len(ranked) * 0.99)])
        rows.append((name, *(f"{one * 1e6:.1f}" for one in shown), str(len(times))))
    return Table((what, "p50 µs", "least µs", "p99 µs", "of"), rows)


def bars(routed: Timed, called: Timed) -> Table:
    """What routing may take, and does: the slowest strategy's median, and the medians of calls beside each other."""
    found = [
        Bar(
            f"route() with {size} deployments, the slowest strategy",
            most,
            max(middle(routed, f"{name}, {size}") or 0.0 for name in STRATEGIES),
            "µs",
        )
        for size, most in ((10, 15), (100, 60))
    ]
    for colour in ("sync", "async"):
        plain = middle(called, f"plain, {colour}")
        for name in ("10 deployments", "10 with limits", "100 deployments"):
            more = middle(called, f"{name}, {colour}")
            above = None if plain is None or more is None else more - plain
            found.append(Bar(f"a call, {name}, above a plain one, {colour}", 40, above, "µs"))
    return Table(("bar", "must be", "is", ""), [bar.row() for bar in found])


def about() -> str:
    """Where and when, as a paragraph of the page."""
    made = machine.described()
    return (
        "What `python benchmarks/router.py --page docs/benchmarks.md` measured: `route()` of a router in memory whose"
        " deployments have limits, by strategy and number of deployments (*alone*: the decision without reading a"
        " call's keywords); and whole calls over a transport in memory, through a plain client and through routers."
        " What a store adds is above, as an *admission*.\n\n"
        f"- {machine.today()}; llmkit at `{machine.revision(ROOT)}`; load {machine.load()} at the end.\n"
        f"- {made['processor']}, {made['cores']} cores; {made['system']}; Python {made['python']}.\n"
    )


def main() -> None:
    """Print three tables; the last are the bars."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--routes", type=int, default=300, help="of each in a round")
    parser.add_argument("--calls", type=int, default=150, help="of each in a round")
    parser.add_argument("--page", type=Path, help="whose section of the router is written anew")
    given = parser.parse_args()
    routed = routes(given.rounds, given.routes)
    called = calls(given.rounds, given.calls)
    tables = [bars(routed, called), table("route()", routed), table("a call", called)]
    for one in (*tables[1:], tables[0]):
        print(f"{one.text()}\n", flush=True)
    if given.page is not None:
        section.written(given.page, about(), tables, section.ROUTER)


if __name__ == "__main__":
    main()
