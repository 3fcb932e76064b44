"""The fake Lago keeps, counts and refuses as Lago's documentation says that Lago does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from llmkit._http import HTTPRequest
from llmkit.testing import FakeLago, FrozenClock

from ._lago import AT, ask, event, fake, post

DUPLICATE = {"transaction_id": ["value_already_exist"]}


def refusal(details: Any) -> dict[str, Any]:
    """Lago's envelope of a 422."""
    return {
        "status": 422,
        "error": "Unprocessable Entity",
        "code": "validation_errors",
        "error_details": details,
    }


@pytest.fixture(params=["postgres", "clickhouse"])
def lago(request: pytest.FixtureRequest) -> FakeLago:
    """A fake of each store."""
    return fake(store=request.param)


def test_an_event_is_answered_as_it_is_stored(lago: FakeLago) -> None:
    """Lago answers an event with its own ids null, and the time to the millisecond."""
    status, said = post(lago, event(precise_total_amount_cents="0.42"))
    assert status == 200
    shown = said["event"]
    assert ("|" in shown.pop("lago_id")) is (lago.store == "clickhouse")
    assert shown == {
        "transaction_id": "one:askii_coins",
        "lago_customer_id": None,
        "code": "askii_coins",
        "timestamp": "2026-11-22T02:53:20.123Z",
        "precise_total_amount_cents": "0.420000000000000",
        "properties": {"askii_coins": "4200"},
        "lago_subscription_id": None,
        "external_subscription_id": "sub_1",
        "created_at": "2026-11-22T02:53:20Z",
    }


def test_postgres_refuses_the_second_of_one_subscription_and_id() -> None:
    """The same transaction id of a subscription is a duplicate, whatever its code and time are."""
    lago = fake()
    assert post(lago, event())[0] == 200
    assert post(lago, event(timestamp="1795316001.000", code="tokens")) == (422, refusal(DUPLICATE))
    assert post(lago, event(external_subscription_id="sub_2"))[0] == 200
    assert lago.units("sub_1") == 4200


def test_postgres_dedupes_nothing_without_a_subscription() -> None:
    """NULLs are not equal: an event without a subscription is stored as often as it comes, and never counted."""
    lago = fake()
    nobody = event()
    del nobody["external_subscription_id"]
    assert [post(lago, nobody)[0] for _ in range(2)] == [200, 200]
    assert len(lago.events) == 2
    assert lago.units("sub_1") == 0


def test_clickhouse_replaces_what_is_the_same_to_the_millisecond() -> None:
    """The same id at the same time is one charge, however often it comes; at another time it is two."""
    lago = fake(store="clickhouse")
    assert {post(lago, event())[0] for _ in range(5)} == {200}
    assert lago.units("sub_1") == 4200
    assert post(lago, event(timestamp="1795316000.124"))[0] == 200
    assert lago.units("sub_1") == 8400
    assert post(lago, event(properties={"askii_coins": "1"}))[0] == 200
    assert lago.units("sub_1") == 4201


@pytest.mark.parametrize(
    ("wrong", "details"),
    [
        ({"transaction_id": None}, {"transaction_id": ["value_is_mandatory"]}),
        ({"code": ""}, {"code": ["value_is_mandatory"]}),
        ({"timestamp": "2026-11-22T02:53:20Z"}, {"timestamp": ["invalid_format"]}),
        ({"timestamp": 1795316000.123}, {"timestamp": ["invalid_format"]}),
        ({"timestamp": True}, {"timestamp": ["invalid_format"]}),
    ],
)
def test_what_an_event_is_refused_for(lago: FakeLago, wrong: dict[str, Any], details: Any) -> None:
    """Ids and the time are all that is looked at; the refusal names the field."""
    assert post(lago, event(**wrong)) == (422, refusal(details))
    assert not lago.events


