"""Lago's wire: requests as they are sent, answers as they are read, whatever comes."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit import errors
from llmkit._control.billing import answers
from llmkit._control.billing.answers import moment
from llmkit._control.billing.comparing import differences
from llmkit._control.billing.lago import Lago
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._secret import Secret

from ._lane import KEY, said

LAGO = Lago("https://lago.test", Secret(KEY))
API = "https://lago.test/api/v1"
TIMES = "timestamp_from=2025-11-22T02%3A53%3A20.123Z&timestamp_to=2025-11-22T02%3A53%3A21.000Z"


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("https://api.getlago.com", "https://api.getlago.com/api/v1"),
        ("https://api.getlago.com/", "https://api.getlago.com/api/v1"),
        (" http://localhost:3000 ", "http://localhost:3000/api/v1"),
        ("http://[::1]:3000", "http://[::1]:3000/api/v1"),
        ("https://lago.test/api/v1", "https://lago.test/api/v1"),
        ("https://lago.test/api/v1/", "https://lago.test/api/v1"),
        ("https://intranet.test/lago", "https://intranet.test/lago"),
        ("http://127.0.0.1:4010/.", "http://127.0.0.1:4010"),
    ],
)
def test_a_bare_host_gets_the_prefix(given_url: str, url: str) -> None:
    """``/api/v1`` is added to a host alone; what has a path stays as it is."""
    assert Lago(given_url, Secret(KEY)).batch(["{}"]).url == f"{url}/events/batch"


@pytest.mark.parametrize(
    "url",
    ["", "lago.test", "ftp://lago.test", "https://", "https://u:p@lago.test", "https://lago.test?a=b",
     "https://lago.test/#x", "https://lago.test:port", "https://[", None],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_showing_it(url: Any) -> None:
    """Credentials, queries and other schemes have no place in it, nor in the message."""
    with pytest.raises(errors.ConfigurationError) as caught:
        Lago(url, Secret(KEY))
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " ", "a\nb", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key: str) -> None:
    """It must fit a header."""
    with pytest.raises(errors.ConfigurationError) as caught:
        Lago("https://lago.test", Secret(key))
    assert not key.strip() or key not in str(caught.value)


def test_a_key_that_changes_is_asked_for_each_time() -> None:
    """A function gives the key anew for each request."""
    keys = iter(["one-" + "key", Secret("other-" + "key")])
    lago = Lago("https://lago.test", lambda: next(keys))
    assert lago.public_key().headers["Authorization"] == "Bearer one-key"
    assert lago.public_key().headers["Authorization"] == "Bearer other-key"


def test_the_key_is_in_the_header_alone() -> None:
    """Neither the address nor a repr shows it."""
    request = LAGO.batch(["{}"])
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert KEY not in repr(LAGO) + request.url + request.body.decode()


@pytest.mark.parametrize(
    ("request_", "method", "path"),
    [
        (LAGO.event("{}"), "POST", "/events"),
        (LAGO.read_event("a:b"), "GET", "/events/a%3Ab"),
        (LAGO.subscription("s/ü 1"), "GET", "/subscriptions/s%2F%C3%BC%201"),
        (LAGO.subscription("s", status="terminated"), "GET", "/subscriptions/s?status=terminated"),
        (LAGO.entitlements("s?x"), "GET", "/subscriptions/s%3Fx/entitlements"),
        (LAGO.metric("askii#1"), "GET", "/billable_metrics/askii%231"),
        (LAGO.plan("p%"), "GET", "/plans/p%25"),
        (LAGO.public_key(), "GET", "/webhooks/json_public_key"),
        (LAGO.usage("c&1", "s=1"), "GET",
         "/customers/c%261/current_usage?external_subscription_id=s%3D1&apply_taxes=false"),
        (LAGO.wallets("c+1"), "GET", "/wallets?external_customer_id=c%2B1&page=1&per_page=100"),
        (LAGO.subscriptions("c", page=2), "GET",
         "/subscriptions?external_customer_id=c&status%5B%5D=active&page=2&per_page=100"),
        (LAGO.events(subscription="s", code="x", since=1_763_780_000_123, until=1_763_780_001_000, page=3), "GET",
         f"/events?external_subscription_id=s&code=x&{TIMES}&page=3&per_page=100"),
        (LAGO.events(), "GET", "/events?page=1&per_page=100"),
    ],
)  # fmt: skip
def test_requests_are_as_lago_has_them(request_: HTTPRequest, method: str, path: str) -> None:
    """Each method's path and query, with ids of any kind quoted."""
    assert (request_.method, request_.url) == (method, API + path)


