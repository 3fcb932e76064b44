"""Which bills are refused without a reason, and how the one at fault is found among many. State only, no effect.

A batch that is refused and not said why is halved: what its first half comes to tells which half is at fault. So one
among a hundred is found by seven requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..._outbox import Bill

__all__ = ["Aside"]

_FIRST_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 3600.0
_MOST: Final = 100
_DOUBTS: Final = 2


@dataclass(slots=True)
class _One:
    due: float
    wait: float
    reason: str
    told: bool = False


class Aside:
    """Bills that are tried again later, each alone, so that they keep no others back. Times are seconds of ``now``."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ones: dict[str, _One] = {}
        self._suspects = 0
        self._doubts = 0

    def __len__(self) -> int:
        return len(self._ones)

    @property
    def reasons(self) -> dict[str, str]:
        """What was said of each, by its id."""
        return {id_: one.reason for id_, one in self._ones.items()}

    @property
    def half(self) -> int:
        """How many bills to send to find the one at fault; 0: none is looked for."""
        return -(-self._suspects // 2)

    @property
    def many(self) -> bool:
        """Whether so many were refused in a row, alone, that it is hardly they who are at fault."""
        return self._doubts >= _DOUBTS

    @property
    def wait(self) -> float | None:
        """Seconds until the next of them is due; ``None``: there is none."""
        due = min((one.due for one in self._ones.values()), default=None)
        return None if due is None else max(0.0, due - self._now())

    def without(self, bills: tuple[Bill, ...]) -> tuple[Bill, ...]:
        """The bills that may be sent now: one that is due, alone, or all that are not set aside."""
        there = {bill.id for bill in bills}
        # Who is no longer at the head of the queue was discarded, or stands behind with another text.
        self._ones = {id_: one for id_, one in self._ones.items() if id_ in there}
        now = self._now()
        due = next((b for b in bills if b.id in self._ones and self._ones[b.id].due <= now), None)
        if due is not None and not self._suspects:
            return (due,)
        return tuple(bill for bill in bills if bill.id not in self._ones)

    def among(self, count: int) -> None:
        """So many at the head of the queue were refused together."""
        self._suspects = count

    def passed(self, bills: tuple[Bill, ...]) -> None:
        """Something was said of these."""
        if self.many:
            self._acquit()
        self._doubts = 0
        self._suspects = max(0, self._suspects - len(bills))
        for bill in bills:
            self._ones.pop(bill.id, None)

    def _acquit(self) -> None:
        """It was not the bills' fault: whoever was suspected in vain goes back, the others are tried at once."""
        self._ones = {id_: one for id_, one in self._ones.items() if one.told}
        for one in self._ones.values():
            one.due, one.wait = self._now(), _FIRST_WAIT / 2

    def refused(self, id_: str, reason: str, *, probing: bool) -> None:
        """A bill was refused alone, for no reason. ``probing``: it was alone by chance, and nothing is well anyway."""
        self._suspects = 0
        known = self._ones.get(id_)
        if known is None:
            self._doubts += _DOUBTS if probing else 1
        wait = _FIRST_WAIT if known is None else min(_LONGEST_WAIT, known.wait * 2)
        if known is not None or len(self._ones) < _MOST:
            told = known is not None and known.told
            self._ones[id_] = _One(self._now() + wait, wait, reason, told)

    def untold(self) -> list[tuple[str, str]]:
        """Who was set aside since this was asked last, and why."""
        ones = [(id_, one) for id_, one in self._ones.items() if not one.told]
        for _, one in ones:
            one.told = True
        return [(id_, one.reason) for id_, one in ones]
