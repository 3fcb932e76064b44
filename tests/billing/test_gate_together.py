"""Many at once: threads and event loops that check, reserve, wait for one answer, give up; and forks."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio

from llmkit._control.billing.entitlement import Check, Entitlement
from llmkit._io._clock import SYSTEM_CLOCK
from llmkit.testing import FakeLago, lago_faults

from ._gates import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmkit._http import HTTPRequest, HTTPResponse
    from llmkit.billing._gate import EntitlementGate

D = Decimal


class Slow(World):
    """A Lago that takes its time, in real time; ``hold`` stops it until it is set."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.hold: threading.Event | None = None
        self.arrived = threading.Event()

    def answer(self, request: HTTPRequest) -> HTTPResponse:
        """Answer, late."""
        self.arrived.set()
        if self.hold is not None:
            self.hold.wait(10)
        else:
            time.sleep(0.005)
        return self.lago.answer(request)


def run(loop: str, function: Callable[[], Any]) -> Any:
    """Run a coroutine function."""
    return asyncio.run(function()) if loop == "asyncio" else trio.run(function)


async def together(work: list[Callable[[], Any]]) -> None:
    """All at once, on any loop."""
    async with anyio.create_task_group() as group:
        for one in work:
            group.start_soon(one)


def test_many_threads_cause_one_refresh() -> None:
    """Fifty checks of a customer nobody knows ask for each thing once."""
    world = Slow()
    gate = world.gate(send=world.answer)
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(gate.perform, [Check("cus_1")] * 50))
    assert all(one.allowed and one.available == 10 for one in found)
    assert world.asked() == 4


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_many_tasks_cause_one_refresh(loop: str) -> None:
    """On an event loop, too."""
    world = Slow()
    gate = world.gate(send=world.answer)
    found: list[Entitlement] = []

    async def check() -> None:
        found.append(await gate.aperform(Check("cus_1")))

    run(loop, lambda: together([check] * 50))
    assert [one.available for one in found] == [10] * 50
    assert world.asked() == 4


def test_threads_and_loops_of_both_kinds_share_one_refresh() -> None:
    """Who asks first, in whatever colour, asks for all."""
    world = Slow()
    gate = world.gate(send=world.answer)
    found: list[Entitlement] = []
    ready = threading.Barrier(10)

    async def check() -> None:
        found.append(await gate.aperform(Check("cus_1")))

    def on(loop: str) -> None:
        ready.wait()
        run(loop, lambda: together([check] * 10))

    def in_thread() -> None:
        ready.wait()
        found.append(gate.perform(Check("cus_1")))

    work = [lambda: on("asyncio"), lambda: on("trio"), *[in_thread] * 8]
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.allowed for one in found] == [True] * 28
    assert world.asked() == 4


def test_the_customer_and_the_subscription_are_one_refresh() -> None:
    """Who names the one shares what is found with who names the other."""
    world = Slow()
    gate = world.gate(send=world.answer)
    checks = [Check("cus_1"), Check(subscription="sub_1"), Check("cus_1", "sub_1")] * 10
    with ThreadPoolExecutor(30) as pool:
        found = list(pool.map(gate.perform, checks))
    assert all(one.allowed for one in found)
    assert world.asked("/subscriptions/sub_1") == 1
    assert world.asked("current_usage") <= 2, "a list of subscriptions may have been wanted later"


def test_a_failed_first_one_fails_those_that_waited_and_nobody_else() -> None:
    """Thirty waited for an answer that did not come: nobody asks again for a second, then somebody does."""
    world = Slow()
    world.lago.fail_always(lago_faults.status(500))
    gate = world.gate(send=world.answer)
    with ThreadPoolExecutor(30) as pool:
        found = list(pool.map(gate.perform, [Check("cus_1")] * 30))
    assert {one.reason for one in found} == {"billing_unavailable"}
    assert world.asked() == 1
    world.lago.heal()
    world.clock.advance(1)
    assert gate.perform(Check("cus_1")).allowed


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_cancelled_first_one_leaves_the_asking_to_the_next(loop: str) -> None:
    """The task that asked is given up: those that waited for it ask themselves, and none of them fails."""
    server = FakeLago()
    server.furnish("sub_1", balance_cents=1000)
    with server:
        world = World()
        world.lago, world.clock = server, SYSTEM_CLOCK  # type: ignore[assignment]
        gate = world.gate()
        gate._link._instead = None
        server.fail(lago_faults.slow(5.0), times=1)
        found: list[Entitlement] = []

        async def first(scope: anyio.CancelScope) -> None:
            with scope:
                await gate.aperform(Check("cus_1"))

        async def other() -> None:
            await anyio.sleep(0.05)
            found.append(await gate.aperform(Check("cus_1")))

        async def main() -> None:
            scope = anyio.CancelScope()
            async with anyio.create_task_group() as group:
                group.start_soon(first, scope)
                for _ in range(5):
                    group.start_soon(other)
                await anyio.sleep(0.15)
                scope.cancel()
            await gate._link.aclose()

        began = time.monotonic()
        run(loop, main)
        assert time.monotonic() - began < 8
    assert [one.allowed for one in found] == [True] * 5
    assert sum("current_usage" in one.path for one in server.requests) == 1


