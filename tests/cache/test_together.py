"""Calls for the same at the same time: one asks, the others wait for it, and nobody waits for what does not come."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
import trio

import llmkit
from llmkit import errors
from llmkit._entries import Claim, Claimed
from llmkit._io._flights import Flights
from llmkit.cache import Cache
from llmkit.testing import Simulator

MODEL = "openai/gpt-4o-mini"
ASK = [{"role": "user", "content": "hi"}]
SLOW = 0.15


class Slow:
    """A simulated model that thinks for a while, and fails as often as it is told."""

    def __init__(self) -> None:
        self.simulator = Simulator(say=self._say)
        self.seconds = SLOW

    def _say(self, asked: Any) -> Any:
        from llmkit.testing._answer import answer

        time.sleep(self.seconds)
        return answer(asked)

    @property
    def count(self) -> int:
        """How many requests there were."""
        return len(self.simulator.requests)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """It is what ``openai`` is."""
    made = Slow()
    with made.simulator as simulator:
        monkeypatch.setenv("OPENAI_BASE_URL", simulator.base_url)
        yield made


def in_threads(many: int, call: Callable[[int], Any]) -> list[Any]:
    """What each of several threads gets, or the exception."""
    found: list[Any] = [None] * many

    def work(number: int) -> None:
        try:
            found[number] = call(number)
        except Exception as error:  # noqa: BLE001 - it is what is looked at
            found[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return found


def test_threads_ask_once(store: Any, slow: Slow) -> None:
    """And all have the answer; those that waited have it from the cache."""
    client = llmkit.Client(cache=Cache(store))
    answers = in_threads(6, lambda _: client.completion(MODEL, ASK))
    assert len({answer.text for answer in answers}) == 1
    assert slow.count == 1
    assert [answer.call.cache_hit for answer in answers].count(False) == 1
    assert client.cache.stats["waited"] + client.cache.stats["hits"] >= 5


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_ask_once(store: Any, slow: Slow, backend: str) -> None:
    """On either loop."""
    client = llmkit.Client(cache=Cache(store))
    answers: list[Any] = []

    async def one() -> None:
        answers.append(await client.acompletion(MODEL, ASK))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(one)
        await client.cache.aclose() if backend == "asyncio" else None
        await client.aclose()

    anyio.run(main, backend=backend)
    assert len(answers) == 6
    assert slow.count == 1


def test_threads_and_loops_wait_together(slow: Slow) -> None:
    """Whatever they are."""
    client = llmkit.Client(cache=True)

    def call(number: int) -> Any:
        if number == 0:
            return asyncio.run(client.acompletion(MODEL, ASK))
        if number == 1:
            return trio.run(lambda: client.acompletion(MODEL, ASK))
        return client.completion(MODEL, ASK)

    assert len({answer.text for answer in in_threads(4, call)}) == 1
    assert slow.count == 1


def test_who_fails_hands_over(slow: Slow) -> None:
    """To one; the others wait for that one."""
    from llmkit.testing import faults

    slow.simulator.fail(faults.Status(500))
    client = llmkit.Client(cache=True, num_retries=0)
    found = in_threads(5, lambda _: client.completion(MODEL, ASK))
    assert [type(one).__name__ for one in found].count("InternalServerError") == 1
    assert slow.count == 2


def test_where_that_is_no_use_everybody_asks(slow: Slow) -> None:
    """A provider that is down is not asked by one after the other."""
    from llmkit.testing import faults

    slow.simulator.fail_always(faults.Status(500))
    client = llmkit.Client(cache=True, num_retries=0)
    found = in_threads(5, lambda _: client.completion(MODEL, ASK))
    assert all(isinstance(one, errors.InternalServerError) for one in found)
    assert slow.count == 5


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_who_is_cancelled_hands_over(slow: Slow, backend: str) -> None:
    """Leaders and waiters alike: whoever is left has its answer."""
    client = llmkit.Client(cache=True)
    answers: list[Any] = []

    async def one() -> None:
        answers.append(await client.acompletion(MODEL, ASK))

    async def main() -> None:
        async with anyio.create_task_group() as others, anyio.create_task_group() as tasks:
            tasks.start_soon(one)
            await anyio.sleep(SLOW / 3)
            for _ in range(2):
                others.start_soon(one)
            tasks.start_soon(one)
            await anyio.sleep(SLOW / 3)
            tasks.cancel_scope.cancel()
        await client.aclose()

    anyio.run(main, backend=backend)
    assert len(answers) == 2
    assert slow.count == 2
    assert not client.cache.flights.open


def test_who_waits_has_its_own_timeout(slow: Slow) -> None:
    """However long the leader's is."""
    slow.seconds = 0.6
    client = llmkit.Client(cache=True)
    leader = threading.Thread(target=lambda: client.completion(MODEL, ASK))
    leader.start()
    while not client.cache.flights.open:
        time.sleep(0.005)
    began = time.monotonic()
    with pytest.raises(errors.APITimeoutError, match="used up"):
        client.completion(MODEL, ASK, timeout=0.1)
    assert time.monotonic() - began < 0.5
    leader.join()
    assert slow.count == 1
    assert client.completion(MODEL, ASK).call.cache_hit


