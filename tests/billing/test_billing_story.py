"""The whole story with everything real but the servers: entitlement, calls, an outage, a crash, the books."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import llmkit
from llmkit._billing_events import BillsDelivered
from llmkit.billing import LagoBilling
from llmkit.errors import NotEntitledError
from llmkit.testing import FakeLago, Simulator, lago_faults

from ._lagos import until

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parents[2] / "src"
ASK: Any = ("openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}])
COUNT = 1_000_000


@pytest.fixture(params=["postgres", "clickhouse"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeLago]:
    """A Lago of either store, with a customer who pays in advance and one who has left."""
    with FakeLago(store=request.param) as lago:
        lago.furnish("ann-monthly", customer="ann", balance_cents=100)
        lago.furnish("bob-monthly", customer="bob")
        lago.terminate("bob-monthly")
        yield lago


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A provider."""
    with Simulator() as provider:
        yield provider


def client_of(sim: Simulator, lago: LagoBilling) -> llmkit.Client:
    """A client that is billed."""
    return llmkit.Client(billing=lago, base_url=sim.base_url, api_key="sk-" + "of-nobody-0123")


def test_the_story(fake: FakeLago, sim: Simulator, tmp_path: Path) -> None:
    """Calls of every colour, an outage with a crash in it: at the end Lago has each call's cost once, exactly."""
    told: list[Any] = []
    path = tmp_path / "billing.db"
    lago = LagoBilling(
        fake.api_url, fake.api_key, outbox=path, flush_every=0.05, callbacks=[told.append]
    )
    client = client_of(sim, lago)
    spent = Decimal(0)

    def paid(answer: Any) -> None:
        nonlocal spent
        spent += answer.cost.total

    # Who may, and who may not: nothing is sent for him.
    assert lago.check_entitlement("ann")
    before = len(sim.requests)
    with pytest.raises(NotEntitledError) as denied:
        client.completion(*ASK, subscription="bob-monthly")
    assert (denied.value.status_code, len(sim.requests)) == (402, before)

    # Every colour, whole and as a stream; by the subscription, by the customer, by a context.
    paid(client.completion(*ASK, subscription="ann-monthly", max_tokens=50))
    paid(client.completion(*ASK, customer="ann", max_tokens=50))
    with llmkit.context(subscription="ann-monthly"):
        stream = client.completion(*ASK, stream=True, max_tokens=50)
        for _ in stream:
            continue
        paid(stream.response)

    async def awaited() -> None:
        paid(await client.acompletion(*ASK, subscription="ann-monthly", max_tokens=50))
        await client.aclose()

    asyncio.run(awaited())
    trio.run(awaited)
    until(lambda: fake.charged("ann-monthly").events == 5)

    # An outage: calls go on by what is known, and what they cost waits on disk.
    fake.fail_always(lago_faults.status(503))
    for _ in range(3):
        paid(client.completion(*ASK, subscription="ann-monthly", max_tokens=50))
    assert lago.stats().queued == 3
    assert lago.close(0.1) == 3

    # A process that is killed in the middle of the outage, behind two answers and in the middle of a third.
    spent += killed(fake, sim, path)
    fake.heal()

    # Another process's object finds it all; the acknowledgement of its first batch is lost.
    fake.fail(lago_faults.lost_ack())
    with LagoBilling(fake.api_url, fake.api_key, outbox=path, background=False) as after:
        assert after.stats().queued == 5
        assert after.flush(30).left == 0
        charged = fake.charged("ann-monthly")
        assert charged.events == 10
        assert charged.units == spent * COUNT
        assert len(fake.events) == 10
        found = after.reconcile(time.time() - 600, time.time() + 60)
        assert found.ok, str(found)
        assert not found.missing
        assert after.stats().dead == 0
    assert sum(event.count for event in told if isinstance(event, BillsDelivered)) == 5


def killed(fake: FakeLago, sim: Simulator, path: Path) -> Decimal:
    """A process that makes two calls, begins a third and dies; what the two cost."""
    program = f"""
        import os, llmkit
        from llmkit.billing import LagoBilling
        lago = LagoBilling({fake.api_url!r}, {fake.api_key!r}, outbox={str(path)!r},
            unreachable="open", background=False)
        client = llmkit.Client(billing=lago, base_url={sim.base_url!r}, api_key="sk-" + "of-nobody-0123")
        ask = "openai/gpt-4o-mini", [{{"role": "user", "content": "Hi"}}]
        total = 0
        for _ in range(2):
            total += client.completion(*ask, subscription="ann-monthly", max_tokens=50).cost.total
        stream = client.completion(*ask, subscription="ann-monthly", max_tokens=50, stream=True)
        next(iter(stream))
        print(total, flush=True)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    return Decimal(done.stdout.strip())


def test_a_balance_is_not_spent_twice_by_many_callers(sim: Simulator) -> None:
    """Fifty threads, a balance for some of their calls: those are made, all others refused, and nothing overdrawn."""
    import threading

    fake = FakeLago()
    fake.furnish("ann-monthly", customer="ann", balance_cents=1)
    with fake, LagoBilling(fake.api_url, fake.api_key, flush_every=0.05) as lago:
        client = client_of(sim, lago)
        bound = client.cost_bound(*ASK, max_tokens=2000)
        assert bound
        assert bound.total is not None
        room = int(Decimal("0.01") / bound.total)
        refused: list[NotEntitledError] = []
        ready = threading.Barrier(50)

        def call() -> None:
            ready.wait()
            try:
                client.completion(*ASK, customer="ann", max_tokens=2000)
            except NotEntitledError as error:
                refused.append(error)

        callers = [threading.Thread(target=call) for _ in range(50)]
        for one in callers:
            one.start()
        for one in callers:
            one.join()
        made = 50 - len(refused)
        assert made >= room > 0
        assert {error.reason for error in refused} <= {"insufficient_balance"}
        assert lago.flush(20).left == 0
        assert fake.charged("ann-monthly").cents <= 1
        assert fake.charged("ann-monthly").events == made
