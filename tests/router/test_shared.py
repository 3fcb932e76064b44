"""Routers of several processes over one store: limits, cooldowns, and what is done while the store is away."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from typing_extensions import override

from llmkit import errors
from llmkit._control.budget.gate import Gate
from llmkit._control.routing.shared import Shared
from llmkit._io._clock import SYSTEM_CLOCK
from llmkit._operations import Admit, Cool, Leave, Look
from llmkit.events import StateReached, StateUnreachable
from llmkit.router import Router
from llmkit.stores import MemoryStore
from llmkit.testing import FrozenClock

from ..io._colour import Colour, Seen, each_colour
from ._kit import ASK, answering, deployment, idle, places, router


class Store(MemoryStore):
    """A store that can be taken away, and says what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.asked: list[Any] = []

    @override
    def perform(self, operation: Any) -> Any:
        self.asked.append(operation)
        if self.away:
            raise errors.StoreUnavailableError("nobody there")
        return super().perform(operation)

    def of(self, kind: type) -> list[Any]:
        """What it was asked, of a kind."""
        return [one for one in self.asked if isinstance(one, kind)]


LIMITED = deployment("a", rpm=2)


@each_colour
async def test_a_limit_holds_for_all(colour: Colour) -> None:
    """Two routers of one store let no more calls out together than one deployment takes."""
    store = Store()
    one, two = (router(LIMITED, store=store, when_busy="raise") for _ in range(2))
    with answering(a="hello") as answers:
        await colour.call(one, model="g")
        await colour.call(two, model="g")
        for made in (one, two):
            with pytest.raises(errors.RouterRateLimitError) as caught:
                await colour.call(made, model="g")
            assert 0 < (caught.value.retry_after or 0) <= 61
    assert len(answers.asked) == 2
    assert len(store.of(Admit)) >= 4
    assert len(store.of(Leave)) == 2


@each_colour
async def test_a_cooldown_is_everybodys(colour: Colour) -> None:
    """Where one router's call meets a 429, the other's does not go there any more."""
    store = Store()
    a, b = deployment("a", order=1), deployment("b", order=2)
    one, two = (router(a, b, store=store, clock=FrozenClock()) for _ in range(2))
    with answering(a=[429, "hello"], b="hello") as answers:
        await colour.call(one, model="g")
        two._clock.advance(1)
        await colour.call(two, model="g")
    assert answers.asked == ["a", "b", "b"]
    assert store.of(Cool)
    assert [row.state for row in two.deployments()] == ["cooling", "well"]


@each_colour
async def test_a_store_that_is_away_lets_nobody_in(colour: Colour, seen: Seen) -> None:
    """Closed: calls fail with what to do, it is told once, and calls go out again when the store is back."""
    store, clock = Store(), FrozenClock()
    made = router(LIMITED, store=store, clock=clock, callbacks=[seen])
    store.away = True
    with answering(a="hello") as answers:
        for _ in range(3):
            with pytest.raises(errors.RouterUnavailableError, match="when_store_lost='local'"):
                await colour.call(made, model="g")
        assert answers.asked == []
        assert len(store.asked) == 1  # it is not asked by every call
        store.away = False
        clock.advance(10)
        await colour.call(made, model="g")
    [away], [back] = seen.of(StateUnreachable), seen.of(StateReached)
    assert (away.store, away.local, back.seconds) == ("Store", False, 10)
    assert "calls are refused" in str(away)
    assert idle(made)


@each_colour
async def test_a_store_that_is_away_is_done_without(colour: Colour, seen: Seen) -> None:
    """Local: each process keeps to its share of the limit, and asks the store again when it is back."""
    store, clock = Store(), FrozenClock()
    how = {"store": store, "clock": clock, "callbacks": [seen], "when_busy": "raise"}
    made = router(deployment("a", rpm=4), when_store_lost="local", share=0.5, **how)
    store.away = True
    with answering(a="hello") as answers:
        await colour.call(made, model="g")
        await colour.call(made, model="g")
        with pytest.raises(errors.RouterRateLimitError):
            await colour.call(made, model="g")
        assert len(answers.asked) == 2
        store.away = False
        clock.advance(10)
        await colour.call(made, model="g")
    assert [e.local for e in seen.of(StateUnreachable)] == [True]
    assert len(seen.of(StateReached)) == 1
    assert len(store.of(Leave)) == 1
    assert idle(made)


