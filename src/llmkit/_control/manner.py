"""How a call is made, whoever answers it: its timeouts, how it is tried again, what is fetched, what is made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .._call import MediaPolicy, Timeouts
from ..errors import ConfigurationError
from .media import media_policy
from .retry import RetryPolicy

__all__ = ["Manner", "manner", "policy", "timeouts"]

_TIMEOUTS: Final = Timeouts()
_OF_MANNERS: Final = frozenset({
    "fetch_media", "mock_response", "num_retries", "stream_timeout", "timeout",
})  # fmt: skip


_tuple = tuple.__new__


class Manner(NamedTuple):
    """How a call is made, whoever answers it."""

    policy: RetryPolicy
    timeouts: Timeouts
    mock: Any = None
    media: MediaPolicy | None = None


def manner(options: Mapping[str, Any], default: RetryPolicy, *, stream: bool) -> Manner:
    """What a call's options say of how it is made, over a client's policy."""
    if _OF_MANNERS.isdisjoint(options):
        return _tuple(Manner, (default, _TIMEOUTS, None, None))
    return Manner(
        policy(default, options.get("num_retries")),
        timeouts(options, _TIMEOUTS, stream=stream),
        options.get("mock_response"),
        media_policy(options.get("fetch_media")),
    )


def policy(default: RetryPolicy, retries: Any) -> RetryPolicy:
    """A client's policy, for a call that says how often."""
    if retries is None:
        return default
    try:
        return RetryPolicy(
            retries,
            default.first_wait,
            default.longest_wait,
            default.longest_retry_after,
            default.draw,
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def timeouts(options: Mapping[str, Any], default: Timeouts, *, stream: bool) -> Timeouts:
    """A call's timeouts: ``timeout`` may be seconds in total, ``Timeouts``, or an httpx-like object."""
    given = options.get("timeout")
    try:
        made = _timeouts(given, default)
        first = options.get("stream_timeout")
        if first is None or not stream:
            return made
        first = _seconds(first)
        return Timeouts(made.connect, first, made.idle, max(made.total, first))
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"timeout: {error}") from None


def _timeouts(given: Any, default: Timeouts) -> Timeouts:
    if given is None:
        return default
    if isinstance(given, Timeouts):
        return given
    if hasattr(given, "read") and hasattr(given, "connect"):
        read = given.read or default.first_token
        return Timeouts(given.connect or default.connect, read, read, max(default.total, read))
    total = _seconds(given)
    return Timeouts(min(default.connect, total), total, total, total)


def _seconds(given: Any) -> float:
    try:
        seconds = float(given)
    except (ValueError, TypeError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"it must be a positive, finite number of seconds, not {given!r}")
    return seconds