@given(st.text(min_size=1, max_size=30))
def test_any_id_comes_back_from_a_path(text: str) -> None:
    """An id is one segment, which means itself again; what can be none is refused by an error of ours."""
    try:
        url = LAGO.read_event(text).url
    except errors.BillingError:
        assert text in (".", "..") or any("\ud800" <= sign <= "\udfff" for sign in text)
        return
    parts = urlsplit(url)
    assert parts.path.count("/") == 4
    assert not parts.query
    assert not parts.fragment


@pytest.mark.parametrize("id_", ["", ".", "..", "\ud800"])
def test_an_id_that_is_a_way_up_is_refused(id_: str) -> None:
    """A client would take it for another path."""
    with pytest.raises(errors.BillingError, match="path"):
        LAGO.subscription(id_)


@given(st.text(max_size=20).filter(lambda text: text.isprintable()))
def test_any_id_comes_back_from_a_query(text: str) -> None:
    """A query's values mean themselves again."""
    query = dict(parse_qsl(urlsplit(LAGO.wallets(text).url).query, keep_blank_values=True))
    assert query["external_customer_id"] == text


def test_texts_of_events_are_not_touched() -> None:
    """One event or many: the stored text is in the body, byte for byte."""
    text = '{"a" : "ü",\n"b":1e2}'
    assert LAGO.event(text).body == f'{{"event":{text}}}'.encode()
    assert LAGO.batch([text, text]).body == f'{{"events":[{text},{text}]}}'.encode()


def test_an_estimate_asks_with_texts() -> None:
    """What would be sent is asked for."""
    body = json.loads(LAGO.estimate("c", "s", {"c": "4200"}).body)
    event = {"code": "c", "external_subscription_id": "s", "properties": {"c": "4200"}}
    assert body == {"event": event}


@pytest.mark.parametrize("url", ["https://m.test", "https://m.test/api/v1", "https://m.test/."])
def test_authorize_is_beside_the_api(url: str) -> None:
    """The portal's path is not below ``/api/v1``, and the body is the portal's client's."""
    request = Lago(url, Secret(KEY)).authorize("cus", "pub", 1_763_780_000)
    assert request.url == "https://m.test/v1/entitlement/authorize"
    body = json.loads(request.body)
    assert (body["external_customer_id"], body["publisher_id"]) == ("cus", "pub")
    assert (body["emit_event"], body["action_name"], body["timestamp"]) == (
        False,
        "read",
        1_763_780_000,
    )


