"""Random sequences of operations, by a seed: few names and short windows, so that everything meets everything."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Final

from ..._operations import (
    Attribution,
    Audit,
    Balances,
    Charge,
    Claim,
    Kind,
    Post,
    ReadRules,
    ReadUsage,
    Reserve,
    Reset,
    SettleHold,
    Sweep,
    Window,
    WriteRule,
)
from ..._settlements import Settlement, Settlements
from ._subject import SettableClock

__all__ = ["ACCOUNTS", "Operations"]

_PERIOD: Final = 10_000
_WIDTHS: Final = {"usd:3s:a": 50, "usd:1m:b": 1000, "requests:1m:a": 1000}
ACCOUNTS: Final = (*_WIDTHS, "usd:period:a", "tokens:period:b", "usd:ever:a", "parallel:ever:a")
_SCOPES: Final = ("global", "user=ann", "user=bob&model=m")
_MOVES: Final = (0, 0, 1, 7, 40, 120, 900, 5000, 11_000, 61_000, 130_000, -30, -2500, -70_000)
_LEASES: Final = (1, 100, 3000, 3000, 60_000)
_KINDS: Final[tuple[Kind, ...]] = ("settle", "settle", "release", "unknown")
_LIMITS: Final = (0, 3, 8, 20, 20, 20)


class Operations:
    """One sequence; ``next`` moves the clock and gives an operation."""

    def __init__(self, seed: int, clock: SettableClock, *, ends_calls: bool = True) -> None:
        self._random = Random(seed)
        self._ends_calls = ends_calls
        self._clock = clock
        self._holds: dict[str, tuple[Claim, ...]] = {}
        self._posts: list[str] = []

    def next(self) -> Any:
        """The next operation."""
        if self._random.random() < 0.6:  # noqa: PLR2004 - three of five
            self._clock.milliseconds += self._random.choice(_MOVES)
        makers = [maker for maker, weight in _MAKERS.items() for _ in range(weight)]
        return self._random.choice(makers)(self)

    def window(self, account: str) -> Window:
        """An account's window as a caller says it around now; now and then a caller is late."""
        if (width := _WIDTHS.get(account)) is not None:
            return Window(width, ())
        if ":ever:" in account:
            return Window()
        late = self._random.choice((0,) * 9 + (_PERIOD * 3,))
        now = (self._clock.milliseconds - late) // _PERIOD
        before = self._random.choice((0, 1, 1, 2))
        return Window(starts=tuple(_PERIOD * (now + n) for n in range(-before, 3)))

    def claims(self) -> tuple[Claim, ...]:
        """One to four accounts, with limits that are sometimes raised."""
        names = self._random.sample(ACCOUNTS, self._random.choice((1, 1, 2, 3, 4)))
        return tuple(self._claim(name) for name in names)

    def _claim(self, account: str) -> Claim:
        random, now = self._random, self._clock.milliseconds
        limit = random.choice((*map(Decimal, _LIMITS), None))
        extra = random.choice((0, 0, 5))
        until = now + random.choice((0, 1, 1000))
        rollover = random.choice((None, None, Decimal(2), Decimal(50)))
        keep = not account.startswith("parallel")
        window, amount = self.window(account), self._amount(account)
        return Claim(account, window, amount, limit, Decimal(extra), until, rollover, keep)

    def _amount(self, account: str) -> Decimal:
        whole = self._random.randint(0, 4)
        if not account.startswith("usd"):
            return Decimal(whole)
        return whole + Decimal(self._random.choice((0, 1, 999_999_999))).scaleb(-9)

    def _whose(self) -> Attribution:
        scopes = self._random.sample(_SCOPES, self._random.randint(0, 3))
        model = self._random.choice(("m", "n"))
        return Attribution(tuple(scopes), "acme", model, f"call_{self._random.randint(0, 9)}")

    def _seen(self) -> tuple[tuple[str, int], ...]:
        """Mostly what nobody has written about, so that most are not stale."""
        random = self._random
        if random.random() < 0.8:  # noqa: PLR2004 - four of five
            return (("nobody", 0),)[: random.randint(0, 1)]
        return tuple((scope, random.randint(0, 3)) for scope in _SCOPES)

    def _reserve(self) -> Reserve:
        random = self._random
        again = self._holds and random.random() < 0.15  # noqa: PLR2004 - some
        hold = random.choice([*self._holds]) if again else f"h{len(self._holds):04}"
        claims = self._holds.setdefault(hold, self.claims())
        lease = random.choice(_LEASES)
        return Reserve(hold, claims, lease, self._amount("usd"), self._whose(), self._seen())

    def _settle(self) -> SettleHold:
        random = self._random
        latest = [*self._holds][-8:]
        hold = random.choice([*(latest if random.random() < 0.7 else self._holds), "nobody"])  # noqa: PLR2004
        kind, size = (
            random.choice(_KINDS),
            len(self._holds.get(hold, ())),
        )
        nothing = kind == "unknown" or random.random() < 0.1  # noqa: PLR2004 - some
        amounts = None if nothing else tuple(Decimal(random.randint(0, 5)) for _ in range(size))
        usd = None if nothing else self._amount("usd")
        flag = random.choice(("", "cancelled"))
        tokens = random.randint(0, 9), random.randint(0, 9)
        return SettleHold(hold, kind, amounts, usd, *tokens, flag, self._settlement(hold))

    def _settlement(self, hold: str) -> Settlement | None:
        """How the call ended; of few calls, so that one is told twice."""
        if not self._ends_calls or self._random.random() < 0.5:  # noqa: PLR2004 - one of two
            return None
        seconds = float(self._random.randint(1, 9))
        return Settlement(hold[:-1], "completed", "acme", "m", False, "yes", 1, 1.5, seconds)

    def _post(self) -> Post:
        random = self._random
        entry = random.choice([*self._posts, f"p{len(self._posts):04}"][-5:])
        self._posts.append(entry)
        at = random.choice((None, None, self._clock.milliseconds - random.choice((0, 500, 20_000))))
        accounts = random.sample(ACCOUNTS, random.randint(0, 2))
        charges = tuple(
            Charge(a, self.window(a), random.choice((1, 1, -1)) * self._amount(a)) for a in accounts
        )
        return Post(entry, charges, self._amount("usd"), self._whose(), 1, 2, 1, at, "by hand")

    def _reset(self) -> Reset:
        accounts = self._random.sample(ACCOUNTS, 2)
        entry = f"r{self._random.randint(0, 99):04}"
        return Reset(entry, tuple((account, self.window(account)) for account in accounts))

    def _write(self) -> WriteRule:
        random = self._random
        body, expected = random.choice((None, "{}", '{"a": 1}')), random.choice((None, 0, 1, 2))
        return WriteRule(random.choice(_SCOPES), body, expected)

    def _usage(self) -> ReadUsage:
        day = self._clock.milliseconds // 86_400_000
        scopes = self._random.choice((None, _SCOPES[:2], ()))
        return ReadUsage(scopes, self._random.choice((0, day)))


_MAKERS: Final[dict[Callable[[Operations], Any], int]] = {
    Operations._reserve: 12,  # noqa: SLF001 - the class's own table
    Operations._settle: 8,  # noqa: SLF001
    Operations._post: 2,  # noqa: SLF001
    Operations._reset: 1,  # noqa: SLF001
    Operations._write: 1,  # noqa: SLF001
    Operations._usage: 1,  # noqa: SLF001
    lambda made: Balances(made.claims(), made._seen()): 3,  # noqa: SLF001
    lambda made: Sweep(made._random.choice((1, 2, 1000))): 1,  # noqa: SLF001
    lambda made: ReadRules(made._random.choice((None, _SCOPES))): 1,  # noqa: SLF001
    lambda made: Audit(): 1,
    lambda made: Settlements(9): 1,
}
"""Of each kind of operation, how many there are in a sequence."""
