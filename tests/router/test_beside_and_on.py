"""Hedges and streams that go on elsewhere, through a ``Router``: places, tickets, cooldowns and budgets are exact."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from llmkit import RetryPolicy, errors
from llmkit.events import Continued, Hedged
from llmkit.router import Hedge, Router
from llmkit.stores import MemoryStore

from ..budget._purse import Purse
from ..io._colour import KEY, MESSAGES, Seen, collect, each_colour, text_of
from ..io._server import END, HOLD, RESET, Server, completion, failure, piece, streamed
from ._kit import idle

if TYPE_CHECKING:
    from ..io._colour import Colour

ASK: dict[str, Any] = {"model": "g", "max_tokens": 50}
BROKEN = streamed(piece("Hel"), piece("lo, "), RESET, end=False)


@dataclass
class Routed:
    """Servers, a router of them in their order, and what it is told and spends."""

    servers: list[Server]
    router: Router
    purse: Purse
    seen: Seen = field(default_factory=Seen)

    def check(self, *kinds: str) -> None:
        """Nobody has a place, nothing is held, each call is settled once; the holds ended like this."""
        assert idle(self.router)
        self.purse.manager.catch_up()
        self.purse.check(kinds=kinds or None)
        settlements = self.router.ledger.settlements
        assert len(settlements) == len({s.call_id for s in settlements})
        assert not [t for t in threading.enumerate() if t.name.startswith("llmkit-race")]

    def cooling(self) -> list[str]:
        """Who is let be."""
        return [row.id for row in self.router.deployments() if row.cooling_for > 0]


@contextmanager
def routed(count: int = 2, limits: dict[str, Any] | None = None, **how: Any) -> Iterator[Routed]:
    """So many servers, each one deployment of the group, in their order."""
    purse, seen = Purse.of(), Seen()
    with ExitStack() as stack:
        servers = [stack.enter_context(Server()) for _ in range(count)]
        entries = [
            {
                "model_name": "g",
                "litellm_params": {
                    "model": "openai/gpt-4o-mini", "api_key": KEY, "base_url": server.url,
                    "order": number, **(limits or {}),
                },
                "model_info": {"id": f"d{number}"},
            }
            for number, server in enumerate(servers)
        ]  # fmt: skip
        how = {"retry": RetryPolicy(first_wait=0.01), "num_retries": 0, **how}
        router = stack.enter_context(Router(entries, callbacks=[seen], budget=purse.manager, **how))
        yield Routed(servers, router, purse, seen)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What a first call loads takes longer than these hedges wait."""
    with routed(hedge=Hedge(after=30)) as world:
        world.router.completion(messages=MESSAGES, **ASK)


@pytest.mark.parametrize("store", [False, True], ids=["alone", "shared"])
@each_colour
async def test_a_hedge_through_a_router(colour: Colour, *, store: bool) -> None:
    """The slow one is hung up on, has no place any more, and is not thought to have failed."""
    shared = {"store": MemoryStore()} if store else {}
    limits = {"rpm": 1000, "max_parallel_requests": 1}
    with routed(hedge=Hedge(after=0.15), limits=limits, **shared) as world:
        slow, quick = world.servers
        slow.script([HOLD])
        answer = await colour.call(world.router, **ASK)
        slow.wait_gone(within=0.5)
        assert answer.call.deployment == "d1"
        assert [(a.deployment, a.error) for a in answer.call.attempts] == [
            ("d0", "Cancelled"),
            ("d1", None),
        ]
        assert [h.deployment for h in world.seen.of(Hedged)] == ["d1"]
        assert not world.cooling()
        # Its only place is free again.
        again = await colour.call(world.router, **ASK)
        assert again.call.deployment == "d0"
        assert len(quick.requests) == 1
        world.check("unknown", "settle", "settle")
        await colour.close(world.router)


