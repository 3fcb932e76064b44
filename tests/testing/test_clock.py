"""The frozen clock: waits that take no time, in each colour."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import trio

import llmkit
from llmkit import RetryPolicy, errors
from llmkit._io._clock import SYSTEM_CLOCK
from llmkit.events import AttemptStarted, RetryScheduled
from llmkit.testing import FrozenClock

from ._io import colours, servers

each_colour = colours.each_colour
completion, failure, hello = servers.completion, servers.failure, servers.hello

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def client(server: Any, clock: Any, **more: Any) -> llmkit.Client:
    """A client whose jitter is always the longest."""
    policy = RetryPolicy(first_wait=60.0, longest_wait=600.0, draw=lambda: 1.0)
    return llmkit.Client(
        api_key=colours.KEY, base_url=server.url, clock=clock, retry=policy, **more
    )


def test_it_stands_still() -> None:
    """Only ``advance`` and ``sleep`` move it, and never back."""
    clock = FrozenClock(at=1000.0)
    assert (clock.now(), clock.wall()) == (clock.now(), 1000.0)
    clock.advance(2.5)
    clock.sleep(1.5)
    assert (clock.now(), clock.wall(), clock.slept) == (4.0, 1004.0, [1.5])
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="forward only"):
            clock.advance(wrong)
    assert clock.now() == 4.0


def test_threads_may_share_it() -> None:
    """No thread's time is lost."""
    clock = FrozenClock()
    threads = [
        threading.Thread(target=lambda: [clock.sleep(1) for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == len(clock.slept) == 2000


@each_form
@each_colour
async def test_backoff_takes_no_time(colour: Any, server: Any, *, stream: bool) -> None:
    """Minutes of waiting are listed, told to the call, and over at once."""
    clock = FrozenClock()
    made = client(server, clock)
    server.script(failure(500), failure(503), hello() if stream else completion())
    began = time.monotonic()
    response = await colour.ask(made, stream=stream, num_retries=2)
    assert time.monotonic() - began < 5
    assert clock.slept == [60.0, 120.0]
    assert [a.waited for a in response.call.attempts] == [0.0, 60.0, 120.0]
    assert [a.started for a in response.call.attempts] == [clock.wall() - n for n in (180, 120, 0)]
    assert response.call.seconds == 180.0
    await colour.close(made)


@each_colour
async def test_a_total_limit_counts_what_was_slept(colour: Any, server: Any) -> None:
    """A wait that the frozen time does not leave is not begun, and the failure is final."""
    clock = FrozenClock()
    made = client(server, clock, timeout=llmkit.Timeouts(total=100.0))
    server.always(*failure(500))
    with pytest.raises(errors.InternalServerError) as caught:
        await colour.call(made, num_retries=5)
    assert clock.slept == [60.0]
    assert len(caught.value.attempts) == 2
    await colour.close(made)


@each_colour
async def test_a_date_in_retry_after_is_read_by_it(colour: Any, server: Any) -> None:
    """The provider's date is compared with the frozen Unix time."""
    clock = FrozenClock(at=1_735_689_600.0)
    made = client(server, clock)
    date = "Wed, 01 Jan 2025 00:00:30 GMT"
    server.script(failure(429, retry_after=date), completion())
    await colour.call(made, num_retries=1)
    assert clock.slept == [30.0 + 0.1 * 60.0]
    await colour.close(made)


@each_colour
async def test_the_network_keeps_real_time(colour: Any, server: Any) -> None:
    """Whatever the frozen clock shows, a silent server times out after real seconds."""
    clock = FrozenClock()
    clock.advance(1e6)
    made = client(server, clock, timeout=0.2)
    server.always(servers.HOLD)
    began = time.monotonic()
    with pytest.raises(errors.APITimeoutError, match="timed out"):
        await colour.call(made)
    assert 0.15 < time.monotonic() - began < 3
    assert clock.slept == []
    await colour.close(made)


@each_colour
async def test_a_place_is_awaited_in_real_time(colour: Any, server: Any) -> None:
    """With ``max_parallel``, too, the frozen clock's own scale is no deadline."""
    made = client(server, FrozenClock(), max_parallel=1)
    answer = await colour.call(made)
    assert answer.text == "Hello there"
    limit = made._limit
    assert limit is not None
    give_back = limit.acquire(time.monotonic() + 1)
    with pytest.raises(errors.APITimeoutError, match="max_parallel"):
        await colour.call(made, timeout=0.1)
    timer = threading.Timer(0.1, give_back)
    timer.start()
    assert (await colour.call(made, timeout=30.0)).text == "Hello there"
    timer.join()
    await colour.close(made)


def test_a_sleep_can_be_cancelled(server: Any) -> None:
    """A wait that takes no time is still a place at which a task can be cancelled."""
    server.always(*failure(500))
    scope = trio.CancelScope()

    begun: list[Any] = []

    def stop(event: Any) -> None:
        if isinstance(event, RetryScheduled):
            scope.cancel()
        begun.extend([event] if isinstance(event, AttemptStarted) else [])

    async def main() -> None:
        made = client(server, FrozenClock(), callbacks=[stop])
        with scope:
            await colours.Colour("trio").call(made, num_retries=50)
        await made.aclose()

    trio.run(main)
    assert scope.cancelled_caught
    assert len(server.requests) == len(begun) == 1


def test_the_machines_clock_can_be_woken() -> None:
    """A leg of a race that sleeps is woken when the race is over."""
    wake = threading.Event()
    threading.Timer(0.02, wake.set).start()
    began = time.monotonic()
    SYSTEM_CLOCK.sleep(30.0, wake)
    assert time.monotonic() - began < 5
