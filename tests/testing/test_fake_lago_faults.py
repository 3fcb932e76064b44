"""What goes wrong between a client and the fake Lago, on a real socket and without one."""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
import http.client
import json
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from llmkit.errors import APIConnectionError, APITimeoutError
from llmkit.testing import FakeLago, FrozenClock, lago_faults

from ._lago import Wired, ask, event, fake, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmkit.testing.lago_faults import LagoFault

BROKEN = (ConnectionError, http.client.HTTPException, OSError)


@pytest.fixture
def lago() -> Iterator[FakeLago]:
    """One that listens."""
    with FakeLago() as lago:
        lago.furnish(started_at=0)
        yield lago


def test_requests_share_a_connection_and_nothing_is_left(lago: FakeLago) -> None:
    """Two requests on one connection are told apart, and it ends with its client."""
    before = threading.active_count()
    with Wired(lago) as wired:
        assert wired.ask("POST", "/events", {"event": event()})[0] == 200
        assert wired.ask("GET", "/wallets")[0] == 200
        assert (lago.opened, lago.connections) == (1, 1)
        assert [one.connection for one in lago.requests] == [1, 1]
    with Wired(lago) as wired:
        wired.ask("GET", "/wallets")
    assert lago.requests[-1].connection == 2
    lago.stop()
    lago.stop()
    assert threading.active_count() < before + 1
    assert lago.origin == "http://lago.invalid"
    assert len(lago.events) == 1


def test_it_is_started_once(lago: FakeLago) -> None:
    """A second `start` is an error."""
    with pytest.raises(RuntimeError):
        lago.start()


def test_a_lost_acknowledgement_leaves_the_event(lago: FakeLago) -> None:
    """The connection breaks and the event is there: the retry is a duplicate."""
    lago.fail(lago_faults.lost_ack())
    with Wired(lago) as wired:
        with pytest.raises(BROKEN):
            wired.ask("POST", "/events", {"event": event()})
        assert lago.requests[0].status is None
        assert lago.units("sub_1") == 4200
        status, _, body = wired.ask("POST", "/events", {"event": event()})
    assert (status, json.loads(body)["error_details"]) == (
        422,
        {"transaction_id": ["value_already_exist"]},
    )


def test_a_reset_leaves_nothing(lago: FakeLago) -> None:
    """Torn down before anything was done."""
    lago.fail(lago_faults.reset())
    with Wired(lago) as wired, pytest.raises(BROKEN):
        wired.ask("POST", "/events", {"event": event()})
    assert not lago.events


def test_a_cut_answer_leaves_the_event(lago: FakeLago) -> None:
    """Less of the body comes than was said."""
    lago.fail(lago_faults.truncated(keep=7))
    with Wired(lago) as wired, pytest.raises(http.client.IncompleteRead) as caught:
        wired.ask("POST", "/events", {"event": event()})
    assert caught.value.partial == b'{"event'
    assert len(lago.events) == 1


def test_silence_lasts_until_the_client_leaves(lago: FakeLago) -> None:
    """A client that hangs up is over it; the next request is answered."""
    lago.fail(lago_faults.hang(works=True))
    with Wired(lago, timeout=0.1) as wired, pytest.raises(TimeoutError):
        wired.ask("POST", "/events", {"event": event()})
    assert len(lago.events) == 1
    with Wired(lago) as wired:
        assert wired.ask("GET", "/wallets")[0] == 200


def test_it_can_be_slow_before_and_after(lago: FakeLago) -> None:
    """Who leaves before Lago has begun has asked all the same."""
    lago.fail(lago_faults.slow(0.02, after=0.02))
    began = time.monotonic()
    with Wired(lago) as wired:
        assert wired.ask("POST", "/events", {"event": event("a")})[0] == 200
    assert time.monotonic() - began >= 0.04
    lago.fail(lago_faults.slow(30))
    with Wired(lago, timeout=0.05) as wired, pytest.raises(TimeoutError):
        wired.ask("POST", "/events", {"event": event("b")})
    until = time.monotonic() + 5
    while len(lago.events) < 2 and time.monotonic() < until:
        time.sleep(0.005)
    assert len(lago.events) == 2


def test_down_is_no_answer_at_all(lago: FakeLago) -> None:
    """Every request meets an end until it is up again; what was stored stays."""
    lago.down()
    for _ in range(2):
        with Wired(lago) as wired, pytest.raises(BROKEN):
            wired.ask("POST", "/events", {"event": event()})
    assert not lago.events
    lago.up()
    with Wired(lago) as wired:
        assert wired.ask("POST", "/events", {"event": event()})[0] == 200
    lago.down()
    lago.heal()
    with Wired(lago) as wired:
        assert wired.ask("GET", "/wallets")[0] == 200