def test_an_interrupted_first_one_leaves_the_asking_to_the_next() -> None:
    """Ctrl-C in the thread that asks: nobody waits for it for ever, and the next check asks."""
    world = World()
    asked = []

    def interrupted(request: HTTPRequest) -> HTTPResponse:
        asked.append(request)
        if len(asked) == 1:
            raise KeyboardInterrupt
        return world.lago.answer(request)

    gate = world.gate(send=interrupted)
    with pytest.raises(KeyboardInterrupt):
        gate.perform(Check("cus_1"))
    assert gate.perform(Check("cus_1")).allowed


def test_what_is_stale_is_not_waited_for_while_it_is_asked_for() -> None:
    """A refresh that hangs keeps no check waiting, and is not begun a second time."""
    world = Slow()
    gate = world.gate(send=world.answer)
    gate.perform(Check("cus_1"))
    world.clock.advance(40)
    gate.perform(Check("cus_1"))
    flows = gate.refresh_due()
    world.hold, world.arrived = threading.Event(), threading.Event()
    link = world.link(send=world.answer)
    threads = [threading.Thread(target=link.run, args=(flow,)) for flow in flows]
    for thread in threads:
        thread.start()
    world.arrived.wait(10)
    time.sleep(0.02)
    began = time.monotonic()
    for _ in range(100):
        assert gate.perform(Check("cus_1")).source == "cache"
    assert time.monotonic() - began < 8
    again = len(gate.refresh_due())
    world.hold.set()
    for thread in threads:
        thread.join()
    assert again == 0


def reserve(gate: EntitlementGate, n: int) -> Entitlement:
    """One caller."""
    return gate.perform(Check("cus_1", usd=D(1), reserve=f"call-{n}"))


@pytest.mark.parametrize("overshoot", [0, 3])
def test_a_balance_for_ten_calls_lets_out_ten_of_fifty(overshoot: int) -> None:
    """Fifty threads at once, each for a dollar, with ten dollars: ten go out, and what may be overdrawn."""
    world = Slow()
    gate = world.gate(send=world.answer, overshoot=D(overshoot))
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda n: reserve(gate, n), range(50)))
    assert sum(one.allowed for one in found) == 10 + overshoot
    assert {one.reason for one in found if not one.allowed} == {"insufficient_balance"}


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_balance_for_ten_calls_lets_out_ten_of_fifty_tasks(loop: str) -> None:
    """On an event loop, too."""
    world = Slow()
    gate = world.gate(send=world.answer)
    found: list[bool] = []

    def one(n: int) -> Callable[[], Any]:
        async def check() -> None:
            answer = await gate.aperform(Check("cus_1", usd=D(1), reserve=f"call-{n}"))
            found.append(answer.allowed)

        return check

    run(loop, lambda: together([one(n) for n in range(50)]))
    assert sum(found) == 10


def test_calls_that_end_make_room_for_others_and_never_too_much() -> None:
    """Threads that check, spend and settle for a while: the sum of what they spent never passes the balance."""
    world = World()
    gate = world.gate(negative=1e9)
    spent: list[Decimal] = []

    def work(thread: int) -> None:
        for n in range(60):
            name = f"{thread}-{n}"
            if gate.perform(Check("cus_1", usd=D("0.5"), reserve=name)):
                cost = D("0.5") if n % 3 else D("0.01")
                spent.append(cost)
                gate.settled(name, cost)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert D("9.5") < sum(spent) <= 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_knows_what_its_parent_knew_and_reserves_for_itself() -> None:
    """The cache goes with it; what the parent's calls reserve, and what is being asked for, do not."""
    world = Slow()
    gate = world.gate(send=world.answer)
    gate.perform(Check("cus_1", usd=D(9), reserve="a"))
    world.clock.advance(40)
    gate.perform(Check("cus_1"))
    world.hold, world.arrived = threading.Event(), threading.Event()
    flow = gate.refresh_due()[0]
    link = world.link(send=world.answer)
    thread = threading.Thread(target=link.run, args=(flow,))
    thread.start()
    world.arrived.wait(10)
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        world.hold = None
        found = gate.perform(Check("cus_1", usd=D(9), reserve="b"))
        code = 0 if (found.allowed, found.source, found.available) == (True, "cache", 10) else 1
        gate.settled("a", D(5))
        code += 0 if gate.perform(Check("cus_1")).available == 1 else 2
        world.clock.advance(300)
        code += 0 if gate.perform(Check("cus_1")).source == "lago" else 4
        os._exit(code)
    world.hold.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gate.perform(Check("cus_1")).available == 1


@pytest.mark.parametrize("colour", ["sync", "asyncio", "trio"])
def test_both_colours_tell_of_an_outage(colour: str) -> None:
    """What is let out by policy is told in the colour of who was let out."""
    world = World()
    world.lago.down()
    gate = world.gate(policy="open")
    if colour == "sync":
        assert gate.perform(Check("cus_1")).opened
    else:
        assert run(colour, lambda: gate.aperform(Check("cus_1"))).opened
    assert len(world.told) == 1