def test_an_expression_without_its_variable_is_refused_in_words(lago: FakeLago) -> None:
    """`error_details` is then a plain text; in a batch, a text by index."""
    lago.add_metric("sums", needs=["a", "b"])
    summed = event(code="sums", properties={"a": "1"})
    assert post(lago, summed) == (422, refusal("Variable: b not found"))
    said = "expression_evaluation_failed: Variable: b not found"
    assert post(lago, summed, event("two")) == (422, refusal({"0": said}))


def test_accepted_and_never_counted(lago: FakeLago) -> None:
    """Unknown subscriptions and metrics, and what is no number, are answered with 200 and worth nothing."""
    quiet = [
        event("a", external_subscription_id="sub_9"),
        event("b", code="askii_coin"),
        event("c", properties={"askii_coins": "8e-07"}),
        event("d", properties={"usd": "1"}),
        event("e", properties={"askii_coins": ".5"}),
        event("f", properties={"askii_coins": "+5"}),
    ]
    assert [post(lago, one)[0] for one in quiet] == [200] * 6
    assert len(lago.events) == 6
    assert lago.units("sub_1") == 0
    # PostgreSQL leaves such an event out, ClickHouse counts it as one of zero.
    assert lago.charged("sub_1").events == (0 if lago.store == "postgres" else 4)


@pytest.mark.parametrize(
    ("started", "timestamp", "units"),
    [
        (1795316000.123, "1795316000.123", 4200),
        (1795316000.123, "1795316000.122", 0),
        (1795316000.123, 1795316000, 0),
        (1795316000.0, 1795316000, 4200),
    ],
)
def test_a_second_is_too_coarse(
    lago: FakeLago, started: float, timestamp: object, units: int
) -> None:
    """An event counts from the millisecond on at which the subscription began; the whole second is before that."""
    lago.add_subscription("new", "cus_1", "plan_askii_coins", started_at=started)
    post(lago, event(external_subscription_id="new", timestamp=timestamp))
    assert lago.units("new") == units


def test_a_terminated_subscription_counts_until_its_end(lago: FakeLago) -> None:
    """What ended before the subscription did is counted, what came after is not."""
    lago.terminate("sub_1", at=1795316000.5)
    post(lago, event("a"), event("b", timestamp="1795316001.000"))
    assert lago.units("sub_1") == 4200
    with pytest.raises(KeyError):
        lago.terminate("sub_1")


def test_a_time_that_is_left_out_is_the_time_of_arrival() -> None:
    """On ClickHouse a retry without a timestamp is therefore a second charge."""
    clock = FrozenClock(at=1795316000.0)
    lago = fake(store="clickhouse", clock=clock)
    timeless = event()
    del timeless["timestamp"]
    post(lago, timeless)
    clock.advance(1)
    post(lago, timeless)
    assert lago.units("sub_1") == 8400


def test_a_batch_is_all_or_nothing_and_says_what_is_invalid_first() -> None:
    """Duplicates are told only once nothing else is wrong; until then nothing is stored."""
    lago = fake()
    post(lago, event("there"))
    batch = [event("a"), event("there"), event("c", timestamp="today")]
    assert post(lago, *batch) == (422, refusal({"2": {"timestamp": ["invalid_format"]}}))
    assert post(lago, *batch[:2]) == (422, refusal({"1": DUPLICATE}))
    assert len(lago.events) == 1
    status, said = post(lago, event("a"), event("b"))
    assert status == 200
    assert [one["transaction_id"] for one in said["events"]] == ["a:askii_coins", "b:askii_coins"]


def test_an_id_twice_in_a_batch_is_a_duplicate_even_of_two_subscriptions() -> None:
    """Lago looks for conflicts by transaction id only, so ids must be unique among subscriptions."""
    lago = fake()
    other = event(external_subscription_id="sub_2")
    assert post(lago, event(), other) == (422, refusal({"1": DUPLICATE}))
    assert post(fake(store="clickhouse"), event(), other)[0] == 200