def test_what_is_no_http_is_refused(lago: FakeLago) -> None:
    """A bad length is 400, a line that is none likewise; the connection ends."""
    host, port = lago.origin.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.putrequest("POST", "/api/v1/events")
    connection.putheader("Content-Length", "some")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.connect()
    connection.sock.sendall(b"hello\r\n\r\n")
    assert connection.sock.recv(100)
    connection.close()


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (lago_faults.status(500), 500, b'{"status": 500, "error": "Internal Server Error"}'),
        (lago_faults.status(401), 401, b'{"status": 401, "error": "Unauthorized"}'),
        (lago_faults.status(418, {"a": 1}), 418, b'{"a": 1}'),
        (lago_faults.empty(), 200, b""),
        (lago_faults.empty(422), 422, b""),
        (lago_faults.garbage(), 200, b'{"events": [\xff\x00'),
    ],
)
def test_answers_that_are_not_lagos(
    lago: FakeLago, fault: LagoFault, status: int, body: bytes
) -> None:
    """They come in its place, and nothing was done."""
    lago.fail(fault)
    with Wired(lago) as wired:
        said = wired.ask("POST", "/events", {"event": event()})
    assert (said[0], said[2]) == (status, body)
    assert not lago.events


def test_a_proxys_page(lago: FakeLago) -> None:
    """HTML with its own content type."""
    lago.fail(lago_faults.html())
    with Wired(lago) as wired:
        status, headers, body = wired.ask("GET", "/wallets")
    assert (status, headers["content-type"], body[:6]) == (502, "text/html", b"<html>")


@pytest.mark.parametrize(
    "said", ["Variable: b not found", {"0": "text"}, {"0": {"code": ["x"]}}, None]
)
def test_details_of_every_shape(said: object) -> None:
    """A text, texts by index, lists by field by index, or no member of that name."""
    lago = fake()
    lago.fail(lago_faults.details(said))
    status, body = post(lago, event("a"), event("b"))
    assert (status, body.get("error_details")) == (422, said)


def test_limits_with_and_without_headers(lago: FakeLago) -> None:
    """The cloud's three headers, or none: nothing else says how long to wait."""
    lago.fail(lago_faults.rate_limited(reset=3))
    lago.fail(lago_faults.rate_limited(reset=None))
    with Wired(lago) as wired:
        first, second = wired.ask("GET", "/wallets"), wired.ask("GET", "/wallets")
    assert (first[0], first[1]["x-ratelimit-reset"], first[1]["x-ratelimit-remaining"]) == (
        429,
        "3",
        "0",
    )
    assert second[0] == 429
    assert not [name for name in second[1] if "ratelimit" in name or name == "retry-after"]


def test_a_clock_that_is_wrong(lago: FakeLago) -> None:
    """The `Date` of one answer, or the server's whole clock with it."""
    lago.fail(lago_faults.wrong_date(3600))
    with Wired(lago) as wired:
        wrong, right = wired.ask("GET", "/wallets"), wired.ask("GET", "/wallets")
        lago.skew = -3600
        behind = wired.ask("GET", "/wallets")

    def ahead(said: tuple[int, dict[str, str], bytes]) -> float:
        return parsedate_to_datetime(said[1]["date"]).timestamp() - time.time()

    assert ahead(wrong) == pytest.approx(3600, abs=60)
    assert ahead(right) == pytest.approx(0, abs=60)
    assert ahead(behind) == pytest.approx(-3600, abs=60)


def test_faults_are_counted_aimed_and_combined() -> None:
    """So many times, on these requests only; together with what is for ever; the second's word counts."""
    lago = fake()
    lago.fail(lago_faults.status(500), times=2, on="POST /events/batch")
    lago.fail(lago_faults.status(404), on="GET")
    lago.fail(lago_faults.status(503), on="/api/v1/wallets")
    seen = [post(lago, event("a"))[0], post(lago, event("b"), event("c"))[0]]
    seen += [ask(lago, "GET", "/wallets")[0], ask(lago, "GET", "/wallets")[0]]
    seen += [post(lago, event("b"), event("c"))[0], post(lago, event("b"), event("c"))[0]]
    assert seen == [200, 500, 404, 503, 500, 200]
    lago.fail_always(lago_faults.status(500), on="POST")
    lago.fail_always(lago_faults.status(501), on="POST /events/batch")
    lago.fail(lago_faults.wrong_date(5))
    said = [post(lago, event("d"))[0], post(lago, event("d"), event("e"))[0]]
    assert said == [500, 501]
    lago.heal()
    assert post(lago, event("d"))[0] == 200
    both = lago_faults.slow(1, after=2) & lago_faults.lost_ack() & lago_faults.status(500)
    assert (both.before, both.after, both.ends, both.works) == (1, 2, "reset", False)


def test_an_old_server_for_one_request() -> None:
    """422, and the good rows are there; the retry says which."""
    lago = fake()
    lago.fail(lago_faults.partial_commit())
    assert post(lago, event("a"), event("b", timestamp="x"))[0] == 422
    assert lago.units("sub_1") == 4200
    assert post(lago, event("a"), event("c"))[1]["error_details"] == {
        "0": {"transaction_id": ["value_already_exist"]}
    }


