"""What letting calls in means: places, quotas, cooldowns, probes. The rules, over ``Rows``; and all of it in memory.

Whoever calls has made the rows his alone for the time (a lock, a transaction); nothing here waits, and the time is
given. PostgreSQL and Redis have compiled forms of the same rules. None of it is money: no ledger knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
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
    "Admission",
    "Cooldown",
    "Key",
    "Place",
    "Rows",
    "Ticket",
    "kept_from",
]

_DAY: Final = 86_400_000
_TOMBSTONE: Final = 60_000
"""Milliseconds for which nobody is let in by a ticket that was given back before it came."""
_WINDOW: Final = ROLLING_BUCKETS
_SLACK: Final = 1000
_MANY: Final = 3 * ROLLING_BUCKETS

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


def _current(found: Cooldown, now: int) -> Cooldown:
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
    if cooldown is NOTHING or (current := _current(cooldown, now)) is cooldown:
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
        _correct(rows, known, op.used, now)
    rows.drop(known)
    if op.worked and cooldown is not NOTHING and min(known.since, now) > cooldown.since:
        rows.cool(known.deployment, NOTHING)
    return True


def _correct(rows: Rows, known: Ticket, used: Iterable[tuple[str, int]], now: int) -> None:
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


# --- in memory ---------------------------------------------------------------------------------


class _Counter:
    """The buckets of one quota, and their sum as it was last asked for."""

    __slots__ = ("amounts", "first", "latest", "total")

    def __init__(self) -> None:
        self.amounts: dict[int, int] = {}
        self.latest = 0
        self.first: int | None = None
        self.total = 0

    def used(self, first: int) -> int:
        """The sum from ``first`` on. What has left since it was last asked is taken off."""
        known = self.first
        if known == first:
            return self.total
        amounts = self.amounts
        if known is not None and known < first <= known + _WINDOW:
            total = self.total - sum([amounts.get(bucket, 0) for bucket in range(known, first)])
        else:
            total = sum([amount for bucket, amount in amounts.items() if bucket >= first])
        # No call between these: an interrupt sees all or none.
        self.total, self.first = total, first
        return total

    def count(self, bucket: int, amount: int, current: int) -> None:
        """Add; the sum is made anew, should this be interrupted. Once there are many, forget what is too old now."""
        amounts, first, total = self.amounts, self.first, self.total
        before = amounts.get(bucket, 0)
        after = before + amount
        if after < 0:
            after = 0
        if bucket > self.latest:
            self.latest = bucket
        self.first = None
        amounts[bucket] = after
        if first is not None:
            self.total = total + after - before if bucket >= first else total
            self.first = first
        if len(amounts) > _MANY:
            kept = kept_from(current)
            for old in [old for old in amounts if old < kept]:
                del amounts[old]

    def gather(self, bucket: int) -> None:
        """Move what is too far ahead."""
        self.first = None
        far = [ahead for ahead in self.amounts if ahead > bucket + _WINDOW]
        self.amounts[bucket] = self.amounts.get(bucket, 0) + sum(self.amounts[one] for one in far)
        for ahead in far:
            del self.amounts[ahead]
        self.latest = max(self.amounts)


class _Deployment:
    """What is kept of a deployment."""

    __slots__ = ("cooldown", "counters", "latest", "probe", "tickets")

    def __init__(self) -> None:
        self.tickets: set[str] = set()
        self.probe = ""
        self.latest = 0
        self.cooldown = NOTHING
        self.counters: dict[tuple[str, int], _Counter] = {}

    def with_room(self, quotas: Iterable[Quota], now: int) -> list[_Counter] | None:
        """The counters of these, where each has room and none is ahead of the clock."""
        found, counters = [], self.counters
        for name, width, limit, amount in quotas:
            counter, bucket = counters.get((name, width)), now // width
            if counter is None or counter.latest > bucket + _WINDOW:
                return None
            if counter.used(bucket - _WINDOW) + amount > limit:
                return None
            found.append(counter)
        return found

    def unused(self, now: int) -> bool:
        """Whether nobody would miss it."""
        if self.tickets or _current(self.cooldown, now) is not NOTHING:
            return False
        return all(
            counter.latest < kept_from(now // width)
            for (_, width), counter in self.counters.items()
        )


_NOWHERE: Final = Place(0, False, 0, NOTHING)


class _MemoryRows:
    """Rows as dicts. They are in an order at any moment: who is interrupted has counted too much at worst."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._leases: list[tuple[int, str]] = []
        self._deployments: dict[str, _Deployment] = {}
        self._most = _SLACK

    def expire(self, now: int) -> None:
        """Those whose lease is over."""
        leases = self._leases
        while leases and leases[0][0] <= now:
            known = self._tickets.get(leases[0][1])
            if known is not None and known.expires <= now:
                self.drop(known)
            heappop(leases)

    def ticket(self, id: str) -> Ticket | None:  # noqa: A002 - it is one
        """A ticket."""
        return self._tickets.get(id)

    def keep(self, ticket: Ticket) -> None:
        """First its lease, so that whatever else was written of it ends."""
        leases = self._leases
        heappush(leases, (ticket.expires, ticket.id))
        self._tickets[ticket.id] = ticket
        if ticket.deployment:
            found = self._deployment(ticket.deployment, ticket.since)
            found.tickets.add(ticket.id)
            if ticket.since > found.latest:
                found.latest = ticket.since
            if ticket.probe:
                found.probe = ticket.id
        if len(leases) > 2 * len(self._tickets) + _SLACK:
            # Those who have left are not looked for in a heap; now and then it is made anew.
            self._leases = sorted((one.expires, one.id) for one in self._tickets.values())

    def drop(self, ticket: Ticket) -> None:
        """First its place."""
        if ticket.deployment:
            found = self._deployments[ticket.deployment]
            found.tickets.discard(ticket.id)
            if ticket.probe:
                found.probe = ""
        self._tickets.pop(ticket.id, None)

    def place(self, deployment: str) -> Place:
        """How it is."""
        found = self._deployments.get(deployment)
        if found is None:
            return _NOWHERE
        tickets = found.tickets
        return Place(len(tickets), found.probe in tickets, found.latest, found.cooldown)

    def turn_back(self, deployment: str, now: int) -> None:
        """What begins later."""
        found = self._deployments[deployment]
        for known in [self._tickets[id_] for id_ in found.tickets]:
            if known.since > now:
                expires = known.expires - known.since + now
                heappush(self._leases, (expires, known.id))
                self._tickets[known.id] = known._replace(since=now, expires=expires)
        cooldown = found.cooldown
        if cooldown.since > now:
            until = cooldown.until - cooldown.since + now
            found.cooldown = cooldown._replace(since=now, until=until)
        found.latest = now

    def usually_in(self, op: Admit, now: int) -> Admitted | None:
        """Let in at the first candidate, where that is known, well and has room: most calls, without a row made for it.

        ``None``: nothing was written, and the rules say what follows.
        """
        if not op.candidates or op.ticket in self._tickets:
            return None
        deployment, quotas, parallel = op.candidates[0]
        found = self._deployments.get(deployment)
        if found is None or found.cooldown is not NOTHING or found.latest > now:
            return None
        if parallel is not None and len(found.tickets) >= parallel:
            return None
        counters = found.with_room(quotas, now)
        if counters is None:
            return None
        lines = []
        for counter, (name, width, _, amount) in zip(counters, quotas, strict=True):
            bucket = now // width
            if amount:
                counter.count(bucket, amount, bucket)
            lines.append((name, width, bucket, amount))
        self.keep(Ticket(op.ticket, deployment, now, now + op.lease, False, tuple(lines)))
        return Admitted(now, 0)

    def usually_left(self, op: Leave, now: int) -> bool | None:
        """Out of where nothing cooled down; as ``usually_in``."""
        known = self._tickets.get(op.ticket)
        if known is None or not known.deployment:
            return None
        found = self._deployments[known.deployment]
        if found.cooldown is not NOTHING or found.latest > now:
            return None
        if op.used:
            _correct(self, known, op.used, now)
        self.drop(known)
        return True

    def cool(self, deployment: str, cooldown: Cooldown) -> None:
        """A cooldown."""
        if cooldown is NOTHING and deployment not in self._deployments:
            return
        found = self._deployment(deployment, cooldown.since)
        found.cooldown = cooldown
        found.latest = max(found.latest, cooldown.since)

    def used(self, key: Key, first: int) -> tuple[int, int]:
        """The sum."""
        found = self._counter(key)
        return (0, 0) if found is None else (found.used(first), found.latest)

    def buckets(self, key: Key, first: int) -> Sequence[tuple[int, int]]:
        """One by one."""
        found = self._counter(key)
        amounts = {} if found is None else found.amounts
        return sorted((bucket, n) for bucket, n in amounts.items() if bucket >= first)

    def count(self, key: Key, bucket: int, amount: int, now: int) -> None:
        """Add."""
        deployment, name, width = key
        if (found := self._counter(key)) is None:
            counters = self._deployment(deployment, now).counters
            found = counters[name, width] = _Counter()
        found.count(bucket, amount, now // width)

    def gather(self, key: Key, bucket: int) -> None:
        """Into this bucket."""
        self._deployments[key[0]].counters[key[1:]].gather(bucket)

    def _counter(self, key: Key) -> _Counter | None:
        deployment, name, width = key
        found = self._deployments.get(deployment)
        return None if found is None else found.counters.get((name, width))

    def _deployment(self, name: str, now: int) -> _Deployment:
        """One that is written to. Where there are twice as many as were in use, those that are not are forgotten."""
        if (found := self._deployments.get(name)) is not None:
            return found
        if len(self._deployments) >= self._most:
            for unused in [one for one, it in self._deployments.items() if it.unused(now)]:
                del self._deployments[unused]
            self._most = 2 * len(self._deployments) + _SLACK
        found = self._deployments[name] = _Deployment()
        return found


_USUAL: Final[dict[type, Callable[[_MemoryRows, Any, int], Any]]] = {
    Admit: _MemoryRows.usually_in,
    Leave: _MemoryRows.usually_left,
}


class Admission:
    """Who is in where, in memory. Not thread-safe: whoever shares it has a lock.

    What an operation does is there at its end. Should it be interrupted, at worst something was counted in a quota
    that nobody has used.
    """

    def __init__(self) -> None:
        self._rows = _MemoryRows()

    def perform(self, operation: Any, now: int) -> Any:
        """``Admit``, ``Leave``, ``Cool`` or ``Look`` at a time in milliseconds; the answer is the operation's."""
        kind, rows = type(operation), self._rows
        if (usual := _USUAL.get(kind)) is not None:
            rows.expire(now)
            told = usual(rows, operation, now)
            if told is not None:
                return told
        return ADMISSION[kind](rows, operation, now)

    def wait(self, candidate: Candidate, now: int) -> int | None:
        """What ``Full`` would say of a candidate at a time, and 0 where a call would be let in. Nothing is taken."""
        self._rows.expire(now)
        return _wait(self._rows, candidate, _at(self._rows, candidate.deployment, now), now)