READERS = [
    answers.read_event, answers.read_events, answers.read_subscription, answers.read_subscriptions,
    answers.read_entitlements, answers.read_usage, answers.read_wallets, answers.read_metric,
    answers.read_plan, answers.charges_estimated, answers.read_public_key, answers.read_authorized,
]  # fmt: skip
NAMES = [
    "event", "events", "subscription", "subscriptions", "entitlements", "customer_usage", "wallets",
    "billable_metric", "plan", "fees", "webhook", "extra", "meta", "charges", "charges_usage", "code",
    "external_id", "status", "amount_cents", "units", "public_key", "privileges", "billable_metric_code",
    "charge_model", "properties", "amount", "timestamp", "transaction_id", "next_page", "balance_cents",
]  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just("active"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(reader=st.sampled_from(READERS), value=VALUES)
def test_any_json_is_read_or_is_a_lago_error(reader: Any, value: Any) -> None:
    """No form of answer makes a reader fail in another way."""
    with contextlib.suppress(errors.LagoError):
        reader(HTTPResponse(200, {}, json.dumps(value).encode()))


@given(reader=st.sampled_from(READERS), body=st.binary(max_size=60), status=st.integers(100, 599))
def test_any_bytes_are_a_lago_error(reader: Any, body: bytes, status: int) -> None:
    """Nor do bytes that are no JSON, under any status."""
    with pytest.raises(errors.LagoError) as caught:
        reader(HTTPResponse(status, {}, b"<" + body))
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    ("status", "body", "code", "details", "text"),
    [
        (401, {"status": 401, "error": "Unauthorized"}, "", None, "Unauthorized"),
        (403, {"status": 403, "error": "Forbidden", "code": "read_action_not_allowed_for_event"},
         "read_action_not_allowed_for_event", None, "read_action"),
        (404, {"status": 404, "error": "Not Found", "code": "event_not_found"}, "event_not_found", None, "event_not"),
        (422, {"status": 422, "code": "validation_errors", "error_details": {"code": ["x"]}},
         "validation_errors", {"code": ["x"]}, "{'code': ['x']}"),
        (422, {"status": 422, "code": "validation_errors", "error_details": "Variable: b not found"},
         "validation_errors", "Variable: b not found", "Variable: b"),
        (429, {"code": "too_many_provider_requests", "error_details": {"provider_name": "a", "message": None}},
         "too_many_provider_requests", {"provider_name": "a", "message": None}, "too_many"),
        (502, "<html>bad gateway</html>", "", None, "text/html"),
        (500, None, "", None, "application/json, not Lago's JSON"),
        (405, {"status": 405, "code": "no_active_subscription"}, "no_active_subscription", None, "no_active"),
    ],
)  # fmt: skip
def test_errors_of_every_form_are_read(
    status: int, body: Any, code: str, details: Any, text: str
) -> None:
    """Lago's envelope, a text in it, a page of HTML, nothing: status, code and details as far as they are there."""
    with pytest.raises(errors.LagoError, match=str(status)) as caught:
        answers.read_metric(said(status, body))
    error = caught.value
    assert (error.status_code, error.code, error.details) == (status, code, details)
    assert text in str(error)
    assert error.retryable == (status in (429, 500, 502))


def test_what_a_server_says_is_bounded_and_redacted() -> None:
    """Long and deep details are cut, keys in them hidden."""
    key = "sk-" + "abcdefghijklmnopqrstuvwxyz01"
    deep: Any = key
    for _ in range(50):
        deep = {key: [deep, "x" * 10_000]}
    error = answers.refusal(
        said(422, {"error_details": {"deep": deep, "many": list(range(10_000))}})
    )
    shown = f"{error} {error.details}"
    assert key not in shown
    assert len(shown) < 10_000


