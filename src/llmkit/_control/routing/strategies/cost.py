"""``cost-based-routing``: the member where this call is expected to cost the least goes first; unknown prices last.

Prices are those of the members, given or the catalogue's: arithmetic on them, and nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

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
Prices = Sequence[tuple[Price, Drawn]]


class CostBased:
    """The cheapest first, for the tokens that this call is expected to have; equally cheap ones are drawn by weight."""

    name = "cost-based-routing"
    counts = False
    used = False
    whole = True

    def prepare(self, members: Sequence[Member]) -> Prices:
        """Members of one price are one to be weighed."""
        found: dict[Price, list[Member]] = {}
        for member in members:
            found.setdefault(member.price, []).append(member)
        return [(price, sums_of(those)) for price, those in found.items()]

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        prices = self.prepare(state.members) if state.prepared is None else state.prepared
        if len(prices) > 1:
            prompt, answer = _expected(call)
            prices = sorted(prices, key=lambda one: _usd(one[0], prompt, answer))
        for _, those in prices:
            yield from drawn(those, state.draw)

    def why(self, call: Wanted, member: Member) -> str:
        """See ``Strategy``."""
        if member.price is None:
            return f"{self.name}: what it costs there is not known, which comes last"
        prompt, answer = _expected(call)
        _, usd = _usd(member.price, prompt, answer)
        return f"{self.name}: about ${usd:.2g} for some {prompt} tokens and an answer of {answer}"


def _expected(call: Wanted) -> tuple[int, int]:
    return call.size // _BYTES_PER_TOKEN, call.answer or _ANSWER


def _usd(price: Price, prompt: int, answer: int) -> tuple[bool, Decimal]:
    if price is None:
        return True, Decimal(0)
    return False, price[0] * prompt + price[1] * answer