@each_colour
async def test_a_hedge_beside_whom_nobody_is_free(colour: Colour) -> None:
    """A second one that is full or cooling is not asked: the first has its time."""
    with routed(hedge={"after": 0.05}) as world:
        world.servers[0].always(0.3, *completion("slow"))
        world.router.cooldown_deployment("d1", 60)
        answer = await colour.call(world.router, **ASK)
        assert answer.choices[0].message.content == "slow"
        assert not world.servers[1].requests
        assert not world.seen.of(Hedged)
        world.check("settle")
        await colour.close(world.router)


@each_colour
async def test_both_fail_and_a_third_answers(colour: Colour) -> None:
    """Both of a hedge fail: each has its cooldown, and the call goes on to the next."""
    with routed(3, hedge=Hedge(after=0.15), cooldown_time=60) as world:
        world.servers[0].always(0.4, *failure(500))
        world.servers[1].always(*failure(503))
        answer = await colour.call(world.router, **ASK)
        assert [a.deployment for a in answer.call.attempts] == ["d0", "d1", "d2"]
        assert sorted(world.cooling()) == ["d0", "d1"]
        world.check("release", "release", "settle")
        await colour.close(world.router)


@each_colour
async def test_a_stream_hedged_closed_and_dropped(colour: Colour) -> None:
    """The winner's place is taken as long as its stream is read, and free behind it, however it ends."""
    with routed(hedge=Hedge(after=0.15), limits={"max_parallel_requests": 2}) as world:
        slow, quick = world.servers
        slow.always(HOLD)
        quick.always(*streamed(piece("Hel"), HOLD, end=False))
        for number in range(2):
            stream = await colour.open(world.router, **ASK)
            await anext(stream)
            slow.wait_gone(number)
            assert [m.running for m in world.router._table.members] == [0, 1]
            if number == 0:
                await stream.aclose()
            del stream
            gc.collect()
            quick.wait_gone(number)
        await colour.close(world.router)
        world.check(*["unknown"] * 4)


@each_colour
async def test_a_stream_goes_on_elsewhere(colour: Colour) -> None:
    """Who broke it has failed and cools down, who wrote on has answered; no place is left."""
    with routed(
        continue_streams=True, cooldown_time=60, limits={"max_parallel_requests": 1}
    ) as world:
        world.servers[0].always(*BROKEN)
        world.servers[1].always(*streamed(piece("world"), END))
        chunks, stream = await colour.read(world.router, **ASK)
        assert text_of(chunks) == "Hello, world"
        assert stream.call.deployment == "d1"
        assert [c.deployment for c in world.seen.of(Continued)] == ["d1"]
        assert world.cooling() == ["d0"]
        assert stream.cost.status == "estimated"
        world.check("unknown", "settle")
        await colour.close(world.router)


@each_colour
async def test_streams_do_not_go_on_unless_told(colour: Colour) -> None:
    """Off by default: what broke it is raised, and nobody else is asked."""
    with routed(cooldown_time=60) as world:
        world.servers[0].always(*BROKEN)
        stream = await colour.open(world.router, **ASK)
        with pytest.raises(errors.StreamInterruptedError):
            await collect(stream, [])
        assert not world.servers[1].requests
        world.check("unknown")
        await colour.close(world.router)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_who_waits_is_let_in_by_priority(loop: str) -> None:
    """One place, and many who wait: the lowest number first, and first come within one."""
    order: list[tuple[int, int]] = []

    async def one(world: Routed, who: tuple[int, int]) -> None:
        await world.router.acompletion("g", MESSAGES, max_tokens=9, priority=who[0])
        order.append(who)

    async def body() -> None:
        with routed(1, limits={"max_parallel_requests": 1}) as world:
            world.servers[0].always(0.05, *completion())
            async with anyio.create_task_group() as tasks:
                for who in [(5, 0), (3, 1), (1, 2), (3, 3), (1, 4), (0, 5)]:
                    tasks.start_soon(one, world, who)
                    await anyio.sleep(0.005)
            assert order == [(5, 0), (0, 5), (1, 2), (1, 4), (3, 1), (3, 3)]
            assert idle(world.router)
            await world.router.aclose()

    begun = time.monotonic()
    anyio.run(body, backend=loop)
    assert time.monotonic() - begun < 5
