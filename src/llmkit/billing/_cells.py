"""What a gate remembers of whom it asked about: one cell for each, so many at most. No lock: the gate has it.

How old a cell is, is judged here; what its value means is not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from .._control.billing.purse import Purse

__all__ = ["Ages", "Breaker", "Cell", "Cells", "Key"]

Of = Literal["standing", "funds", "authorized"]
_NEVER: Final = float("-inf")
_LONGEST: Final = 30.0
_STRIKES: Final = 3
_TRIED: Final = 8
_PROBE: Final = 60.0


class Key(NamedTuple):
    """Whom a cell is about: a subscription's standing, a customer's funds, a customer's authorization."""

    of: Of
    id: str


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds until newer is asked for beside the calls, until they wait for it; how long a no is taken for one."""

    fresh: float = 30.0
    stale: float = 300.0
    negative: float = 5.0


class Cell:
    """What is known of one key.

    ``at``: when it was asked for; ``wall``: the same as Unix time. ``ends``: milliseconds of Unix time after which
    it means nothing. ``tries`` counts answers and outages, ``epoch`` what made it void.
    """

    __slots__ = (
        "at",
        "ends",
        "epoch",
        "failures",
        "listing",
        "problem",
        "purse",
        "rest",
        "tries",
        "value",
        "wall",
    )

    def __init__(self) -> None:
        self.value: Any = None
        self.at = _NEVER
        self.wall: float | None = None
        self.ends: int | None = None
        self.purse: Purse | None = None
        self.listing = False
        self.tries = self.epoch = self.failures = 0
        self.rest = _NEVER
        self.problem: Any = None

    def age(self, now: float) -> float:
        """Seconds since it was asked for."""
        return now - self.at

    def usable(self, now: float, wall: float, ages: Ages) -> bool:
        """Whether it may be decided by."""
        ended = self.ends is not None and wall * 1000 >= self.ends
        return self.value is not None and self.age(now) < ages.stale and not ended

    def filled(self, value: Any, ends: int | None, at: float, wall: float) -> None:
        """It was answered."""
        self.value, self.ends, self.at, self.wall = value, ends, at, wall
        self.tries += 1
        self.failures, self.rest, self.problem = 0, _NEVER, None

    def failed(self, problem: Any, now: float, *, rest: bool) -> None:
        """Nobody could say. ``rest``: it is let be for a while, longer each time."""
        self.tries += 1
        self.problem = problem
        if rest:
            self.failures += 1
            self.rest = now + _pause(self.failures)

    def void(self) -> None:
        """It holds no more, for something has changed."""
        self.at = _NEVER
        self.epoch += 1

    @property
    def lacks_list(self) -> bool:
        """Whether a customer's subscriptions are wanted, and what is known was asked for without them."""
        return (
            self.listing
            and self.problem is None
            and getattr(self.value, "subscriptions", 0) is None
        )

    @property
    def idle(self) -> bool:
        """Whether it can be forgotten."""
        return self.purse is None or self.purse.idle


def _pause(failures: int) -> float:
    return min(_LONGEST, 2.0 ** min(failures - 1, 10))


class Breaker:
    """Several failures in a row, whoever they were about: then one at a time tries, and the others are spared."""

    __slots__ = ("_failures", "_probed", "_until")

    def __init__(self) -> None:
        self._failures = 0
        self._until = self._probed = _NEVER

    def is_open(self, now: float) -> bool:
        """Whether nobody shall be asked now."""
        return self._failures >= _STRIKES and now < max(self._until, self._probed)

    def begun(self, now: float) -> None:
        """Somebody is asked. Should nobody hear of him again (his loop stands still), another tries."""
        self._probed = now + _PROBE if self._failures >= _STRIKES else _NEVER

    def ended(self, now: float, *, failed: bool | None) -> None:
        """They answered, or could not be reached; ``None``: it was given up."""
        self._probed = _NEVER
        if failed is not None:
            self._failures = self._failures + 1 if failed else 0
        if failed:
            self._until = now + _pause(self._failures - _STRIKES + 1)


class Cells:
    """Cells by key, those that were asked about last at the end; at most ``most``, and those that hold something."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._cells: OrderedDict[Key, Cell] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cells)

    def find(self, key: Key) -> Cell | None:
        """The cell of a key, if there is one."""
        return self._cells.get(key)

    def of(self, key: Key) -> Cell:
        """The cell of a key, which is the latest then."""
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell()
            self._make_room()
        else:
            self._cells.move_to_end(key)
        return cell

    def _make_room(self) -> None:
        """Forget the oldest; one that holds reservations is not, and comes last again."""
        for _ in range(_TRIED):
            if len(self._cells) <= self._most:
                return
            key, cell = self._cells.popitem(last=False)
            if not cell.idle:
                self._cells[key] = cell

    def all(self) -> list[tuple[Key, Cell]]:
        """All of them, the oldest first."""
        return list(self._cells.items())
