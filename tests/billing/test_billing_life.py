"""The life of a billing object: sending by itself and by hand, closing, being let go of, other threads and loops."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import trio

from llmkit._billing_events import BillingUnreachable, BillsDelivered, BillsLeft
from llmkit._http import HTTPResponse
from llmkit._outbox import Conclude, Intend
from llmkit.errors import APIConnectionError
from llmkit.stores import MemoryStore, SQLiteStore
from llmkit.testing import FakeLago, lago_faults

from ._lagos import COLOURS, SUBSCRIPTION, UNITS, billing, in_colour, posted, report, until
from ._outboxes import Failing, away

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmkit._http import HTTPRequest


@pytest.fixture
def fake() -> Iterator[FakeLago]:
    """A Lago with one subscription."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION)
        yield lago


def senders() -> list[threading.Thread]:
    """The threads that send."""
    return [thread for thread in threading.enumerate() if thread.name == "llmkit-billing"]


# --- by hand ----------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_a_flush_sends_all_that_is_there(fake: FakeLago, colour: str) -> None:
    """What waits is sent in batches, once, and the answer says so; another flush has nothing to do."""
    lago = billing(fake, background=False, batch_size=40)
    report(lago, 100)
    found = in_colour(colour, lago, "flush")
    assert (found.delivered, found.deduped, found.dead, found.left) == (100, 0, 0, 0)
    assert fake.units(SUBSCRIPTION) == 100 * UNITS
    assert posted(fake) == 3
    assert in_colour(colour, lago, "flush", timeout=1).delivered == 0
    assert posted(fake) == 3
    in_colour(colour, lago, "close")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_flush_writes_what_is_in_memory_first(fake: FakeLago, colour: str) -> None:
    """As soon as the outbox can be written; as long as it cannot, what is in memory is counted as left."""
    store = Failing()
    lago = billing(fake, background=False, outbox=store)
    store.failure = away()
    report(lago, 2)
    refuse = store.perform
    store.perform = lambda operation: (  # type: ignore[method-assign]
        refuse(operation)
        if type(operation) in (Intend, Conclude)
        else MemoryStore.perform(store, operation)
    )
    assert in_colour(colour, lago, "flush", timeout=0.2).left == 2
    store.failure = None
    found = in_colour(colour, lago, "flush", timeout=2)
    assert (found.delivered, found.left) == (2, 0)
    in_colour(colour, lago, "close")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_flush_without_a_time_does_not_wait_for_a_lago_that_is_away(
    fake: FakeLago, colour: str
) -> None:
    """It says what is left, after a try or a few and no storm; when Lago is back, the next one sends it all once."""
    lago = billing(fake, background=False)
    report(lago, 5)
    fake.down()
    begun = time.monotonic()
    found = in_colour(colour, lago, "flush")
    assert (found.delivered, found.left) == (0, 5)
    assert time.monotonic() - begun < 20
    assert posted(fake) <= 4
    fake.up()
    assert in_colour(colour, lago, "flush", timeout=20).left == 0
    assert fake.units(SUBSCRIPTION) == 5 * UNITS
    in_colour(colour, lago, "close")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_flush_keeps_to_its_time(fake: FakeLago, colour: str) -> None:
    """With a Lago that never answers, a request is cut off when the time is up, and what is left is said."""
    lago = billing(fake, background=False)
    report(lago, 3)
    fake.fail_always(lago_faults.hang())
    begun = time.monotonic()
    found = in_colour(colour, lago, "flush", timeout=0.4)
    assert found.left == 3
    assert 0.2 < time.monotonic() - begun < 8
    fake.heal()
    assert in_colour(colour, lago, "flush", timeout=20).left == 0
    assert fake.units(SUBSCRIPTION) == 3 * UNITS
    in_colour(colour, lago, "close")


def test_without_background_nothing_is_sent_by_itself(fake: FakeLago) -> None:
    """Who wants to send by hand has no thread and no request until then."""
    lago = billing(fake, background=False, flush_at=1, flush_every=0.01)
    report(lago, 3)
    time.sleep(0.1)
    assert not fake.requests
    assert lago.flush().delivered == 3
    lago.close()


# --- by itself --------------------------------------------------------------------------------


def test_it_sends_by_itself_when_there_are_enough(fake: FakeLago) -> None:
    """So many bills are sent at once, without anybody asking."""
    lago = billing(fake, flush_at=10, flush_every=3600)
    report(lago, 9)
    time.sleep(0.1)
    assert not fake.requests
    report(lago, 1, "tenth")
    until(lambda: lago.stats().delivered == 10)
    assert posted(fake) == 1
    lago.close()


def test_it_sends_by_itself_when_bills_have_an_age(fake: FakeLago) -> None:
    """A single bill is sent after a moment."""
    lago = billing(fake, flush_every=0.05)
    report(lago)
    until(lambda: lago.stats().delivered == 1)
    lago.close()


