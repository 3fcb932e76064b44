"""The page that lists where the sources contradict each other, or themselves."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import Final

from .rows import Conflict, spell

_TOP: Final = """# Where the sources disagree

Made by `scripts/build_catalogue.py`. Each line is one figure that `genai-prices` and `litellm` give
differently, or that one of them gives and that cannot be; in USD for the number of units that the
provider's file names. **Taken** is in bold. Figures that differ by less than 0.1 % are one figure, rounded.

How it is decided, the first that applies:

1. a decision by hand, with its reason (`scripts/catalogue/overlay/`);
2. a figure a hundred times another is in the wrong unit;
3. where `genai-prices` matches a model's name only by a part of it, it may mean another model: `litellm`;
4. else `genai-prices`, whose figures are dated and were checked against vendors' pages one by one.

What cannot be is left out, and the price is then unknown: a cache dearer than reading afresh, batch or flex dearer
than standard, priority cheaper, a long prompt cheaper than a short one, a million tokens for more than 1,000 USD or
less than 0.0005.
"""


def page(found: Iterable[Conflict]) -> str:
    """The whole page."""
    parts = [_TOP]
    ordered = sorted(
        found, key=lambda one: (one.provider, one.model, one.key, spell(one.condition))
    )
    for provider, group in groupby(ordered, key=lambda one: one.provider):
        parts.append(
            f"\n## {provider}\n\n| Model | Rate | genai-prices | litellm | Why |\n|---|---|---|---|---|\n"
        )
        parts += [_line(one) for one in group]
    return "".join(parts)


def _line(one: Conflict) -> str:
    rate = f"{one.key} {spell(one.condition)}".strip()
    genai = _figure(one.genai, taken=one.taken == "g")
    litellm = _figure(one.litellm, taken=one.taken == "l")
    return f"| `{one.model}` | {rate} | {genai} | {litellm} | {one.why} |\n"


def _figure(number: Decimal | None, *, taken: bool) -> str:
    text = "" if number is None else format(number, "f")
    return f"**{text}**" if taken else text
