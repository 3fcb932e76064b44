"""``Settings``: all that a router is told that is not an option of a ``Client``. It is checked where it is made.

What LiteLLM calls these things, and what is not honoured, is ``arguments``' affair. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

from ...errors import ConfigurationError
from . import checked

__all__ = ["AFFINITIES", "Fallbacks", "Settings"]

AFFINITIES: Final = ("session", "user", "prompt")
"""What can keep calls at one deployment: their session, their user (or key), the beginning of their prompt."""

Fallbacks = Mapping[str, tuple[str | Mapping[str, Any], ...]]
"""What to try instead of a group, in order: groups, or mappings with ``model`` and what changes. ``*`` is any group."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a router decides.

    Policies are by the name of an error's class in ``llmkit.errors``: the nearest of an error's classes holds, so
    ``APIError`` stands for all others.

    Raises:
        ConfigurationError: a value is none of what it can be.
    """

    strategy: Any = "simple-shuffle"
    """A name, or a ``Strategy``."""
    strategy_args: Mapping[str, Any] = field(default_factory=_nothing)
    group_strategies: Mapping[str, tuple[Any, Mapping[str, Any]]] = field(default_factory=_nothing)
    """(strategy, its arguments) of groups that have another one."""
    weighted_failover: bool = False
    """Whether the next deployment after a failure is drawn by weight too, whatever the strategy."""

    num_retries: int = 2
    """Further rounds, which wait, after every deployment was tried."""
    retry_after: float = 0.0
    """The least wait before a further round."""
    retry_policy: Mapping[str, int] = field(default_factory=_nothing)
    """How many further attempts a failure is worth, by its class."""
    group_retry_policy: Mapping[str, Mapping[str, int]] = field(default_factory=_nothing)
    """The same for single groups; what one does not say is as in ``retry_policy``."""

    fallbacks: Fallbacks = field(default_factory=_nothing)
    default_fallbacks: tuple[str | Mapping[str, Any], ...] = ()
    """For groups that ``fallbacks`` says nothing of."""
    context_window_fallbacks: Fallbacks = field(default_factory=_nothing)
    content_policy_fallbacks: Fallbacks = field(default_factory=_nothing)
    max_fallbacks: int = 5
    """Most further groups that one call tries."""
    aliases: Mapping[str, str] = field(default_factory=_nothing)
    """Other names of groups."""
    hidden: frozenset[str] = frozenset()
    """Aliases that are not listed."""

    allowed_fails: int | None = None
    """Failures in a row that do not cool down yet; ``None``: 0 in a group of several, 3 for a single deployment."""
    allowed_fails_policy: Mapping[str, int] = field(default_factory=_nothing)
    """The same by the failure's class."""
    cooldown_time: float = 5.0
    cooldowns: bool = True

    pre_call_checks: bool = True
    """Whether context window, region and capabilities are checked before anything is sent."""
    tag_filtering: bool = False
    tag_match_any: bool = True
    """Whether one tag in common is enough; otherwise all of the call's must be the deployment's."""
    tag_prefix: str = ""
    """Only tags that begin so say where a call goes; the others are just kept."""

    enforce_limits: bool = True
    """Whether rpm, tpm and their kin are never exceeded, rather than only weighed."""
    max_parallel: int | None = None
    """Most calls at once at a deployment that does not say."""
    priority: int = 0
    """Of calls that say none; the lowest goes first."""
    when_busy: str = "wait"
    """``wait`` for the first that is free, or ``raise``."""
    longest_wait: float = 60.0
    """For one to be free."""

    when_store_lost: str = "closed"
    """``closed``: nobody is let in; ``local``: each process by itself, with its ``share`` of every limit."""
    share: float = 1.0

    hedge: Any = None
    """A ``Hedge``: when a second request goes out beside a slow one."""
    continue_streams: bool = False
    """Whether a stream that broke goes on at another deployment."""

    health_check_interval: float | None = None
    """How often deployments are asked in the background; ``None``: never."""
    health_check_groups: tuple[str, ...] | None = None
    """Only these are asked; ``None``: all."""
    health_check_ignores: bool = False
    """Whether a health check that fails for a reason that passes (429, 408) says nothing."""

    affinity: frozenset[str] = frozenset()
    """What keeps calls at one deployment: of ``AFFINITIES``."""
    group_affinity: Mapping[str, frozenset[str]] = field(default_factory=_nothing)
    """The same for groups that have others."""

    defaults: Mapping[str, Any] = field(default_factory=_nothing, repr=False)
    """LiteLLM's ``default_litellm_params``: what deployments are given that do not say otherwise."""

    def __post_init__(self) -> None:
        for one in fields(self):
            given = getattr(self, one.name)
            if given is not None or one.default is not None:
                object.__setattr__(self, one.name, _CHECKED[one.name](given, one.name))

    def retries(self, group: str, error: BaseException) -> int | None:
        """How many further attempts at a group a failure is worth by policy; ``None``: no policy says."""
        own = _of_class(self.group_retry_policy.get(group, _NOTHING), error)
        return _of_class(self.retry_policy, error) if own is None else own

    def fails_allowed(self, error: BaseException) -> int | None:
        """How many failures like this in a row do not cool down; ``None``: nobody says."""
        found = _of_class(self.allowed_fails_policy, error)
        return self.allowed_fails if found is None else found

    def stays(self, group: str) -> frozenset[str]:
        """What keeps a group's calls at one deployment."""
        return self.group_affinity.get(group, self.affinity)


