"""The short way for a usage of text alone, as nearly all are: its counts are read at once, its rates looked up once.

It comes to what the general way comes to (``_usage``, ``_rates``), or to ``None``: then that one has to be gone. What
is rare or strange is never decided here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, Final

from .._cost import CostLine
from ..catalogue import ModelInfo
from ._conditions import NEVER, Moment
from ._rates import Call, Price, Sheet, Unpriceable, check_tier, sheet
from ._usage import FACTS, NONE, RARE, told

__all__ = ["of_text"]

_DAY: Final = 86400
_MOST: Final = 4096
_NOTHING: Final[dict[str, Any]] = {}
_OF_DETAILS: Final = frozenset({
    "audio_tokens", "cache_write_tokens", "cached_tokens", "image_tokens", "reasoning_tokens", "video_tokens",
})  # fmt: skip
"""What is read of details: where it is among what llmkit does not know of them, they are not ours."""

_Counts = tuple[int, int, int, int, int]
"""Tokens: fresh, from a cache, into one, of reasoning, and of what was said."""
_Facts = tuple[tuple[str, str], ...]


class _Prices(dict[str, Price]):
    """The prices of a model's dimensions under the same facts, found when they are first asked for."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._noted = False
        """Whether something is assumed of any."""

    def __missing__(self, key: str) -> Price:
        """Find it. Raises Unpriceable if there is none."""
        found = self._call.sheet.price(self._call, key, NONE)
        # Before another thread finds the price.
        self._noted = self._noted or bool(found.notes)
        self[key] = found
        return found

    def lines(self, counts: _Counts) -> tuple[list[CostLine], list[str]]:
        """What these tokens cost, and what is assumed."""
        fresh, cached, written, reasoning, answer = counts
        lines: list[CostLine] = []
        if fresh:
            lines.append(self["input"].line(fresh))
        if cached:
            lines.append(self["cached_read"].line(cached))
        if written:
            lines.append(self["cache_write"].line(written))
        if reasoning:
            lines.append(self["reasoning"].line(reasoning))
        if answer:
            lines.append(self["output"].line(answer))
        return lines, self._notes(lines) if self._noted else []

    def _notes(self, lines: list[CostLine]) -> list[str]:
        return [note for line in lines for note in self[line.dimension].notes]


class Terms:
    """What holds for all calls of a model in one tier of which the same facts are known."""

    __slots__ = ("_facts", "_found", "_plain", "_sheet", "apart", "prices")

    def __init__(self, sheet: Sheet, tier: str | None, facts: Mapping[str, str]) -> None:
        self._sheet = sheet
        self._facts = {**sheet.defaults, **facts, "service_tier": sheet.tier(tier)}
        self._found: dict[tuple[int, int], _Prices] = {}
        self._plain = _plain(sheet, self._facts)
        self.apart = "reasoning" in sheet.rates or "reasoning" not in sheet.model.priced_as
        """Whether reasoning has a line of its own."""
        always = self._plain and not sheet.timed and not sheet.steps
        self.prices = self._under(NEVER, 0) if always else None
        """The prices, where neither the day nor the length of the prompt matters."""

    def at(self, prompt: int, on: str | float | None) -> _Prices | None:
        """The prices of a day, for prompts of a length; ``None`` where more matters, or the day is not told."""
        age, when = 0, NEVER
        if not self._plain:
            return None
        if self._sheet.timed:
            since = _since(self._sheet, on)
            if since is None:
                return None
            age, when = since
        key = bisect_left(self._sheet.steps, prompt), age
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = self._under(when, prompt)
        return known

    def _under(self, when: Moment, prompt: int) -> _Prices:
        return _Prices(Call(self._sheet, self._facts, when, prompt, 0))


def _plain(sheet: Sheet, facts: Mapping[str, str]) -> bool:
    """Whether tokens are all that is billed, and at rates that the tier has."""
    rates, notes = sheet.rates, list[str]()
    if "request/request" in rates or "citation" in rates:
        return False
    if "search_context_size" in facts and "web_search/call" in rates:
        return False
    try:
        check_tier(sheet.model, facts["service_tier"], notes)
    except Unpriceable:
        return False
    return not notes


