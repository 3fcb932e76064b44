"""Random sequences of operations on an outbox, made from a seed; few ids, so that they meet."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Final, get_args

from ..._outbox import (
    Amend,
    Amended,
    Bill,
    Conclude,
    Count,
    Forget,
    Intend,
    Mark,
    Marked,
    Notice,
    Owing,
    ReadBills,
    ReleaseLane,
    State,
    Take,
)
from ._billing import bill
from ._subject import SettableClock

__all__ = ["Billings"]

_STATES: Final = get_args(State)
_CONCLUDED: Final[tuple[State, ...]] = (
    "queued", "queued", "queued", "queued", "unpriced", "unattributed", "held", "listed",
    "dead", "delivered", "discarded",
)  # fmt: skip
_MOVES: Final = (0, 0, 1, 10, 100, 1000, 30_000)
_LEASES: Final = (1, 50, 500, 5000, 60_000)
_SENDERS: Final = ("a", "b")
_SUBSCRIPTIONS: Final = ("s1", "s2", "s3", "")
_LATEST: Final = 12


class Billings:
    """One sequence; ``next`` moves the clock and gives an operation."""

    def __init__(self, seed: int, clock: SettableClock) -> None:
        self._random = Random(seed)
        self._clock = clock
        self._calls = 0

    def next(self) -> Any:
        """The next operation."""
        random, clock = self._random, self._clock
        if random.random() < 0.4:  # noqa: PLR2004 - mostly much happens at once
            clock.milliseconds += random.choice(_MOVES)
        elif random.random() < 0.04:  # noqa: PLR2004 - now and then
            clock.milliseconds -= random.choice((1, 400, 40_000))
        makers = [maker for maker, weight in _MAKERS.items() for _ in range(weight)]
        return random.choice(makers)(self)

    def _call(self, *, fresh: float = 0.5) -> str:
        """A new one, or one of the latest."""
        if not self._calls or self._random.random() < fresh:
            self._calls += 1
            return f"c{self._calls:04}"
        return f"c{max(self._calls - self._random.randint(0, _LATEST), 1):04}"

    def _id(self) -> str:
        return f"{self._call(fresh=0.0)}{self._random.choice((':m', ':m', ':n', '-1:m', ''))}"

    def _bill(self, id: str, states: tuple[State, ...] = _CONCLUDED) -> Bill:  # noqa: A002 - it is one
        random = self._random
        usd = random.choice((None, *map(Decimal, ("0", "1", "0.1234567891", "-2", "1e-12"))))
        more = {
            "at": self._clock.milliseconds - random.choice((0, 1, 500)),
            "subscription": random.choice(_SUBSCRIPTIONS),
            "reason": random.choice(("", "because", "deduped")),
        }
        state = random.choice(states)
        return bill(id, state, usd=usd, code=random.choice("mn"), **more)

    def _intend(self) -> Intend:
        random = self._random
        usd = random.choice((None, Decimal(1), Decimal("2.5"), Decimal("1e-10")))
        subscription = random.choice(_SUBSCRIPTIONS)
        return Intend(self._call(), subscription, "{}", random.choice(_LEASES), usd)

    def _conclude(self) -> Conclude:
        call = self._call(fresh=0.2)
        suffixes = self._random.choice(((":m",), (":m",), (":m", ":n"), (), (":m", "-1:m", ":m")))
        return Conclude(call, tuple(self._bill(call + suffix) for suffix in suffixes))

    def _take(self) -> Take:
        random = self._random
        return Take(random.choice(_SENDERS), random.choice((1, 3, 100)), random.choice(_LEASES))

    def _mark(self) -> Mark:
        random = self._random
        states: tuple[State, ...] = ("delivered", "delivered", "dead")
        marks = tuple(
            Marked(self._id(), random.choice(states), random.choice(("", "deduped", "bad")))
            for _ in range(random.randint(0, 8))
        )
        return Mark(marks, tuple(self._id() for _ in range(random.randint(0, 4))))

    def _amend(self) -> Amend:
        random = self._random
        ids = {self._id() for _ in range(random.randint(1, 4))}
        return Amend(
            tuple(
                Amended(self._bill(one), tuple(random.sample(_STATES, random.randint(0, 6))))
                for one in sorted(ids)
            )
        )

    def _read(self) -> ReadBills:
        random = self._random
        states = tuple(random.sample(_STATES, random.randint(0, 4)))
        return ReadBills(
            random.choice((None, states)),
            random.choice((None, None, tuple(self._id() for _ in range(5)))),
            random.choice((None, None, *_SUBSCRIPTIONS)),
            random.choice((None, "m")),
            random.choice((0, self._clock.milliseconds - 1000)),
            limit=random.choice((1, 5, 1000)),
        )

    def _owing(self) -> Owing:
        since = self._clock.milliseconds - self._random.choice((0, 100, 10_000, 10**6))
        return Owing(self._random.choice(_SUBSCRIPTIONS), since)

    def _forget(self) -> Forget:
        before = self._clock.milliseconds - self._random.choice((0, 1000, 60_000))
        return Forget(before, self._random.choice((1, 3, 1000)))

    def _notice(self) -> Notice:
        return Notice(f"k{self._random.randint(0, 5)}", self._random.choice(_LEASES))


_MAKERS: Final[dict[Callable[[Billings], Any], int]] = {
    Billings._intend: 6,  # noqa: SLF001 - the class's own table
    Billings._conclude: 8,  # noqa: SLF001
    Billings._take: 3,  # noqa: SLF001
    Billings._mark: 4,  # noqa: SLF001
    Billings._amend: 3,  # noqa: SLF001
    Billings._read: 3,  # noqa: SLF001
    Billings._owing: 3,  # noqa: SLF001
    Billings._forget: 1,  # noqa: SLF001
    Billings._notice: 1,  # noqa: SLF001
    lambda made: ReleaseLane(made._random.choice(_SENDERS)): 1,  # noqa: SLF001
    lambda made: Count(): 3,
}
"""Of each kind of operation, how many there are in a sequence."""
