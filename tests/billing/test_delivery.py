"""Bills reach Lago: in order, byte for byte, once; what happens on the way."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._billing_events import (
    BillConflict,
    BillDead,
    BillDoubtful,
    BillingReached,
    BillingUnreachable,
    BillsDelivered,
)
from llmkit._control.billing.delivery import Round, Terms
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._outbox import ReleaseLane, Take, Taken
from llmkit.errors import APIConnectionError, StoreUnavailableError

from ._lane import Answer, MiniLago, World, bill, bills, cancelled, invalid, said


def lost(lago: MiniLago, request: HTTPRequest) -> HTTPResponse:
    """Lago commits, and its answer never arrives."""
    lago.take(request)
    raise APIConnectionError("no answer", sent="maybe")


def html(_: MiniLago, __: HTTPRequest) -> HTTPResponse:
    """A proxy's page."""
    return said(422, "<html>unprocessable</html>")


def refuses(*ids: str) -> Answer:
    """A Lago that refuses whatever holds one of these, and does not say why."""

    def answer(lago: MiniLago, request: HTTPRequest) -> HTTPResponse:
        there = {event["transaction_id"] for event in json.loads(request.body)["events"]}
        return said(422, "<html>no</html>") if there & set(ids) else lago.take(request)

    return answer


def states(world: World, state: str) -> list[str]:
    """Whose bills ended so."""
    return [id_ for id_, (found, _) in world.marked.items() if found == state]


def test_bills_arrive_in_batches_in_order() -> None:
    """Batches have at most the configured number of events, in the order in which they were concluded."""
    world = World().add(*bills(250))
    assert world.run() == Round(250, 0, 0, 0, None)
    assert world.sizes() == [100, 100, 50]
    assert world.lago.order == [one.id for one in bills(250)]
    assert world.lane == ("", 0.0)
    assert [event.count for event in world.events(BillsDelivered)] == [100, 100, 50]


def test_the_texts_are_sent_as_they_are() -> None:
    """A batch is the stored texts between brackets, whatever spaces they have."""
    one, other = bill(1, extra=" "), bill(2, extra="\n")
    world = World().add(one, other)
    world.run()
    request = world.requests[0][1]
    assert request.body == f'{{"events":[{one.body},{other.body}]}}'.encode()
    assert (request.method, request.url) == ("POST", "https://lago.test/api/v1/events/batch")


def test_a_request_has_no_more_bytes_than_configured() -> None:
    """A batch ends before the bill that would make it too long; a bill longer than that leaves alone."""
    long = bill(1, extra=" " * 3000)
    world = World(Terms(max_bytes=1000)).add(bill(0), long, *bills(10, start=2))
    world.run()
    assert world.sizes()[:2] == [1, 1]
    bodies = [request.body for _, request in world.requests]
    assert all(len(body) <= 1000 for body in bodies if long.body.encode() not in body)
    assert sum(world.sizes()) == 12


def test_a_lost_acknowledgement_ends_as_delivered() -> None:
    """What was committed but not acknowledged is sent again byte for byte, found there, and is no failure."""
    world = World(script=[lost]).add(*bills(3), bill(3))
    outcome = world.run()
    assert outcome == Round(4, 4, 0, 0, None)
    assert world.requests[0][1].body == world.requests[1][1].body
    assert world.marked["call-0:askii_coins"] == ("delivered", "deduped")
    assert [type(event) for event in world.told] == [BillsDelivered]
    assert world.told[0] == BillsDelivered(4, 4)


def test_the_rest_of_a_refused_batch_is_sent_at_once() -> None:
    """Of a batch with events that are invalid and some that are there already, the rest takes two requests more."""
    world = World().add(*bills(100))
    world.lago.poison = {bill(3).id, bill(7).id}
    first = World().add(*bills(2))
    first.lago = world.lago
    first.run()
    outcome = world.run()
    assert outcome == Round(98, 2, 2, 0, None)
    assert world.sizes() == [100, 98, 96]
    assert world.marked[bill(3).id] == ("dead", "timestamp: invalid_format")
    assert {event.id for event in world.events(BillDead)} == {bill(3).id, bill(7).id}
    assert max(world.sleeps) <= 1 / 50


