"""What a ``LagoBilling`` goes by, read and checked once: ``Settings``. Pure: the environment is passed in.

Nothing here is asked of Lago; whether it knows a subscription or a metric, ``doctor()`` finds out.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from ..._secret import Secret, redact
from ...errors import ConfigurationError
from .options import CHECKS, RATES, BillingOptions, key_of

__all__ = ["CLOUD", "Settings", "settings_of"]

CLOUD: Final = "https://api.getlago.com"
"""Lago's own, in the United States. Source: getlago.com/docs/api-reference/intro, read 2026-11-22."""
_PREFIX: Final = "/api/v1"
_URL_ENV: Final = ("LAGO_API_URL", "LAGO_API_BASE")
_KEY_ENV: Final = "LAGO_API_KEY"
_PUBLISHER_ENV: Final = "LAGO_PUBLISHER_ID"

_OTHER_NAMES: Final[Mapping[str, str]] = MappingProxyType({
    "base_url": "api_url", "api_base": "api_url", "url": "api_url", "key": "api_key", "token": "api_key",
    "exchange_rate": "rate", "metric": "metrics", "code": "metrics", "event_code": "metrics",
    "flush_interval": "flush_every", "flush_interval_seconds": "flush_every", "max_batch_size": "batch_size",
    "path": "outbox", "store": "outbox", "database": "outbox", "db": "outbox",
    "fallback_allow": "unreachable", "fail_open": "unreachable", "strict": "compat",
    "external_subscription_id": "subscription", "default_subscription": "subscription",
    "on_error": "callbacks", "callback": "callbacks", "request_timeout": "timeout", "ttl": "fresh",
    "max_buffer_size": "spill_limit", "gate": "entitlement", "webhook_secret": "webhook_key",
    "hmac_key": "webhook_key", "threaded": "background",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """All options of a ``LagoBilling``, as ``options.BillingOptions`` explains them, checked.

    ``api_url``: where Lago's API begins, with its ``/api/v1``, no slash at the end. ``base_url``: the same without
    ``/api/v1``, which an authorize service is under.
    """

    api_url: str
    base_url: str
    api_key: Secret | Callable[[], Any]
    outbox: Any = field(default=None, repr=False)
    durability: Literal["crash", "power"] = "crash"
    rate: Any = None
    currency: Any = None
    mode: Literal["standard", "dynamic"] = "standard"
    metrics: tuple[Any, ...] | None = None
    subscription: str | Callable[[Mapping[str, tuple[str, ...]]], str | None] | None = None
    trust_user: bool = False
    properties: tuple[str, ...] = ()
    unattributed: Literal["hold", "raise"] = "hold"
    broken: Literal["estimate", "hold", "drain"] = "estimate"
    drain_seconds: float = 5.0
    failed_attempts: Literal["list", "bill"] = "list"
    batch_results: bool = False
    entitlement: Any = "lago"
    feature: str | None = None
    plan: str | None = None
    publisher_id: str | None = None
    unreachable: Any = "closed"
    fresh: float = 30.0
    stale: float = 300.0
    unseen: float = 60.0
    overshoot: Decimal = Decimal(0)
    unbounded: Decimal | None = None
    require_wallet: bool = False
    flush_at: int = 100
    flush_every: float = 1.0
    batch_size: int = 100
    max_bytes: int = 1_000_000
    requests_per_second: Mapping[str, float] = field(default_factory=lambda: RATES)
    timeout: float = 10.0
    verify_duplicates: bool = False
    when_full: Literal["spill", "block", "raise"] = "spill"
    spill_limit: int = 10_000
    block_seconds: float = 30.0
    keep_days: float = 35.0
    late_after: float = 300.0
    webhook_key: Secret | None = None
    webhook_issuer: str | None = None
    webhook_organization: str | None = None
    close_seconds: float = 5.0
    callbacks: tuple[Callable[[Any], Any], ...] = ()
    clock: Any = field(default=None, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify: Any = field(default=None, repr=False)
    background: bool = True
    compat: bool = False
    send: Any = field(default=None, repr=False)

    def key(self) -> Secret:
        """The key as it is now: a function is asked each time.

        Raises:
            ConfigurationError: the function fails, or what it gives is none. The message does not show it.
        """
        if isinstance(self.api_key, Secret):
            return self.api_key
        try:
            given = self.api_key()
        except Exception as error:  # noqa: BLE001 - somebody else's
            raise ConfigurationError(
                f"the function api_key failed: {type(error).__name__}: {redact(str(error))}"
            ) from None
        return key_of(given, "what the function api_key gives")


def settings_of(
    api_url: Any, api_key: Any, options: BillingOptions, environ: Mapping[str, str], clock: Any
) -> Settings:
    """What was said, checked.

    Raises:
        ConfigurationError: an option is none, or is not meant like this; the message says what to change.
    """
    for name in options:
        _known(name)
    given: dict[str, Any] = {name: CHECKS[name](name, value) for name, value in options.items()}
    if given.get("environ") is None:
        given["environ"] = environ
    environ = given["environ"]
    given.setdefault("clock", clock)
    publisher = given.get("publisher_id") or environ.get(_PUBLISHER_ENV, "").strip() or None
    _contradictions(given, publisher)
    given["publisher_id"] = publisher
    return Settings(*_address(api_url, environ), _key(api_key, environ), **given)


def _known(name: str) -> None:
    if name in CHECKS:
        return
    meant = _OTHER_NAMES.get(name.lower())
    near = (
        [meant] if meant else difflib.get_close_matches(name, [*CHECKS, "api_url", "api_key"], n=1)
    )
    hint = f"; did you mean {near[0]}=?" if near else ""
    raise ConfigurationError(f"LagoBilling has no option {name!r}{hint}")


# --- where Lago is ----------------------------------------------------------------------------


def _address(given: Any, environ: Mapping[str, str]) -> tuple[str, str]:
    """Where the API begins, and where what is beside it does."""
    named = next((name for name in _URL_ENV if environ.get(name, "").strip()), "")
    text = given if given is not None else environ.get(named, CLOUD)
    where = "api_url" if given is not None else named or "api_url"
    if not isinstance(text, str):
        raise ConfigurationError(f"{where} is an address, such as {CLOUD!r}, not {text!r}")
    text = text.strip().rstrip("/")
    _check_url(text, where)
    path = urlsplit(text).path
    if not path:
        return text + _PREFIX, text
    return text, text.removesuffix(_PREFIX)


def _check_url(text: str, where: str) -> None:
    fault = _fault_of(text)
    if fault:
        # The address itself is not shown: it may have a password.
        raise ConfigurationError(f"{where} {fault}")


def _fault_of(text: str) -> str:
    """What is wrong with an address; ``""`` where nothing is."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return f"is no address, such as {CLOUD}"
    if parts.scheme not in {"http", "https"} or not host:
        return f"begins with https:// (or http://) and a host, as {CLOUD} does"
    if parts.username is not None or parts.query or parts.fragment:
        return "has a user, a query or a fragment: the key is api_key, and nothing else goes there"
    if any(sign.isspace() or not sign.isprintable() for sign in text):
        return "has a blank or a line break in it"
    if host.startswith("app.") and host.endswith("getlago.com"):
        return f"is Lago's page for people; programs go to https://api.{host.removeprefix('app.')}"
    return _fault_of_path(parts.path)


def _fault_of_path(path: str) -> str:
    for end in ("/api", "/events", "/events/batch", "/v1/entitlement/authorize"):
        if path.endswith(end):
            return f"ends where Lago's API begins, which is {_PREFIX}: leave out {end}"
    return ""


def _key(given: Any, environ: Mapping[str, str]) -> Secret | Callable[[], Any]:
    if callable(given) and not isinstance(given, type):
        return given  # type: ignore[no-any-return]
    if given is not None:
        return key_of(given)
    found = environ.get(_KEY_ENV, "")
    if not found.strip():
        raise ConfigurationError(f"LagoBilling needs a key: give api_key=, or set {_KEY_ENV}")
    return key_of(found, _KEY_ENV)


# --- what does not go together ----------------------------------------------------------------

# What is said of something, and of what it is said: it means nothing without that.
_OF: Final[tuple[tuple[str, str, str], ...]] = (
    ("drain_seconds", "broken", "drain"),
    ("spill_limit", "when_full", "spill"),
    ("block_seconds", "when_full", "block"),
    ("publisher_id", "entitlement", "authorize"),
)
_OF_ENTITLEMENT: Final = (
    "feature", "plan", "unreachable", "fresh", "stale", "overshoot", "unbounded", "require_wallet",
)  # fmt: skip
_DEFAULTS: Final = {one.name: one.default for one in fields(Settings)}


def _contradictions(given: Mapping[str, Any], publisher: str | None) -> None:
    have = {**_DEFAULTS, **given}
    for name, of, word in _OF:
        if given.get(name) is not None and have[of] != word:
            raise ConfigurationError(
                f"{name}= means something with {of}={word!r} only; it is {have[of]!r:.80}"
            )
    _entitlement(given, have, publisher)
    if given.get("rate") is not None and given.get("currency") is not None:
        raise ConfigurationError(
            "rate= is the rate of the default currency; Currency(…) has its own: give one"
        )
    if have["stale"] < have["fresh"]:
        raise ConfigurationError(
            f"stale={have['stale']:g} is when what was found is asked again at last, and cannot be before "
            f"fresh={have['fresh']:g}"
        )
    if have["durability"] == "power" and not _is_address(have["outbox"]):
        raise ConfigurationError(
            "durability= is that of an outbox given by its path or address: outbox='billing.db', or postgresql://…"
        )


def _is_address(outbox: Any) -> bool:
    return isinstance(outbox, str) or hasattr(outbox, "__fspath__")


def _entitlement(given: Mapping[str, Any], have: Mapping[str, Any], publisher: str | None) -> None:
    kind = have["entitlement"]
    if isinstance(kind, str) and kind not in {"lago", "authorize"}:
        raise ConfigurationError(
            f"entitlement is 'lago', 'authorize', None (nobody is asked) or a gate of your own, not {kind!r:.80}"
        )
    if isinstance(kind, bool):
        raise ConfigurationError(
            "entitlement is 'lago', 'authorize', None or a gate of your own, no flag"
        )
    if kind == "authorize" and publisher is None:
        raise ConfigurationError(
            f"entitlement='authorize' asks in somebody's name: give publisher_id=, or set {_PUBLISHER_ENV}"
        )
    said = [name for name in _OF_ENTITLEMENT if name in given]
    if kind is None and said:
        raise ConfigurationError(
            f"{said[0]}= is of entitlements, and entitlement=None asks nobody for any"
        )
