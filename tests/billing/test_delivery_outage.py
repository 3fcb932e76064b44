"""An hour without Lago and many thousand calls, on a virtual clock, against the fake Lago and a real outbox."""

from __future__ import annotations

import os
import tracemalloc
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest

from llmkit._billing_events import BillingReached, BillingUnreachable
from llmkit._control.billing import aside, delivery, pace
from llmkit._control.billing.delivery import Terms
from llmkit._outbox import Count
from llmkit.testing import lago_faults

from ._lane import bill
from ._virtual import Virtual

SUBSCRIPTIONS = 7
FULL = bool(os.environ.get("LLMKIT_FULL"))


def furnished(
    store: str = "postgres", terms: Terms | None = None, *, cloud: bool = False
) -> Virtual:
    """A fake Lago with all that these subscriptions need."""
    world = Virtual(terms, store=store, cloud=cloud)
    for number in range(SUBSCRIPTIONS):
        started = world.clock.wall() - 1e6
        world.fake.furnish(f"sub_{number}", customer=f"cus_{number}", started_at=started)
    return world


def held() -> int:
    """Bytes that the modules of delivery have allocated and not given back."""
    files = [module.__file__ or "" for module in (delivery, aside, pace)]
    filters = [tracemalloc.Filter(inclusive=True, filename_pattern=name) for name in files]
    found = tracemalloc.take_snapshot().filter_traces(filters)
    return sum(one.size for one in found.statistics("filename"))


def in_order(world: Virtual) -> bool:
    """Whether each subscription's events were stored in the order of their calls."""
    found: dict[str, list[int]] = defaultdict(list)
    for event in world.fake.events:
        found[event.subscription].append(int(event.transaction_id.split(":")[0].split("-")[1]))
    return all(numbers == sorted(numbers) for numbers in found.values())


