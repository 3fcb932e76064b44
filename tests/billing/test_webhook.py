"""Lago's webhooks: believed only with a signature over their own bytes, acted on once."""

from __future__ import annotations

import base64
import builtins
import json
import sys
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from llmkit import errors
from llmkit._billing_events import BillDead
from llmkit._control.billing.webhook import WebhookEvent, Webhooks
from llmkit._outbox import Mark, Marked, ReadBills
from llmkit._secret import Secret
from llmkit.testing import lago_faults
from llmkit.testing._lago import _signing

from ._lane import bill
from ._virtual import Virtual

WALLET = {"lago_id": "w", "external_customer_id": "cus_1", "balance_cents": 0}
KIND = "wallet.depleted_ongoing_balance"
PEM = base64.b64decode(_signing.public_key())


class Gate:
    """What was to be forgotten."""

    def __init__(self) -> None:
        self.forgotten: list[tuple[str | None, str | None]] = []

    def __call__(self, customer: str | None = None, subscription: str | None = None) -> None:
        self.forgotten.append((customer, subscription))


class Receiving(Virtual):
    """A ``Webhooks`` with everything around it."""

    def __init__(self, key: str | None = "", **how: Any) -> None:
        super().__init__()
        self.gate = Gate()
        given = self.fake.hmac_key if key == "" else key
        secret = None if given is None else Secret(given)
        self.webhooks = Webhooks(self.lago, secret, self.clock.now, self.gate, **how)

    def receive(self, body: bytes, headers: Any) -> WebhookEvent:
        """One message."""
        found: WebhookEvent = self.drive(self.webhooks.receive(body, headers))
        return found

    def sent(
        self, kind: str = KIND, about: str = "wallet", said: Any = None, **how: Any
    ) -> WebhookEvent:
        """One message of Lago's."""
        return self.receive(
            *self.fake.webhook(kind, about, WALLET if said is None else said, **how)
        )


@pytest.mark.parametrize(("key", "algorithm"), [("", "hmac"), (None, "jwt"), (PEM.decode(), "jwt")])
def test_a_signed_message_is_read(key: str | None, algorithm: Any) -> None:
    """Signed by HMAC, or by RS256 with the key that Lago gives out or that was given: it says what it is about."""
    world = Receiving(key)
    event = world.sent(algorithm=algorithm, key="8d5ae8c4")
    assert (event.type, event.customer, event.key, event.new) == (KIND, "cus_1", "8d5ae8c4", True)
    assert event.object == WALLET
    assert event.organization == "org"
    asked = [request.path for request in world.fake.requests]
    assert asked == (["/api/v1/webhooks/json_public_key"] if key is None else [])


def test_the_public_key_is_asked_for_once() -> None:
    """It is kept for the messages that follow."""
    world = Receiving(None)
    for _ in range(5):
        world.sent(algorithm="jwt")
    assert len(world.fake.requests) == 1


@cache
def receiving(algorithm: Any) -> tuple[Receiving, bytes, dict[str, str]]:
    """One for all the messages that it refuses, and a message."""
    world = Receiving("" if algorithm == "hmac" else PEM.decode())
    return world, *world.fake.webhook(KIND, "wallet", WALLET, algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["hmac", "jwt"])
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_changed_bit_of_the_body_is_refused(algorithm: Any, at: int, bit: int) -> None:
    """Whichever bit is another, nothing is believed, and nothing done."""
    world, body, headers = receiving(algorithm)
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit
    with pytest.raises(errors.BillingError):
        world.receive(bytes(changed), headers)
    assert not world.gate.forgotten


@pytest.mark.parametrize("algorithm", ["hmac", "jwt"])
@given(at=st.integers(0, 10_000), sign=st.sampled_from("AB9-_.= é"))
def test_one_changed_letter_of_the_signature_is_refused(algorithm: Any, at: int, sign: str) -> None:
    """Whichever it is, but for the last, which hold spare bits."""
    world, body, headers = receiving(algorithm)
    text = headers["X-Lago-Signature"]
    at %= len(text) - 3
    if text[at] == sign:
        return
    headers = {**headers, "X-Lago-Signature": text[:at] + sign + text[at + 1 :]}
    with pytest.raises(errors.BillingError):
        world.receive(body, headers)


