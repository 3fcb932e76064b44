"""Flows that ask whoever bills: Lago for a subscription and for what a customer has, or an authorize service.

What comes back is a value, or ``Outage`` where nobody could say; a clear no (404 of a subscription, 405) is a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, Protocol, TypeVar

from ..._cost import MATH
from ..._flow import Deadlines, Flow, Opened, send, sleep, store
from ..._http import HTTPRequest, HTTPResponse
from ..._outbox import Owed, Owing
from ..._secret import redact
from ...errors import APIError, BillingError, ConfigurationError, LagoError
from .answers import (
    Page,
    Subscription,
    Usage,
    read_authorized,
    read_subscription,
    read_subscriptions,
    read_usage,
    read_wallets,
)
from .available import Funds, Rules, Standing, funds_of, limited, reckoned, standing_of
from .lago import Lago

__all__ = ["Asking", "Authorizing", "Outage", "Pace", "owed"]

T = TypeVar("T")
Kind = Literal["usage", "other"]
_WRONG_KEY: Final = (401, 403)
_MOST_PAGES: Final = 100
_FOR_EVER: Final = 2**53 - 1
_ONE: Final = Decimal(1)
_NONE: Final = (Decimal(0), Decimal(0), Decimal(0))
_add: Final = MATH.add


class Outage(Exception):
    """Nobody could say. ``wrong_key``: it will not pass by itself. ``crowded``: nobody was asked, for lack of room."""

    def __init__(self, reason: str, *, wrong_key: bool = False, crowded: bool = False) -> None:
        super().__init__(redact(reason))
        self.reason = redact(reason)
        self.wrong_key = wrong_key
        self.crowded = crowded


class Pace(Protocol):
    """How often may be asked."""

    def take(self, kind: str, most: float) -> float | None:
        """Seconds to wait before the next request; ``None``: more than ``most``, and nothing was taken."""

    def told(self, kind: str, response: HTTPResponse) -> None:
        """What an answer says of limits."""


@dataclass(frozen=True, slots=True)
class Authorizing:
    """What an authorize service is asked with.

    Attributes:
        publisher: who asks.
        action: what is to be done.
        resource: with what; ``None``: what the portal's own client sends.
    """

    publisher: str
    action: str = "read"
    resource: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked, by what rules, how often, and for how long: ``timeout`` is for all requests of one question."""

    lago: Lago
    rules: Rules
    pace: Pace
    now: Callable[[], float]
    wall: Callable[[], float]
    timeout: float = 10.0
    authorizing: Authorizing | None = None

    def standing(self, subscription: str) -> Flow[Standing]:
        """What is known of a subscription. Raises ``Outage``."""
        until = self.now() + self.timeout
        try:
            request = self.lago.subscription(subscription)
        except ConfigurationError as error:
            raise _of_key(error) from None
        except BillingError as error:
            return Standing(subscription, denied="no_active_subscription", detail=str(error))
        found = yield from self._asked(request, read_subscription, "other", until)
        if isinstance(found, LagoError):
            if found.code != "subscription_not_found":
                raise _outage(found)
            why = f"there is no active subscription {subscription}"
            return Standing(subscription, denied="no_active_subscription", detail=why)
        return standing_of(found, self.rules)

    def authorized(self, customer: str) -> Flow[Standing]:
        """What the authorize service says of a customer. Raises ``Outage``."""
        until, asked = self.now() + self.timeout, self.authorizing
        assert asked is not None, "nobody is to be asked this"  # noqa: S101
        more = {} if asked.resource is None else {"resource": asked.resource}
        try:
            request = self.lago.authorize(
                customer, asked.publisher, int(self.wall()), action=asked.action, **more
            )
        except ConfigurationError as error:
            raise _of_key(error) from None
        found = yield from self._asked(request, read_authorized, "other", until)
        if isinstance(found, LagoError):
            raise _outage(found)
        if found.allowed:
            return Standing(found.subscription, customer)
        why = found.message or "the authorize service does not let it out"
        return Standing(found.subscription, customer, "not_authorized", why)

    def funds(
        self, customer: str, *, listing: bool, factor: Callable[[str], Decimal] = lambda _: _ONE
    ) -> Flow[Funds]:
        """What a customer has. Raises ``Outage``.

        Args:
            customer: whose.
            listing: whether his subscriptions are asked for, too, where nothing has to be reckoned.
            factor: of a subscription, as ``funds_of`` takes it.
        """
        until, begun = self.now() + self.timeout, int(self.wall() * 1000)
        wallets = yield from self._all(self.lago.wallets, read_wallets, customer, until)
        if isinstance(wallets, LagoError):
            if wallets.code != "customer_not_found":
                raise _outage(wallets)
            why = f"there is no customer {customer}"
            return Funds(customer, None, "unknown_customer", why, (), begun=begun)
        counted = reckoned(wallets, self.rules, begun)
        listed: tuple[Subscription, ...] | None = None
        if listing or limited(wallets, self.rules, begun):
            listed = yield from self._listed(customer, until)
        usages: dict[str, Usage] = {}
        if counted:
            usages = yield from self._usages(customer, listed or (), until)
        found = funds_of(customer, wallets, usages, self.rules, begun, factor)
        return found._replace(subscriptions=listed, begun=begun)

    def _listed(self, customer: str, until: float) -> Flow[tuple[Subscription, ...]]:
        found = yield from self._all(self.lago.subscriptions, read_subscriptions, customer, until)
        if isinstance(found, LagoError):
            raise _outage(found)
        return tuple(one._replace(features=None, plan=None) for one in found)

    def _usages(
        self, customer: str, subscriptions: Sequence[Subscription], until: float
    ) -> Flow[dict[str, Usage]]:
        usages: dict[str, Usage] = {}
        for one in subscriptions:
            request = self.lago.usage(customer, one.external_id)
            found = yield from self._asked(request, read_usage, "usage", until)
            if not isinstance(found, LagoError):
                usages[one.external_id] = found
            elif found.code not in {"no_active_subscription", "subscription_not_found"}:
                raise _outage(found)
        return usages

    def _all(
        self,
        request: Callable[..., HTTPRequest],
        reader: Callable[[HTTPResponse], Page[T]],
        customer: str,
        until: float,
    ) -> Flow[list[T] | LagoError]:
        """All pages of a list, or what Lago says against the first."""
        items: list[T] = []
        page: int | None = 1
        while page is not None:
            try:
                asked = request(customer, page=page)
            except ConfigurationError as error:
                raise _of_key(error) from None
            found = yield from self._asked(asked, reader, "other", until)
            if isinstance(found, LagoError):
                return found
            items += found.items
            page = found.following if (found.following or 0) > page else None
            if page is not None and page > _MOST_PAGES:
                raise Outage(f"Lago's list for customer {customer} does not end")
        return items

    def _asked(
        self, request: HTTPRequest, reader: Callable[[HTTPResponse], T], kind: Kind, until: float
    ) -> Flow[T | LagoError]:
        """One answer, read; or what Lago says against it. Raises ``Outage`` where there is none."""
        wait = self.pace.take(kind, until - self.now())
        if wait is None:
            raise Outage("more is to be asked of Lago than may be", crowded=True)
        if wait > 0:
            yield from sleep(wait)
        try:
            rest = max(0.001, until - self.now())
            response = yield from send(request, Deadlines(until, rest, rest, rest))
        except APIError as error:
            raise Outage(f"Lago cannot be reached: {error.message}") from None
        assert not isinstance(response, Opened)  # noqa: S101 - nothing was to be streamed
        self.pace.told(kind, response)
        try:
            return reader(response)
        except LagoError as error:
            return error


def _outage(error: LagoError) -> Outage:
    return Outage(error.message, wrong_key=error.status_code in _WRONG_KEY)


def _of_key(error: ConfigurationError) -> Outage:
    """The function that gives the key does not."""
    return Outage(error.message, wrong_key=True)


def owed(subscriptions: Sequence[str], age: float, unseen: float) -> Flow[Owed]:
    """What the outbox says that these owe which Lago's numbers, asked for ``age`` seconds ago, may not have.

    The outbox keeps its own time: that is asked for first.
    """
    total = Owed(0, *_NONE)
    if not subscriptions:
        return total
    question: Any = Owing(subscriptions[0], _FOR_EVER)
    first: Owed = yield from store(question)
    since = max(0, first.now - int((age + unseen) * 1000) - 1)
    for subscription in subscriptions:
        question = Owing(subscription, since)
        found: Owed = yield from store(question)
        total = Owed(
            found.now,
            _add(total.queued, found.queued),
            _add(total.delivered, found.delivered),
            _add(total.intended, found.intended),
        )
    return total
