"""Which fault meets which request: some for so many requests, some for all. Values and look-ups only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ._faults import LagoFault

__all__ = ["Faulty"]


@dataclass(slots=True)
class _Due:
    fault: LagoFault
    on: str
    left: int


class Faulty:
    """The faults that are still to come. Not thread-safe: who asks holds a lock."""

    def __init__(self) -> None:
        self._next: deque[_Due] = deque()
        self._always: dict[str, LagoFault] = {}

    def add(self, fault: LagoFault, on: str, times: int) -> None:
        """The next *times* requests that begin with *on* meet it, behind what was added before."""
        self._next.append(_Due(fault, on, times))

    def always(self, fault: LagoFault, on: str) -> None:
        """Every request that begins with *on* meets it, too."""
        self._always[on] = fault

    def clear(self) -> None:
        """None is left."""
        self._next.clear()
        self._always.clear()

    def take(self, what: str) -> LagoFault:
        """What this request (`POST /api/v1/events`) meets: the next that is due for it, with all that are for ever."""
        met = LagoFault()
        for on, fault in self._always.items():
            met = met & fault if _begins(what, on) else met
        due = next((one for one in self._next if _begins(what, one.on)), None)
        if due is None:
            return met
        due.left -= 1
        if due.left <= 0:
            self._next.remove(due)
        return met & due.fault


def _begins(what: str, on: str) -> bool:
    """*on* is a method, a path (with or without `/api/v1`), or both; "" is all."""
    method, _, path = what.partition(" ")
    wanted = on.split()
    if wanted and wanted[0] == method:
        wanted = wanted[1:]
    elif wanted and not wanted[0].startswith("/"):
        return False
    return (
        not wanted
        or path.startswith(wanted[0])
        or path.removeprefix("/api/v1").startswith(wanted[0])
    )