def test_one_poison_among_many_does_not_keep_them_back() -> None:
    """3,000 bills with one that is refused arrive no second later than without it, whether it is said why or not."""
    clean, named, dumb = World(), World(), World(always=refuses(bill(1500).id))
    for world in (clean, named, dumb):
        world.add(*bills(3_000))
    named.lago.poison = {bill(1500).id}
    took = []
    for world in (clean, named, dumb):
        start = world.now
        world.run()
        took.append(world.now - start)
    assert took[1] - took[0] < 1
    assert took[2] - took[0] < 1
    assert len(named.lago.stored) == len(dumb.lago.stored) == 2999
    assert states(named, "dead") == [bill(1500).id]
    assert list(dumb.queue) == [bill(1500).id]


@pytest.mark.parametrize("at", [0, 1, 49, 50, 98, 99])
def test_who_is_refused_without_a_reason_is_found_by_halves_and_kept(at: int) -> None:
    """Seven further requests find it; it is told once, stays queued, and is tried again alone when it is due."""
    world = World(always=refuses(bill(at).id)).add(*bills(100))
    outcome = world.run(0.9)
    assert (outcome.delivered, outcome.left) == (99, 1)
    assert outcome.wait is None
    assert outcome.due == pytest.approx(60, abs=1)
    assert len(world.requests) <= 15
    assert [event.id for event in world.events(BillDoubtful)] == [bill(at).id]
    assert "422" in world.events(BillDoubtful)[0].reason
    assert not world.events(BillingUnreachable)
    assert world.delivery.aside.reasons.keys() == {bill(at).id}
    world.always = None
    world.add(*bills(5, start=200))
    world.now += outcome.due or 0.0
    assert world.run().delivered == 6
    assert sorted(world.sizes()[-2:]) == [1, 5]
    assert not world.delivery.aside.reasons


def test_two_neighbours_that_are_refused_without_a_reason() -> None:
    """Two bills at fault, side by side, are both set aside, told, and keep no others back for long."""
    culprits = (bill(10).id, bill(11).id)
    world = World(always=refuses(*culprits)).add(*bills(300))
    world.run(20)
    assert len(world.lago.stored) == 298
    assert {event.id for event in world.events(BillDoubtful)} == set(culprits)
    assert tuple(world.queue) == culprits


def test_who_refuses_everything_without_a_reason_is_an_outage() -> None:
    """A wall in between that answers 422 to all: nothing is dropped, and one request leaves in each slot."""
    world = World(always=html).add(*bills(500))
    outcome = world.run(3600)
    assert outcome.left == 500
    assert not world.marked
    assert len(world.requests) < 8 + 80
    assert len(world.events(BillingUnreachable)) == 1
    assert len(world.events(BillDoubtful)) <= 1
    world.always = None
    assert world.run(7200).left == 0
    assert len(world.lago.stored) == 500
    assert len(world.events(BillingReached)) == 1


@pytest.mark.parametrize(
    "details",
    [
        {"1": {"timestamp": ["invalid_format"]}},
        {"1": "expression_evaluation_failed: Variable: b not found"},
        {"events": {"1": {"timestamp": ["invalid_format"]}}},
        {"1": {"properties": {"deep": {"er": ["value_is_not_valid_number"]}}}},
    ],
)
def test_a_reason_in_any_form_is_kept_with_the_bill(details: object) -> None:
    """Reasons as an object, nested, or a text, by index: the bill is dead with it, the others are delivered."""
    world = World(script=[lambda *_: invalid(details)]).add(*bills(3))
    assert world.run() == Round(2, 0, 1, 0, None)
    state, reason = world.marked[bill(1).id]
    assert state == "dead"
    assert reason
    assert "{" not in reason


@pytest.mark.parametrize("details", ["Variable: b not found", {"timestamp": ["invalid_format"]}])
def test_a_single_event_needs_no_index(details: object) -> None:
    """What is said of a batch of one is said of its event."""
    world = World(script=[lambda *_: invalid(details)]).add(bill(1))
    assert world.run().dead == 1


