"""Tokens of a picture of a known size, by the schemes that providers use; the numbers are the catalogue's.

Every scheme is a function of the size and a rule. Reading sizes belongs in ``_image_size``, telling which
part is a picture in ``_media``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor, sqrt
from typing import Any, Final

from ._image_size import Size

__all__ = ["at_level", "picture_tokens"]

Rule = Mapping[str, Any]


def at_level(rule: Rule, detail: str | None) -> Rule:
    """The rule as it is at a level of detail: what ``levels`` says of it goes before the rest."""
    level = rule.get("levels", {}).get(detail) if detail else None
    return {**rule, **level} if level else rule


def picture_tokens(size: Size, rule: Rule) -> tuple[int, bool]:
    """The tokens, and whether the provider's own rounding could not change them."""
    scheme, sure = _SCHEMES[rule["kind"]]
    return scheme(size, rule), sure(size, rule)


def _flat(_: Size, rule: Rule) -> int:
    return int(rule["tokens"])


def _tiles(size: Size, rule: Rule) -> int:
    """Scaled down into a square, then by its shorter side, and cut in tiles."""
    width, height = size
    for side, limit in ((max, int(rule["fit"])), (min, int(rule["short"]))):
        scale = min(1.0, limit / side(width, height))
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    tiles = ceil(width / int(rule["size"])) * ceil(height / int(rule["size"]))
    return int(rule["base"]) + int(rule["tile"]) * tiles


def _patches(size: Size, side: int) -> int:
    return ceil(size.width / side) * ceil(size.height / side)


def _patch_tokens(size: Size, rule: Rule) -> int:
    """A token a patch, times a factor; a picture of more patches than the budget is scaled down.

    ``rows``: a token ends each row of patches. ``plus``: tokens around them.
    """
    side, budget = int(rule["size"]), int(rule["budget"])
    scale = min(1.0, rule.get("fit", max(size)) / max(size))
    shown = _scaled(size, scale)
    if _patches(shown, side) > budget:
        shown = _scaled(size, scale * _shrink(shown, side, budget))
    patches = min(_patches(shown, side), budget)
    patches += ceil(shown.height / side) * int(rule.get("rows", 0))
    return -(-patches * int(rule.get("percent", 100)) // 100) + int(rule.get("plus", 0))


def _shrink(size: Size, side: int, budget: int) -> float:
    """The factor by which the patches fit the budget, one side being whole patches."""
    width, height = size.width / side, size.height / side
    scale = sqrt(budget / (width * height))
    wide, high = width * scale, height * scale
    return scale * min(max(floor(wide), 1) / wide, max(floor(high), 1) / high, 1.0)


def _scaled(size: Size, scale: float) -> Size:
    return Size(max(1, int(size.width * scale)), max(1, int(size.height * scale)))


def _crops(size: Size, rule: Rule) -> int:
    """One unit if small, else crops of two thirds of the shorter side, within limits."""
    if max(size) <= rule["small"]:
        return int(rule["tokens"])
    shown = _scaled(size, min(1.0, rule["fit"] / max(size)))
    least, most = rule["crop"]
    unit = max(least, min(most, int(min(shown) / 1.5)))
    return int(rule["tokens"]) * _patches(shown, unit)


def _steady(size: Size, rule: Rule) -> bool:
    """Not scaled, or a pixel more or less makes no other tiles."""
    if max(size) <= rule["fit"] and min(size) <= rule["short"]:
        return True
    near = (Size(max(size.width + d, 1), max(size.height + d, 1)) for d in (-1, 0, 1))
    return len({_tiles(each, rule) for each in near}) == 1


def _unscaled(size: Size, rule: Rule) -> bool:
    fits = bool(max(size) <= rule.get("fit", max(size)))
    return fits and _patches(size, rule["size"]) <= int(rule["budget"])


_SCHEMES: Final[Mapping[str, tuple[Callable[[Size, Rule], int], Callable[[Size, Rule], bool]]]] = {
    "flat": (_flat, lambda size, rule: True),
    "tiles": (_tiles, _steady),
    "patches": (_patch_tokens, _unscaled),
    "crops": (_crops, lambda size, rule: max(size) <= rule["small"]),
}