def test_what_cannot_be_kept_is_not_waited_for_in_a_row(slow: Slow) -> None:
    """They all ask at once when the first answer turns out to be none to keep."""
    client = llmkit.Client(cache=Cache(max_entry_bytes=10))
    began = time.monotonic()
    answers = in_threads(5, lambda _: client.completion(MODEL, ASK))
    assert {answer.call.cache_hit for answer in answers} == {False}
    assert time.monotonic() - began < SLOW * 4.5


def test_who_does_not_look_or_keep_neither_leads_nor_waits(slow: Slow) -> None:
    """They want an answer of their own, or leave none."""
    client = llmkit.Client(cache=True)
    controls: list[Any] = [{"no-cache": True}, {"no-store": True}]
    in_threads(4, lambda number: client.completion(MODEL, ASK, cache=controls[number % 2]))
    assert slow.count >= 3
    assert client.cache.stats["waited"] == 0


def test_streams_wait_for_nobody(slow: Slow) -> None:
    """Two in one thread, read one after the other, do not wait for each other."""
    slow.seconds = 0.0
    client = llmkit.Client(cache=True)
    one, two = (client.completion(MODEL, ASK, stream=True) for _ in range(2))
    assert two.until_done().text == one.until_done().text
    assert client.completion(MODEL, ASK, stream=True).call.cache_hit


def test_routers_ask_once(slow: Slow) -> None:
    """Whichever deployment each call would have gone to."""
    entries = [
        {"model_name": "g", "litellm_params": {"model": MODEL, "api_key": f"sk-{name}-0123456789"}}
        for name in ("one", "two", "three")
    ]
    router = llmkit.Router(entries, cache=True)
    answers = in_threads(6, lambda _: router.completion("g", ASK))
    assert len({answer.text for answer in answers}) == 1
    assert slow.count == 1


def test_another_process_is_waited_for(store: Any, slow: Slow) -> None:
    """As long as its lease holds; here it has died."""
    slow.seconds = 0.0
    cache = Cache(store, lease=0.4)
    client = llmkit.Client(cache=cache)
    perform, claims = store.perform, []

    def watched(operation: Any) -> Any:
        if isinstance(operation, Claim):
            claims.append(operation)
            if len(claims) == 1:
                # Somebody else's, just before ours.
                assert perform(operation._replace(who="dead")) == Claimed()
        return perform(operation)

    store.perform = watched
    began = time.monotonic()
    assert client.completion(MODEL, ASK).text
    assert time.monotonic() - began >= 0.35
    assert len(claims) > 2
    claims.clear()
    with pytest.raises(errors.APITimeoutError, match="waiting for who asks the same"):
        client.completion(MODEL, [{"role": "user", "content": "ho"}], timeout=0.1)
    del store.perform


def test_a_dropped_leader_leaves() -> None:
    """And one whose waiters' loops have ended."""
    flights = Flights()
    leader, other = flights.seat("a"), flights.seat("a")
    assert leader.acquire(0.0)

    async def gives_up() -> None:
        with anyio.move_on_after(0.01):
            await flights.seat("a").aacquire(time.monotonic() + 60)

    asyncio.run(gives_up())
    with pytest.raises(errors.APITimeoutError):
        other.acquire(time.monotonic() + 0.01)
    leader.leave(hands_over=True)
    leader.leave(hands_over=True)
    assert not flights.open
