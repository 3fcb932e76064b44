"""When a provider says "not now", when may one come back? Header formats, read purely; the clock is passed in.

OpenAI: https://platform.openai.com/docs/guides/rate-limits (durations such as ``6m0s``), read 2026-11-22.
Anthropic: https://docs.anthropic.com/en/api/rate-limits (RFC 3339 instants), read 2026-11-22.
OpenRouter sends milliseconds since the epoch in ``X-RateLimit-Reset``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["rate_limits", "retry_after"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|s|m|h|d)")
_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
# Longer than any date or duration. A row of digits without a unit is tried from each of them.
_LONGEST = 100
_EPOCH = 1e9
_EPOCH_MS = 1e12
_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-")
# A server sends the same headers each time: which of them are limits. What strangers make up does not add up.
_KNOWN: dict[tuple[str, ...], tuple[str, ...]] = {}
_MOST_KNOWN = 64


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait before trying again, as the headers of one answer say; ``None`` if they don't.

    ``now`` is Unix time in seconds. ``retry-after-ms`` goes before ``Retry-After`` (seconds or an HTTP
    date), and that before the reset times of the limits that are used up.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return max(0.0, milliseconds / 1000)
    if (asked := _until(headers.get("retry-after", ""), now)) is not None:
        return asked
    return max(_resets(headers, now), default=None)


def rate_limits(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that speak of rate limits, as they came."""
    names = tuple(headers)
    limits = _KNOWN.get(names)
    if limits is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        limits = _KNOWN[names] = tuple(name for name in names if name.startswith(_LIMITS))
    return {name: headers[name] for name in limits} if limits else {}


def _resets(headers: Mapping[str, str], now: float) -> Iterator[float]:
    for name, value in headers.items():
        if "reset" not in name or not name.startswith(_LIMITS):
            continue
        # A limit with room left is not the one that was hit.
        remaining = _number(headers.get(name.replace("reset", "remaining")))
        if remaining is not None and remaining > 0:
            continue
        if (seconds := _until(value, now)) is not None:
            yield seconds


def _until(value: str, now: float) -> float | None:
    value = value.strip()
    if len(value) > _LONGEST:
        return None
    if (number := _number(value)) is not None:
        return max(0.0, _relative(number, now))
    parts = _DURATION.findall(value)
    if parts and _DURATION.sub("", value) == "":
        seconds = sum(float(amount) * _SECONDS[unit] for amount, unit in parts)
        return seconds if math.isfinite(seconds) else None
    moment = _instant(value)
    return None if moment is None else max(0.0, moment - now)


def _relative(number: float, now: float) -> float:
    if number >= _EPOCH_MS:
        return number / 1000 - now
    return number - now if number >= _EPOCH else number


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _instant(value: str) -> float | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value)
        except (ValueError, TypeError, OverflowError):
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None
