"""Rows of LiteLLM's price map as rows of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from llmkit._cost import rate_key
from llmkit.catalogue._capabilities import LITELLM
from llmkit.catalogue._columns import columns

from .names import UNPRICED, Name, name_of, provider_of
from .rows import ORDER, Condition, Price, Row, ordered, per, tidy

MODES: Final = {
    *("chat", "responses", "completion", "embedding", "audio_transcription", "audio_speech"),
    *("image_generation", "image_edit", "rerank", "moderation", "ocr", "video_generation"),
    "realtime",
}
# More of LiteLLM's flags than it asks people to use.
CAPABILITIES: Final = LITELLM | {
    "native_structured_output": "json_schema",
    "image_input": "vision",
    "embedding_image_input": "vision",
}
_SEEN: Final = {"vision": "image", "audio_input": "audio", "video_input": "video"}
# Input and output of what is no conversation.
_KINDS: Final = {
    "embedding": ("text", "embedding"),
    "audio_transcription": ("audio", "text"),
    "audio_speech": ("text", "audio"),
    "image_generation": ("text", "image"),
    "image_edit": ("text image", "image"),
    "video_generation": ("text", "video"),
    "rerank": ("text", "score"),
    "moderation": ("text", "score"),
    "ocr": ("image", "text"),
}
# Another API than those for which we have calls, spelled as a tier.
_NO_TIER: Final = frozenset({"decisions"})
# Azure's realtime models have it, where OpenAI's have the reading of cached audio: nobody bills writes.
_UNBILLED: Final = frozenset({"cache_audio_write"})
# Where a price stands beside a flat no, the no holds. It is no answer as to caches: who bills them has them.
_ONLY_IF_ALLOWED: Final = frozenset({"web_search"})
# How far a second's price, rounded by LiteLLM, may be from that of an hour with few digits.
_ROUNDED: Final = Decimal("0.0003")


def rows(
    table: Mapping[str, Mapping[str, Any]], known: set[str]
) -> Iterator[tuple[str, Name, Row]]:
    """Provider, name and row of everything that one of our providers sells."""
    for key, fields in table.items():
        spelled = str(fields.get("litellm_provider"))
        provider = provider_of(spelled)
        if provider not in known or provider in UNPRICED:
            continue
        name, mode = name_of(key, provider, spelled), _mode(fields)
        if name and mode in MODES:
            yield provider, name, _row(name.model, mode, fields)


def _mode(fields: Mapping[str, Any]) -> str:
    if "mode" in fields:
        return str(fields["mode"])
    return "audio_speech" if "input_cost_per_character" in fields else "unknown"


def _row(name: str, mode: str, fields: Mapping[str, Any]) -> Row:
    read = columns(fields, mode)
    row = Row(name, mode, facts(mode, fields))
    for rate in read.rates:
        if rate.condition.get("service_tier") in _NO_TIER or rate.dimension in _UNBILLED:
            continue
        key = rate_key(rate.dimension, rate.unit)
        usd = rate.usd * per(key) / rate.per
        usd = _hourly(usd) if key.startswith("audio_") and rate.unit == "second" else usd
        row.rates[key, ordered(rate.condition.items())] = Price(tidy(usd), "l")
    row.uplifts = (
        *((ordered(when.items()), factor) for when, factor in read.uplifts),
        *_processed_there(fields.get("provider_specific_entry") or {}),
    )
    return row


def _processed_there(entry: Mapping[str, Any]) -> Iterator[tuple[Condition, Decimal]]:
    """Anthropic's factor for calls that must be processed in the United States."""
    if isinstance(factor := entry.get("us"), float):
        yield (("region", "us"),), Decimal(repr(factor))


def _hourly(usd: Decimal) -> Decimal:
    """An hour's price as it was quoted before it was divided into seconds and rounded."""
    for digits in range(1, 5):
        short = Decimal(f"{usd:.{digits - 1}e}")
        if abs(short - usd) <= usd * _ROUNDED:
            return short
    minute = Decimal(f"{usd / 60:.2e}") * 60
    return minute if abs(minute - usd) <= usd * _ROUNDED else usd


def facts(mode: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Limits, modalities and capabilities."""
    can = {ours for theirs, ours in CAPABILITIES.items() if fields.get(f"supports_{theirs}")}
    denied = {o for t, o in CAPABILITIES.items() if fields.get(f"supports_{t}") is False}
    seen, made = _modalities(mode, fields, can)
    if mode in {"chat", "responses", "completion", "realtime"}:
        can |= {word for word, shown in _SEEN.items() if shown in seen}
        can |= {"audio_output"} if "audio" in made else set()
    told = any(name.startswith("support") and flag is not False for name, flag in fields.items())
    return {
        **({} if told or mode in _KINDS else {"untold": True}),
        "limits": [_count(fields, "max_input_tokens"), _count(fields, "max_output_tokens")],
        "in": seen,
        "out": made,
        "can": can,
        "cannot": (denied & _ONLY_IF_ALLOWED) - can,
        "deprecated": fields.get("deprecation_date"),
        "vector": _count(fields, "output_vector_size"),
    }


def _modalities(mode: str, fields: Mapping[str, Any], can: set[str]) -> tuple[list[str], list[str]]:
    seen, made = (set(kind.split()) for kind in _KINDS.get(mode, ("text", "text")))
    seen |= {shown for word, shown in _SEEN.items() if word in can}
    seen |= {str(word) for word in fields.get("supported_modalities") or ()}
    if mode not in _KINDS:
        made |= {str(word) for word in fields.get("supported_output_modalities") or ()}
        made |= {"audio"} if "audio_output" in can else set()
    return [word for word in ORDER if word in seen], [word for word in ORDER if word in made]


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return int(value) if isinstance(value, (int, float)) and value > 0 else None


def conditioned(row: Row, extra: Mapping[str, str]) -> Row:
    """The row's rates with what its name told as a further condition."""
    more: Condition = tuple(extra.items())
    rates = {(key, ordered((*when, *more))): usd for (key, when), usd in row.rates.items()}
    return Row(row.name, row.mode, row.facts, rates, (), row.aliases)