def test_what_an_outage_left_is_sent_when_it_is_over_and_nobody_storms(fake: FakeLago) -> None:
    """While Lago is away there are few requests, told once; when it is back all is sent by itself, once."""
    told: list[Any] = []
    lago = billing(fake, flush_every=0.02, flush_at=1, callbacks=[told.append])
    fake.fail_always(lago_faults.status(503))
    report(lago, 20)
    until(lambda: posted(fake) >= 1)
    time.sleep(1)
    assert posted(fake) <= 8
    fake.heal()
    until(lambda: lago.stats().delivered == 20, 30)
    assert fake.units(SUBSCRIPTION) == 20 * UNITS
    assert sum(isinstance(event, BillingUnreachable) for event in told) <= 1
    assert sum(event.count for event in told if isinstance(event, BillsDelivered)) == 20
    lago.close()


def test_eight_threads_bill_at_once(fake: FakeLago) -> None:
    """Bills of many threads all arrive, each once, from one sender."""
    lago = billing(fake, flush_every=0.02)
    many = [
        threading.Thread(target=report, args=(lago, 25, f"thread{number}")) for number in range(8)
    ]
    for one in many:
        one.start()
    for one in many:
        one.join()
    until(lambda: lago.stats().delivered == 200)
    assert fake.units(SUBSCRIPTION) == 200 * UNITS
    assert len(fake.events) == 200
    assert len(senders()) == 1
    lago.close()


def test_it_works_inside_a_running_loop(fake: FakeLago) -> None:
    """Sync methods work where a loop runs (a notebook), and async ones beside them."""
    lago = billing(fake, flush_every=0.02)

    async def notebook() -> None:
        report(lago, 2)
        await lago.areport_usage("0.0042", subscription=SUBSCRIPTION, id="awaited")
        assert lago.flush(5).left == 0
        assert (await lago.aflush(5)).left == 0
        assert (await lago.astats()).delivered == 3
        assert (await lago.ahealth()).colour == "yellow"
        assert await lago.aclose() == 0

    asyncio.run(notebook())
    assert fake.units(SUBSCRIPTION) == 3 * UNITS


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
def test_an_async_flush_holds_up_no_loop(fake: FakeLago, colour: str) -> None:
    """While Lago takes its time, the loop goes on with other work."""
    lago = billing(fake, background=False)
    report(lago)
    fake.fail(lago_faults.slow(0.4))
    ticks = 0

    async def tick(sleep: Any) -> None:
        nonlocal ticks
        while ticks < 1000:
            ticks += 1
            await sleep(0.01)

    async def with_asyncio() -> None:
        other = asyncio.create_task(tick(asyncio.sleep))
        await lago.aflush(5)
        other.cancel()
        await lago.aclose()

    async def with_trio() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick, trio.sleep)
            await lago.aflush(5)
            nursery.cancel_scope.cancel()
        await lago.aclose()

    asyncio.run(with_asyncio()) if colour == "asyncio" else trio.run(with_trio)
    assert ticks >= 10
    assert fake.units(SUBSCRIPTION) == UNITS


def test_a_flush_and_the_thread_send_one_after_the_other(fake: FakeLago) -> None:
    """Whoever flushes while the thread sends waits for it: there is one request at a time, each bill once."""
    lago = billing(fake, flush_at=1, flush_every=0.01, batch_size=5)
    fake.fail(lago_faults.slow(0.1), times=3)
    report(lago, 10)
    flushers = [threading.Thread(target=lago.flush, args=(10,)) for _ in range(4)]
    for one in flushers:
        one.start()
    report(lago, 20, "more")
    for one in flushers:
        one.join()
    assert lago.flush(10).left == 0
    assert len(fake.events) == 30
    assert sum(len(request.events) for request in fake.requests) == 30
    lago.close()


# --- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_closing_sends_what_is_left_and_ends_the_thread(fake: FakeLago, colour: str) -> None:
    """Nothing is left behind a close, no thread and no connection; a later bill begins them anew."""
    lago = billing(fake, flush_every=3600)
    report(lago, 7)
    assert len(senders()) == 1
    assert in_colour(colour, lago, "close") == 0
    until(lambda: not senders())
    assert fake.units(SUBSCRIPTION) == 7 * UNITS
    until(lambda: fake.connections == 0)
    report(lago, 1, "later")
    assert len(senders()) == 1
    assert lago.close() == 0
    assert fake.units(SUBSCRIPTION) == 8 * UNITS


@pytest.mark.parametrize("colour", COLOURS)
def test_closing_says_what_is_left(fake: FakeLago, colour: str, tmp_path: Path) -> None:
    """With a Lago that is away a close takes its time and no more, and says how many bills are left, and where."""
    told: list[Any] = []
    lago = billing(fake, outbox=tmp_path / "billing.db", callbacks=[told.append])
    report(lago, 4)
    fake.down()
    begun = time.monotonic()
    assert in_colour(colour, lago, "close", timeout=0.3) == 4
    assert time.monotonic() - begun < 8
    assert BillsLeft(4, durable=True) in told
    fake.up()
    assert billing(fake, outbox=tmp_path / "billing.db").flush(20).delivered == 4
    assert fake.units(SUBSCRIPTION) == 4 * UNITS