@pytest.mark.parametrize(
    "name", ["X-Lago-Signature", "X-Lago-Signature-Algorithm", "X-Lago-Unique-Key"]
)
def test_a_header_that_is_missing_empty_or_there_twice_is_refused(name: str) -> None:
    """Each of the three is needed, once."""
    world = Receiving()
    body, headers = world.fake.webhook(KIND, "wallet", WALLET)
    missing = {key: value for key, value in headers.items() if key != name}
    twice = [*headers.items(), (name.lower(), headers[name])]
    for given_headers in (missing, {**headers, name: " "}, twice):
        with pytest.raises(errors.BillingError, match=name.lower()):
            world.receive(body, given_headers)


def test_headers_may_be_in_any_case_and_in_pairs() -> None:
    """As a framework hands them over."""
    world = Receiving()
    body, headers = world.fake.webhook(KIND, "wallet", WALLET)
    assert world.receive(body, [(name.upper(), value) for name, value in headers.items()]).new


@pytest.mark.parametrize("key", ["../x", "a b", "é", "x" * 300])
def test_a_unique_key_is_an_id(key: str) -> None:
    """What cannot be one is refused."""
    with pytest.raises(errors.BillingError, match="no id"):
        Receiving().sent(key=key)


def _forged(head: dict[str, Any], body: bytes, signature: bytes = b"") -> dict[str, str]:
    claims = {"data": body.decode(), "iss": "https://lago.test"}
    parts = [json.dumps(head).encode(), json.dumps(claims).encode(), signature]
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    return {
        "X-Lago-Signature": token,
        "X-Lago-Signature-Algorithm": "jwt",
        "X-Lago-Unique-Key": "k",
    }


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "NONE", "HS256", "rs256", "RS512", "ES256", "PS256", None, ["RS256"]],
)
def test_only_rs256_is_a_signature(algorithm: Any) -> None:
    """Whatever the token's head says it was signed with, or that it was not, is refused."""
    world = Receiving(PEM.decode())
    body, headers = world.fake.webhook(KIND, "wallet", WALLET, algorithm="jwt")
    with pytest.raises(errors.BillingError, match="RS256"):
        world.receive(body, _forged({"alg": algorithm}, body))
    token = _signing.jwt(body, world.fake.origin, algorithm=algorithm)
    with pytest.raises(errors.BillingError, match="RS256"):
        world.receive(body, {**headers, "X-Lago-Signature": token})


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    """An HMAC made with the public key, under either algorithm's name, is refused."""
    world = Receiving(PEM.decode())
    body, headers = world.fake.webhook(KIND, "wallet", WALLET)
    forged = _signing.signature(PEM.decode(), body)
    with pytest.raises(errors.BillingError, match=r"HMAC|JWT"):
        world.receive(body, {**headers, "X-Lago-Signature": forged})
    stripped = _signing.signature(PEM.decode().strip(), body)
    with pytest.raises(errors.BillingError):
        world.receive(body, {**headers, "X-Lago-Signature": stripped})


def test_who_has_an_hmac_key_takes_no_jwt() -> None:
    """A server signs every organisation's JWTs with one key: with a key of one's own, they are not needed."""
    with pytest.raises(errors.BillingError, match="HMAC"):
        Receiving().sent(algorithm="jwt")


def test_another_issuer_is_refused() -> None:
    """A token of another Lago is none of ours; an issuer may be given, and its path does not matter."""
    world = Receiving(PEM.decode())
    body, headers = world.fake.webhook(KIND, "wallet", WALLET)
    headers["X-Lago-Signature-Algorithm"] = "jwt"
    headers["X-Lago-Signature"] = _signing.jwt(body, "https://elsewhere.test")
    with pytest.raises(errors.BillingError, match="issuer"):
        world.receive(body, headers)
    other = Receiving(PEM.decode(), issuer="https://elsewhere.test/api/v1/")
    assert other.receive(body, headers).new


def test_another_organisations_message_is_refused() -> None:
    """Where the organisation is named, only its messages count."""
    with pytest.raises(errors.BillingError, match="organisation"):
        Receiving(organization="mine").sent()
    assert Receiving(organization="org").sent().new