def test_values_are_read() -> None:
    """A subscription with its features and plan, usage, wallets, a metric: as the serializers write them."""
    subscription = answers.read_subscription(said(200, {"subscription": {
        "external_id": "s", "external_customer_id": "c", "status": "active", "plan_code": "p",
        "started_at": "2025-11-22T02:53:20.123Z", "terminated_at": None,
        "current_billing_period_ending_at": "2025-11-30T23:59:59Z",
        "entitlements": [{"code": "llm", "privileges": [{"code": "tier", "value": "pro"}]}],
        "plan": {"code": "p", "amount_currency": "USD", "charges": [{
            "billable_metric_code": "askii_coins", "charge_model": "standard", "pay_in_advance": True,
            "properties": {"amount": "0.000001"}, "filters": []}]},
    }}))  # fmt: skip
    assert subscription.started == 1_763_780_000_123
    assert subscription.period_end == 1_764_547_199_000
    assert subscription.features == (answers.Feature("llm", {"tier": "pro"}),)
    assert subscription.plan is not None
    assert subscription.plan.charges[0].amount == Decimal("0.000001")
    usage = answers.read_usage(said(200, {"customer_usage": {
        "from_datetime": "2026-11-01T00:00:00Z", "to_datetime": "2026-11-30T23:59:59Z", "currency": "USD",
        "amount_cents": 123, "charges_usage": [{
            "units": "1234567.5", "events_count": 812, "amount_cents": 123,
            "charge": {"charge_model": "dynamic"},
            "billable_metric": {"code": "askii_coins", "aggregation_type": "sum_agg"}}],
    }}))  # fmt: skip
    assert usage.charges == (
        answers.ChargeUsage("askii_coins", Decimal("1234567.5"), 123, 812, "sum_agg", "dynamic"),
    )
    wallets = answers.read_wallets(said(200, {
        "wallets": [{"lago_id": "w", "status": "active", "currency": "USD", "balance_cents": 2800, "priority": 50,
                     "rate_amount": "1.0", "expiration_at": None, "created_at": "2026-01-01T00:00:00Z",
                     "applies_to": {"fee_types": ["charge"], "billable_metric_codes": ["askii_coins"]}}],
        "meta": {"next_page": 2, "total_count": 101}}))  # fmt: skip
    assert (wallets.following, wallets.total) == (2, 101)
    assert wallets.items[0].metrics == ("askii_coins",)
    assert wallets.items[0].rate == Decimal("1.0")
    metric = answers.read_metric(said(200, {"billable_metric": {
        "code": "c", "aggregation_type": "sum_agg", "field_name": "f", "rounding_function": "ceil"}}))  # fmt: skip
    assert metric == answers.BillableMetric("c", "sum_agg", "f", rounding="ceil")
    fees = answers.charges_estimated(said(200, {"fees": [{"units": "4200"}, {"units": 1.5}]}))
    assert fees == (Decimal(4200), Decimal("1.5"))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"status": "Allow", "extra": {"authorized_subscription": {"external_id": "s"}}}, (True, "s", "")),
        ({"status": "Allow", "extra": None}, (True, "", "")),
        ({"status": "Deny", "code": 401, "message": "no"}, (False, "", "no")),
        ({"status": "allow"}, (False, "", "")),
        ({}, (False, "", "")),
    ],
)  # fmt: skip
def test_allowed_is_only_what_is_said_so(body: Any, found: tuple[bool, str, str]) -> None:
    """``Allow`` in an answer with 200, and nothing else, lets a call out."""
    assert tuple(answers.read_authorized(said(200, body))) == found


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("2025-11-22T02:53:20.123Z", 1_763_780_000_123),
        ("2025-11-22T02:53:20Z", 1_763_780_000_000),
        ("2025-11-22T02:53:20", 1_763_780_000_000),
        ("2025-11-22T03:53:20.999999+01:00", 1_763_780_000_999),
        ("1763780000.123", 1_763_780_000_123),
        (1_763_780_000, 1_763_780_000_000),
        (1763780000.123, 1_763_780_000_123),
        (None, None), (True, None), ("", None), ("soon", None), ([], None), ("nan", None), ("1e400", None),
    ],
)  # fmt: skip
def test_times_are_read_to_the_millisecond(value: Any, milliseconds: int | None) -> None:
    """ISO 8601 or Unix seconds; what is neither is not known."""
    assert moment(value) == milliseconds


BODY = {
    "transaction_id": "t", "external_subscription_id": "s", "code": "c", "timestamp": "1763780000.123",
    "precise_total_amount_cents": "0.42", "properties": {"c": "4200", "model": "m", "rate": "1000000"},
}  # fmt: skip
THERE = answers.Event(
    "t",
    "s",
    "c",
    1_763_780_000_123,
    {"c": "4200", "model": "m", "rate": "1000000"},
    Decimal("0.42"),
)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, ""),
        ({"amount": Decimal("0.420000000000000")}, ""),
        ({"properties": {**THERE.properties, "c": 4200}}, ""),
        ({"properties": {**THERE.properties, "c": 4200.0}}, ""),
        ({"subscription": "x"}, "external_subscription_id"),
        ({"code": "x"}, "code"),
        ({"at": 1_763_780_000_124}, "timestamp"),
        ({"at": None}, "timestamp"),
        ({"amount": None}, "precise_total_amount_cents"),
        ({"properties": {**THERE.properties, "c": "4201"}}, "properties.c"),
        ({"properties": {**THERE.properties, "more": "1"}}, "properties.more"),
        ({"properties": {}}, "properties.model"),
    ],
)
def test_what_is_billed_is_compared_and_not_its_form(change: dict[str, Any], named: str) -> None:
    """Numbers are equal by value, all else by its text; what differs is named."""
    found = differences(json.dumps(BODY), THERE._replace(**change))
    assert (named in found) if named else found == ""


@pytest.mark.parametrize("body", ["", "[]", "{"])
def test_a_text_that_is_no_event_differs(body: str) -> None:
    """What cannot be read is not the same."""
    assert differences(body, THERE)