def test_without_a_socket_time_is_the_clocks() -> None:
    """Slowness sleeps on the clock; past the timeout it is one, and Lago has done it."""
    clock = FrozenClock(at=1795316000.0)
    lago = fake(clock=clock)
    lago.fail(lago_faults.slow(2, after=3))
    assert post(lago, event("a"))[0] == 200
    assert clock.now() == 5
    lago.fail(lago_faults.slow(40, after=30))
    with pytest.raises(APITimeoutError):
        ask(lago, "POST", "/events", {"event": event("b")}, timeout=50.0)
    assert clock.now() == 55
    assert len(lago.events) == 2
    lago.fail(lago_faults.hang())
    with pytest.raises(APITimeoutError):
        ask(lago, "POST", "/events", {"event": event("c")}, timeout=10.0)
    assert (clock.now(), len(lago.events)) == (65, 2)


@pytest.mark.parametrize(
    ("fault", "stored"),
    [(lago_faults.lost_ack(), 1), (lago_faults.reset(), 0), (lago_faults.truncated(), 1)],
)
def test_without_a_socket_ends_are_errors(fault: LagoFault, stored: int) -> None:
    """An end of the connection is what a driver makes of it."""
    lago = fake()
    lago.fail(fault)
    with pytest.raises(APIConnectionError) as caught:
        post(lago, event())
    assert caught.value.sent == "yes"
    assert len(lago.events) == stored


def test_the_real_clock_is_the_default() -> None:
    """It tells the time, and waits."""
    lago = FakeLago()
    assert lago.wall() == pytest.approx(time.time(), abs=60)
    lago.fail(lago_faults.slow(0.01))
    began = time.monotonic()
    ask(lago, "GET", "/wallets")
    assert time.monotonic() - began >= 0.01


def test_webhooks_are_signed_with_the_shared_key() -> None:
    """Base64 of an HMAC over the very bytes, and a new key for each."""
    lago = fake()
    body, headers = lago.webhook("wallet.depleted_ongoing_balance", "wallet", {"code": "prepaid"})
    digest = hmac.new(lago.hmac_key.encode(), body, hashlib.sha256).digest()
    assert headers["X-Lago-Signature"] == base64.b64encode(digest).decode()
    assert headers["X-Lago-Signature-Algorithm"] == "hmac"
    assert json.loads(body)["wallet"] == {"code": "prepaid"}
    again = lago.webhook("x", "x", {})[1]
    assert again["X-Lago-Unique-Key"] != headers["X-Lago-Unique-Key"]
    assert lago.webhook("x", "x", {}, key="mine")[1]["X-Lago-Unique-Key"] == "mine"


def test_webhooks_are_signed_with_the_published_key() -> None:
    """RS256 over the body as a text and the issuer, checked with a library that knows nothing of the fake."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    asymmetric = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.padding")
    hashes = pytest.importorskip("cryptography.hazmat.primitives.hashes")
    lago = fake()
    published = ask(lago, "GET", "/webhooks/json_public_key")[1]["webhook"]["public_key"]
    key = serialization.load_pem_public_key(base64.b64decode(published))
    body, headers = lago.webhook("x", "x", {"ü": 1}, algorithm="jwt")
    signed, _, signature = headers["X-Lago-Signature"].rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    key.verify(raw, signed.encode(), asymmetric.PKCS1v15(), hashes.SHA256())
    head, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
    assert head["alg"] == "RS256"
    assert claims == {"data": body.decode(), "iss": lago.origin}


def test_the_hourly_webhook_names_what_cannot_be_counted() -> None:
    """Unknown metrics and missing numbers, never an unknown subscription; ClickHouse's finds nothing."""
    for store, wanted in (
        ("postgres", (["b:askii_coins"], ["c:askii_coins"])),
        ("clickhouse", ([], [])),
    ):
        lago = fake(store=store)
        post(lago, event("a", external_subscription_id="no"))
        post(lago, event("b", code="no"))
        post(lago, event("c", properties={}))
        said = json.loads(lago.errors_webhook()[0])
        assert said["webhook_type"] == "events.errors"
        errors = said["events_errors"]
        found = (errors.get("invalid_code", []), errors.get("missing_aggregation_property", []))
        assert found == wanted


def test_a_fake_that_was_forgotten_leaves_no_warning() -> None:
    """Ended while a client is connected, with a request under way."""
    with FakeLago() as lago:
        lago.fail(lago_faults.hang())
        wired = Wired(lago, timeout=5)
        thread = threading.Thread(target=lambda: _broken(wired), daemon=True)
        thread.start()
        until = time.monotonic() + 5
        while not lago.requests and time.monotonic() < until:
            time.sleep(0.002)
    thread.join(5)
    assert not thread.is_alive()
    gc.collect()


def _broken(wired: Wired) -> None:
    with pytest.raises(BROKEN):
        wired.ask("GET", "/wallets")