@pytest.mark.parametrize(
    "answer",
    [
        invalid({"events": ["no_events"]}),
        invalid({"events": ["too_many_events"]}),
        invalid(None),
        invalid({}),
        invalid([]),
        invalid({"99": {"timestamp": ["invalid_format"]}}),
        invalid({"-1": {"timestamp": ["x"]}, "٣٣٣٣": ["x"], "1" * 5000: ["x"]}),
        said(422, {"status": 422, "code": "validation_errors"}),
        said(422, "<html>"),
        HTTPResponse(422),
        HTTPResponse(422, {}, b"[" * 100_000),
        HTTPResponse(422, {}, b"\xff\xfe"),
        said(422, [1, 2]),
        said(400, {"status": 400, "error": "BadRequest: param is missing"}),
        said(409, ""),
        said(413, "<html>too large</html>"),
        said(200, "<html>Please log in</html>"),
        said(200, {}),
        said(200, {"events": []}),
        said(200, {"events": [{"transaction_id": "another"}, 5, None]}),
        HTTPResponse(200),
        said(302, "", location="https://elsewhere.test"),
        said(204),
    ],
)
def test_an_answer_that_says_nothing_of_the_bills_loses_none(answer: HTTPResponse) -> None:
    """Whatever comes back, nothing is dropped or thrown: all is sent again, and arrives once Lago is well."""
    world = World(script=[lambda *_: answer] * 3).add(*bills(4))
    assert world.patiently() == 0
    assert sorted(world.lago.stored) == sorted(one.id for one in bills(4))
    assert set(world.marked.values()) == {("delivered", "")}


@pytest.mark.parametrize(
    "status", [401, 402, 403, 404, 405, 408, 415, 425, 429, 500, 502, 503, 504]
)
def test_what_passes_is_held_and_tried_again(status: int) -> None:
    """These answers isolate nothing: the same bytes leave again after a wait, until they arrive."""
    world = World(script=[lambda *_: said(status, {"status": status})] * 2).add(*bills(3))
    assert world.run() == Round(3, 0, 0, 0, None)
    assert len({request.body for _, request in world.requests}) == 1
    assert world.waits == [1.0, 2.0]
    assert world.tried[bill(0).id] == 2


@pytest.mark.parametrize(
    "error", [APIConnectionError("TLS", sent="no"), OSError("odd"), ValueError("x")]
)
def test_no_failure_of_the_network_leaves_the_sender(error: Exception) -> None:
    """Whatever a transport raises, the bills stay queued and are sent again."""
    world = World(script=[error]).add(*bills(3))
    assert world.run() == Round(3, 0, 0, 0, None)


def test_waits_grow_with_full_jitter_up_to_a_minute() -> None:
    """After the n-th failure a wait is drawn from 0 to 2^(n-1) seconds, at most 60; one request leaves after it."""
    world = World(always=APIConnectionError("down"), draw=0.5).add(*bills(300))
    outcome = world.run(600)
    waits = world.waits
    assert waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert len(world.requests) == len(world.sleeps) + 1
    assert outcome.left == 300
    assert outcome.wait is not None
    assert 0 < outcome.wait <= 60


def test_while_lago_is_away_it_is_asked_with_one_bill() -> None:
    """After three failures single bills find out whether the way is open; it is told once, and once when it is."""
    world = World(script=[APIConnectionError("down")] * 10).add(*bills(300))
    world.run()
    assert world.sizes() == [100, 100, 100, *[1] * 8, 100, 100, 99]
    [away] = world.events(BillingUnreachable)
    assert not away.wrong_key
    [back] = world.events(BillingReached)
    assert back.seconds == pytest.approx(sum(world.sleeps[:10]), abs=1)
    assert world.delivery.pace.since is None


