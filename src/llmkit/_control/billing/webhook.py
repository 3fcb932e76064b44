"""What Lago's webhooks say, and what follows: bills that could not be counted, entitlements that have changed.

A flow: the body is verified over its own bytes before anything of it is believed; each message acts once.
Types and fields: the webhooks of Lago's OpenAPI 1.51.0 (https://github.com/getlago/lago-openapi), read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from ..._billing_events import BillDead
from ..._flow import Deadlines, Flow, notify, send, store
from ..._json import NotJSON, load
from ..._outbox import Amend, Amended, Bill, Notice, ReadBills
from ..._secret import Secret
from ...errors import BillingError
from .answers import read_public_key
from .lago import Lago
from .signature import check_hmac, check_jwt, is_public_key

__all__ = ["WebhookEvent", "Webhooks"]

_SIGNATURE: Final = "x-lago-signature"
_ALGORITHM: Final = "x-lago-signature-algorithm"
_UNIQUE: Final = "x-lago-unique-key"
_HEADERS: Final = (_SIGNATURE, _ALGORITHM, _UNIQUE)
_KEY: Final = re.compile(r"[A-Za-z0-9._:~-]{1,200}")
_REMEMBERED: Final = 35 * 86_400_000
_TIMEOUT: Final = 10.0
_AT_ONCE: Final = 500
_UNFINISHED: Final = 1000
# A stranger's token is no reason to ask for the key again and again.
_ASK_AGAIN: Final = 60.0
# What these are about may change what somebody is entitled to.
_CHANGING: Final = ("wallet", "subscription", "customer", "alert", "feature", "plan", "invoice")


class WebhookEvent(NamedTuple):
    """One message of Lago's, verified.

    ``type``: such as ``wallet.depleted_ongoing_balance``. ``object``: what it is about, as Lago says it.
    ``key``: its ``X-Lago-Unique-Key``. ``new``: whether it came for the first time; nothing is done for another.
    ``customer``, ``subscription``: whose it is, by their external ids, where it says so. ``dead``: the ids of the
    bills that went to the dead letter for it.
    """

    type: str
    object: Mapping[str, Any]
    organization: str
    key: str
    new: bool
    customer: str = ""
    subscription: str = ""
    dead: tuple[str, ...] = ()


class Invalidate(Protocol):
    """Forget what is known of these; of all, where neither is given."""

    def __call__(self, customer: str | None = None, subscription: str | None = None) -> None: ...


class Webhooks:
    """Receives Lago's webhooks.

    ``key``: the organisation's HMAC key, or a public key in PEM; ``None``: the public key that Lago gives out. Who
    has given an HMAC key is sent no JWTs: one server signs all its organisations' with one key.
    ``issuer``: the server's ``LAGO_API_URL``, where it is not the address that it is asked at. ``organization``:
    its id; messages of others are refused. ``now``: seconds, on any clock that does not go back.
    """

    def __init__(
        self,
        lago: Lago,
        key: Secret | None,
        now: Callable[[], float],
        invalidate: Invalidate | None = None,
        *,
        issuer: str | None = None,
        organization: str | None = None,
    ) -> None:
        self._lago = lago
        self._now = now
        self._invalidate = invalidate
        self._issuer = issuer or lago.url
        self._organization = organization
        given = "" if key is None else key.reveal()
        self._secret = key if given and not is_public_key(given) else None
        self._public = given.encode() if is_public_key(given) else None
        self._pinned = self._public is not None
        self._asked: float | None = None
        self._unfinished: dict[str, None] = {}

    def receive(
        self, body: bytes, headers: Mapping[str, str] | Iterable[tuple[str, str]]
    ) -> Flow[WebhookEvent]:
        """Verify a message, and act on it.

        ``body``: the bytes as they came, not JSON that was written anew. ``headers``: names in any case.

        Raises: BillingError: it is not Lago's, or not whole; answer with 400, and believe nothing of it. LagoError:
        the public key cannot be had just now. StoreError: the outbox cannot be read; answer with 503, it comes again.
        ConfigurationError: a key, or the package ``cryptography``, is missing.
        """
        if not isinstance(body, bytes | bytearray | memoryview):
            raise BillingError("a webhook is verified over its body as it came: pass the raw bytes")
        body = bytes(body)
        signature, algorithm, key = _headers(headers)
        yield from self._verified(body, signature, algorithm)
        event = self._event(body, key)
        new: bool = yield from store(Notice(f"webhook:{key}", _REMEMBERED))
        if not new and key not in self._unfinished:
            return event
        # Where this breaks off, the same message will come again, and is no news to the store any more.
        self._unfinished[key] = None
        event = yield from self._acted(event)
        self._unfinished.pop(key, None)
        while len(self._unfinished) > _UNFINISHED:
            del self._unfinished[next(iter(self._unfinished))]
        return event

    def _verified(self, body: bytes, signature: str, algorithm: str) -> Flow[None]:
        if algorithm == "hmac" and self._secret is not None:
            return check_hmac(self._secret.reveal(), body, signature)
        if algorithm == "jwt" and self._secret is None:
            return (yield from self._check_jwt(body, signature))
        wanted = "a JWT" if self._secret is None else "an HMAC"
        raise BillingError(
            f"a webhook was refused: it is not signed as {wanted}; webhook_key= is the organisation's HMAC key for "
            "'hmac', and nothing, or the public key, for 'jwt'"
        )

    def _check_jwt(self, body: bytes, token: str) -> Flow[None]:
        known = self._public or (yield from self._fetched())
        try:
            check_jwt(known, body, token, self._issuer)
        except BillingError:
            if self._pinned or not self._may_ask():
                raise
            # Perhaps Lago has a new key.
            check_jwt((yield from self._fetched()), body, token, self._issuer)

    def _may_ask(self) -> bool:
        return self._asked is None or self._now() - self._asked >= _ASK_AGAIN

    def _fetched(self) -> Flow[bytes]:
        self._asked = self._now()
        limits = Deadlines(self._now() + _TIMEOUT, _TIMEOUT, _TIMEOUT, _TIMEOUT)
        response: Any = yield from send(self._lago.public_key(), limits)
        self._public = found = read_public_key(response)
        return found

    def _event(self, body: bytes, key: str) -> WebhookEvent:
        try:
            said = load(body)
        except NotJSON:
            said = None
        said = said if isinstance(said, Mapping) else {}
        kind, about = said.get("webhook_type"), said.get(_text(said.get("object_type")))
        if not isinstance(kind, str) or not isinstance(about, Mapping):
            raise BillingError("a webhook was refused: it is signed, but cannot be understood")
        organization = _text(said.get("organization_id"))
        if self._organization not in (None, organization):
            raise BillingError("a webhook was refused: it is another organisation's")
        customer, subscription = _whose(_text(said.get("object_type")), about)
        whole = MappingProxyType(dict(about))
        return WebhookEvent(kind, whole, organization, key, False, customer, subscription)

    def _acted(self, event: WebhookEvent) -> Flow[WebhookEvent]:
        reasons = _reasons(event)
        ids, dead = list(reasons), []
        for at in range(0, len(ids), _AT_ONCE):
            dead += yield from self._buried({i: reasons[i] for i in ids[at : at + _AT_ONCE]})
        if self._invalidate is not None and event.type.startswith(_CHANGING):
            self._invalidate(event.customer or None, event.subscription or None)
        return event._replace(new=True, dead=tuple(dead))

    def _buried(self, reasons: Mapping[str, str]) -> Flow[list[str]]:
        """Bills that Lago took, and then could not count, go to the dead letter."""
        read = ReadBills(states=("delivered",), ids=tuple(reasons), limit=len(reasons))
        bills: tuple[Bill, ...] = yield from store(read)
        changed = (b._replace(state="dead", reason=f"not counted: {reasons[b.id]}") for b in bills)
        amended = tuple(Amended(bill, ("delivered",)) for bill in changed)
        ids: tuple[str, ...] = (yield from store(Amend(amended))) if amended else ()
        for id_ in ids:
            yield from notify(BillDead(id_, f"Lago took it, and does not count it: {reasons[id_]}"))
        return list(ids)


def _headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[str, str, str]:
    """Signature, algorithm and unique key; each there once."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, list[str]] = {name: [] for name in _HEADERS}
    for name, value in pairs:
        if isinstance(name, str) and isinstance(value, str) and name.lower() in found:
            found[name.lower()].append(value.strip())
    for name, values in found.items():
        if len(values) != 1 or not values[0]:
            how = "no" if not any(values) else "more than one"
            raise BillingError(f"a webhook was refused: it has {how} header {name}")
    key = found[_UNIQUE][0]
    if not _KEY.fullmatch(key):
        raise BillingError(f"a webhook was refused: its header {_UNIQUE} is no id")
    return found[_SIGNATURE][0], found[_ALGORITHM][0].lower(), key


def _reasons(event: WebhookEvent) -> dict[str, str]:
    """The ids of events that are not counted, and why."""
    if event.type == "events.errors":
        listed = ((why, ids) for why, ids in event.object.items() if isinstance(ids, list))
        return {id_: why for why, ids in listed for id_ in ids if _is_id(id_)}
    if event.type == "event.error":
        about = event.object.get("event") or event.object.get("input_params")
        id_ = _text(about.get("transaction_id")) if isinstance(about, Mapping) else ""
        return {id_: str(event.object.get("message"))[:300]} if _is_id(id_) else {}
    return {}


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _whose(kind: str, about: Mapping[str, Any]) -> tuple[str, str]:
    """Customer and subscription, by their external ids."""
    nested = about.get("customer")
    customer = _text(about.get("external_customer_id")) or (
        _text(nested.get("external_id")) if isinstance(nested, Mapping) else ""
    )
    subscription = _text(about.get("external_subscription_id"))
    own = _text(about.get("external_id"))
    return customer or own * (kind == "customer"), subscription or own * (kind == "subscription")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
