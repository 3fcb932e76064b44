"""Looking at what the fake Lago holds, and at what it really counts; and the webhooks it would send."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from .._server import HOST
from . import _signing
from ._books import Books, Event, Store, an_id
from ._counting import Counted, counted, uncountable
from ._listening import Listening

__all__ = ["Looking"]

_NOWHERE: Final = "http://lago.invalid"


class Looking:
    """The methods that change nothing."""

    _books: Books
    _lock: threading.RLock
    _webhooks: int
    _server: Listening | None
    hmac_key: str

    @property
    def origin(self) -> str:
        """Where it listens, without a path; an address that is nowhere, while it does not."""
        return _NOWHERE if self._server is None else f"http://{HOST}:{self._server.port}"

    @property
    def store(self) -> Store:
        """How events are kept."""
        return self._books.store

    @property
    def events(self) -> list[Event]:
        """What is stored, in the order in which it came: counted or not."""
        with self._lock:
            return list(self._books.events.values())

    def charged(self, subscription: str, code: str = "askii_coins", *, since: float = 0) -> Counted:
        """What the first charge of this metric comes to in all: units, events, exact cents.

        That is what is counted: the subscription was there at the event's time, the metric is, its property is a
        number. Raises `KeyError` if there is no such subscription, or no such charge in its plan.
        """
        with self._lock:
            one = self._books.subscriptions[subscription][-1]
            charges = [it for it in self._books.plans[one.plan].charges if it.metric == code]
            if not charges:
                raise KeyError(code)
            return counted(self._books, subscription, charges[0], int(since * 1000))

    def units(self, subscription: str, code: str = "askii_coins", *, since: float = 0) -> Decimal:
        """The units of `charged`."""
        return self.charged(subscription, code, since=since).units

    def webhook(
        self,
        kind: str,
        object_type: str,
        said: Mapping[str, Any],
        *,
        algorithm: Literal["hmac", "jwt"] = "hmac",
        key: str = "",
    ) -> tuple[bytes, dict[str, str]]:
        """A webhook's body, and its headers with Lago's signature.

        *key*: `X-Lago-Unique-Key`, a new one without. The issuer in a `jwt` is `origin`.
        """
        body = _signing.body_of(kind, object_type, said)
        signed = (
            _signing.signature(self.hmac_key, body)
            if algorithm == "hmac"
            else _signing.jwt(body, self.origin)
        )
        return body, {
            "Content-Type": "application/json",
            "X-Lago-Signature": signed,
            "X-Lago-Signature-Algorithm": algorithm,
            "X-Lago-Unique-Key": key or self._unique(),
        }

    def errors_webhook(
        self, *, algorithm: Literal["hmac", "jwt"] = "hmac"
    ) -> tuple[bytes, dict[str, str]]:
        """`events.errors` with all that is stored and cannot be counted.

        Lago sends it hourly, with PostgreSQL only; an unknown *subscription* is never in it.
        """
        with self._lock:
            found = uncountable(self._books) if self._books.store == "postgres" else {}
        said = {**found, "invalid_filter_values": []}
        return self.webhook("events.errors", "events_errors", said, algorithm=algorithm)

    def _unique(self) -> str:
        with self._lock:
            self._webhooks += 1
            return an_id("webhook", self._webhooks)