def test_a_single_hiccup_is_not_told() -> None:
    """One failure is no outage."""
    world = World(script=[lambda *_: said(503)]).add(*bills(3))
    world.run()
    assert [type(event) for event in world.told] == [BillsDelivered]


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_noticed_and_nothing_is_lost(status: int) -> None:
    """After three refusals of the key it is said to be wrong; the bills are kept, and arrive with another."""
    refused = said(status, {"status": status, "error": "Unauthorized"})
    world = World(always=lambda *_: refused).add(*bills(3))
    world.run(10)
    assert world.delivery.pace.wrong_key
    [event] = world.events(BillingUnreachable)
    assert event.wrong_key
    assert str(status) in event.reason
    world.always = None
    assert world.run().delivered == 3
    assert not world.delivery.pace.wrong_key


def test_an_outage_that_turns_out_to_be_the_key_is_told_again() -> None:
    """First away, then the key is refused: that is news."""
    script = [lambda *_: said(503)] * 3 + [lambda *_: said(401)] * 4
    world = World(script=script).add(*bills(3))
    world.run()
    assert [event.wrong_key for event in world.events(BillingUnreachable)] == [False, True]


def test_a_limit_is_waited_out() -> None:
    """A 429 is answered by the wait that it names, with some jitter and at most a minute; it is no outage."""
    limited = said(429, {"status": 429}, x_ratelimit_reset="7")
    world = World(script=[lambda *_: limited] * 5).add(*bills(3))
    world.run()
    assert all(7 <= wait <= 7.7 for wait in world.waits)
    assert len(world.requests) == 6
    assert not world.events(BillingUnreachable)
    endless = World(script=[lambda *_: said(429, None, x_ratelimit_reset="86400")]).add(bill(1))
    endless.run()
    assert 60 <= endless.sleeps[0] <= 66


@pytest.mark.parametrize("reset", [None, "", "soon", "-5", "nan", "inf", "0"])
def test_a_limit_without_a_time_is_backed_off_from(reset: str | None) -> None:
    """Where no usable time is named, the wait is drawn."""
    headers = {} if reset is None else {"x_ratelimit_reset": reset}
    world = World(script=[lambda *_: said(429, None, **headers)] * 3).add(bill(1))
    world.run()
    assert world.waits == [1.0, 2.0, 4.0]


def test_few_requests_left_are_spread_over_the_time_until_there_are_more() -> None:
    """Near the end of a limit requests leave slower, so that none is refused."""
    state = {"left": 50, "reset": 1000.0}
    world = World(Terms(batch_size=1)).add(*bills(120))

    def limited(lago: MiniLago, request: HTTPRequest) -> HTTPResponse:
        if world.now >= state["reset"] + 10:
            state.update(left=50, reset=world.now)
        if state["left"] == 0:
            return said(429, None, x_ratelimit_reset="10")
        state["left"] -= 1
        answer = lago.take(request)
        left = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": str(state["left"])}
        reset = {"x-ratelimit-reset": str(max(0.0, state["reset"] + 10 - world.now))}
        return HTTPResponse(200, {**left, **reset}, answer.body)

    world.always = limited
    outcome = world.run()
    assert outcome.delivered == 120
    assert len(world.requests) == 120


def test_no_more_requests_a_second_than_configured() -> None:
    """Requests leave at least 1/rps apart, whatever the batches hold."""
    world = World(Terms(batch_size=1, requests_per_second=10)).add(*bills(40))
    world.latency = 0.0
    world.run()
    times = [at for at, _ in world.requests]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert min(gaps) >= 0.1 - 1e-9


def test_lagos_own_limit_of_a_batch_is_learnt() -> None:
    """``too_many_events`` halves the size until it fits, and it stays so."""
    world = World().add(*bills(200))
    world.lago.limit = 30
    assert world.run().delivered == 200
    assert world.sizes() == [100, 50, *[25] * 8]
    assert world.delivery.size == 25


