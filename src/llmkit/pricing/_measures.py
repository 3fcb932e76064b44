"""Which of tokens and measures a call is billed by: what its model has rates for, and nothing twice.

A second of speech and the tokens that it was made into are one thing, told in two ways; a search beside them is
another. What a quantity costs belongs in ``_rates``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from .._cost import Measure
from ._rates import Call, Unpriceable, side_of
from ._usage import Billed

__all__ = ["billed"]

_BOTH: Final = frozenset({"input", "output"})
_OF_A_KIND: Final = frozenset({
    "audio_input", "image_input", "video_input", "audio_output", "image_output", "video_output",
})  # fmt: skip


def billed(
    call: Call, measures: Sequence[Measure], *, counted: bool, tokens_of: Callable[[str], int]
) -> Billed:
    """Sort out what is billed. ``tokens_of`` tells how many tokens of a dimension were counted by themselves.

    Raises Unpriceable where something must be billed that has no rate, or was not told.
    """
    sides = _sides(call, measures) if counted else frozenset[str]()
    found: dict[str, Measure] = {}
    beside: list[Measure] = []
    missing: list[Measure] = []
    for one in measures:
        side = side_of(one.dimension)
        if side is None:
            # Billed beside all else: pricing it says if there is no rate.
            beside.append(one)
        elif side in sides and not _apart(call, one, tokens_of(one.dimension)):
            continue
        elif call.rated(one.key):
            found.setdefault(one.dimension, one)
        elif side in sides:
            raise Unpriceable(_no_rate(call, one))
        else:
            missing.append(one)
    _check(call, {side_of(name) for name in found} | sides, missing)
    return Billed(sides, [*found.values(), *beside], frozenset(found))


def _sides(call: Call, measures: Sequence[Measure]) -> frozenset[str]:
    """The sides billed by tokens: those that have rates for them, where another measure has one as well."""
    rated = {side_of(one.dimension) for one in measures if call.rated(one.key)}
    return call.sheet.by_tokens & _BOTH if rated - {None} else _BOTH


def _apart(call: Call, one: Measure, tokens: int) -> bool:
    """Whether a measure of a side that is billed by tokens is none of them: of its kind none has a rate."""
    if one.dimension not in _OF_A_KIND or call.has(one.dimension):
        return False
    if tokens and one.dimension in call.model.priced_as:
        return False
    # Pixels are not told from pictures by any token: what has no rate of its own is in the other.
    return call.rated(one.key) or (one.unit == "pixel" and not tokens)


def _check(call: Call, known: set[str | None], missing: Sequence[Measure]) -> None:
    """Raise Unpriceable where something that is billed has no rate, or was not told."""
    if "time" in known:
        return
    for one in missing:
        side = side_of(one.dimension)
        if side not in known and not (side == "time" and known):
            raise Unpriceable(_no_rate(call, one))
    for side in sorted(call.sheet.by_tokens & _BOTH):
        if side not in known and call.sheet.charges(side):
            raise Unpriceable(f"the answer does not tell the {side} tokens")


def _no_rate(call: Call, one: Measure) -> str:
    return f"no {one.dimension} rate per {one.unit} for {call.model.name}"