def test_a_token_of_another_body_is_refused() -> None:
    """The claim ``data`` is compared with the bytes that came."""
    world = Receiving(PEM.decode())
    _, headers = world.fake.webhook(KIND, "wallet", WALLET, algorithm="jwt")
    body, _ = world.fake.webhook(KIND, "wallet", {**WALLET, "balance_cents": 9})
    with pytest.raises(errors.BillingError, match="another body"):
        world.receive(body, headers)


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c.d", "é.é.é", "e30.e30.e30", "W10.W10.W10", "x" * 99, "." * 2]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    """Whatever stands in place of a token, an error of ours comes of it."""
    world = Receiving(PEM.decode())
    body, headers = world.fake.webhook(KIND, "wallet", WALLET, algorithm="jwt")
    with pytest.raises(errors.BillingError):
        world.receive(body, {**headers, "X-Lago-Signature": token})


def test_a_new_key_of_lagos_is_asked_for_and_not_for_each_forgery() -> None:
    """A signature that does not fit asks for the key again, at most once a minute."""
    world = Receiving(None)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    old = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    answer = {"webhook": {"public_key": base64.b64encode(old).decode()}}
    world.fake.fail(lago_faults.status(200, answer), on="GET /webhooks")
    with pytest.raises(errors.BillingError):
        world.sent(algorithm="jwt")
    world.clock.advance(61)
    assert world.sent(algorithm="jwt").new
    count = len(world.fake.requests)
    body, headers = world.fake.webhook(KIND, "wallet", WALLET, algorithm="jwt")
    for _ in range(20):
        with pytest.raises(errors.BillingError):
            world.receive(body + b" ", headers)
    assert len(world.fake.requests) == count


@pytest.mark.parametrize("pem", ["-----BEGIN nonsense", "ec"])
def test_a_key_that_is_none_is_said(pem: str) -> None:
    """A public key that cannot be read, or is not RSA's, is a mistake in the configuration."""
    if pem == "ec":
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(errors.ConfigurationError, match="RSA"):
        Receiving(pem).sent(algorithm="jwt")


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """JWTs need a package, which is asked for only then; HMACs need none."""
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(errors.ConfigurationError, match=r"llmkit\[lago\]"):
        Receiving(PEM.decode()).sent(algorithm="jwt")
    assert Receiving().sent().new


def test_a_text_is_not_the_body() -> None:
    """What was decoded, or written anew, cannot be verified."""
    world = Receiving()
    body, headers = world.fake.webhook(KIND, "wallet", WALLET)
    with pytest.raises(errors.BillingError, match="raw bytes"):
        world.receive(body.decode(), headers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"webhook_type":5}',
        b'{"webhook_type":"a","object_type":"b","b":1}',
    ],
)
def test_what_is_signed_but_cannot_be_understood_is_refused(body: bytes) -> None:
    """A signed body that is no message is an error of ours, nothing else."""
    world = Receiving()
    _, headers = world.fake.webhook(KIND, "wallet", WALLET)
    headers["X-Lago-Signature"] = _signing.signature(world.fake.hmac_key, body)
    with pytest.raises(errors.BillingError, match="understood"):
        world.receive(body, headers)


def test_a_message_acts_once() -> None:
    """The same unique key a second time is said to be not new, and nothing is done for it."""
    world = Receiving()
    assert world.sent(key="one").new
    assert not world.sent(key="one").new
    assert len(world.gate.forgotten) == 1
    assert world.sent(key="two").new


def _delivered(world: Receiving, *numbers: int) -> None:
    for number in numbers:
        world.conclude(bill(number))
    world.store.perform(Mark(tuple(Marked(bill(n).id, "delivered") for n in numbers)))


def _states(world: Receiving) -> dict[str, tuple[str, str]]:
    return {b.id: (b.state, b.reason) for b in world.store.perform(ReadBills())}


