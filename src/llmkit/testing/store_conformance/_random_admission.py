"""Random sequences of letting in and leaving, by a seed: few names, short windows, and everything meets everything."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from ..._operations import Admit, Candidate, Cool, Leave, Look, Quota
from ._subject import DAY, SettableClock

__all__ = ["DEPLOYMENTS", "QUOTAS", "Admissions"]

DEPLOYMENTS: Final = ("d", "e", "f")
QUOTAS: Final = (("rpm", 1000), ("tpm", 1000), ("tpm", 700))
_LIMITS: Final = {"rpm": (4, 1), "tpm": (30, 9)}
_MOVES: Final = (0, 0, 1, 1, 7, 7, 120, 120, 900, 2500, 5000, 11_000, 45_000, 130_000)
_BACK: Final = (3, 400, 2500, 9000, 40_000)
_FURTHEST: Final = 42_000
"""Milliseconds: sixty of the shortest buckets. Who jumps further back may find forgotten what counted."""
_LEASES: Final = (1, 3000, 20_000, 70_000, 70_000, 70_000)
_COOLDOWNS: Final = (0, 1, 50, 2000, 9000)


class Admissions:
    """One sequence; ``next`` moves the clock and gives an operation."""

    def __init__(self, seed: int, clock: SettableClock) -> None:
        self._random = Random(seed)
        self._clock = clock
        self._latest = clock.milliseconds
        self._tickets: dict[str, tuple[Candidate, ...]] = {}

    def next(self) -> Any:
        """The next operation."""
        self._move()
        makers = [maker for maker, weight in _MAKERS.items() for _ in range(weight)]
        return self._random.choice(makers)(self)

    def _move(self) -> None:
        random, clock = self._random, self._clock
        fate = random.random()
        if fate < 0.3:  # noqa: PLR2004 - mostly much happens at once
            clock.milliseconds += random.choice(_MOVES)
        elif fate < 0.36:  # noqa: PLR2004 - now and then
            back = clock.milliseconds - random.choice(_BACK)
            clock.milliseconds = max(back, self._latest - _FURTHEST)
        elif fate < 0.365:  # noqa: PLR2004 - rarely
            clock.milliseconds += 2 * DAY
            self._latest = clock.milliseconds + _FURTHEST
        self._latest = max(self._latest, clock.milliseconds)

    def _candidates(self) -> tuple[Candidate, ...]:
        random = self._random
        names = random.sample(DEPLOYMENTS, random.randint(1, 3))
        return tuple(
            Candidate(name, self._quotas(), random.choice((None, None, 1, 2, 5))) for name in names
        )

    def _quotas(self) -> tuple[Quota, ...]:
        random = self._random
        chosen = random.sample(QUOTAS, random.randint(1, 3))
        return tuple(
            Quota(
                name, width, _LIMITS[name][0], random.choice((0, 1, 1, random.randint(0, _LIMITS[name][1])))
            )
            for name, width in chosen
        )  # fmt: skip

    def _ticket(self) -> str:
        """Mostly a new one."""
        random, known = self._random, [*self._tickets]
        if known and random.random() < 0.15:  # noqa: PLR2004 - some
            return random.choice(known[-12:])
        return f"t{len(known):04}"

    def _admit(self) -> Admit:
        ticket = self._ticket()
        candidates = self._tickets.setdefault(ticket, self._candidates())
        if self._random.random() < 0.2:  # noqa: PLR2004 - some
            candidates = self._candidates()
        return Admit(ticket, candidates, self._random.choice(_LEASES))

    def _leave(self) -> Leave:
        random = self._random
        ticket = random.choice([*[*self._tickets][-4:], f"t{len(self._tickets):04}"])
        if ticket not in self._tickets and random.random() < 0.5:  # noqa: PLR2004 - it comes later
            self._tickets[ticket] = self._candidates()
        names = random.sample(("rpm", "tpm", "other"), random.randint(0, 2))
        used = tuple((name, random.choice((0, 1, 3, 20))) for name in names)
        return Leave(ticket, used, random.choice((True, False, None)))

    def _cool(self) -> Cool:
        random = self._random
        lease, strikes = random.choice(_COOLDOWNS), random.choice((0, 0, 1, 2, 5))
        return Cool(random.choice(DEPLOYMENTS), lease, random.choice(("", "busy", "down")), strikes)

    def _look(self) -> Look:
        return Look((*DEPLOYMENTS[: self._random.randint(0, 3)], "nobody"), QUOTAS)


_MAKERS: Final[dict[Callable[[Admissions], Any], int]] = {
    Admissions._admit: 14,  # noqa: SLF001 - the class's own table
    Admissions._leave: 8,  # noqa: SLF001
    Admissions._cool: 2,  # noqa: SLF001
    Admissions._look: 2,  # noqa: SLF001
}
"""Of each kind of operation, how many there are in a sequence."""