def test_a_limit_of_bytes_in_between_is_learnt() -> None:
    """A 413 halves the bytes of a batch, which then stay so; nothing is set aside."""
    world = World().add(*bills(400))

    def narrow(lago: MiniLago, request: HTTPRequest) -> HTTPResponse:
        return said(413, "<html>") if len(request.body) > 15_000 else lago.take(request)

    world.always = narrow
    assert world.run().delivered == 400
    refused = [len(request.body) for _, request in world.requests if len(request.body) > 15_000]
    assert len(refused) == 1
    assert not world.events(BillDoubtful)


def test_a_bill_that_is_too_large_alone_is_kept() -> None:
    """A 413 for one bill sets it aside; the others arrive."""
    large = bill(1, extra=" " * 5000)
    world = World().add(bill(0), large, *bills(10, start=2))

    def narrow(lago: MiniLago, request: HTTPRequest) -> HTTPResponse:
        return said(413, "<html>") if len(request.body) > 4000 else lago.take(request)

    world.always = narrow
    assert world.run(20).delivered == 11
    assert list(world.queue) == [large.id]


def test_a_lago_that_stores_what_it_refuses_ends_with_each_once_and_is_told() -> None:
    """Rows stored by a refused batch are found there at the next try: delivered, and flagged once."""
    world = World().add(*bills(250))
    world.lago.commits_refused = True
    world.lago.poison = {bill(7).id, bill(150).id}
    outcome = world.run()
    assert (outcome.delivered, outcome.dead, outcome.left) == (248, 2, 0)
    assert len(world.lago.stored) == 248
    assert len(world.events(BillDoubtful)) == 1
    assert world.delivery.stored_refused == 99 + 99


def test_duplicates_of_a_lost_answer_are_no_sign_of_such_a_lago() -> None:
    """What was tried before and is there is nothing to flag."""
    world = World(script=[lost]).add(*bills(10))
    world.run(0)
    world.lago.poison = {bill(20).id}
    world.add(bill(20)).run()
    assert world.delivery.stored_refused == 0
    assert not world.events(BillDoubtful)


def test_what_is_there_under_the_same_id_is_compared_if_asked() -> None:
    """A duplicate with other contents is told, one with the same is not."""
    world = World(Terms(verify_duplicates=True)).add(*bills(3))
    same, other = json.loads(bill(0).body), json.loads(bill(1).body)
    other["properties"]["askii_coins"] = "9"
    for event in (same, other):
        world.lago.stored[event["transaction_id"]] = json.dumps(event).encode()
    assert world.run() == Round(3, 2, 0, 0, None)
    [conflict] = world.events(BillConflict)
    assert conflict.id == bill(1).id
    assert "askii_coins" in conflict.reason
    assert [request.method for _, request in world.requests] == ["POST", "POST", "GET", "GET"]


def test_duplicates_are_not_asked_for_unless_wanted() -> None:
    """By default no request is spent on them."""
    world = World(script=[lost]).add(*bills(3))
    world.run()
    assert {request.method for _, request in world.requests} == {"POST"}


@pytest.mark.parametrize("answer", [said(503), said(200, "<html>"), OSError("x")])
def test_a_comparison_that_fails_is_made_later(answer: HTTPResponse | Exception) -> None:
    """Where Lago cannot be asked, delivery goes on, and it is asked again."""
    world = World(Terms(verify_duplicates=True)).add(bill(0))
    event = {**json.loads(bill(0).body), "code": "other"}
    world.lago.stored[bill(0).id] = json.dumps(event).encode()
    failing = answer if isinstance(answer, Exception) else (lambda *_: answer)
    world.script = [lambda lago, request: lago.take(request), failing]
    world.run()
    assert not world.queue
    assert not world.events(BillConflict)
    world.add(bill(5)).run()
    assert [event.id for event in world.events(BillConflict)] == [bill(0).id]


def test_an_event_that_cannot_be_found_is_no_conflict() -> None:
    """A store that answers "duplicate", then "not found", has told nothing."""
    world = World(Terms(verify_duplicates=True)).add(bill(0))
    world.script = [lambda *_: invalid({"0": {"transaction_id": ["value_already_exist"]}})]
    world.run()
    assert world.marked == {bill(0).id: ("delivered", "deduped")}
    assert not world.events(BillConflict)