def test_events_that_are_not_counted_go_to_the_dead_letter() -> None:
    """What Lago took and cannot count is dead with the reason, and told; what is not delivered stays as it is."""
    world = Receiving()
    _delivered(world, 1, 2)
    world.conclude(bill(3))
    said = {
        "invalid_code": [bill(1).id, "unknown:askii_coins", 5, "../x"],
        "missing_aggregation_property": [bill(3).id],
        "invalid_filter_values": None,
    }
    event = world.sent("events.errors", "events_errors", said)
    assert event.dead == (bill(1).id,)
    states = _states(world)
    assert states[bill(1).id] == ("dead", "not counted: invalid_code")
    assert states[bill(2).id][0] == "delivered"
    assert states[bill(3).id][0] == "queued"
    [told] = [event for event in world.told if isinstance(event, BillDead)]
    assert told.id == bill(1).id
    assert not world.gate.forgotten


def test_what_the_fake_could_not_count_ends_in_the_dead_letter() -> None:
    """End to end: a wrong code is answered with 200, and comes back by webhook."""
    world = Receiving()
    world.fake.add_customer("cus_1")
    world.conclude(bill(1))
    assert world.run().delivered == 1
    event = world.receive(*world.fake.errors_webhook())
    assert event.dead == (bill(1).id,)


def test_thousands_of_errors_are_read_in_parts() -> None:
    """Any number of ids is looked up."""
    world = Receiving()
    _delivered(world, *range(1200))
    said = {"invalid_code": [bill(n).id for n in range(1200)]}
    assert len(world.sent("events.errors", "events_errors", said).dead) == 1200


def test_an_error_of_a_single_event() -> None:
    """The older form, with one event."""
    world = Receiving()
    _delivered(world, 1)
    said = {"status": 422, "message": "no", "event": {"transaction_id": bill(1).id}}
    assert world.sent("event.error", "event_error", said).dead == (bill(1).id,)
    assert world.sent("event.error", "event_error", {"event": "?"}).dead == ()


@pytest.mark.parametrize(
    ("kind", "about", "said", "forgotten"),
    [
        (KIND, "wallet", WALLET, ("cus_1", None)),
        ("wallet_transaction.updated", "wallet_transaction", {"lago_wallet_id": "w"}, (None, None)),
        (
            "subscription.terminated",
            "subscription",
            {"external_id": "sub_1", "external_customer_id": "cus_1"},
            ("cus_1", "sub_1"),
        ),
        ("customer.updated", "customer", {"external_id": "cus_2"}, ("cus_2", None)),
        (
            "subscription.usage_threshold_reached",
            "subscription",
            {"external_id": "s", "customer": {"external_id": "c"}},
            ("c", "s"),
        ),
        ("alert.triggered", "triggered_alert", {"external_subscription_id": "s"}, (None, "s")),
        ("fee.created", "fee", {"external_customer_id": "cus_1"}, None),
    ],
)
def test_what_may_change_an_entitlement_is_forgotten(
    kind: str, about: str, said: dict[str, Any], forgotten: tuple[str | None, str | None] | None
) -> None:
    """Messages of wallets, subscriptions and the like make the next check ask; of whom, where it is said."""
    world = Receiving()
    world.sent(kind, about, said)
    assert world.gate.forgotten == ([] if forgotten is None else [forgotten])


def test_a_message_that_broke_off_is_acted_on_when_it_comes_again() -> None:
    """A store that failed after the key was remembered does not cost the message."""
    world = Receiving()
    _delivered(world, 1)
    said = {"invalid_code": [bill(1).id]}
    body, headers = world.fake.webhook("events.errors", "events_errors", said)
    flow = world.webhooks.receive(body, headers)
    effect = flow.send(world._perform(next(flow)))
    assert isinstance(effect.operation, ReadBills)
    with pytest.raises(errors.StoreUnavailableError):
        flow.throw(errors.StoreUnavailableError("locked"))
    assert world.receive(body, headers).dead == (bill(1).id,)
    assert not world.receive(body, headers).new


def test_no_secret_is_shown() -> None:
    """Neither a repr nor an error shows the key."""
    world = Receiving()
    body, headers = world.fake.webhook(KIND, "wallet", WALLET)
    with pytest.raises(errors.BillingError) as caught:
        world.receive(body + b" ", headers)
    shown = f"{caught.value!r} {caught.value} {vars(world.webhooks)}"
    assert world.fake.hmac_key not in shown
    assert _signing.signature(world.fake.hmac_key, body + b" ") not in shown
