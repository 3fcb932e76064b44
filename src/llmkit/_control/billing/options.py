"""What a ``LagoBilling`` is told, declared once: each option, and what makes it one. Pure.

What options mean together is said in ``settings``; what a currency, a metric or an outage policy is, in their own
modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final, Literal, TypedDict

from ..._secret import SHORTEST, Secret
from ...errors import ConfigurationError

__all__ = ["CHECKS", "RATES", "BillingOptions", "key_of"]

RATES: Final[Mapping[str, float]] = MappingProxyType({"events": 500, "usage": 200, "other": 50})
"""Requests a second that Lago's cloud takes of an organisation: single events, current usage, all else (batches).

Source: getlago.com/docs/api-reference/rate-limits, read 2026-11-22.
"""
_DAY: Final = 86_400.0


class BillingOptions(TypedDict, total=False):
    """What a ``LagoBilling`` is told beside where Lago is."""

    outbox: Any
    """Where bills are kept until Lago has them: a file's path (SQLite), ``postgresql://…``, or a store."""
    durability: Literal["crash", "power"]
    """What the file survives: the death of any process, or that of the machine as well."""
    rate: Any
    """Coins a dollar. Else ``ASKII_COIN_EXCHANGE_RATE`` says it, else it is 1,000,000. It is read once."""
    currency: Any
    """A ``Currency``, in place of a rate."""
    mode: Literal["standard", "dynamic"]
    """Whether Lago's plan knows the price of a coin, or each event says what it costs."""
    metrics: Sequence[Any] | None
    """``Metric``s, each an event of a call; by default one, of the currency's name, that sums the cost."""
    subscription: str | Callable[[Mapping[str, tuple[str, ...]]], str | None] | None
    """Whom calls are billed to that name nobody: an external id, or a function of the call's attributes."""
    trust_user: bool
    """Whether ``user=`` names a subscription. It often comes from the client of whoever calls."""
    properties: Sequence[str]
    """Keys of a call's metadata that go into its events."""
    unattributed: Literal["hold", "raise"]
    """What becomes of a call that names nobody to bill."""
    broken: Literal["estimate", "hold", "drain"]
    """What is billed of a call that ended before the provider said what was used."""
    drain_seconds: float
    """How long ``broken="drain"`` reads on for the provider's count."""
    failed_attempts: Literal["list", "bill"]
    """What becomes of a call's earlier attempts that may have cost something."""
    batch_results: bool
    """Whether the rows of a provider's batch are billed when its results are read."""
    entitlement: Any
    """Who says whether a call may go out: ``"lago"``, ``"authorize"``, ``None``, or a gate of your own."""
    feature: str | None
    """The feature that a subscription must have."""
    plan: str | None
    """Which of a customer's subscriptions is meant, by its plan's code."""
    publisher_id: str | None
    """Who asks an authorize service. Else ``LAGO_PUBLISHER_ID`` says it."""
    unreachable: Any
    """What an outage means for entitlements: ``"closed"``, ``"open"``, ``OpenUntil(usd=…, seconds=…)``."""
    fresh: float
    """Seconds for which what was found holds; after them it is asked again beside the calls."""
    stale: float
    """Seconds after which it holds no more, and calls wait for it."""
    unseen: float
    """Seconds for which what was delivered may not be in Lago's numbers yet."""
    overshoot: Any
    """USD by which a balance may be overdrawn."""
    unbounded: Any
    """USD to reserve for a call whose cost nobody can bound. ``None``: it is refused where a wallet limits."""
    require_wallet: bool
    """Whether a customer without a wallet is refused, and not taken to pay afterwards."""
    flush_at: int
    """How many waiting bills wake the sender."""
    flush_every: float
    """Seconds after which it wakes for fewer."""
    batch_size: int
    """Most events of a request; Lago takes 100."""
    max_bytes: int
    """Most bytes of a request."""
    requests_per_second: Mapping[str, float]
    """Most requests a second: ``{"events": 500, "usage": 200, "other": 50}`` is what Lago's cloud takes."""
    timeout: float
    """Seconds for one request."""
    verify_duplicates: bool
    """Whether to ask what Lago has under an id that it has already; ``BillConflict`` tells where it is another."""
    when_full: Literal["spill", "block", "raise"]
    """What happens where the outbox cannot be written: it is kept in memory, waited for, or raised."""
    spill_limit: int
    """Most bills that are kept in memory meanwhile."""
    block_seconds: float
    """Longest wait for an outbox that cannot be written."""
    keep_days: float
    """Days for which delivered bills are kept, to be compared with what Lago has."""
    late_after: float
    """Seconds after which a bill that waits to be sent is late, and ``BillsLate`` is told."""
    webhook_key: str | bytes | None
    """What Lago's webhooks are signed with: the organisation's HMAC key, or its public key."""
    close_seconds: float
    """How long closing, and the process's end, may take to send what is left."""
    webhook_issuer: str | None
    """Who issues JWTs: the server's own ``LAGO_API_URL``, where Lago is asked at another address."""
    webhook_organization: str | None
    """The organisation's id: messages of others are refused. A server signs all its organisations' JWTs alike."""
    callbacks: Iterable[Callable[[Any], Any]]
    """Who is told of ``llmkit.billing``'s events."""
    clock: Any
    """What time is read from and waited by."""
    environ: Mapping[str, str] | None
    """Where variables are looked up; by default the process's environment."""
    verify: Any
    """TLS: an ``ssl.SSLContext``, a CA file, or ``False``."""
    background: bool
    """Whether a thread sends by itself. ``False``: nothing is sent but by ``flush`` and ``close``."""
    compat: bool
    """Whether to be as lenient as LiteLLM's fork: a bad rate is the default with a warning, a negative cost 0."""
    send: Any
    """What answers requests in place of the network, for tests: a function from ``HTTPRequest`` to ``HTTPResponse``."""


