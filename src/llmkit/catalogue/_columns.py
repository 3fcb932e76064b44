"""Reads LiteLLM's spelling of prices (``input_cost_per_token_above_200k_tokens_priority``).

A grammar, not a list of names: a base, then what it depends on. Used to build the catalogue, for
prices that a caller registers, and for prices given with a call. What is not understood is named,
never guessed. Judging figures (zeros, contradictions) does not live here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

Condition = dict[str, str | int]


class Priced(NamedTuple):
    """``usd`` buys ``per`` units of a dimension under a condition."""

    dimension: str
    unit: str
    usd: Decimal
    per: int
    condition: Condition


@dataclass(frozen=True, slots=True)
class Columns:
    """What the fields of one model say of its prices.

    ``uplifts`` are factors on every token rate under a condition. ``unknown`` are the fields that
    look like prices and were not understood: a caller should hear of them.
    """

    rates: tuple[Priced, ...]
    uplifts: tuple[tuple[Condition, Decimal], ...]
    unknown: tuple[str, ...]


# How many units a price is quoted for; a unit that is not listed is sold one by one.
PER: Final = {
    "token": 1_000_000,
    "character": 1_000_000,
    "pixel": 1_000_000,
    "page": 1000,
    "call": 1000,
    "request": 1000,
    "search": 1000,
}
# A float carries noise in its last digits ("3.0000000000000004e-07").
_DIGITS: Final = Context(prec=12)
_TIMES: Final = Context(prec=60)

# Base names: the dimension and unit that they stand for, whatever the mode.
_FLAT: Final = {
    "ocr_cost_per_page": ("input", "page"),
    "annotation_cost_per_page": ("annotation", "page"),
    "citation_cost_per_token": ("citation", "token"),
    "code_interpreter_cost_per_session": ("code_interpreter", "session"),
    "google_maps_grounding_cost_per_query": ("maps_search", "call"),
    "input_cost_per_token_cache_hit": ("cached_read", "token"),
    "input_cost_per_text_message": ("text_message", "message"),
    "input_cost_per_request": ("request", "request"),
    "cost_per_request": ("request", "request"),
    "input_cost_per_query": ("search", "search"),
}
_BY_MODE: Final = {("input_cost_per_query", "embedding"): ("request", "request")}
# Kinds of unit in ``input_cost_per_<kind>``: the stem of the dimension, and the unit.
_KINDS: Final = {
    "token": ("", "token"),
    "character": ("", "character"),
    "page": ("", "page"),
    "audio_token": ("audio", "token"),
    "image_token": ("image", "token"),
    "video_token": ("video", "token"),
    "audio_per_second": ("audio", "second"),
    "video_per_second": ("video", "second"),
    "image": ("image", "image"),
    "pixel": ("image", "pixel"),
    "reasoning_token": ("reasoning", "token"),
    "second": ("time", "second"),
}
# What a bare "second" means is told by the mode alone: of speech heard, spoken, of a film.
_SECOND: Final = {
    ("audio_transcription", "input"): "audio_input",
    ("audio_transcription", "output"): "audio_input",
    ("audio_speech", "input"): "audio_output",
    ("audio_speech", "output"): "audio_output",
    ("video_generation", "input"): "video_input",
    ("video_generation", "output"): "video_output",
    ("realtime", "input"): "audio_input",
    ("realtime", "output"): "audio_output",
    ("embedding", "input"): "audio_input",
}
# A picture's price stands in "input" columns too where a picture is what is made.
_MAKES_PICTURES: Final = frozenset({"image_generation", "image_edit"})
_TIERS: Final = {"batches": "batch"}
_CACHE: Final = {
    ("read", ""): "cached_read",
    ("read", "audio_"): "cached_audio_read",
    ("read", "image_"): "cached_image_read",
    ("creation", ""): "cache_write",
    ("creation", "audio_"): "cache_audio_write",
    ("creation", "image_"): "cache_image_write",
}


def _any_of(names: Iterable[str]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_BASE: Final = re.compile(
    rf"(?P<flat>{_any_of(_FLAT)})"
    rf"|(?P<side>input|output)_cost_per_(?P<kind>{_any_of(_KINDS)})(?![a-z])"
    r"|(?P<explicit>explicit_)?cache_(?P<cache>read|creation)_input_"
    r"(?P<what>(?:audio|image)_)?token_cost"
)
_SUFFIX: Final = re.compile(
    r"_above_(?P<tokens>\d+)(?P<kilo>k?)_tokens"
    r"|_above_(?P<ttl>\d+)hr"
    r"|_(?P<tier>priority|flex|batches|balanced|ultrafast|decisions)(?![a-z])"
    r"|_(?P<size>\d+(?:\.\d+)?[kK]|\d+p|\d{3,4})(?![a-z0-9])"
)
_UPLIFT: Final = re.compile(r"regional_(?:processing|endpoint)_uplift_multiplier(?:_(\w+))?")
_LOOKS_PRICED: Final = re.compile(r"cost|pric|multiplier")


def columns(fields: Mapping[str, Any], mode: str | None = None) -> Columns:
    """The rates that the fields name. ``mode`` is LiteLLM's (default: the field of that name).

    Numbers may be int, float (read by their shortest spelling), str or Decimal. Fields whose
    value is ``None`` say nothing. A zero stays a zero: whether it is meant is not for here.
    Raises ValueError for a price that is no number, is negative or not finite.
    """
    kind = mode or str(fields.get("mode") or "chat")
    rates: dict[object, Priced] = {}
    uplifts: list[tuple[Condition, Decimal]] = []
    unknown: list[str] = []
    # Two fields may mean one thing (a transcribed second is "input" and "output"): the dearer counts.
    for name in sorted(key for key, value in fields.items() if value is not None):
        if uplift := _UPLIFT.fullmatch(name):
            uplifts.append(({"region": uplift[1] or "regional"}, money(fields[name], name)))
            continue
        found = _read(name, fields[name], kind)
        if found is None and _LOOKS_PRICED.search(name):
            unknown.append(name)
        for rate in found or ():
            key = (*rate[:2], *sorted(rate.condition.items()))
            rates[key] = max(rates.get(key, rate), rate, key=lambda one: one.usd)
    return Columns(tuple(rates.values()), tuple(uplifts), tuple(unknown))


def money(value: object, name: str) -> Decimal:
    """The number as it is written, without a float's noise. Raises ValueError for what is none."""
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation:
        raise ValueError(f"{name}: {value!r} is not a price") from None
    if not number.is_finite() or number < 0:
        raise ValueError(f"{name}: {value!r} is not a price")
    return _DIGITS.plus(number) if isinstance(value, float) else number


