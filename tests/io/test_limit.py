"""``max_parallel``: never more calls at once, across threads and tasks, and no place is ever lost."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio

import llmkit
from llmkit import Timeouts, errors
from llmkit._io._limit import ParallelLimit

from ._colour import KEY, MESSAGES, MODEL, each_colour
from ._server import HOLD, completion, failure, piece, streamed

if TYPE_CHECKING:
    from ._colour import Colour
    from ._server import Server

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}


def at_once(server: Server) -> int:
    """The most requests that were open at the same time, by when they came (each takes 50 ms)."""
    times = sorted(r.at for r in server.requests)
    return max(sum(1 for t in times if begun <= t < begun + 0.045) for begun in times)


def all_free(client: Any) -> bool:
    """Whether every place is free and nobody waits."""
    limit = client._limit
    return bool(limit._free == limit.capacity and not limit._waiters)


def test_threads_share_the_places(server: Server) -> None:
    """Twelve threads, three places: three at once, and all are served."""
    server.always(0.05, *completion())
    with (
        llmkit.Client(api_key=KEY, base_url=server.url, max_parallel=3) as client,
        ThreadPoolExecutor(12) as threads,
    ):
        answers = list(threads.map(lambda _: client.completion(**ASK), range(24)))
        assert len(answers) == 24
        assert all_free(client)
    assert at_once(server) <= 3


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_tasks_share_the_places(server: Server, loop: str) -> None:
    """Twenty tasks, three places."""
    server.always(0.05, *completion())
    client = llmkit.Client(api_key=KEY, base_url=server.url, max_parallel=3)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(lambda: client.acompletion(**ASK))

    anyio.run(main, backend=loop)
    assert len(client.ledger.settlements) == 20
    assert all_free(client)
    assert at_once(server) <= 3


def test_threads_and_both_loops_share_the_places(server: Server) -> None:
    """One limit holds for a thread, an asyncio loop and a trio run at once."""
    server.always(0.05, *completion())
    client = llmkit.Client(api_key=KEY, base_url=server.url, max_parallel=2)

    async def many() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(lambda: client.acompletion(**ASK))

    works = [
        lambda: [client.completion(**ASK) for _ in range(6)],
        lambda: anyio.run(many, backend="asyncio"),
        lambda: anyio.run(many, backend="trio"),
    ]
    with ThreadPoolExecutor(3) as threads:
        for future in [threads.submit(work) for work in works]:
            future.result(20)
    assert len(server.requests) == 18
    assert at_once(server) <= 2
    assert all_free(client)
    client.close()


@each_colour
async def test_waiting_is_within_the_total(colour: Colour, server: Server) -> None:
    """A call that gets no place in time has sent nothing, and says which limit it waited for."""
    server.script(streamed(piece("x"), HOLD, end=False))
    with llmkit.Client(api_key=KEY, base_url=server.url, max_parallel=1) as client:
        stream = await colour.open(client)
        begun = time.monotonic()
        with pytest.raises(errors.APITimeoutError, match="max_parallel=1") as caught:
            await colour.call(client, timeout=Timeouts(total=0.3))
        assert 0.2 < time.monotonic() - begun < 1.5
        assert caught.value.sent == "no"
        await stream.aclose()
        await colour.call(client)
        assert all_free(client)
        await colour.close(client)


@each_colour
async def test_every_end_gives_the_place_back(colour: Colour, server: Server) -> None:
    """Completed, failed, closed, broken, dropped: the place is free again each time."""
    with llmkit.Client(api_key=KEY, base_url=server.url, max_parallel=1) as client:
        await colour.call(client)
        server.script(failure(500))
        with contextlib.suppress(errors.APIError):
            await colour.call(client)
        assert all_free(client)
        server.script(streamed(piece("x"), "reset", end=False))
        with contextlib.suppress(errors.APIError):
            await colour.read(client)
        assert all_free(client)
        server.script(streamed(piece("x"), HOLD, end=False))
        await (await colour.open(client)).aclose()
        assert all_free(client)
        server.script(streamed(piece("x"), HOLD, end=False))
        stream = await colour.open(client)
        del stream
        gc.collect()
        assert all_free(client)
        await colour.close(client)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_cancelled_while_waiting_for_a_place(server: Server, loop: str) -> None:
    """Waiting calls that are cancelled settle as such and take no place with them."""
    server.script(streamed(piece("x"), HOLD, end=False))
    client = llmkit.Client(api_key=KEY, base_url=server.url, max_parallel=1)

    async def main() -> None:
        stream = await client.acompletion(**ASK, stream=True)
        with anyio.move_on_after(0.1):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(lambda: client.acompletion(**ASK))
        assert [s.outcome for s in client.ledger.settlements] == ["cancelled"] * 3
        assert {s.sent for s in client.ledger.settlements} == {"no"}
        await stream.aclose()
        await client.acompletion(**ASK)
        await client.aclose()

    anyio.run(main, backend=loop)
    assert all_free(client)


@pytest.mark.parametrize("waiting", [1, 2])
def test_cancelled_in_the_moment_of_the_grant(waiting: int) -> None:
    """A task that is cancelled when its place was granted, but before it knows, passes it on."""

    async def main() -> None:
        limit = ParallelLimit(1)
        give_back = await limit.aacquire(time.monotonic() + 5)
        tasks = [asyncio.create_task(limit.aacquire(time.monotonic() + 5)) for _ in range(waiting)]
        await asyncio.sleep(0.01)
        give_back()
        tasks[0].cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                (await task)()
        assert limit._free == 1

    asyncio.run(main())


def test_cancelled_in_the_moment_of_the_grant_on_trio() -> None:
    """The same on trio."""

    async def main() -> None:
        limit = ParallelLimit(1)
        give_back = await limit.aacquire(time.monotonic() + 5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(limit.aacquire, time.monotonic() + 5)
            await trio.sleep(0.01)
            give_back()
            nursery.cancel_scope.cancel()
        assert limit._free == 1

    trio.run(main)


def test_a_place_is_given_back_once() -> None:
    """Giving a place back twice does not make two of it."""
    limit = ParallelLimit(1)
    give_back = limit.acquire(time.monotonic() + 1)
    give_back()
    give_back()
    assert limit._free == 1


def test_first_come_first_served() -> None:
    """Threads get places in the order in which they asked."""
    limit = ParallelLimit(1)
    give_back = limit.acquire(time.monotonic() + 1)
    order: list[int] = []

    def work(number: int) -> None:
        place = limit.acquire(time.monotonic() + 5)
        order.append(number)
        place()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        while len(limit._waiters) <= number:
            time.sleep(0.001)
    give_back()
    for thread in threads:
        thread.join(5)
    assert order == [0, 1, 2, 3, 4]


def test_a_loop_that_ended_while_waiting_takes_no_place() -> None:
    """A place granted to a loop that was closed goes to the next who waits."""
    limit = ParallelLimit(1)
    give_back = limit.acquire(time.monotonic() + 1)
    loop = asyncio.new_event_loop()
    waiting = limit.aacquire(time.monotonic() + 5)
    task = loop.create_task(waiting)
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    give_back()
    assert limit._free == 1
    with contextlib.suppress(RuntimeError):
        waiting.close()
    del task


def test_a_limit_must_be_at_least_one() -> None:
    """No places at all would be a call that never starts."""
    with pytest.raises(ValueError, match="at least 1"):
        llmkit.Client(max_parallel=0)
