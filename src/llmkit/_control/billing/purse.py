"""What a process knows of a customer's spending that Lago's numbers do not show yet: reservations, and spend.

Pure: times are passed in, and whoever shares a purse between threads locks it. Lago's own numbers are in ``available``.
"""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from typing import Final, NamedTuple

from ..._cost import MATH
from ..._outbox import Owed

__all__ = ["Mark", "Purse"]

_ZERO: Final = Decimal(0)
_NEVER: Final = float("inf")


class _Reservation:
    """What is reserved for one call. ``written``: how much of it the outbox has as an intent."""

    __slots__ = ("expires", "opened", "usd", "written")

    def __init__(self, usd: Decimal, expires: float) -> None:
        self.usd = usd
        self.expires = expires
        self.written = _ZERO
        self.opened = False


class Mark(NamedTuple):
    """How things stood just before the outbox was asked what is owed: all of that is in what it answers."""

    spent: Decimal
    written: frozenset[str]


class Purse:
    """One customer's reservations and spend in this process, and what the outbox said that is owed."""

    __slots__ = (
        "_base",
        "_calls",
        "_let_out",
        "_next",
        "_others",
        "_owed",
        "_reserved",
        "_since",
        "_spent",
    )

    def __init__(self) -> None:
        # What was spent is only ever added up; what was, up to the latest question to the outbox, is in its answer.
        self._spent = self._base = _ZERO
        self._owed = self._others = _ZERO
        self._reserved = _ZERO
        self._calls: dict[str, _Reservation] | None = None
        self._next = _NEVER
        self._since: float | None = None
        self._let_out = _ZERO

    @property
    def idle(self) -> bool:
        """Whether nothing is reserved: it can be forgotten, for the outbox knows all that was spent."""
        return not self._calls

    @property
    def pending(self) -> Decimal:
        """Dollars that Lago's numbers may not show: owed, spent since, reserved here and elsewhere."""
        return MATH.add(MATH.add(self._others, self._reserved), self.unseen)

    @property
    def unseen(self) -> Decimal:
        """Of these, what was spent: owed, and spent since."""
        return MATH.add(self._owed, MATH.subtract(self._spent, self._base))

    def reserved(self, call: str) -> Decimal:
        """What is reserved for a call."""
        found = self._calls.get(call) if self._calls else None
        return _ZERO if found is None else found.usd

    def reserve(self, call: str, usd: Decimal, expires: float, *, opened: bool = False) -> None:
        """Reserve so much for a call, in all, if that is more than is. ``opened``: by the outage policy."""
        if self._calls is None:
            self._calls = {}
        found = self._calls.setdefault(call, _Reservation(_ZERO, expires))
        found.expires = max(found.expires, expires)
        found.opened = found.opened or opened
        self._next = min(self._next, found.expires)
        if usd > found.usd:
            more = MATH.subtract(usd, found.usd)
            self._reserved = MATH.add(self._reserved, more)
            self._let_out = MATH.add(self._let_out, more) if found.opened else self._let_out
            found.usd = usd

    def written(self, call: str) -> None:
        """The outbox has an intent of all that is reserved for the call."""
        if self._calls and (found := self._calls.get(call)) is not None:
            found.written = found.usd

    def settle(self, call: str, usd: Decimal | None) -> bool:
        """Nothing is reserved for the call any more, it cost so much. ``False``: nothing was, and nothing changes."""
        found = self._calls.pop(call, None) if self._calls else None
        if found is None:
            return False
        cost = usd or _ZERO
        self._reserved = MATH.subtract(self._reserved, found.usd)
        if found.opened and self._since is not None:
            self._let_out = MATH.add(self._let_out, MATH.subtract(cost, found.usd))
        self.spend(cost)
        if not self._calls:
            self._calls, self._next = None, _NEVER
        return True

    def spend(self, usd: Decimal) -> None:
        """So much was spent, and the outbox has it."""
        self._spent = MATH.add(self._spent, usd)

    def lapsed(self, now: float) -> list[str]:
        """Let go of reservations whose leases are over; their calls."""
        if now < self._next or not self._calls:
            return []
        over = [call for call, found in self._calls.items() if found.expires <= now]
        for call in over:
            self.settle(call, None)
        self._next = min((one.expires for one in (self._calls or {}).values()), default=_NEVER)
        return over

    def mark(self) -> Mark:
        """How things stand. Call it just before the outbox is asked, and ``owes`` with what it answers."""
        calls = self._calls or {}
        return Mark(self._spent, frozenset(call for call, one in calls.items() if one.written))

    def owes(self, mark: Mark, owed: Owed, factor: Decimal) -> None:
        """What the outbox says that is owed: it knows of all that was spent up to the mark.

        Intents of calls that are reserved here are among those that it adds up; they do not count twice.
        """
        calls = self._calls or {}
        live = (calls[call].written for call in mark.written if call in calls)
        own = reduce(MATH.add, live, _ZERO)
        intended = MATH.multiply(owed.intended, factor)
        self._base = mark.spent
        self._owed = MATH.multiply(MATH.add(owed.queued, owed.delivered), factor)
        self._others = max(_ZERO, MATH.subtract(intended, own))

    def forked(self) -> None:
        """This is a copy in another process: what is reserved is the parent's."""
        self._calls, self._reserved, self._next = None, _ZERO, _NEVER

    # --- outages ---------------------------------------------------------------------------------

    def opened(self, now: float) -> tuple[float, Decimal]:
        """The outage that has met this customer: since when, and dollars let out since. It begins now, if none has."""
        if self._since is None:
            self._since, self._let_out = now, _ZERO
        return self._since, self._let_out

    @property
    def is_open(self) -> bool:
        """Whether an outage has met this customer and is not over."""
        return self._since is not None

    def over(self) -> None:
        """The outage is over."""
        self._since = None
        for one in (self._calls or {}).values():
            one.opened = False