def test_how_long_a_batch_may_be(lago: FakeLago) -> None:
    """None, and more than a hundred, are refused for that."""
    many = {"events": [event(str(at)) for at in range(101)]}
    assert ask(lago, "POST", "/events/batch", many) == (
        422,
        refusal({"events": ["too_many_events"]}),
    )
    assert ask(lago, "POST", "/events/batch", {"events": []}) == (
        422,
        refusal({"events": ["no_events"]}),
    )
    lago.service.batch_limit = 1
    assert post(lago, event("a"), event("b")) == (422, refusal({"events": ["too_many_events"]}))
    assert not lago.events


@pytest.mark.parametrize("store", ["postgres", "clickhouse"])
def test_an_old_server_keeps_what_is_good_of_a_refused_batch(store: Any) -> None:
    """It answers 422, has the good rows, and never bills them in advance."""
    lago = fake(store=store)
    lago.service.rolls_back = False
    lago.add_plan("advance")
    lago.add_charge("advance", "askii_coins", price="0.01", pay_in_advance=True)
    lago.add_subscription("paid", "cus_1", "advance")
    bad = event("bad", timestamp="now")
    assert post(lago, event("a"), bad, event("b", external_subscription_id="paid"))[0] == 422
    assert len(lago.events) == 2
    assert (lago.units("sub_1"), lago.units("paid")) == (4200, 0)
    if store == "postgres":
        assert post(lago, event("a"), event("c")) == (422, refusal({"0": DUPLICATE}))
        assert lago.units("sub_1") == 8400
    assert post(lago, event("d"), event("e"))[0] == 200


def test_bodies_that_are_not_wrapped(lago: FakeLago) -> None:
    """Without its object a body is a 400, which has no code; so is what is no JSON."""
    said = "BadRequest: param is missing or the value is empty or invalid: event"
    assert ask(lago, "POST", "/events", event()) == (400, {"status": 400, "error": said})
    assert ask(lago, "POST", "/events/batch", event())[0] == 400
    assert ask(lago, "POST", "/events/estimate_fees", {})[0] == 400
    headers = {"Authorization": f"Bearer {lago.api_key}"}
    request = HTTPRequest("POST", f"{lago.api_url}/events", headers, b'{"event":')
    assert lago.answer(request).status == 400
    assert ask(lago, "POST", "/events", [])[0] == 400


def test_who_may_do_what(lago: FakeLago) -> None:
    """A wrong key is 401 without a code; a key that may not is 403, and its code says what for."""
    assert ask(lago, "GET", "/wallets", key="wrong") == (
        401,
        {"status": 401, "error": "Unauthorized"},
    )
    lago.add_key("reader", {"event": ["read"]})
    assert ask(lago, "GET", "/events", key="reader")[0] == 200
    denied = {
        "status": 403,
        "error": "Forbidden",
        "code": "write_action_not_allowed_for_event",
    }
    assert ask(lago, "POST", "/events", {"event": event()}, key="reader") == (403, denied)
    assert (
        ask(lago, "GET", "/wallets", key="reader")[1]["code"]
        == "read_action_not_allowed_for_wallet"
    )


def test_paths_that_are_often_quoted_and_do_not_exist(lago: FakeLago) -> None:
    """A wrong path is 404 with a code of its own, before any key is looked at."""
    unknown = {"status": 404, "error": "Not Found", "code": "resource_not_found"}
    for path in ("/subscriptions/sub_1/usage", "/customers/cus_1/balance"):
        assert ask(lago, "GET", path, key="wrong") == (404, unknown)


