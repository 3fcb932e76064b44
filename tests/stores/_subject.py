"""A store whose time a test says, and operations in few words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from llmkit._operations import (
    Attribution,
    Audit,
    Balances,
    Charge,
    Claim,
    Post,
    Reserve,
    SettleHold,
    Window,
)

__all__ = ["ANN", "EVER", "MINUTE", "SECOND", "Subject", "claim", "money", "usage"]

MINUTE = Window(width=1000)
SECOND = 1000
EVER = Window()
ANN = Attribution(("user=ann",), "acme", "one", "call-1")


def money(text: str | int) -> Decimal:
    """An amount."""
    return Decimal(text)


def claim(amount: str | int, limit: str | int | None = None, **more: Any) -> Claim:
    """A claim on the account ``usd:x``, for ever unless said otherwise."""
    asked = Claim("usd:x", EVER, money(amount), None if limit is None else money(limit))
    return asked._replace(**more)


def usage(calls: int, usd: str | int, tokens: tuple[int, int] = (0, 0), day: int = 0) -> Any:
    """What Ann used of the one model."""
    return (day, "user=ann", "acme", "one", calls, *tokens, money(usd))


class Subject:
    """A store and its clock, in milliseconds."""

    def __init__(self, open_: Callable[[Callable[[], float]], Any]) -> None:
        self.now = 0
        # A little more, for a double is a little less than what it is written as.
        self.store = open_(lambda: (self.now + 0.5) / 1000)
        self.perform = self.store.perform

    def reserve(self, hold: str, *claims: Claim, lease: int = 10**9, **more: Any) -> Any:
        """Hold what is claimed; in dollars, what the first claim says."""
        usd = claims[0].amount if claims else Decimal(0)
        return self.perform(Reserve(hold, claims, lease, usd, ANN, **more))

    def settle(self, hold: str, *amounts: str | int, kind: Any = "settle", **more: Any) -> Any:
        """Settle; nothing said is what was held."""
        paid = tuple(money(amount) for amount in amounts) or None
        usd = paid[0] if paid else None
        return self.perform(SettleHold(hold, kind, paid, usd, **more))

    def post(self, entry: str, amount: str | int, window: Window = EVER, **more: Any) -> Any:
        """Post to ``usd:x``."""
        charges = (Charge("usd:x", window, money(amount)),)
        return self.perform(Post(entry, charges, money(amount), ANN, **more))

    def stands(self, window: Window = EVER, account: str = "usd:x") -> tuple[Decimal, Decimal]:
        """(spent, held) of an account."""
        (line,) = self.perform(Balances((Claim(account, window, Decimal(0)),))).lines
        return line.spent, line.used - line.spent

    def sound(self) -> bool:
        """The audit finds nothing."""
        return self.perform(Audit()).differences == ()
