"""One provider's rows out of both sources: what agrees, what differs, and which was taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from .from_genai import Node, exactly, matches
from .from_litellm import conditioned
from .names import Name
from .overlay import Overlay
from .rows import ORDER, Condition, Conflict, Price, Rates, Row, ordered, spell, tidy

# Figures that differ by less than this are one figure, rounded.
_SAME: Final = Decimal("0.001")
# How far litellm's rounding can put a region's price of the cache from that of a factor.
_ROUGHLY: Final = Decimal("0.005")
_WRONG_UNIT: Final = 100
_MAIN: Final = frozenset({"input", "output"})
_TENTH_MORE: Final = Decimal("1.1")
_PICTURE: Final = {"image_output/image", "image_output/pixel"}
_CHARACTERS: Final = {"input/character", "output/character"}
_NO_ANSWER: Final = frozenset({"embedding", "rerank", "moderation"})
# How a picture is asked for.
_ASKED: Final = {"size", "quality", "steps"}


@dataclass
class Merged:
    """A provider's rows by name, and what was noticed on the way."""

    rows: dict[str, Row] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


def merge(
    provider: str,
    listed: Iterable[tuple[Name, Row]],
    dated: Iterable[tuple[Node, Row]],
    kept: Overlay,
) -> Merged:
    """Rows of LiteLLM (``listed``) and of genai-prices (``dated``) as one.

    Of the overlay: decisions (the first whose pattern matches ``model key condition`` holds), and
    names that neither list spells but genai-prices prices.
    """
    listed, dated = list(listed), list(dated)
    merged = Merged(_litellm_rows(listed))
    judge = _Judge(provider, kept.choices, merged.conflicts)
    for row in merged.rows.values():
        found = _counterpart(row.name, dated)
        if found:
            other, exact = found
            row.rates = judge.rates(row, other, exact=exact)
            row.facts["limits"][0] = row.facts["limits"][0] or other.facts["limits"][0]
    taken = {name for row in merged.rows.values() for name in (row.name, *row.aliases)}
    for node, row in dated:
        names = [name for name in (row.name, *row.aliases) if name not in taken]
        if not names or not row.mode or not matches(node["match"], str(node["id"])):
            continue
        taken |= set(names)
        known = merged.rows.get(row.name)
        if known and _alike(known.rates, row.rates):
            known.aliases = [*known.aliases, *names]
        else:
            merged.rows[names[0]] = Row(
                names[0], row.mode, _facts(row), dict(row.rates), (), names[1:]
            )
    for name in kept.names:
        if name not in taken:
            merged.rows[name] = _named(name, dated)
    _add_places(merged.rows, listed)
    return merged


def _named(name: str, dated: list[tuple[Node, Row]]) -> Row:
    """A model that genai-prices matches without spelling its name. Raises LookupError if it does not."""
    found = _counterpart(name, dated)
    if found is None:
        raise LookupError(f"genai-prices has nothing for {name}")
    return Row(name, found[0].mode, _facts(found[0]), dict(found[0].rates))


def _alike(ours: Rates, theirs: Rates) -> bool:
    """Whether the plain rates of genai-prices are those that were taken."""
    plain = [(rate, price) for rate, price in theirs.items() if not rate[1]]
    return all(rate in ours and same(ours[rate].usd, price.usd) for rate, price in plain)


def _facts(row: Row) -> dict[str, Any]:
    kinds = {"embedding": "embedding", "rerank": "score", "audio_speech": "audio"}
    seen = "audio" if row.mode == "audio_transcription" else "text"
    return {
        "limits": row.facts["limits"],
        "in": [seen],
        "out": [kinds.get(row.mode, "text")],
        "can": set[str](),
        "deprecated": None,
        "vector": None,
        "untold": True,
    }


def _counterpart(name: str, dated: list[tuple[Node, Row]]) -> tuple[Row, bool] | None:
    """The same model in genai-prices, and whether it is named there and not merely matched."""
    for node, row in dated:
        if row.name == name or exactly(node["match"], name):
            return row, True
    for node, row in dated:
        if matches(node["match"], name):
            return row, False
    return None


# --- LiteLLM's own rows ----------------------------------------------------------------------