def test_who_does_not_have_the_lane_sends_nothing() -> None:
    """Another sender's lane is left alone, and waited for."""
    world = World().add(*bills(3))
    world.lane = ("other", world.milliseconds + 5000)
    outcome = world.run()
    assert outcome == Round(0, 0, 0, 3, 5.0)
    assert not world.requests
    assert world.lane[0] == "other"


def test_a_lane_that_was_lost_is_not_sent_on() -> None:
    """Where another took the lane meanwhile, not one more request leaves."""
    world = World().add(*bills(300))

    def stolen(lago: MiniLago, request: HTTPRequest) -> HTTPResponse:
        world.lane = ("other", world.milliseconds + 30_000)
        return lago.take(request)

    world.script = [lambda lago, request: lago.take(request), stolen]
    outcome = world.run()
    assert len(world.requests) == 2
    assert outcome.left == 100
    assert outcome.wait == pytest.approx(30, abs=1)


def test_who_was_stopped_after_taking_asks_for_the_lane_again() -> None:
    """A process that stood still between taking bills and sending them does not send what may be another's."""
    world = World().add(*bills(3))
    stops = [70.0]

    perform = world._take

    def late(take: Take) -> Taken:
        taken = perform(take)
        world.now += stops.pop() if stops else 0.0
        return taken

    world._take = late  # type: ignore[method-assign]
    world.run()
    assert world.steps[:3] == ["Take", "Take", "send"]


def test_the_lane_is_kept_while_there_is_something_to_wait_for() -> None:
    """In an outage one sender asks, not each in turn; with nothing left the lane is given back."""
    world = World(always=APIConnectionError("down")).add(*bills(3))
    world.run(5)
    assert world.lane[0] == "me"
    assert not world.run(0, world.another("you")).delivered
    count = len(world.requests)
    world.run(0, world.another("they"))
    assert len(world.requests) == count
    world.always = None
    world.run()
    assert world.lane == ("", 0.0)


@pytest.mark.parametrize("at", range(1, 7))
def test_cancelled_anywhere_it_gives_the_lane_back_and_loses_nothing(at: int) -> None:
    """Cancelled at any effect: the lane is free, what was sent and not marked is sent again as it was."""
    world = World(Terms(batch_size=2)).add(*bills(6))
    after = cancelled(world, world.delivery.run(world.now + 100), at)
    assert after[-1].operation == ReleaseLane("me")
    assert world.lane == ("", 0.0)
    world.run(delivery=world.another("next"))
    assert world.lago.order == [one.id for one in bills(6)]
    assert not world.queue
    sent = [event for _, r in world.requests for event in json.loads(r.body)["events"]]
    assert {json.dumps(event, separators=(",", ":")) for event in sent} == {
        b.body for b in bills(6)
    }


def test_closed_midway_it_can_be_run_again() -> None:
    """A flow that is closed says nothing more; the lane is given back by ``release``, and a next run goes on."""
    world = World(Terms(batch_size=2)).add(*bills(6))
    flow = world.delivery.run(world.now + 100)
    effect = next(flow)
    for _ in range(4):
        effect = world.answer(flow, effect)
    flow.close()
    assert world.drive(world.delivery.release()) is True
    assert world.run().left == 0
    assert len(world.lago.stored) == 6


def test_a_time_is_kept_to() -> None:
    """No batch is begun after ``until``, no wait that ends later; at least one batch is."""
    world = World(Terms(batch_size=1)).add(*bills(100))
    outcome = world.run(0)
    assert (outcome.delivered, outcome.left) == (1, 99)
    assert world.run(1.0).delivered == pytest.approx(50, abs=1)
    world.always = APIConnectionError("down")
    start = world.now
    outcome = world.run(0.5)
    assert world.now - start <= 0.5
    assert outcome.wait is not None
    assert outcome.wait > 0


def test_a_hard_end_cuts_a_request_off() -> None:
    """Whoever closes waits no longer than said, however slow Lago is."""
    world = World().add(*bills(3))
    world.latency = 100.0
    start = world.now
    outcome = world.run(2.0, hard=True)
    assert world.now - start == pytest.approx(2.0)
    assert outcome.left == 3
    assert world.run(0.01, hard=True).left == 3
    assert len(world.requests) == 1


