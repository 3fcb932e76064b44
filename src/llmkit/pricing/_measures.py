"""Which of tokens and measures a call is billed by: what its model has rates for, and nothing twice.

A second of speech and the tokens that it was made into are one thing, told in two ways; a search beside them is
another. What a quantity costs belongs in ``_rates``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .._cost import Measure
from ._rates import Call, Unpriceable, side_of

__all__ = ["billed", "sides"]

_BOTH: Final = frozenset({"input", "output"})


def sides(call: Call, measures: Sequence[Measure], *, counted: bool) -> frozenset[str]:
    """The sides of a call that are billed by its tokens.

    Those that were counted, but for a side that the model has rates for only by another measure.
    """
    if not counted:
        return frozenset()
    if not measures:
        return _BOTH
    rated = {side_of(one.dimension) for one in measures if call.rated(one.key)}
    if "time" in rated and not call.sheet.by_tokens:
        return frozenset()
    return frozenset(side for side in _BOTH if side in call.sheet.by_tokens or side not in rated)


def billed(call: Call, measures: Iterable[Measure], by_tokens: frozenset[str]) -> Iterator[Measure]:
    """The measures that are billed. Raises Unpriceable where one must be, and has no rate."""
    found: dict[str, Measure] = {}
    missing: dict[str, Measure] = {}
    for one in measures:
        side = side_of(one.dimension)
        if side is None:
            # Billed beside all else: pricing it says if there is no rate.
            yield one
        elif side in by_tokens or (side == "time" and by_tokens):
            continue
        elif call.rated(one.key):
            found.setdefault(one.dimension, one)
        else:
            missing.setdefault(side, one)
    yield from found.values()
    _all_told(call, {side_of(name) for name in found} | by_tokens, missing)


def _all_told(call: Call, told: Iterable[str | None], missing: dict[str, Measure]) -> None:
    """Raise Unpriceable where something that is billed was measured, but by nothing that has a rate."""
    known = set(told)
    if "time" in known:
        return
    for side, one in missing.items():
        if side not in known and not (side == "time" and known):
            raise Unpriceable(_no_rate(call, one))
    for side in call.sheet.by_tokens & _BOTH:
        if side not in known and call.sheet.charges(side):
            raise Unpriceable(f"the answer does not tell the {side} tokens")


def _no_rate(call: Call, one: Measure) -> str:
    return f"no {one.dimension} rate per {one.unit} for {call.model.name}"