def _since(sheet: Sheet, on: str | float | None) -> tuple[int, Moment] | None:
    """Which of a model's prices are in force on the day, and a moment of it; ``None`` where the hour matters, too."""
    if sheet.hours or type(on) is not float:
        return None
    day, rest = divmod(on, _DAY)
    # What is nearly the next day may be rounded to it; and what is no time is none of a day.
    if not rest < _DAY - 1:
        return None
    found = sheet.ages.get(day)
    if found is None:
        when = sheet.moment(on, 0)
        if len(sheet.ages) >= _MOST:
            sheet.ages.clear()
        found = sheet.ages[day] = sheet.age(when), when
    return found


def of_text(
    usage: Any,
    model: ModelInfo,
    tier: str | None,
    on: str | float | None,
    conditions: Mapping[str, str] | None,
) -> tuple[list[CostLine], list[str]] | None:
    """Lines and notes, if it is a usage of text. Raises Unpriceable where a rate is missing."""
    counts = _counted(usage)
    if counts is None:
        return None
    rates, more = sheet(model), usage.__pydantic_extra__
    facts = () if not more or FACTS.isdisjoint(more) else tuple(told(more).items())
    key = tier, facts, tuple(conditions.items()) if conditions else ()
    terms: Terms = rates.terms.get(key) or _agreed(rates, key)
    prices = terms.prices
    if prices is None and (prices := terms.at(usage.prompt_tokens, on)) is None:
        return None
    if counts[3] and not terms.apart:
        fresh, cached, written, reasoning, answer = counts
        counts = fresh, cached, written, 0, answer + reasoning
    return prices.lines(counts)


def _agreed(rates: Sheet, key: tuple[str | None, _Facts, _Facts]) -> Terms:
    """Under which terms a model's rates hold. They are kept, but answers do not decide of how many."""
    tier, facts, conditions = key
    if len(rates.terms) >= _MOST:
        rates.terms.clear()
    made = rates.terms[key] = Terms(rates, tier, {**dict(facts), **dict(conditions)})
    return made


def _counted(usage: Any) -> _Counts | None:
    """The counts; ``None`` for what has more than text, for what is no usage of ours, and for what does not add up."""
    try:
        own, more = usage.__dict__, usage.__pydantic_extra__
        if own["server_tool_use"] is not None or own["beside"] is not None:
            return None
        split, into = own["cache_creation"], _parts(own["prompt_tokens_details"])
        out = _parts(own["completion_tokens_details"])
        if into is None or out is None or (split is not None and not _hollow(split)):
            return None
    except (AttributeError, KeyError):
        return None
    return None if more and not RARE.isdisjoint(more) else _apart(own, into.get, out.get)


def _hollow(split: Any) -> bool:
    """Whether nothing is in it."""
    counts = split.__dict__.values()
    return not split.__pydantic_extra__ and all(
        count is None or (type(count) is int and not count) for count in counts
    )


def _parts(details: Any) -> dict[str, Any] | None:
    """What a count consists of; ``None`` where some of it is no text."""
    if details is None:
        return _NOTHING
    parts: dict[str, Any] = details.__dict__
    more = details.__pydantic_extra__
    if more and not _OF_DETAILS.isdisjoint(more):
        return None
    if parts.get("audio_tokens") or parts.get("image_tokens") or parts.get("video_tokens"):
        return None
    for count in parts.values():
        if count is not None and type(count) is not int:
            return None
    return parts


def _apart(
    own: dict[str, Any], into: Callable[[str], Any], out: Callable[[str], Any]
) -> _Counts | None:
    """Each token once, and the reasoning told from what was said."""
    prompt, answer, total = own["prompt_tokens"], own["completion_tokens"], own["total_tokens"]
    again, rewritten = own["cache_read_input_tokens"], own["cache_creation_input_tokens"]
    for count in (total, again, rewritten):
        if count is not None and type(count) is not int:
            return None
    if type(prompt) is not int or type(answer) is not int or not (prompt or answer):
        return None
    cached, written = into("cached_tokens"), into("cache_write_tokens") or 0
    if cached is None:
        cached = again or 0
    elif again is not None and again != cached:
        return None
    reasoning, rewritten = out("reasoning_tokens") or 0, rewritten or 0
    # Some count it beside the answer, as the total shows.
    spoken = answer if total == prompt + answer + reasoning else answer - reasoning
    fresh = prompt - cached - (max(written, rewritten) if written or rewritten else 0)
    # Below zero, if one of them is.
    if fresh | cached | written | rewritten | spoken | reasoning | (total or 0) < 0:
        return None
    return fresh, cached, prompt - cached - fresh, reasoning, spoken
