"""Why nobody is asked, in words: for errors and for decisions. Nothing is formatted before it is asked for."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ...errors import APIError, NoDeploymentError, RouterRateLimitError
from .waiting import free_at, left_over, why_not

if TYPE_CHECKING:
    from .route import Route

__all__ = ["reasons_of", "refusal"]

_SHOWN = 5


def refusal(route: Route, now: float) -> APIError:
    """The error for a call that nobody was asked for."""
    reasons = reasons_of(route, now)
    group = route.visits[0].group.name
    left = [member for _, member in left_over(route) if member not in route.never]
    why = _listed(reasons, route)
    if not left:
        never = NoDeploymentError(
            f"no deployment of {group!r} can take the call: {why}", model=group
        )
        never.group, never.reasons = group, reasons
        return never
    # Also who is not waited for may be asked again some time.
    at = min(
        max(member.cooling, now) if member.cooling > now else free_at(route, member, now)[0]
        for member in left
    )
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