_Check = Callable[[str, Any], Any]


def _fault(name: str, wanted: str, given: Any) -> ConfigurationError:
    return ConfigurationError(f"{name} is {wanted}, not {given!r:.200}")


def _choice(*words: str) -> _Check:
    told = " or ".join(repr(word) for word in words)

    def check(name: str, given: Any) -> Any:
        if not isinstance(given, str) or given not in words:
            raise _fault(name, told, given)
        return given

    return check


def _number(given: Any) -> bool:
    return isinstance(given, int | float | Decimal) and not isinstance(given, bool)


def _seconds(least: float, most: float) -> _Check:
    def check(name: str, given: Any) -> float:
        if not _number(given) or not least <= given <= most:
            raise _fault(name, f"in seconds, from {least:g} to {most:g}", given)
        return float(given)

    return check


def _days(name: str, given: Any) -> float:
    if not _number(given) or not 1 <= given <= 3650:  # noqa: PLR2004 - ten years
        raise _fault(name, "in days, from 1 to 3650", given)
    return float(given)


def _whole(least: int, most: int) -> _Check:
    def check(name: str, given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            raise _fault(name, f"a whole number from {least:,} to {most:,}", given)
        return given

    return check


def _flag(name: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise _fault(name, "True or False", given)
    return given


def _usd(name: str, given: Any) -> Decimal | None:
    if given is None:
        return None
    try:
        if not isinstance(given, str | int | float | Decimal) or isinstance(given, bool):
            raise InvalidOperation
        amount = Decimal(repr(given) if isinstance(given, float) else given)
    except InvalidOperation:
        raise _fault(name, "an amount in USD such as '0.50'", given) from None
    if not amount.is_finite() or amount < 0:
        raise _fault(name, "an amount in USD, 0 or more, and finite", given)
    return amount


def _amount(name: str, given: Any) -> Decimal:
    return _usd(name, given) or Decimal(0)


def _text(name: str, given: Any) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not given.strip():
        raise _fault(name, "a text", given)
    return given.strip()


def _names(name: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise _fault(name, 'a list of metadata keys, such as ["project"]', given)
    names = tuple(given)
    if not all(isinstance(one, str) and one.strip() for one in names):
        raise _fault(name, 'a list of metadata keys, such as ["project"]', list(names))
    return tuple(dict.fromkeys(names))


def _whom(name: str, given: Any) -> Any:
    if callable(given):
        return given
    if given is not None and not isinstance(given, str):
        raise _fault(name, "an external subscription id, or a function of the attributes", given)
    return _text(name, given)


def _rates(name: str, given: Any) -> Mapping[str, float]:
    if not isinstance(given, Mapping) or not given.keys() <= RATES.keys():
        raise _fault(name, f"given by class, such as {dict(RATES)}", given)
    if not all(_number(rate) and 0 < rate <= 10_000 for rate in given.values()):  # noqa: PLR2004
        raise _fault(name, "in requests a second, above 0, up to 10,000", dict(given))
    return MappingProxyType({**RATES, **{kind: float(rate) for kind, rate in given.items()}})


def _listeners(name: str, given: Any) -> tuple[Callable[[Any], Any], ...]:
    if callable(given) or not isinstance(given, Iterable):
        raise _fault(name, "a list of callables of one event", given)
    listed = tuple(given)
    if not all(callable(one) for one in listed):
        raise _fault(name, "a list of callables of one event", list(listed))
    return listed


def _list(name: str, given: Any) -> tuple[Any, ...] | None:
    if given is None:
        return None
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise _fault(name, "a list of Metric(…)", given)
    if not (listed := tuple(given)):
        raise ConfigurationError(f"{name} is empty: nothing would be billed; leave it out")
    return listed


def _clock(name: str, given: Any) -> Any:
    if not all(callable(getattr(given, one, None)) for one in ("now", "wall", "sleep", "asleep")):
        raise _fault(name, "a clock, such as llmkit.testing.FrozenClock()", given)
    return given


def _variables(name: str, given: Any) -> Any:
    if given is not None and not isinstance(given, Mapping):
        raise _fault(name, "a mapping of names to texts", given)
    return given


def _called(name: str, given: Any) -> Any:
    if given is not None and not callable(given):
        raise _fault(name, "a function of an HTTPRequest", type(given).__name__)
    return given


def _any(name: str, given: Any) -> Any:
    return given


def _webhook(name: str, given: Any) -> Secret | None:
    if given is None or isinstance(given, Secret):
        return given
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
    if not isinstance(text, str) or not text.strip():
        raise _fault(name, "the organisation's HMAC key, or its public key", type(given).__name__)
    return Secret(text.strip())


def key_of(given: Any, where: str = "api_key") -> Secret:
    """A key as it goes into a header. The message of what it is not, does not show it.

    Raises:
        ConfigurationError: it is none.
    """
    text = given.reveal() if isinstance(given, Secret) else given
    if not isinstance(text, str):
        raise ConfigurationError(
            f"{where} is a text, or a function that gives one, not {type(text).__name__}"
        )
    text = text.strip()
    if text[:7].lower() == "bearer ":
        raise ConfigurationError(f"{where} is the key alone, without 'Bearer'")
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            f"{where} is no key: it has {len(text)} characters, and may have no blank, line break or letter "
            "beyond ASCII; Lago shows it under Developers > API keys"
        )
    return Secret(text)


CHECKS: Final[Mapping[str, _Check]] = MappingProxyType({
    "outbox": _any, "rate": _any, "currency": _any, "entitlement": _any, "unreachable": _any, "verify": _any,
    "durability": _choice("crash", "power"),
    "mode": _choice("standard", "dynamic"),
    "metrics": _list,
    "subscription": _whom,
    "properties": _names,
    "unattributed": _choice("hold", "raise"),
    "broken": _choice("estimate", "hold", "drain"),
    "failed_attempts": _choice("list", "bill"),
    "when_full": _choice("spill", "block", "raise"),
    "feature": _text, "plan": _text, "publisher_id": _text, "webhook_issuer": _text,
    "webhook_organization": _text,
    "trust_user": _flag, "batch_results": _flag, "require_wallet": _flag, "background": _flag, "compat": _flag,
    "verify_duplicates": _flag,
    "drain_seconds": _seconds(0, 600),
    "fresh": _seconds(0, _DAY), "stale": _seconds(0, 7 * _DAY), "unseen": _seconds(0, _DAY),
    "flush_every": _seconds(0.01, 3600),
    "timeout": _seconds(0.1, 300),
    "block_seconds": _seconds(0, 3600),
    "late_after": _seconds(1, 31 * _DAY),
    "close_seconds": _seconds(0, 600),
    "keep_days": _days,
    "overshoot": _amount, "unbounded": _usd,
    "flush_at": _whole(1, 100_000),
    "batch_size": _whole(1, 1000),
    "max_bytes": _whole(10_000, 100_000_000),
    "spill_limit": _whole(0, 10_000_000),
    "requests_per_second": _rates,
    "webhook_key": _webhook,
    "callbacks": _listeners,
    "clock": _clock,
    "environ": _variables,
    "send": _called,
})  # fmt: skip
