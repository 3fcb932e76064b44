"""What a call asks of its budgets, and what it gets: ``Ask``, ``Taken``, ``Divert``.

A ``Taken`` makes the operation that ends its hold; performing it is ``Book.close``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ..._cost import Unbounded
from ..._operations import FOR_EVER, Claim, Reserve, Reserved, SettleHold, Window
from ..._operations import Line as Held
from .outage import LetGo
from .planning import Line, Plan
from .rules import Terms
from .windows import Period

__all__ = ["Amounts", "Ask", "Divert", "Taken"]

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)

Bound = Decimal | Unbounded | None
Amounts = dict[str, Decimal]


class Ask(NamedTuple):
    """One attempt asks to be let out.

    ``hold``: its id, new for each attempt. ``attributes``: kinds of scope and their values as the caller gave them;
    ``model`` is written ``provider/model``. ``usd``: what it costs at most; ``None`` or ``Unbounded`` where nobody
    can say. ``tokens``: how many it uses at most. Either can be a function that gives it, called once, where
    something counts it. ``lease``: milliseconds after which the hold becomes spend. ``requests``: as how many it
    counts, which is none where what it is held for does not go out by itself.
    """

    hold: str
    call: str
    attributes: Mapping[str, tuple[Any, ...]]
    usd: Bound | Callable[[], Bound] = None
    tokens: int | Unbounded | Callable[[], int | Unbounded | None] | None = None
    lease: int = 660_000
    requests: Decimal = _ONE


class Divert(NamedTuple):
    """A rule says that another model shall answer: from ``threshold`` of the limit of ``scope`` on."""

    model: str
    scope: str
    threshold: Decimal


class Taken:
    """What an attempt holds. One of ``settle``, ``release`` and ``unknown`` makes the operation that ends it."""

    __slots__ = ("amounts", "ask", "held", "lines", "plan", "reserved")

    def __init__(
        self, ask: Ask, plan: Plan, amounts: Amounts, held: Reserve, reserved: Reserved | LetGo
    ) -> None:
        self.ask, self.plan, self.amounts = ask, plan, amounts
        self.held, self.reserved = held, reserved
        """What the store was asked for, and what it said; ``LetGo`` where it could not be asked."""
        self.lines = plan.lines
        if reserved.again:
            # It was held by another, whose rules, and amounts, may have been others.
            held_then = {line.account.partition(":")[0]: line.amount for line in reserved.lines}
            self.amounts = amounts | held_then
            self.lines = _held_before(plan, reserved)
            self.held = held._replace(claims=tuple(map(_claim, reserved.lines)))

    @property
    def usd(self) -> Decimal:
        """The money held."""
        return self.amounts.get("usd", _ZERO)

    def settle(
        self,
        usd: Decimal | None,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        flag: str = "",
    ) -> SettleHold:
        """It cost ``usd``; ``None`` is unknown, and settles at what was held."""
        spent = {
            "usd": self.usd if usd is None else usd,
            "requests": _ONE,
            "tokens": Decimal(prompt_tokens + completion_tokens),
            "parallel": _ZERO,
        }
        return SettleHold(
            self.ask.hold,
            "settle",
            self._listed(spent),
            spent["usd"],
            prompt_tokens,
            completion_tokens,
            flag or ("" if usd is not None else "unknown cost"),
        )

    def release(self, *, sent_request: bool) -> SettleHold:
        """It cost nothing: nothing was sent, or the provider refused. A request that left counts as one."""
        spent = dict.fromkeys(("usd", "tokens", "parallel"), _ZERO)
        spent["requests"] = _ONE if sent_request else _ZERO
        return SettleHold(self.ask.hold, "release", self._listed(spent), _ZERO)

    def unknown(self, flag: str, prompt_tokens: int = 0, completion_tokens: int = 0) -> SettleHold:
        """Nobody knows what it cost: it is settled at what was held."""
        return SettleHold(
            self.ask.hold, "unknown", None, None, prompt_tokens, completion_tokens, flag
        )

    def _listed(self, spent: Amounts) -> tuple[Decimal, ...]:
        return tuple([spent[line.terms.measure] for line in self.lines])


def _held_before(plan: Plan, reserved: Reserved | LetGo) -> tuple[Line, ...]:
    """The lines of a hold that was there: rules may have changed since."""
    known = {line.account: line for line in plan.lines}
    return tuple([known.get(held.account) or _bare(held.account) for held in reserved.lines])


def _claim(held: Held) -> Claim:
    window = Window(held.width) if held.width else Window(0, (held.bucket, FOR_EVER))
    return Claim(held.account, window, held.amount, keep=held.keep)


def _bare(account: str) -> Line:
    measure, window, scope = account.split(":", 2)
    return Line(account, scope, Terms(measure, Period(window), None))