def test_the_clouds_limits_by_class() -> None:
    """500 single events, 200 looks at usage and 50 others a second; each answer says how many are left."""
    clock = FrozenClock(at=1795316000.0)
    lago = fake(cloud=True, clock=clock)
    usage = "/customers/cus_1/current_usage?external_subscription_id=sub_1"
    for method, path, limit in [
        ("POST", "/events", 500),
        ("GET", usage, 200),
        ("GET", "/wallets", 50),
    ]:
        said = [ask(lago, method, path)[0] for _ in range(limit + 1)]
        assert said[-1] == 429
        assert 429 not in said[:-1]
    headers = {"Authorization": f"Bearer {lago.api_key}"}
    over = lago.answer(HTTPRequest("GET", f"{lago.api_url}/wallets", headers))
    assert over.headers["x-ratelimit-limit"] == "50"
    assert over.headers["x-ratelimit-remaining"] == "0"
    assert over.headers["x-ratelimit-reset"] == "1"
    clock.advance(1)
    fresh = lago.answer(HTTPRequest("GET", f"{lago.api_url}/wallets", headers))
    assert (fresh.status, fresh.headers["x-ratelimit-remaining"]) == (200, "49")


def test_its_own_server_has_no_limits(lago: FakeLago) -> None:
    """Without a cloud in front there are no such headers."""
    headers = {"Authorization": f"Bearer {lago.api_key}"}
    answer = lago.answer(HTTPRequest("GET", f"{lago.api_url}/wallets", headers))
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


