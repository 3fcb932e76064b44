"""What letting calls in means: places, quotas, cooldowns, probes. The rules, over ``Rows``.

Whoever calls has made the rows his alone for the time (a lock, a transaction); nothing here waits, and the time is
given. In memory it is ``admitting``. PostgreSQL and Redis have compiled forms of the same rules. None of it is money:
no ledger knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from .._operations import (
    FOR_EVER,
    ROLLING_BUCKETS,
    Admit,
    Admitted,
    Candidate,
    Cool,
    Full,
    Health,
    Leave,
    Look,
    Looked,
    Quota,
)

__all__ = [
    "ADMISSION",
    "NOTHING",
    "Cooldown",
    "Key",
    "Place",
    "Rows",
    "Ticket",
    "correct",
    "current_of",
    "kept_from",
    "wait_of",
]

_DAY: Final = 86_400_000
_TOMBSTONE: Final = 60_000
"""Milliseconds for which nobody is let in by a ticket that was given back before it came."""
_WINDOW: Final = ROLLING_BUCKETS

Key = tuple[str, str, int]
"""Whose quota: deployment, name, width."""


class Ticket(NamedTuple):
    """A call that is in; ``lines``: (quota, width, bucket, amount). At no deployment: one that may not come in."""

    id: str
    deployment: str
    since: int
    expires: int
    probe: bool = False
    lines: tuple[tuple[str, int, int, int], ...] = ()


class Cooldown(NamedTuple):
    """How a deployment is let be."""

    since: int = 0
    until: int = 0
    strikes: int = 0
    reason: str = ""


NOTHING: Final = Cooldown()


class Place(NamedTuple):
    """A deployment: how many live tickets it has, whether one is a probe, the latest ``since`` of all that it has."""

    running: int
    probing: bool
    latest: int
    cooldown: Cooldown


class Rows(Protocol):
    """What is kept, row by row."""

    def expire(self, now: int) -> None:
        """Drop tickets with ``expires <= now``, wherever they are."""

    def ticket(self, id: str) -> Ticket | None:  # noqa: A002 - it is one
        """A ticket that was not dropped."""

    def keep(self, ticket: Ticket) -> None:
        """Write a new ticket."""

    def drop(self, ticket: Ticket) -> None:
        """Drop a ticket."""

    def place(self, deployment: str) -> Place:
        """How a deployment is; of one that nobody knows, that it has nothing."""

    def turn_back(self, deployment: str, now: int) -> None:
        """Move its tickets and its cooldown that begin after ``now`` to it, as long as they are."""

    def cool(self, deployment: str, cooldown: Cooldown) -> None:
        """Write a cooldown over the one before."""

    def used(self, key: Key, first: int) -> tuple[int, int]:
        """(sum of the buckets from ``first`` on, the latest bucket or 0)."""

    def buckets(self, key: Key, first: int) -> Sequence[tuple[int, int]]:
        """(bucket, amount) from ``first`` on, oldest first."""

    def count(self, key: Key, bucket: int, amount: int, now: int) -> None:
        """Add to a bucket, which never is below 0. Now and then, forget what is older than ``kept_from`` now."""

    def gather(self, key: Key, bucket: int) -> None:
        """Move what is more than sixty buckets after this one into this one."""


def kept_from(bucket: int) -> int:
    """The oldest bucket that is kept: twice as many as count, so that a clock that jumps back a little finds them."""
    return bucket - 2 * _WINDOW


def current_of(found: Cooldown, now: int) -> Cooldown:
    """What is left of a cooldown: nothing, once it is over without strikes, or a day after it."""
    if found.until <= now and (not found.strikes or found.until + _DAY <= now):
        return NOTHING
    return found


def _at(rows: Rows, deployment: str, now: int) -> Place:
    """A deployment as it is now. Nothing of it lasts longer than it was meant to because a clock has jumped back."""
    found = rows.place(deployment)
    if found.latest > now:
        rows.turn_back(deployment, now)
        found = rows.place(deployment)
    cooldown = found.cooldown
    if cooldown is NOTHING or (current := current_of(cooldown, now)) is cooldown:
        return found
    return found._replace(cooldown=current)


# --- letting in --------------------------------------------------------------------------------


def _admit(rows: Rows, op: Admit, now: int) -> Admitted | Full:
    rows.expire(now)
    if (known := rows.ticket(op.ticket)) is not None:
        return _again(known, op, now)
    waits: list[int | None] = []
    for number, candidate in enumerate(op.candidates):
        found = _at(rows, candidate.deployment, now)
        wait = _wait(rows, candidate, found, now)
        if wait == 0:
            probe = found.cooldown.strikes > 0
            _take(rows, op, candidate, probe, now)
            return Admitted(now, number, probe)
        waits.append(wait)
    return Full(now, tuple(waits))


def _again(known: Ticket, op: Admit, now: int) -> Admitted | Full:
    for number, candidate in enumerate(op.candidates):
        if candidate.deployment == known.deployment:
            return Admitted(now, number, known.probe, again=True)
    return Full(now, (None,) * len(op.candidates))


def _wait(rows: Rows, candidate: Candidate, found: Place, now: int) -> int | None:
    """Milliseconds until it is worth asking again, 0 where there is room."""
    cooldown, parallel = found.cooldown, candidate.parallel
    if cooldown.until > now:
        return cooldown.until - now
    if cooldown.strikes and found.probing:
        return None
    if parallel is not None and found.running >= parallel:
        return None
    wait = 0
    for quota in candidate.quotas:
        wait = max(wait, _filled(rows, candidate.deployment, quota, now))
    return wait


def _filled(rows: Rows, deployment: str, quota: Quota, now: int) -> int:
    """Milliseconds until a quota has room, 0 where it has."""
    name, width, limit, amount = quota
    if amount > limit:
        return FOR_EVER
    key = (deployment, name, width)
    bucket = now // width
    used, latest = rows.used(key, bucket - _WINDOW)
    if latest > bucket + _WINDOW:
        rows.gather(key, bucket)
    excess = used + amount - limit
    if excess <= 0:
        return 0
    left = 0
    for oldest, counted in rows.buckets(key, bucket - _WINDOW):
        excess -= counted
        left = (oldest + _WINDOW + 1) * width
        if excess <= 0:
            break
    return left - now


def _take(rows: Rows, op: Admit, candidate: Candidate, probe: bool, now: int) -> None:  # noqa: FBT001
    deployment = candidate.deployment
    lines = []
    for name, width, _, amount in candidate.quotas:
        bucket = now // width
        if amount:
            rows.count((deployment, name, width), bucket, amount, now)
        lines.append((name, width, bucket, amount))
    rows.keep(Ticket(op.ticket, deployment, now, now + op.lease, probe, tuple(lines)))


def wait_of(rows: Rows, candidate: Candidate, now: int) -> int | None:
    """What ``Full`` would say of a candidate, and 0 where a call would be let in. Nothing is taken."""
    rows.expire(now)
    return _wait(rows, candidate, _at(rows, candidate.deployment, now), now)


# --- leaving -----------------------------------------------------------------------------------


def _leave(rows: Rows, op: Leave, now: int) -> bool:
    rows.expire(now)
    known = rows.ticket(op.ticket)
    if known is None:
        rows.keep(Ticket(op.ticket, "", now, now + _TOMBSTONE))
    if known is None or not known.deployment:
        return False
    cooldown = _at(rows, known.deployment, now).cooldown
    if op.used:
        correct(rows, known, op.used, now)
    rows.drop(known)
    if op.worked and cooldown is not NOTHING and min(known.since, now) > cooldown.since:
        rows.cool(known.deployment, NOTHING)
    return True


def correct(rows: Rows, known: Ticket, used: Iterable[tuple[str, int]], now: int) -> None:
    """What was taken becomes what was used, in the bucket in which it was taken, as long as that counts."""
    told, deployment = dict(used), known.deployment
    for name, width, bucket, amount in known.lines:
        if name not in told:
            continue
        more = told[name] - amount
        if more and bucket >= now // width - _WINDOW:
            rows.count((deployment, name, width), bucket, more, now)


# --- cooling, looking --------------------------------------------------------------------------


def _cool(rows: Rows, op: Cool, now: int) -> Health:
    rows.expire(now)
    found = _at(rows, op.deployment, now)
    before = found.cooldown
    if not op.lease and not op.strikes:
        after = NOTHING
    else:
        longer = before.until > now + op.lease
        strikes = max(before.strikes, op.strikes)
        new = Cooldown(now, now + op.lease, strikes, op.reason)
        after = before._replace(strikes=strikes) if longer else new
    rows.cool(op.deployment, after)
    return _health(op.deployment, found._replace(cooldown=after))


def _health(deployment: str, found: Place, used: tuple[int, ...] = ()) -> Health:
    _, until, strikes, reason = found.cooldown
    return Health(deployment, until, strikes, reason, found.probing, found.running, used)


def _look(rows: Rows, op: Look, now: int) -> Looked:
    rows.expire(now)
    health = []
    for deployment in op.deployments:
        found = _at(rows, deployment, now)
        used = tuple(
            rows.used((deployment, name, width), now // width - _WINDOW)[0]
            for name, width in op.quotas
        )
        health.append(_health(deployment, found, used))
    return Looked(now, tuple(health))


ADMISSION: Final[dict[type, Callable[[Any, Any, int], Any]]] = {
    Admit: _admit,
    Leave: _leave,
    Cool: _cool,
    Look: _look,
}
"""What is done with each operation, of rows, operation, time."""