def _read(name: str, value: Any, mode: str) -> Sequence[Priced] | None:
    """What one field says, or ``None`` if it is not understood."""
    reader = _STRUCTURED.get(name)
    if reader is not None:
        return reader(value, mode)
    base = _BASE.match(name)
    condition = _condition(name[base.end() :]) if base else None
    if base is None or condition is None or isinstance(value, (Mapping, list, tuple)):
        return None
    dimension, unit = _meaning(base, mode)
    if "ttl" in condition and not dimension.endswith("_write"):
        return None
    if base["explicit"]:
        condition["cache"] = "explicit"
    return [_priced(dimension, unit, money(value, name), condition)]


def _priced(dimension: str, unit: str, usd: Decimal, condition: Condition) -> Priced:
    """The price of one unit, as vendors quote it."""
    per = PER.get(unit, 1)
    return Priced(dimension, unit, _plain(_TIMES.multiply(usd, Decimal(per))), per, condition)


def _plain(number: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: 100, not 1E+2."""
    return Decimal(format(number.normalize(_TIMES), "f"))


def _meaning(base: re.Match[str], mode: str) -> tuple[str, str]:
    """Dimension and unit that a base name stands for in a mode."""
    if base["flat"]:
        return _BY_MODE.get((base["flat"], mode)) or _FLAT[base["flat"]]
    if base["cache"]:
        return _CACHE[base["cache"], base["what"] or ""], "token"
    side, (stem, unit) = base["side"], _KINDS[base["kind"]]
    if base["kind"] == "second":
        return _SECOND.get((mode, side), "time"), unit
    if unit in {"image", "pixel"} and mode in _MAKES_PICTURES:
        side = "output"
    if stem == "reasoning":
        return stem, unit
    return f"{stem}_{side}" if stem else side, unit


def _condition(rest: str) -> Condition | None:
    """What the end of a name makes the price depend on; ``None`` if that is not understood."""
    condition: Condition = {}
    at = 0
    while at < len(rest):
        suffix = _SUFFIX.match(rest, at)
        if suffix is None:
            return None
        at = suffix.end()
        if suffix["tokens"]:
            condition["input_tokens_over"] = int(suffix["tokens"]) * (1000 if suffix["kilo"] else 1)
        elif suffix["ttl"]:
            condition["ttl"] = f"{suffix['ttl']}h"
        elif suffix["tier"]:
            condition["service_tier"] = _TIERS.get(suffix["tier"], suffix["tier"])
        else:
            condition["resolution"] = suffix["size"]
    return condition


# --- fields that hold more than a number -----------------------------------------------------


def _searches(value: Any, _mode: str) -> Sequence[Priced] | None:
    """A web search by how much is read: one rate where all sizes cost the same."""
    start = "search_context_size_"
    if not isinstance(value, Mapping) or not all(key.startswith(start) for key in value):
        return None
    sizes = {key.removeprefix(start): money(usd, key) for key, usd in value.items()}
    if len(set(sizes.values())) == 1:
        return [_priced("web_search", "call", next(iter(sizes.values())), {})]
    return [
        _priced("web_search", "call", usd, {"search_context_size": size})
        for size, usd in sorted(sizes.items())
    ]


def _tiered(value: Any, mode: str) -> Sequence[Priced] | None:
    """Prices by the length of the prompt. The last one holds for longer prompts too."""
    found: list[Priced] = []
    for tier in value:
        over = int(tier["range"][0]) if "range" in tier else None
        inner = columns({k: v for k, v in tier.items() if k != "range"}, mode)
        if over is None or inner.unknown:
            return None
        length: Condition = {"input_tokens_over": over} if over else {}
        found += [rate._replace(condition=rate.condition | length) for rate in inner.rates]
    return found


def _off_peak(value: Any, mode: str) -> Sequence[Priced] | None:
    """Prices by the time of day: one rate for each window of hours and days of the week."""
    beside = {"windows", "weekday_timezone"}
    inner = columns({k: v for k, v in value.items() if k not in beside}, mode)
    # Days that begin in another time zone than the hours are counted in: not ours to add up.
    if inner.unknown or "weekday_timezone" in value or "windows" not in value:
        return None
    return [
        rate._replace(condition=rate.condition | window)
        for window in _windows(value["windows"])
        for rate in inner.rates
    ]


def _windows(windows: Sequence[Mapping[str, Any]]) -> Iterator[Condition]:
    for window in windows:
        days = "".join(str(day) for day in window.get("weekdays", ()))
        hours = window["hours_utc"]
        for span in [hours] if isinstance(hours, str) else hours:
            whole_day: bool = span in {"00:00-00:00", "00:00-24:00"}
            at: Condition = {} if whole_day else {"utc": span}
            yield at | ({"weekdays": days} if days else {})


def _file_search(value: Any, _mode: str) -> Sequence[Priced]:
    return [Priced("file_search", "call", money(value, "file_search_cost_per_1k_calls"), 1000, {})]


_STRUCTURED: Final[Mapping[str, Callable[[Any, str], Sequence[Priced] | None]]] = {
    "search_context_cost_per_query": _searches,
    "tiered_pricing": _tiered,
    "off_peak_pricing": _off_peak,
    "file_search_cost_per_1k_calls": _file_search,
}
