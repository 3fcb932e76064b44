"""Lago on the wire: requests as values. No socket, no clock; what comes back is read in ``answers``.

Paths and fields: Lago's OpenAPI 1.51.0 (https://github.com/getlago/lago-openapi) and the routes of its server
(https://github.com/getlago/lago-api), read 2026-11-22. ``POST /v1/entitlement/authorize`` is not Lago's: a publisher
portal has it, whose client's constants are kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from typing_extensions import override

from ..._http import HTTPRequest
from ..._json import dump
from ..._secret import Secret
from ...errors import BillingError, ConfigurationError

__all__ = ["PER_PAGE", "Lago", "batch_body"]

PER_PAGE: Final = 100
"""How much of a list is asked for at once."""
_PREFIX: Final = "/api/v1"
# "/." is "/" (RFC 3986, 5.2.4), and no bare host: it is how one says that nothing comes before a path.
_NOTHING: Final = "/."
_DOTS: Final = frozenset({"", ".", ".."})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What the portal's own client sends for every call; it asks for all of it.
_RESOURCE: Final[Mapping[str, Any]] = {
    "id": 1,
    "name": "",
    "type": "article",
    "author": "any.email@is.fine",
    "tags": [],
}


class Lago:
    """One Lago: where it is, and who asks. Every method but ``authorize`` returns a request to it.

    ``api_url``: with its prefix (``https://lago.example/api/v1``); a bare host gets ``/api/v1``, and one that ends
    in ``/.`` nothing. ``key``: the API key, or what returns it, which is then asked for each request.

    Raises: ConfigurationError: the address, or the key, cannot be one.
    """

    __slots__ = ("_key", "url")

    def __init__(self, api_url: str, key: Secret | Callable[[], Secret | str]) -> None:
        self.url: Final = _checked_url(api_url)
        """What each path is put behind; without a slash at its end."""
        self._key = key
        if isinstance(key, Secret):
            _authorization(key)

    @override
    def __repr__(self) -> str:
        return f"Lago({self.url!r})"

    def batch(self, bodies: Iterable[str]) -> HTTPRequest:
        """``POST /events/batch``: these events, each as it is written."""
        return self._request("POST", "/events/batch", batch_body(bodies))

    def event(self, body: str) -> HTTPRequest:
        """``POST /events``: one event, as it is written."""
        return self._request("POST", "/events", b'{"event":%b}' % body.encode())

    def read_event(self, transaction_id: str) -> HTTPRequest:
        """``GET /events/{transaction_id}``."""
        return self._get(f"/events/{_segment(transaction_id)}")

    def events(
        self,
        *,
        subscription: str | None = None,
        code: str | None = None,
        since: int | None = None,
        until: int | None = None,
        page: int = 1,
    ) -> HTTPRequest:
        """``GET /events``, one page. Times are milliseconds of Unix time, both included."""
        query = {
            "external_subscription_id": subscription,
            "code": code,
            "timestamp_from": None if since is None else _instant(since),
            "timestamp_to": None if until is None else _instant(until),
        }
        return self._list("/events", page, query)

    def subscription(self, external_id: str, *, status: str | None = None) -> HTTPRequest:
        """``GET /subscriptions/{external_id}``, with entitlements and plan: an active one, or one of ``status``."""
        query = None if status is None else {"status": status}
        return self._get(f"/subscriptions/{_segment(external_id)}", query)

    def subscriptions(self, customer: str, *, page: int = 1) -> HTTPRequest:
        """``GET /subscriptions``: the active ones of a customer, one page."""
        query = {"external_customer_id": customer, "status[]": "active"}
        return self._list("/subscriptions", page, query)

    def entitlements(self, subscription: str) -> HTTPRequest:
        """``GET /subscriptions/{external_id}/entitlements``."""
        return self._get(f"/subscriptions/{_segment(subscription)}/entitlements")

    def usage(self, customer: str, subscription: str) -> HTTPRequest:
        """``GET /customers/{id}/current_usage`` of a subscription; no tax provider is asked."""
        query = {"external_subscription_id": subscription, "apply_taxes": "false"}
        return self._get(f"/customers/{_segment(customer)}/current_usage", query)

    def wallets(self, customer: str, *, page: int = 1) -> HTTPRequest:
        """``GET /wallets`` of a customer, one page."""
        return self._list("/wallets", page, {"external_customer_id": customer})

    def metric(self, code: str) -> HTTPRequest:
        """``GET /billable_metrics/{code}``."""
        return self._get(f"/billable_metrics/{_segment(code)}")

    def plan(self, code: str) -> HTTPRequest:
        """``GET /plans/{code}``, with its charges."""
        return self._get(f"/plans/{_segment(code)}")

    def estimate(self, code: str, subscription: str, properties: Mapping[str, str]) -> HTTPRequest:
        """``POST /events/estimate_fees``: what an event would cost. It is not billed."""
        event = {
            "code": code,
            "external_subscription_id": subscription,
            "properties": dict(properties),
        }
        return self._request("POST", "/events/estimate_fees", dump({"event": event}))

    def public_key(self) -> HTTPRequest:
        """``GET /webhooks/json_public_key``: what webhooks are signed with."""
        return self._get("/webhooks/json_public_key")

    def authorize(
        self,
        customer: str,
        publisher: str,
        at: int,
        *,
        action: str = "read",
        resource: Mapping[str, Any] = _RESOURCE,
    ) -> HTTPRequest:
        """``POST /v1/entitlement/authorize`` of a publisher portal: beside Lago's ``/api/v1``, not below it.

        ``at``: Unix time in whole seconds.
        """
        asked = {
            "external_customer_id": customer,
            "emit_event": False,
            "publisher_id": publisher,
            "action_name": action,
            "context": [],
            "resource": dict(resource),
            "timestamp": at,
        }
        url = f"{self.url.removesuffix(_PREFIX)}/v1/entitlement/authorize"
        return HTTPRequest("POST", url, self._headers(body=True), dump(asked))

    def _list(self, path: str, page: int, query: Mapping[str, str | None]) -> HTTPRequest:
        given = {name: value for name, value in query.items() if value is not None}
        return self._get(path, {**given, "page": str(page), "per_page": str(PER_PAGE)})

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> HTTPRequest:
        asked = f"?{urlencode(query, quote_via=quote, safe='')}" if query else ""
        return HTTPRequest("GET", f"{self.url}{path}{asked}", self._headers(body=False))

    def _request(self, method: str, path: str, body: bytes) -> HTTPRequest:
        return HTTPRequest(method, self.url + path, self._headers(body=True), body)

    def _headers(self, *, body: bool) -> dict[str, str]:
        key = self._key() if callable(self._key) else self._key
        secret = key if isinstance(key, Secret) else Secret(key)
        headers = {"Accept": "application/json", "Authorization": _authorization(secret)}
        return {**headers, "Content-Type": "application/json"} if body else headers


def batch_body(bodies: Iterable[str]) -> bytes:
    """The body of a batch: the texts of its events as they are; none of them is read or written anew."""
    return b'{"events":[%b]}' % ",".join(bodies).encode()


def _checked_url(api_url: str) -> str:
    url = api_url.strip() if isinstance(api_url, str) else ""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # What it is instead is not shown: credentials may stand in it.
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(
            "Lago's api_url must be like https://api.getlago.com: http or https, a host, no credentials, no query"
        )
    if parts.path == _NOTHING:
        return url.removesuffix(_NOTHING)
    path = parts.path.rstrip("/") or _PREFIX
    return f"{parts.scheme}://{parts.netloc}{path}"


def _authorization(key: Secret) -> str:
    """Raise where it cannot stand in a header; it is not shown."""
    text = key.reveal()
    if not text.strip() or not text.isascii() or not text.isprintable():
        raise ConfigurationError(
            "Lago's API key must be printable ASCII, as Lago's settings show it; set LAGO_API_KEY, or api_key="
        )
    return f"Bearer {text.strip()}"


def _segment(text: str) -> str:
    """An id as one segment of a path."""
    try:
        quoted = quote(text, safe="")
    except UnicodeEncodeError:
        quoted = ""
    # Whoever builds a URL takes these for a way up, however they are spelled.
    if quoted in _DOTS:
        raise BillingError(f"Lago cannot be asked for the id {text!r}: it cannot stand in a path")
    return quoted


def _instant(milliseconds: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
