"""The fake Lago's side of an exchange: who may, how often, which path, what goes wrong. Pure but for its books.

Between what comes in and what goes out are no sockets and no waits: `_listening` and `FakeLago.answer` have those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from . import _events, _money, _reading
from ._answers import Answer, failed, ok
from ._asked import Asked, LagoRequest
from ._books import Books
from ._counting import Counted

__all__ = ["CLOUD_LIMITS", "Rates", "Service"]

ROOT: Final = "/api/v1"
CLOUD_LIMITS: Final[Mapping[str, int]] = {"events": 500, "usage": 200, "other": 50}
"""Requests a second of Lago's cloud, by class (getlago.com/docs/api-reference/rate-limits, read 2026-11-22)."""

Doing = Callable[["Service", Asked], Answer]


class Rates:
    """How many requests of each class came in the current second. *limits*: none are kept if `None`."""

    def __init__(self, limits: Mapping[str, int] | None) -> None:
        self.limits = limits
        self._second: dict[str, tuple[int, int]] = {}

    def take(self, kind: str, now: float) -> dict[str, str] | None:
        """The headers that every answer has, and `None` for those over the limit of their second: see `refusal`."""
        if self.limits is None:
            return {}
        limit, (second, used) = self.limits[kind], self._second.get(kind, (0, 0))
        used = used + 1 if second == int(now) else 1
        self._second[kind] = (int(now), used)
        return self.headers(limit, limit - used) if used <= limit else None

    def refusal(self, kind: str) -> Answer:
        """429 as the cloud's edge says it; its body was never seen, only its headers are documented."""
        limit = (self.limits or {}).get(kind, 0)
        return Answer(429, failed(429, "rate_limit_exceeded").body, self.headers(limit, 0))

    @staticmethod
    def headers(limit: int, left: int) -> dict[str, str]:
        """The three headers; seconds until the limit is whole again are never less than one."""
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": "1",
        }


@dataclass(slots=True)
class Service:
    """What answers. *keys*: what each key may do, by resource (`None`: everything)."""

    books: Books
    rates: Rates
    keys: dict[str, Mapping[str, frozenset[str]] | None]
    public_key: str = ""
    decides: str | None = "Allow"
    batch_limit: int = 100
    rolls_back: bool = True
    seen: dict[str, list[Counted]] = field(default_factory=dict)

    def answer(self, request: LagoRequest, now: float, *, rolls_back: bool = True) -> Answer:
        """What Lago would answer, and does."""
        url = urlsplit(request.path)
        found = _route(request.method, url.path)
        if found is None:
            return failed(404, "resource_not_found")
        route, names = found
        refused = self._refused(request, route)
        if refused is not None:
            return refused
        headers = self.rates.take(route.kind, now)
        if headers is None:
            return self.rates.refusal(route.kind)
        query = dict(parse_qsl(url.query))
        asked = Asked(
            query, request.body, now, names, self.batch_limit, self.rolls_back and rolls_back
        )
        said = self._done(route, asked)
        return Answer(said.status, said.body, {**headers, **said.headers})

    def _done(self, route: _Route, asked: Asked) -> Answer:
        try:
            return route.does(self, asked)
        except ValueError as error:  # no JSON, or no date
            return Answer(
                400,
                failed(400, None, None).body.replace(
                    b"BadRequest", b"BadRequest: " + _words(error)
                ),
            )

    def _refused(self, request: LagoRequest, route: _Route) -> Answer | None:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            return failed(401)
        may, action = self.keys[key], "read" if request.method == "GET" else "write"
        if may is not None and action not in may.get(route.resource, ()):
            return failed(403, f"{action}_action_not_allowed_for_{route.resource}")
        return None


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    resource: str
    does: Doing
    kind: str = "other"


def _words(error: Exception) -> bytes:
    return str(error).replace('"', "'").replace("\\", "").encode("ascii", "replace")


def _route(method: str, path: str) -> tuple[_Route, tuple[str, ...]] | None:
    for route in _ROUTES:
        match = route.path.fullmatch(path)
        if match and route.method == method:
            return route, tuple(unquote(name) for name in match.groups())
    return None


def _at(path: str) -> re.Pattern[str]:
    return re.compile(path.replace("{}", "([^/]+)"))


def _public_key(service: Service, asked: Asked) -> Answer:
    return ok({"webhook": {"public_key": service.public_key}})


def _authorized(service: Service, asked: Asked) -> Answer:
    if service.decides is None:
        return failed(404, "resource_not_found")
    return _reading.authorized(service.books, asked, service.decides)


def _plainly(does: Callable[[Books, Asked], Answer]) -> Doing:
    return lambda service, asked: does(service.books, asked)


def _usage(service: Service, asked: Asked) -> Answer:
    return _money.usage(service.books, asked, service.seen)


def _event(service: Service, asked: Asked) -> Answer:
    return _events.found(service.books, asked.names[0])


_TABLE: Final[tuple[tuple[str, str, str, Doing, str], ...]] = (
    ("POST", f"{ROOT}/events", "event", _plainly(_events.create), "events"),
    ("POST", f"{ROOT}/events/batch", "event", _plainly(_events.create_many), "other"),
    ("POST", f"{ROOT}/events/estimate_fees", "event", _plainly(_reading.estimate), "other"),
    ("POST", f"{ROOT}/events/estimate_instant_fees", "event", _plainly(_reading.estimate), "other"),
    ("GET", f"{ROOT}/events", "event", _plainly(_events.page), "other"),
    ("GET", f"{ROOT}/events/{{}}", "event", _event, "other"),
    ("GET", f"{ROOT}/subscriptions", "subscription", _plainly(_reading.subscriptions), "other"),
    ("GET", f"{ROOT}/subscriptions/{{}}", "subscription", _plainly(_reading.subscription), "other"),
    (
        "GET", f"{ROOT}/subscriptions/{{}}/entitlements", "subscription",
        _plainly(_reading.entitlements), "other",
    ),
    ("GET", f"{ROOT}/customers/{{}}/current_usage", "customer_usage", _usage, "usage"),
    ("GET", f"{ROOT}/wallets", "wallet", _plainly(_money.wallets), "other"),
    ("GET", f"{ROOT}/customers/{{}}/wallets", "wallet", _plainly(_money.customer_wallets), "other"),
    ("GET", f"{ROOT}/billable_metrics/{{}}", "billable_metric", _plainly(_reading.metric), "other"),
    ("GET", f"{ROOT}/plans/{{}}", "plan", _plainly(_reading.plan), "other"),
    ("GET", f"{ROOT}/webhooks/json_public_key", "webhook_jwt_public_key", _public_key, "other"),
    ("POST", "/v1/entitlement/authorize", "entitlement", _authorized, "other"),
)  # fmt: skip

_ROUTES: Final = tuple(
    _Route(method, _at(path), resource, does, kind) for method, path, resource, does, kind in _TABLE
)