def test_events_are_read_back_by_id_and_by_page(lago: FakeLago) -> None:
    """By id the first, or 404; by page with filters, the latest first, and where the page is."""
    for at in range(5):
        post(lago, event(str(at), timestamp=f"179531600{at}.000"))
    post(lago, event("other", external_subscription_id="sub_2", code="tokens"))
    assert (
        ask(lago, "GET", "/events/3:askii_coins")[1]["event"]["transaction_id"] == "3:askii_coins"
    )
    assert ask(lago, "GET", "/events/9:askii_coins") == (
        404,
        {"status": 404, "error": "Not Found", "code": "event_not_found"},
    )
    status, said = ask(lago, "GET", "/events?external_subscription_id=sub_1&per_page=2&page=2")
    assert status == 200
    assert [one["transaction_id"][0] for one in said["events"]] == ["2", "1"]
    assert said["meta"] == {
        "current_page": 2,
        "next_page": 3,
        "prev_page": 1,
        "total_pages": 3,
        "total_count": 5,
    }
    last = ask(lago, "GET", "/events?external_subscription_id=sub_1&per_page=2&page=3")[1]["meta"]
    assert (last["next_page"], last["prev_page"]) == (None, 2)
    since = datetime.fromtimestamp(1795316002, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    until = datetime.fromtimestamp(1795316003, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    window = f"/events?timestamp_from={since}&timestamp_to={until}&code=askii_coins"
    assert [one["transaction_id"][0] for one in ask(lago, "GET", window)[1]["events"]] == ["3", "2"]
    assert ask(lago, "GET", "/events?timestamp_from=yesterday")[0] == 400


def test_fees_are_estimated_for_charges_in_advance_only(lago: FakeLago) -> None:
    """It is the one path that looks at subscription, metric and number."""
    path = "/events/estimate_fees"
    assert ask(lago, "POST", path, {"event": event()}) == (
        422,
        refusal({"code": ["does_not_match_an_instant_charge"]}),
    )
    lago.add_plan("advance")
    lago.add_charge("advance", "askii_coins", price="0.000001", pay_in_advance=True)
    lago.add_subscription("paid", "cus_1", "advance")
    paid = event(external_subscription_id="paid")
    fee = ask(lago, "POST", path, {"event": paid})[1]["fees"][0]
    assert (fee["units"], Decimal(fee["precise_amount"]), fee["amount_cents"]) == (
        "4200",
        Decimal("0.0042"),
        0,
    )
    for changed, wanted in [
        ({"external_subscription_id": "no"}, (404, "subscription_not_found")),
        ({"code": "no"}, (404, "billable_metric_not_found")),
    ]:
        status, said = ask(lago, "POST", path, {"event": {**paid, **changed}})
        assert (status, said["code"]) == wanted
    wrong = {**paid, "properties": {"askii_coins": "many"}}
    assert ask(lago, "POST", path, {"event": wrong}) == (
        422,
        refusal({"properties": ["value_is_not_valid_number"]}),
    )


def test_metrics_and_plans_are_read(lago: FakeLago) -> None:
    """What a metric sums, and how a plan charges it; unknown ones are 404 by their names."""
    metric = ask(lago, "GET", "/billable_metrics/askii_coins")[1]["billable_metric"]
    assert (metric["aggregation_type"], metric["field_name"]) == ("sum_agg", "askii_coins")
    assert ask(lago, "GET", "/billable_metrics/no")[1]["code"] == "billable_metric_not_found"
    charge = ask(lago, "GET", "/plans/plan_askii_coins")[1]["plan"]["charges"][0]
    assert charge["properties"] == {"amount": "0.000001"}
    assert ask(lago, "GET", "/plans/no")[1]["code"] == "plan_not_found"


@pytest.mark.parametrize(
    ("aggregation", "units"),
    [("sum_agg", 9), ("count_agg", 3), ("max_agg", 5), ("latest_agg", 2), ("unique_count_agg", 2)],
)
def test_how_metrics_aggregate(lago: FakeLago, aggregation: Any, units: int) -> None:
    """Sum, count, greatest, latest, and how many different."""
    lago.add_metric("size", aggregation=aggregation)
    lago.add_charge("plan_askii_coins", "size")
    values = [("a", "5", "001"), ("b", "2", "003"), ("c", "2", "002")]
    for name, value, at in values:
        post(
            lago, event(name, code="size", properties={"size": value}, timestamp=f"1795316000.{at}")
        )
    assert lago.units("sub_1", "size") == units


@pytest.mark.parametrize(
    ("given", "in_postgres", "in_clickhouse"),
    [
        ("0.000000000001", "0.000000000001", "0.000000000001"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.5", "0"),
        (
            "0.123456789012345678901234567",
            "0.123456789012345678901234567",
            "0.12345678901234567890123456",
        ),
        (1500, "1500", "1500"),
        (0.5, "0.5", "0.5"),
        (True, "0", "0"),
        (None, "0", "0"),
        ("-3", "-3", "-3"),
    ],
)
def test_numbers_are_read_as_the_database_reads_them(
    given: object, in_postgres: str, in_clickhouse: str
) -> None:
    """Exact to the last digit; JSON's numbers count by their plain text, flags and nulls do not."""
    for store, wanted in (("postgres", in_postgres), ("clickhouse", in_clickhouse)):
        lago = fake(store=store)
        post(lago, event(properties={"askii_coins": given}))
        assert lago.units("sub_1") == Decimal(wanted)


def test_no_furnishing_without_what_it_stands_on() -> None:
    """A charge of an unknown metric, a subscription to an unknown plan, a look at an unknown one: `KeyError`."""
    lago = fake()
    with pytest.raises(KeyError):
        lago.add_charge("plan_askii_coins", "no")
    with pytest.raises(KeyError):
        lago.add_subscription("x", "cus_1", "no")
    with pytest.raises(KeyError):
        lago.units("sub_1", "no")
    with pytest.raises(KeyError):
        lago.units("no")
    with pytest.raises(KeyError):
        lago.wallet("cus_1")


def test_the_log_of_requests_has_their_bytes() -> None:
    """What came in, when, with which events, and what was answered."""
    lago = fake()
    post(lago, event())
    post(lago, event("a"), event("b"))
    ask(lago, "GET", "/wallets")
    one, many, read = lago.requests
    assert one.body == b'{"event": ' + json.dumps(event()).encode() + b"}"
    assert one.json() == {"event": event()}
    assert [it["transaction_id"] for it in many.events] == ["a:askii_coins", "b:askii_coins"]
    assert (read.events, read.status, read.path, read.at) == (
        [],
        200,
        "/api/v1/wallets",
        1795316000.0,
    )
    assert lago.api_key not in repr(one)
    assert one.events[0]["timestamp"] == AT