def test_with_statements_close(fake: FakeLago) -> None:
    """Leaving a ``with`` block of either colour closes."""
    with billing(fake, flush_every=3600) as lago:
        report(lago)
    assert fake.units(SUBSCRIPTION) == UNITS

    async def block() -> None:
        async with billing(fake, flush_every=3600) as other:
            await other.areport_usage("0.0042", subscription=SUBSCRIPTION)

    asyncio.run(block())
    assert fake.units(SUBSCRIPTION) == 2 * UNITS
    until(lambda: not senders())


def test_who_lets_go_of_it_loses_no_bill_and_leaves_no_thread(fake: FakeLago) -> None:
    """An object that nobody holds any more is collected; its thread sends what is left, and ends."""
    lago = billing(fake, flush_every=3600)
    report(lago, 3)
    gone = weakref.ref(lago)
    del lago
    gc.collect()
    assert gone() is None
    until(lambda: not senders())
    assert fake.units(SUBSCRIPTION) == 3 * UNITS


def test_a_desk_that_is_held_keeps_its_thread(fake: FakeLago) -> None:
    """A client holds the desk: what it writes is sent, whether anybody holds the billing object or not."""
    lago = billing(fake, flush_every=0.05)
    report(lago)
    until(lambda: fake.units(SUBSCRIPTION) == UNITS)
    desk = lago.desk
    del lago
    gc.collect()
    assert len(senders()) == 1
    del desk
    gc.collect()
    until(lambda: not senders())


def test_it_is_not_copied_into_other_processes() -> None:
    """Pickling says what to do instead."""
    import pickle

    lago = billing(FakeLago())
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(lago)


# --- other objects ----------------------------------------------------------------------------


def test_two_objects_on_one_file_send_each_bill_once(fake: FakeLago, tmp_path: Path) -> None:
    """Whoever has the lane sends, for both; the other finds nothing left to do."""
    path = tmp_path / "billing.db"
    one = billing(fake, outbox=path, flush_every=0.02, flush_at=5)
    two = billing(fake, outbox=path, flush_every=0.02, flush_at=5)
    many = [
        threading.Thread(target=report, args=(lago, 40, name))
        for lago, name in ((one, "one"), (two, "two"))
    ]
    for thread in many:
        thread.start()
    for thread in many:
        thread.join()
    until(lambda: one.stats().delivered == 80, 30)
    assert len(fake.events) == 80
    assert sum(len(request.events) for request in fake.requests) == 80
    assert one.close() == two.close() == 0


def test_one_file_is_sent_by_whoever_is_left(fake: FakeLago, tmp_path: Path) -> None:
    """An object that is closed gives its lane back at once: the other need not wait for its lease."""
    path = tmp_path / "billing.db"
    one = billing(fake, outbox=path, background=False)
    two = billing(fake, outbox=path, background=False)
    report(one, 2)
    fake.down()
    assert one.flush().left == 2
    fake.up()
    assert one.close(0) in {0, 2}
    begun = time.monotonic()
    two.flush(10)
    assert time.monotonic() - begun < 15
    assert fake.units(SUBSCRIPTION) == 2 * UNITS
    two.close()


def test_an_answer_in_place_of_the_network_serves_every_colour() -> None:
    """With ``send=`` nothing touches a socket, whatever colour; what it raises is an outage."""
    lagos = FakeLago()
    lagos.furnish(SUBSCRIPTION)
    away = [True]

    def send(request: HTTPRequest) -> HTTPResponse:
        if away[0]:
            raise APIConnectionError("nobody is there", sent="no")
        return lagos.answer(request)

    lago = billing(lagos, background=False, send=send)
    report(lago, 3)
    assert lago.flush().left == 3
    away[0] = False
    for colour in COLOURS:
        report(lago, 3, colour)
        assert in_colour(colour, lago, "flush", timeout=20).left == 0
    assert lagos.units(SUBSCRIPTION) == 12 * UNITS
    assert lagos.opened == 0


def test_a_store_that_was_given_stays_its_owners(fake: FakeLago, tmp_path: Path) -> None:
    """It may hold budgets, too: neither a close, nor letting go, closes it, and damage does not move its file."""
    path = tmp_path / "mine.db"
    closed: list[str] = []

    class Mine(SQLiteStore):
        def close(self) -> None:
            closed.append("closed")
            super().close()

    store = Mine(path)
    lago = billing(fake, outbox=store, flush_every=3600)
    report(lago)
    assert lago.close() == 0
    report(lago, name="later")
    del lago
    gc.collect()
    until(lambda: not senders())
    assert fake.units(SUBSCRIPTION) == 2 * UNITS
    assert closed == []
    store.close()
    path.write_bytes(b"no database at all" * 500)
    lago = billing(fake, outbox=store, background=False)
    report(lago, name="last")
    assert [found.name for found in tmp_path.glob("mine.db.damaged*")] == []
    assert lago.desk.outbox.spilled == 1