def outage(world: Virtual, calls: int) -> int:
    """So many calls within an hour in which nobody answers; how many requests left in vain."""
    world.fake.down()
    for minute in range(60):
        part = range(calls * minute // 60, calls * (minute + 1) // 60)
        for number in part:
            world.conclude(bill(number, f"sub_{number % SUBSCRIPTIONS}"))
        start = world.clock.now()
        world.run(60.0)
        world.clock.advance(max(0.0, start + 60.0 - world.clock.now()))
    return len(world.fake.requests)


@pytest.mark.parametrize(
    ("store", "calls"), [("postgres", 100_000 if FULL else 10_000), ("clickhouse", 5_000)]
)
def test_an_hour_without_lago_loses_nothing(store: str, calls: int) -> None:
    """Many calls in an hour's outage: all arrive once, in order for each subscription, no faster than allowed."""
    world = furnished(store=store)
    vain = outage(world, calls)
    assert vain <= 150
    assert world.store.perform(Count()).states == {"queued": calls}
    world.fake.up()
    outcome = world.run(3600.0)
    assert (outcome.delivered, outcome.dead, outcome.left) == (calls, 0, 0)
    assert len(world.fake.events) == calls
    assert in_order(world)
    times = [request.at for request in world.fake.requests[vain:]]
    assert min(later - sooner for sooner, later in pairwise(times)) >= 1 / 50 - 1e-6
    assert len(times) <= calls // 100 + 10
    assert [type(event) for event in world.told[:2]] == [BillingUnreachable, BillingReached]


def test_delivery_holds_nothing_of_what_waits() -> None:
    """What a sender keeps in memory does not grow with what is queued, nor with how long it goes on."""
    world = furnished()
    tracemalloc.start()
    try:
        outage(world, 500)
        few = held()
        world.fake.up()
        world.run()
        outage(world, 2_500)
        many = held()
    finally:
        tracemalloc.stop()
    assert many <= few + 20_000
    assert world.most_sent <= 1_000_000


def test_lost_acknowledgements_and_poison_after_an_outage() -> None:
    """Acknowledgements that are lost again and again while a backlog is drained bill nothing twice."""
    world = furnished()
    outage(world, 3_000)
    world.fake.up()
    world.fake.fail(lago_faults.lost_ack(), times=3, on="POST /events/batch")
    world.fake.fail(lago_faults.html(422), times=1, on="POST /events/batch")
    outcome = world.run(3600.0)
    assert (outcome.delivered, outcome.left) == (3_000, 0)
    assert sum(world.fake.charged(f"sub_{n}").events for n in range(SUBSCRIPTIONS)) == 3_000
    assert in_order(world)


def test_thousand_retries_are_one_charge_where_duplicates_are_no_error() -> None:
    """A store that answers 200 to a duplicate counts it once, as each retry has the same time and text."""
    world = furnished(store="clickhouse")
    world.conclude(bill(1, "sub_1"))
    world.fake.fail(lago_faults.lost_ack(), times=1000, on="POST /events/batch")
    assert world.run(1e6).delivered == 1
    assert len({request.body for request in world.fake.requests}) == 1
    assert len(world.fake.requests) == 1001
    assert world.fake.charged("sub_1").events == 1


def test_the_clouds_limits_are_kept_to() -> None:
    """With the cloud's own limits and headers none of the requests is refused."""
    world = furnished(cloud=True, terms=Terms(batch_size=1))
    for number in range(2_000):
        world.conclude(bill(number, f"sub_{number % SUBSCRIPTIONS}"))
    assert world.run(3600.0).delivered == 2_000
    assert {request.status for request in world.fake.requests} == {200}


def test_two_senders_share_one_outbox() -> None:
    """Of two senders one delivers; the other goes on when it has given the lane back, or its lease is over."""
    world = furnished()
    for number in range(500):
        world.conclude(bill(number, f"sub_{number % SUBSCRIPTIONS}"))
    one, other = world.another("one", Terms(batch_size=10)), world.another("other")
    flow = one.run(world.clock.now() + 60)
    effect = next(flow)
    for _ in range(8):
        effect = flow.send(world._perform(effect))
    assert world.run(60, other).delivered == 0
    wait = world.run(60, other).wait
    assert wait is not None
    # The first was killed.
    del flow, effect
    world.clock.advance(wait)
    assert world.run(60, other).left == 0
    assert len(world.fake.events) == 500


PATIENT = Terms(flush_at=100, flush_every=1.0)


def test_few_bills_wait_for_more() -> None:
    """A patient run sends full batches; fewer wait until the first is as old as the terms say."""
    world = furnished(terms=PATIENT)
    for number in range(150):
        world.conclude(bill(number, "sub_1"))
    found = world.run(10, patient=True)
    assert (found.delivered, found.left, found.wait) == (100, 50, None)
    assert found.due == pytest.approx(1.0, abs=0.1)
    assert world.run(10, patient=True).delivered == 0
    world.clock.advance(found.due or 0.0)
    assert world.run(10, patient=True) == (50, 0, 0, 0, None, None)


def test_patience_ends_where_the_clock_goes_back() -> None:
    """An hour that comes twice keeps no bill waiting for an hour."""
    world = furnished(terms=PATIENT)
    world.conclude(bill(1, "sub_1"))
    world.clock._at -= 3600
    assert world.run(10, patient=True).delivered == 1


def test_ten_thousand_calls_in_a_row_are_a_hundred_requests() -> None:
    """Bills that trickle in make a request for each hundred, and one for each ``flush_every``, not one for each few."""
    world = furnished(terms=PATIENT)
    start = world.clock.now()
    for number in range(10_000):
        world.conclude(bill(number, "sub_1"))
        world.clock.advance(0.007)
        if number % 7 == 0:
            world.run(1.0, patient=True)
    world.run(10)
    seconds = world.clock.now() - start
    assert len(world.fake.events) == 10_000
    assert len(world.fake.requests) <= 101 + seconds


def test_what_comes_while_the_last_is_sent_is_the_next_runs() -> None:
    """A run ends with the batch that was not full, though there is more by then."""
    world = furnished()
    world.conclude(bill(1, "sub_1"))
    answer = world.fake.answer

    def late(*args: Any, **kwargs: Any) -> Any:
        world.conclude(bill(len(world.fake.requests) + 2, "sub_1"))
        return answer(*args, **kwargs)

    world.fake.answer = late  # type: ignore[method-assign]
    assert world.run(10).delivered == 1
    assert world.run(10).delivered == 1
    assert len(world.fake.requests) == 2


def test_what_was_on_its_way_does_not_wait() -> None:
    """Patience is for bills that nobody tried yet: what failed once is sent as soon as it may."""
    world = furnished(terms=Terms(flush_at=100, flush_every=1000.0))
    world.conclude(bill(1, "sub_1"))
    assert world.run(10, patient=True).due == pytest.approx(1000, abs=1)
    world.fake.down()
    world.run(0)
    world.fake.up()
    assert world.run(10, patient=True).delivered == 1
