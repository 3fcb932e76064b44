"""``Admission``: who is in where, in memory. The rules are ``admission``'s, with a shorter way for most calls.

Nothing here waits, and the time is given. It may all be lost: none of it is money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any, Final

from .._operations import ROLLING_BUCKETS, Admit, Admitted, Candidate, Leave, Quota
from .admission import (
    ADMISSION,
    NOTHING,
    Cooldown,
    Key,
    Place,
    Ticket,
    correct,
    current_of,
    kept_from,
    wait_of,
)

__all__ = ["Admission"]

_WINDOW: Final = ROLLING_BUCKETS
_SLACK: Final = 1000
_MANY: Final = 3 * ROLLING_BUCKETS


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
        after = max(after, 0)
        self.latest = max(self.latest, bucket)
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
        if self.tickets or current_of(self.cooldown, now) is not NOTHING:
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
            found.latest = max(found.latest, ticket.since)
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
            correct(self, known, op.used, now)
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
        return wait_of(self._rows, candidate, now)
