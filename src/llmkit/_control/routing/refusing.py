"""Why nobody is asked, in words: for errors, for decisions, for who waits. Nothing is formatted before it is asked for."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ...errors import APIError, NoDeploymentError, RouterRateLimitError
from .health import LASTING

if TYPE_CHECKING:
    from .member import Member
    from .route import Route

__all__ = ["reasons_of", "refusal", "why_not"]

_SHOWN = 5


def refusal(route: Route, now: float) -> APIError:
    """The error for a call that nobody was asked for."""
    reasons = reasons_of(route, now)
    group = route.visits[0].group.name
    left = [member for _, member in route.left_over()]
    why = _listed(reasons, route)
    if not left:
        never = NoDeploymentError(
            f"no deployment of {group!r} can take the call: {why}", model=group
        )
        never.group, never.reasons = group, reasons
        return never
    at = min(route.free_at(member, now)[0] for member in left)
    busy = RouterRateLimitError(
        f"no deployment of {group!r} is free{_when(at - now)}: {why}",
        model=group,
        retry_after=max(0.0, at - now) if at < inf else None,
    )
    busy.reasons = reasons
    busy.cooldown_list = tuple(member.id for member in left if member.cooling > now)
    return busy


def _when(seconds: float) -> str:
    return f", the first in {seconds:.3g} s" if 0 < seconds < inf else ""


def _listed(reasons: dict[str, str], route: Route) -> str:
    shown = [f"{name}: {reason}" for name, reason in list(reasons.items())[:_SHOWN]]
    more = len(reasons) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else []), *route.unknown])


def reasons_of(route: Route, now: float) -> dict[str, str]:
    """Why not, by member, of all groups that were looked at."""
    found: dict[str, str] = {}
    for visit in route.visits:
        found |= visit.group.pool.excluded(visit.wanted)
        for member in visit.group.members:
            if member.id not in found and (reason := why_not(route, member, now)):
                found[member.id] = reason
    return found


def why_not(route: Route, member: Member, now: float) -> str:
    """Why a member that could take the call is not asked now; empty where nothing is against it."""
    if member in route.tried:
        return "it was asked, and failed"
    if member.cooling > now:
        seconds = member.cooling - now
        return f"it cools down for {seconds:.3g} s more after {member.reason.removesuffix(LASTING)}"
    if member.strikes and member.probing > now:
        return f"after {member.reason.removesuffix(LASTING)}, another call is finding out whether it is well"
    until = route.full.get(member, 0.0)
    if until == inf:
        return "all its places are taken, or the call is above its limit"
    if until > now:
        return f"its limit is reached for {until - now:.3g} s"
    return ""