def test_a_store_that_fails_costs_no_bill() -> None:
    """What Lago has and could not be written down is written down first at the next run, and not sent again."""
    world = World().add(*bills(3))

    def fails(effect: object) -> None:
        broken = world.steps[-1:] == ["send"] and not world.marked
        world.store_failure = StoreUnavailableError("full") if broken else None

    world.before = fails
    with pytest.raises(StoreUnavailableError):
        world.run()
    world.before, world.store_failure = (lambda _: None), None
    assert world.run().left == 0
    assert len(world.requests) == 1
    assert len(world.marked) == 3


def test_no_secret_is_told() -> None:
    """The key is in no event, reason or repr, even where Lago says it back."""
    key = "sk-" + "abcdefghijklmnopqrstuvwxyz0123"
    echo = invalid({"0": f"no such key {key}"}, 422)
    world = World(script=[lambda *_: echo]).add(*bills(2))
    world.run()
    assert key not in repr((world.told, world.marked, world.delivery.pace.reason))
    assert "lago-test" not in repr((world.told, world.delivery, world.delivery._lago))


ANSWERS = st.sampled_from(
    [
        "ok",
        "lost",
        "down",
        "html",
        "503",
        "401",
        "429",
        "413",
        "400",
        "poison",
        "logged in",
        "many",
        "named",
    ]
)


def _scripted(name: str) -> Answer | Exception:
    def named(lago: MiniLago, request: HTTPRequest) -> HTTPResponse:
        return invalid({"0": {"timestamp": ["invalid_format"]}})

    def many(*_: object) -> HTTPResponse:
        return invalid({"events": ["too_many_events"]})

    table = {
        "ok": lambda lago, request: lago.take(request),
        "lost": lost,
        "down": APIConnectionError("down"),
        "html": html,
        "503": lambda *_: said(503, "<html>"),
        "401": lambda *_: said(401, {"status": 401}),
        "429": lambda *_: said(429, None, x_ratelimit_reset="3"),
        "413": lambda *_: said(413, "<html>"),
        "400": lambda *_: said(400, {"status": 400, "error": "BadRequest"}),
        "poison": lambda lago, request: lago.take(request),
        "logged in": lambda *_: said(200, "<html>log in</html>"),
        "many": many,
        "named": named,
    }
    return table[name]


@given(
    names=st.lists(ANSWERS, max_size=25),
    many=st.integers(1, 40),
    poisons=st.sets(st.integers(0, 39), max_size=4),
    commits=st.booleans(),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_whatever_lago_answers_each_bill_ends_once(
    *, names: list[str], many: int, poisons: set[int], commits: bool, draw: float
) -> None:
    """After any sequence of answers each bill is delivered exactly once, or dead with a reason; none is lost."""
    world = World(Terms(batch_size=8), script=[_scripted(name) for name in names], draw=draw)
    world.add(*bills(many))
    world.lago.poison = {bill(n).id for n in poisons}
    world.lago.commits_refused = commits
    assert world.patiently() == 0
    assert not world.queue
    assert len(world.lago.order) == len(set(world.lago.order))
    for id_, (state, reason) in world.marked.items():
        assert (state == "delivered") == (id_ in world.lago.stored) or state == "dead"
        assert reason or state == "delivered"
    assert len(world.marked) == many


@pytest.mark.parametrize("answer", [said(200, "<html>log in</html>"), said(200, {"events": []})])
def test_who_answers_200_to_all_and_has_nothing_is_away(answer: HTTPResponse) -> None:
    """A page of HTML with a 200 is backed off from like an outage, and told; nothing counts as delivered."""
    world = World(always=lambda *_: answer).add(*bills(300))
    outcome = world.run(600)
    assert (outcome.delivered, outcome.left) == (0, 300)
    assert len(world.requests) <= 20
    assert len(world.events(BillingUnreachable)) == 1