def _litellm_rows(listed: Iterable[tuple[Name, Row]]) -> dict[str, Row]:
    """Rows by name; what a row's name tells (a region, a picture's size) as conditions."""
    rows: dict[str, Row] = {}
    for name, row in listed:
        if not name.condition:
            known = rows.setdefault(name.model, row)
            for rate, price in row.rates.items():
                known.rates[rate] = max(known.rates.get(rate, price), price)
            _join(known.facts, row.facts)
    for name, row in listed:
        if _ASKED & set(name.condition):
            base = rows.setdefault(name.model, Row(row.name, row.mode, row.facts))
            _add_picture(base, row, name.condition)
    for row in rows.values():
        _drop_restated(row)
    return rows


def _join(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    """What two rows of one model say: what one of them leaves out is no denial."""
    if "untold" not in more:
        known.pop("untold", None)
    known["can"] = known["can"] | more["can"]
    known["cannot"] = (known["cannot"] | more["cannot"]) - known["can"]
    known["limits"] = [a or b for a, b in zip(known["limits"], more["limits"], strict=True)]
    for fact in ("in", "out"):
        known[fact] = [word for word in ORDER if word in (*known[fact], *more[fact])]


def _add_places(rows: dict[str, Row], listed: Iterable[tuple[Name, Row]]) -> None:
    """What models cost in a region, beside what was taken as their price elsewhere."""
    for name, row in listed:
        if "region" in name.condition:
            base = rows.setdefault(name.model, Row(row.name, row.mode, row.facts))
            _drop_restated(row)
            _add_place(base, row, name.condition)


def _add_picture(base: Row, row: Row, asked: Mapping[str, str]) -> None:
    """The price of a picture of one size, by picture where it is given by pixel."""
    found = conditioned(row, asked).rates
    width, _, height = asked["size"].partition("x")
    for (key, when), price in found.items():
        if key == "image_output/pixel" and height.isdigit() and price.usd:
            usd = price.usd * int(width) * int(height) / 1_000_000
            base.rates.setdefault(("image_output/image", when), Price(_digits(usd, 2), "l"))
        elif key == "image_output/image" and price.usd:
            base.rates["image_output/image", when] = price


def _add_place(base: Row, row: Row, place: Mapping[str, str]) -> None:
    """What the model costs in a region, as a factor where there is one."""
    keys = {key for key, _ in base.rates}
    there = {r: price for r, price in row.rates.items() if price.usd and (r[0] in keys or not keys)}
    tokens = [rate for rate in there if "/" not in rate[0]]
    factor = _factor(there, base.rates, tokens)
    if factor:
        base.uplifts = (*base.uplifts, *([(ordered(place.items()), factor)] if factor != 1 else []))
        return
    for (key, when), price in there.items():
        if base.rates.get((key, when), Price(Decimal(0), "")).usd != price.usd:
            base.rates[key, ordered((*when, *place.items()))] = price


def _factor(there: Rates, here: Rates, rates: list[tuple[str, Condition]]) -> Decimal | None:
    """By how much all these rates are dearer, if by one and the same short factor."""
    if not rates or not all(rate in here and here[rate].usd for rate in rates):
        return None
    factor = tidy(Decimal(f"{there[rates[0]].usd / here[rates[0]].usd:.2f}"))
    off = {rate: abs(here[rate].usd * factor - there[rate].usd) for rate in rates}
    close = all(off[rate] <= there[rate].usd * _ROUGHLY for rate in rates)
    return factor if close and not any(off[rate] for rate in rates if rate[0] in _MAIN) else None


def _drop_restated(row: Row) -> None:
    """What says again what another rate says, so that nothing is billed twice."""
    keys = {key for key, _ in row.rates}
    if "image_output" in keys:
        # A picture's tokens are billed; a price per picture only estimates them.
        row.rates = {rate: price for rate, price in row.rates.items() if rate[0] not in _PICTURE}
    if row.mode in _NO_ANSWER:
        row.rates = {rate: price for rate, price in row.rates.items() if rate[0] != "output"}
    if "audio_input" in keys:
        # So are a recording's tokens: the price of its second is the vendor's estimate.
        row.rates = {rate: p for rate, p in row.rates.items() if rate[0] != "audio_input/second"}
    if row.mode == "chat":
        beside = {*_PICTURE, *(_CHARACTERS if "input" in keys else ())}
        row.rates = {rate: price for rate, price in row.rates.items() if rate[0] not in beside}
    if "image_input" in keys or row.mode == "chat":
        row.rates = {rate: p for rate, p in row.rates.items() if rate[0] != "image_input/image"}
    for own, usual in (("reasoning", "output"), ("image_input", "input")):
        mine = {when: price.usd for (key, when), price in row.rates.items() if key == own}
        theirs = {when: price.usd for (key, when), price in row.rates.items() if key == usual}
        if mine and all(theirs.get(when) == usd for when, usd in mine.items()):
            row.rates = {rate: price for rate, price in row.rates.items() if rate[0] != own}


def _digits(number: Decimal, after_first: int) -> Decimal:
    return tidy(Decimal(f"{number:.{after_first}e}"))


# --- both together ---------------------------------------------------------------------------


class _Judge:
    """Compares the rates of one model in both sources."""

    def __init__(
        self, provider: str, choices: Sequence[tuple[str, str, str]], conflicts: list[Conflict]
    ) -> None:
        self._provider, self._choices, self._conflicts = provider, choices, conflicts

    def rates(self, row: Row, other: Row, *, exact: bool) -> Rates:
        merged: Rates = {}
        keys = {key for key, _ in row.rates}
        for rate in {**row.rates, **other.rates}:
            mine, theirs = row.rates.get(rate), other.rates.get(rate)
            if mine and not mine.usd and theirs:
                mine = None
            if mine and theirs:
                merged[rate] = self._one(row, other, rate, exact=exact)
            elif mine:
                merged[rate] = mine
            elif theirs and (exact or rate[0] in keys):
                merged[rate] = theirs
        return _regional(merged, row.rates, other.rates)

    def _one(self, row: Row, other: Row, rate: tuple[str, Condition], *, exact: bool) -> Price:
        mine, theirs = row.rates[rate], other.rates[rate]
        if same(mine.usd, theirs.usd):
            return Price(min(mine.usd, theirs.usd, key=_spelling), "gl")
        letter, why = self._choice(row, other, rate, exact=exact)
        self._conflicts.append(
            Conflict(self._provider, row.name, *rate, theirs.usd, mine.usd, letter, why)
        )
        return theirs if letter == "g" else mine

    def _choice(
        self, row: Row, other: Row, rate: tuple[str, Condition], *, exact: bool
    ) -> tuple[str, str]:
        mine, theirs = row.rates[rate].usd, other.rates[rate].usd
        spelled = f"{row.name} {rate[0]} {spell(rate[1])}"
        for pattern, letter, why in self._choices:
            if re.match(pattern, spelled):
                return letter, why
        if theirs and max(mine, theirs) / min(mine, theirs) >= _WRONG_UNIT:
            return ("g", "litellm's is a hundred times off") if exact else ("l", "another model's")
        if not exact:
            return "l", "genai-prices matches the name only loosely"
        for (key, window), price in other.rates.items():
            if key == rate[0] and price.usd == mine and window != rate[1]:
                if any(word == "until" for word, _ in window):
                    return "g", "litellm has the former price"
                if any(word == "from" for word, _ in window):
                    return "g", "litellm has the announced price already"
        return "g", "dated and checked against the vendor's page"


def _regional(merged: Rates, mine: Rates, theirs: Rates) -> Rates:
    """Where the regional price was taken, a tenth above the global one, the same for what only litellm has."""
    plain = ("input", ())
    if plain not in mine or merged[plain].source != "g":
        return merged
    if merged[plain].usd != mine[plain].usd * _TENTH_MORE:
        return merged
    return {
        rate: Price(price.usd * _TENTH_MORE, "x")
        if price.source == "l" and rate not in theirs and "/" not in rate[0]
        else price
        for rate, price in merged.items()
    }


def same(one: Decimal, other: Decimal) -> bool:
    """Whether two figures are one but for rounding."""
    return abs(one - other) <= max(one, other) * _SAME


def _spelling(number: Decimal) -> tuple[int, Decimal]:
    return len(number.as_tuple().digits), number
