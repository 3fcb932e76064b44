"""SQLite: who is in where, in tables; what each operation means is said by ``_control.admission``."""

from __future__ import annotations

import json
import sqlite3
from typing import Final

from ..._control.admission import NOTHING, Cooldown, Key, Place, Ticket
from ..._operations import ROLLING_BUCKETS

__all__ = ["AdmissionRows"]

_DAY: Final = 86_400_000
_KEPT: Final = 2 * ROLLING_BUCKETS + 1
# Who only looks is not to wait for those who write: most of the time nobody's lease is over.
_OVERDUE: Final = "SELECT 1 FROM llmkit_ticket WHERE expires <= ? LIMIT 1"
_EXPIRE: Final = "DELETE FROM llmkit_ticket WHERE expires <= ?"
_TICKET: Final = (
    "SELECT id, deployment, since, expires, probe, lines FROM llmkit_ticket WHERE id = ?"
)
_KEEP: Final = "INSERT INTO llmkit_ticket VALUES (?, ?, ?, ?, ?, ?)"
_DROP: Final = "DELETE FROM llmkit_ticket WHERE id = ?"
_PLACE: Final = (
    "SELECT count(*), coalesce(max(probe), 0), coalesce(max(since), 0) FROM llmkit_ticket"
    " WHERE deployment = ?"
)
_COOLDOWN: Final = "SELECT since, until, strikes, reason FROM llmkit_cooldown WHERE deployment = ?"
_COOL: Final = "INSERT OR REPLACE INTO llmkit_cooldown VALUES (?, ?, ?, ?, ?)"
_WARM: Final = "DELETE FROM llmkit_cooldown WHERE deployment = ?"
_FORGIVE: Final = "DELETE FROM llmkit_cooldown WHERE until <= ?"
_LATER: Final = "since = ? WHERE deployment = ? AND since > ?"
_BACK: Final = (
    f"UPDATE llmkit_ticket SET expires = expires - since + ?, {_LATER}",  # noqa: S608
    f"UPDATE llmkit_cooldown SET until = until - since + ?, {_LATER}",  # noqa: S608
)
_OF: Final = "FROM llmkit_taken WHERE deployment = ? AND quota = ? AND width = ?"
_USED: Final = f"SELECT coalesce(sum(amount), 0), coalesce(max(bucket), 0) {_OF} AND bucket >= ?"
_BUCKETS: Final = f"SELECT bucket, amount {_OF} AND bucket >= ? ORDER BY bucket"
_ADD: Final = (
    "UPDATE llmkit_taken SET amount = max(amount + ?, 0)"
    " WHERE deployment = ? AND quota = ? AND width = ? AND bucket = ?"
)
_FIRST: Final = "INSERT INTO llmkit_taken VALUES (?, ?, ?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM llmkit_taken WHERE until <= ?"
_AHEAD: Final = f"SELECT coalesce(sum(amount), 0) {_OF} AND bucket > ?"
_DROP_AHEAD: Final = f"DELETE {_OF} AND bucket > ?"


class AdmissionRows:
    """Rows in SQL, for one transaction at one time."""

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._do = connection.execute
        self._now = now

    def expire(self, now: int) -> None:
        """Those whose lease is over."""
        if self._do(_OVERDUE, (now,)).fetchone() is not None:
            self._do(_EXPIRE, (now,))

    def ticket(self, id: str) -> Ticket | None:  # noqa: A002 - it is one
        """A ticket."""
        found = self._do(_TICKET, (id,)).fetchone()
        if found is None:
            return None
        lines = tuple(tuple(line) for line in json.loads(found[5]))
        return Ticket._make((*found[:4], bool(found[4]), lines))

    def keep(self, ticket: Ticket) -> None:
        """Write it."""
        self._do(_KEEP, (*ticket[:4], int(ticket.probe), json.dumps(ticket.lines)))

    def drop(self, ticket: Ticket) -> None:
        """Delete it."""
        self._do(_DROP, (ticket.id,))

    def place(self, deployment: str) -> Place:
        """Counted."""
        running, probing, latest = self._do(_PLACE, (deployment,)).fetchone()
        found = self._do(_COOLDOWN, (deployment,)).fetchone()
        cooldown = NOTHING if found is None else Cooldown._make(found)
        return Place(running, bool(probing), max(latest, cooldown.since), cooldown)

    def turn_back(self, deployment: str, now: int) -> None:
        """What begins later."""
        for statement in _BACK:
            self._do(statement, (now, now, deployment, now))

    def cool(self, deployment: str, cooldown: Cooldown) -> None:
        """Write it; forget those of a day ago."""
        if cooldown is NOTHING:
            self._do(_WARM, (deployment,))
        else:
            self._do(_COOL, (deployment, *cooldown))
        self._do(_FORGIVE, (self._now - _DAY,))

    def used(self, key: Key, first: int) -> tuple[int, int]:
        """The sum."""
        total, latest = self._do(_USED, (*key, first)).fetchone()
        return total, latest

    def buckets(self, key: Key, first: int) -> list[tuple[int, int]]:
        """One by one."""
        return self._do(_BUCKETS, (*key, first)).fetchall()

    def count(self, key: Key, bucket: int, amount: int, now: int) -> None:
        """Add; with each new bucket, forget old ones of whichever quota."""
        if self._do(_ADD, (amount, *key, bucket)).rowcount:
            return
        self._do(_FIRST, (*key, bucket, max(amount, 0), (bucket + _KEPT) * key[2]))
        self._do(_FORGET, (now,))

    def gather(self, key: Key, bucket: int) -> None:
        """Into this bucket."""
        ahead = (*key, bucket + ROLLING_BUCKETS)
        (total,) = self._do(_AHEAD, ahead).fetchone()
        self._do(_DROP_AHEAD, ahead)
        self.count(key, bucket, total, self._now)