def _of_class(policy: Mapping[str, int], error: BaseException) -> int | None:
    if not policy:
        return None
    return next((policy[c.__name__] for c in type(error).__mro__ if c.__name__ in policy), None)


_Check = Callable[[Any, str], Any]


def _strategy(given: Any, what: str) -> Any:
    if isinstance(given, str):
        return checked.text(given, what)
    if any(callable(getattr(given, name, None)) for name in ("plan", "get_available_deployment")):
        return given
    raise ConfigurationError(
        f"{what} is a name or an object with plan(call, state, now), not {type(given).__name__}"
    )


def _kept(given: Any, what: str) -> Mapping[str, Any]:
    return MappingProxyType(dict(checked.table(given, what)))


def _table_of(check: _Check) -> _Check:
    def checked_table(given: Any, what: str) -> Mapping[str, Any]:
        found = checked.table(given, what).items()
        return MappingProxyType({name: check(value, f"{what}[{name!r}]") for name, value in found})

    return checked_table


def _instead(given: Any, what: str) -> tuple[str | Mapping[str, Any], ...]:
    listed = (given,) if isinstance(given, str | Mapping) else given
    if not isinstance(listed, list | tuple):
        raise ConfigurationError(f"{what} is a list of groups, not {type(given).__name__}")
    return tuple(_one_instead(one, f"each of {what}") for one in listed)


def _one_instead(given: Any, what: str) -> str | Mapping[str, Any]:
    if isinstance(given, Mapping):
        checked.text(checked.table(given, what).get("model"), f"the model in {what}")
        return MappingProxyType(dict(given))
    return checked.text(given, what)


def _group_strategy(given: Any, what: str) -> tuple[Any, Mapping[str, Any]]:
    strategy, arguments = given if isinstance(given, tuple) else (given, _NOTHING)
    return _strategy(strategy, what), _kept(arguments, f"the arguments of {what}")


def _affinity(given: Any, what: str) -> frozenset[str]:
    return frozenset(checked.choice(one, what, AFFINITIES) for one in checked.names(given, what))


def _positive(given: Any, what: str) -> float:
    found = checked.seconds(given, what)
    if not found:
        raise ConfigurationError(f"{what} is more than 0 seconds")
    return found


def _share(given: Any, what: str) -> float:
    found = checked.number(given, what, 0.0, 1.0)
    if not found:
        raise ConfigurationError(f"{what} is more than 0: with 4 processes, 0.25")
    return found


def _as_given(given: Any, what: str) -> Any:
    return given


def _one_of(*known: str) -> _Check:
    return lambda given, what: checked.choice(given, what, known)


def _at_least_one(given: Any, what: str) -> int:
    return checked.whole(given, what, 1)


def _prefix(given: Any, what: str) -> str:
    return checked.text(given, what) if given else ""


def _whole(given: Any, what: str) -> int:
    return checked.whole(given, what)


def _priority(given: Any, what: str) -> int:
    return checked.whole(given, what, -(2**31))


def _hidden(given: Any, what: str) -> frozenset[str]:
    return frozenset(checked.names(given, what))


_CHECKED: Final[Mapping[str, _Check]] = {
    "strategy": _strategy,
    "strategy_args": _kept,
    "group_strategies": _table_of(_group_strategy),
    "weighted_failover": checked.flag,
    "num_retries": _whole,
    "retry_after": checked.seconds,
    "retry_policy": _table_of(_whole),
    "group_retry_policy": _table_of(_table_of(_whole)),
    "fallbacks": _table_of(_instead),
    "default_fallbacks": _instead,
    "context_window_fallbacks": _table_of(_instead),
    "content_policy_fallbacks": _table_of(_instead),
    "max_fallbacks": _whole,
    "aliases": _table_of(checked.text),
    "hidden": _hidden,
    "allowed_fails": _whole,
    "allowed_fails_policy": _table_of(_whole),
    "cooldown_time": checked.seconds,
    "cooldowns": checked.flag,
    "pre_call_checks": checked.flag,
    "tag_filtering": checked.flag,
    "tag_match_any": checked.flag,
    "tag_prefix": _prefix,
    "enforce_limits": checked.flag,
    "max_parallel": _at_least_one,
    "priority": _priority,
    "when_busy": _one_of("wait", "raise"),
    "longest_wait": checked.seconds,
    "when_store_lost": _one_of("closed", "local"),
    "share": _share,
    "hedge": _as_given,
    "continue_streams": checked.flag,
    "health_check_interval": _positive,
    "health_check_groups": checked.names,
    "health_check_ignores": checked.flag,
    "affinity": _affinity,
    "group_affinity": _table_of(_affinity),
    "defaults": _kept,
}
