"""``cost-based-routing``: the member where this call is expected to cost the least goes first; unknown prices last.

Prices are those of the members, given or the catalogue's: arithmetic on them, and nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from ..member import Member
from ..strategy import State
from ..wanted import Wanted
from .shuffle import Drawn, drawn, sums_of

__all__ = ["CostBased"]

# Of English text and code; only to weigh members against each other.
_BYTES_PER_TOKEN: Final = 4
# How long an answer is taken to be where the call does not say.
_ANSWER: Final = 500

Price = tuple[Decimal, Decimal] | None


class Priced(NamedTuple):
    """Members of one price, in whole numbers that all members' prices can be said in."""

    unknown: bool
    prompt: int
    answer: int
    members: Drawn


class CostBased:
    """The cheapest first, for the tokens that this call is expected to have; equally cheap ones are drawn by weight."""

    name = "cost-based-routing"
    counts = False
    used = False
    whole = True

    def prepare(self, members: Sequence[Member]) -> Sequence[Priced]:
        """Members of one price are one to be weighed."""
        found: dict[Price, list[Member]] = {}
        for member in members:
            found.setdefault(member.price, []).append(member)
        digits = max([_digits(one) for price in found for one in price or ()], default=0)
        return [_priced(price, digits, those) for price, those in found.items()]

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        prices = self.prepare(state.members) if state.prepared is None else state.prepared
        if len(prices) > 1:
            tokens, words = _expected(call)
            # Two of one cost may differ in their prices: they are in the order in which they were declared.
            prices = sorted(prices, key=lambda p: (p[0], p[1] * tokens + p[2] * words))
        for one in prices:
            yield from drawn(one.members, state.draw)

    def why(self, call: Wanted, member: Member) -> str:
        """See ``Strategy``."""
        if member.price is None:
            return f"{self.name}: what it costs there is not known, which comes last"
        prompt, answer = _expected(call)
        usd = member.price[0] * prompt + member.price[1] * answer
        return f"{self.name}: about ${usd:.2g} for some {prompt} tokens and an answer of {answer}"


def _expected(call: Wanted) -> tuple[int, int]:
    return call.size // _BYTES_PER_TOKEN, call.answer or _ANSWER


def _digits(price: Decimal) -> int:
    return max(0, -int(price.as_tuple().exponent))


def _priced(price: Price, digits: int, members: Sequence[Member]) -> Priced:
    if price is None:
        return Priced(True, 0, 0, sums_of(members))
    prompt, answer = (int(one.scaleb(digits)) for one in price)
    return Priced(False, prompt, answer, sums_of(members))
