"""How a deployment does: what a failure and an answer make of it, when it is let be, and when it is probed.

Plain rules over ``Member``; whoever calls them has the router's lock. Times are seconds of the router's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from ..._operations import Health, Looked

if TYPE_CHECKING:
    from .failing import Rule
    from .member import Member
    from .settings import Settings

__all__ = [
    "LASTING",
    "LONGEST",
    "Failure",
    "cool",
    "failed",
    "lasting",
    "merge",
    "recover",
    "worked",
]

LONGEST: Final = 300.0
"""Seconds to which cooldowns double, at most; one that was asked for is kept as it is."""
LASTING: Final = ", which waiting does not mend"
"""How the reason of a cooldown ends that nobody waits for."""
_DOUBLINGS: Final = 20
_ALONE: Final = 3
_SAMPLE: Final = 10
_HALF: Final = 0.5


class Failure(NamedTuple):
    """A failure: with what, what follows from it, and when the attempt began. ``alone``: nobody else could answer."""

    error: BaseException
    rule: Rule
    began: float
    alone: bool = False


def failed(
    member: Member, keys: Sequence[Member], what: Failure, settings: Settings, now: float
) -> list[Member]:
    """Count a failure; those that are let be for it now. ``keys``: the deployment's members, this one among them."""
    allowed = _allowed(what, settings)
    if allowed is None:
        return []
    subject = member.host if what.rule.whole else member
    subject.failures += 1
    _count(subject, failed=True)
    asked = getattr(what.error, "retry_after", None) or 0.0
    due = asked > 0 or subject.strikes or subject.failures > allowed or _breaks(subject)
    if not due or not settings.cooldowns:
        return []
    reached = keys if what.rule.whole else (member,)
    cooled = [one for one in reached if _struck(one, what, asked, settings, now)]
    if subject not in reached:
        _struck(subject, what, asked, settings, now)
    return cooled


def _allowed(what: Failure, settings: Settings) -> int | None:
    """How many failures like this in a row are put up with; ``None``: it says nothing of how the deployment does."""
    policy = settings.allowed_fails_policy
    if policy and any(kind.__name__ in policy for kind in type(what.error).__mro__):
        return settings.fails_allowed(what.error)
    if what.rule.cools == "never":
        return None
    if what.rule.cools == "at once":
        # Where nobody else could answer, the next caller is better told the same than made to wait for it.
        return 0 if what.rule.heals or not what.alone else None
    if settings.allowed_fails is not None:
        return settings.allowed_fails
    return _ALONE if what.alone else 0


def _count(member: Member, *, failed: bool) -> None:
    """One more call that ``failing`` is the mean of: exact for the first ones, moving after."""
    member.recent = min(member.recent + 1, _SAMPLE)
    member.failing += (failed - member.failing) / member.recent


def _breaks(member: Member) -> bool:
    return member.recent >= _SAMPLE and member.failing >= _HALF


def _struck(member: Member, what: Failure, asked: float, settings: Settings, now: float) -> bool:
    """Let one be, once for all that were on their way when it failed; what is asked for holds each time."""
    fresh = what.began > member.since
    seconds = asked or (_seconds(member, what.rule, settings) if fresh else 0.0)
    if seconds <= 0 or (not fresh and now + seconds <= member.cooling):
        return False
    told = getattr(what.error, "status_code", None) or type(what.error).__name__
    reason = f"{told}{'' if what.rule.heals else LASTING}"
    cool(member, seconds, reason, now, strikes=member.strikes + fresh)
    return True


def _seconds(member: Member, rule: Rule, settings: Settings) -> float:
    own = member.deployment.cooldown_time
    first = (settings.cooldown_time if own is None else own) * rule.factor
    return min(first * 2.0 ** min(member.strikes, _DOUBLINGS), max(first, LONGEST))


def cool(member: Member, seconds: float, reason: str, now: float, *, strikes: int) -> None:
    """Let it be for so long, or longer where it is already."""
    if now + seconds > member.cooling:
        member.cooling, member.reason = now + seconds, reason
    member.strikes, member.since, member.probing = max(1, strikes), now, 0.0
    member.recent, member.failing = 0, 0.0


def lasting(member: Member) -> bool:
    """Whether what it cools down for does not pass by itself."""
    return member.reason.endswith(LASTING)


def worked(member: Member, keys: Sequence[Member], began: float) -> list[Member]:
    """It has answered a call that began then; those that are well again by it."""
    host = member.host
    _count(member, failed=False)
    member.failures = 0
    if host is not member:
        _count(host, failed=False)
        host.failures = 0
    if not member.strikes and not host.strikes:
        return []
    well = [one for one in keys if one.strikes and _answered_for(one, member, began)]
    for one in well:
        recover(one)
    if host.strikes and began > host.since:
        recover(host)
    return well


def _answered_for(one: Member, member: Member, began: float) -> bool:
    """Whether an answer by ``member`` says that ``one`` is well: what was the host's failure is over for all keys."""
    if began <= one.since:
        return False
    return one is member or (one.host.strikes > 0 and one.since == one.host.since)


def recover(member: Member) -> None:
    """Forget that it cooled down."""
    member.cooling, member.strikes, member.reason, member.probing = 0.0, 0, "", 0.0
    member.failures, member.recent, member.failing = 0, 0, 0.0


Counted = Sequence[tuple[str, int]]
"""(name, width) of the quotas that a store was asked for."""


def merge(members: Iterable[Member], told: Looked, quotas: Counted, now: float) -> None:
    """Take over what a store says of members, and of what their limits have."""
    known = {health.deployment: health for health in told.health}
    for member in members:
        _merge(member, known[member.id], told.now, now)
        found = known[member.place]
        member.elsewhere = max(0, found.running - len(member.inside))
        member.running = member.elsewhere + len(member.inside)
        member.used = _used(found, quotas)


def count(members: Iterable[Member], told: Looked, quotas: Counted) -> None:
    """Take over what their limits have, and nothing else."""
    known = {health.deployment: health for health in told.health}
    for member in members:
        member.used = _used(known[member.place], quotas)


def _used(found: Health, quotas: Counted) -> dict[str, int]:
    return {name: used for (name, _), used in zip(quotas, found.used, strict=True)}


def _merge(member: Member, told: Health, told_at: int, now: float) -> None:
    left = (told.until - told_at) / 1000
    if told.strikes:
        if now + left > member.cooling:
            # One that is over leaves a probe to be made, which began after it.
            cool(member, left, told.reason, now, strikes=told.strikes)
            member.since = min(now, now + left)
        member.strikes = max(member.strikes, told.strikes)
    elif member.strikes and member.cooling <= now and member.place == member.id:
        # Another process has had an answer.
        recover(member)