@each_colour
async def test_a_store_that_is_back_at_once_is_asked_again(
    colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one call has just seen the store go when another finds it there, it is there for all."""
    store = Store()
    made = router(deployment("a", rpm=9), store=store, when_store_lost="local")
    failed = Gate.failed

    def back_at_once(gate: Gate, error: errors.StoreUnavailableError, begun: float) -> bool:
        news = failed(gate, error, begun)
        store.away = False
        gate.left()
        made.completion("g", ASK)
        return news

    monkeypatch.setattr(Gate, "failed", back_at_once)
    store.away = True
    with answering(a="hello"):
        await colour.call(made, model="g")
        store.asked.clear()
        await colour.call(made, model="g")
    assert len(store.of(Admit)) == 1


@each_colour
async def test_what_to_do_without_a_store_can_be_changed(colour: Colour) -> None:
    """``update_settings`` holds for the next call."""
    store = Store()
    made = router(LIMITED, store=store)
    made.update_settings(when_store_lost="local")
    store.away = True
    with answering(a="hello") as answers:
        await colour.call(made, model="g")
    assert answers.asked == ["a"]


@each_colour
async def test_what_a_store_missed_is_told_when_it_is_back(colour: Colour) -> None:
    """A call that ends while the store is away has its place given back once it is there again."""
    store, clock = Store(), FrozenClock()
    made = router(deployment("a", rpm=10, max_parallel_requests=5), store=store, clock=clock)
    with answering(a="hello"):
        stream = await colour.open(made, model="g")
        store.away = True
        async for _ in stream:
            pass
        assert store.of(Leave)
        store.away = False
        clock.advance(10)
        assert MemoryStore.perform(store, Look(("a",))).health[0].running == 1
        await colour.call(made, model="g")
        await colour.call(made, model="g")
    assert MemoryStore.perform(store, Look(("a",))).health[0].running == 0


def test_tokens_are_corrected_to_what_was_used() -> None:
    """What a call took of a limit of tokens becomes what it used."""
    store = Store()
    made = router(deployment("a", tpm=10_000), store=store)
    with answering(a="hello there"):
        used = made.completion("g", ASK, max_tokens=500).usage
    looked = store.perform(Look(("a",), (("tpm", 1_000),)))
    assert used is not None
    assert looked.health[0].used == (used.total_tokens,)


def test_a_store_is_a_store() -> None:
    """What cannot perform anything is refused at once; two stores are one too many."""
    with pytest.raises(errors.ConfigurationError, match="store must be a store"):
        router(LIMITED, store="router.db")
    with pytest.raises(errors.ConfigurationError, match="give one of them"):
        router(LIMITED, store=Store(), redis_url="redis://localhost")


def test_a_redis_is_closed_with_the_router() -> None:
    """A store that was made of ``redis_url`` is opened by the first call, and closed by ``close``."""
    made = router(LIMITED, redis_url="redis://localhost:1")
    assert type(made._store).__name__ == "RedisStore"
    with answering(a="hello"), pytest.raises(errors.RouterUnavailableError):
        made.completion("g", ASK)
    made.close()


def test_deployments_show_what_a_store_says() -> None:
    """Calls of other processes are counted as this one has last heard."""
    store = Store()
    one, two = (Router([deployment("a", rpm=10)], store=store) for _ in range(2))
    with answering(a="hello there"):
        stream = one.completion("g", ASK, stream=True)
        two.completion("g", ASK)
        assert places(two) == [1]
        stream.close()


class Line:
    """Those who wait, for who only looks whether they are woken."""

    waits = True
    woken = 0

    def wake(self) -> None:
        """Somebody looks."""
        self.woken += 1


def test_deployments_show_what_another_process_has_said() -> None:
    """A cooldown that one router has put into the store is seen by the other, as long as that can ask."""
    store = Store()
    one, two = (router(deployment("a"), deployment("b"), store=store) for _ in range(2))
    one.cooldown_deployment("a", 30)
    assert [row.state for row in two.deployments()] == ["cooling", "well"]
    one.cooldown_deployment("b", 30)
    store.away = True
    assert [row.state for row in two.deployments()] == ["cooling", "well"]


def test_places_are_left_to_other_processes_now_and_then() -> None:
    """Who hands its places on within the process leaves some to others, who never found one otherwise."""
    clock, line = FrozenClock(), Line()
    shared = Shared(Store(), local=False, clock=clock.now)
    woken = []
    for _ in range(60):
        shared.hands_on(line)
        woken.append(line.woken)
        clock.advance(0.125)
    kept = [after == before for before, after in pairwise([0, *woken])]
    assert [kept.count(True), kept[:16], kept[16:19]] == [6, [False] * 16, [True, True, False]]


def test_places_are_not_left_to_others_where_nobody_waits() -> None:
    """A process whose calls find room at once keeps nobody waiting."""
    clock, line = FrozenClock(), Line()
    line.waits = False
    shared = Shared(Store(), local=False, clock=clock.now)
    for _ in range(60):
        shared.hands_on(line)
        clock.advance(0.125)
    assert line.woken == 60
    assert shared.rests < clock.now()


def test_a_newcomer_waits_for_others_processes_too() -> None:
    """While places are left to other processes, a call that has just come does not take them."""
    made = router(deployment("a", max_parallel_requests=1), store=Store(), clock=SYSTEM_CLOCK)
    assert made._shared is not None
    with answering(a="hello"):
        made.completion("g", ASK)
        made._shared.rests = until = SYSTEM_CLOCK.now() + 0.1
        made.completion("g", ASK)
    assert SYSTEM_CLOCK.now() >= until
    assert idle(made)
