"""A record of the catalogue as LiteLLM writes it: a dict of its field names, prices as floats.

The way back of ``catalogue._columns``. What LiteLLM has no name for (prices by day, size, region …) is left out, and
nothing is ever written as 0 because it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..catalogue import ModelInfo, Rate
from ..catalogue._capabilities import LITELLM

__all__ = ["row"]

_FIELDS: Final = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "reasoning": "output_cost_per_reasoning_token",
    "cached_read": "cache_read_input_token_cost",
    "cached_audio_read": "cache_read_input_audio_token_cost",
    "cached_image_read": "cache_read_input_image_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_audio_write": "cache_creation_input_audio_token_cost",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
    "image_input": "input_cost_per_image_token",
    "image_output": "output_cost_per_image_token",
    "video_input": "input_cost_per_video_token",
    "video_output": "output_cost_per_video_token",
    "citation": "citation_cost_per_token",
    "input/character": "input_cost_per_character",
    "output/character": "output_cost_per_character",
    "audio_input/second": "input_cost_per_audio_per_second",
    "audio_output/second": "output_cost_per_audio_per_second",
    "video_input/second": "input_cost_per_video_per_second",
    "video_output/second": "output_cost_per_video_per_second",
    "time/second": "input_cost_per_second",
    "image_input/image": "input_cost_per_image",
    "image_output/image": "output_cost_per_image",
    "image_input/pixel": "input_cost_per_pixel",
    "image_output/pixel": "output_cost_per_pixel",
    "input/page": "ocr_cost_per_page",
    "annotation/page": "annotation_cost_per_page",
    "search/search": "input_cost_per_query",
    "request/request": "input_cost_per_request",
    "text_message/message": "input_cost_per_text_message",
    "maps_search/call": "google_maps_grounding_cost_per_query",
    "code_interpreter/session": "code_interpreter_cost_per_session",
}
# By the mode, where what is heard, spoken or filmed is all that the model is for.
_BY_MODE: Final = {
    ("audio_transcription", "audio_input/second"): "input_cost_per_second",
    ("audio_speech", "audio_output/second"): "output_cost_per_second",
    ("video_generation", "video_output/second"): "output_cost_per_second",
    ("embedding", "audio_input/second"): "input_cost_per_second",
}
_TIERS: Final = {"batch": "batches"}
_NAMED_TIERS: Final = frozenset({"batch", "flex", "priority", "balanced", "ultrafast"})
# What a price holds for where nothing else is said: LiteLLM has no word for it.
_DEFAULTS: Final = {"service_tier": "standard", "ttl": "5m"}
_SIZES: Final = ("low", "medium", "high")


def row(info: ModelInfo) -> dict[str, Any]:
    """The record in LiteLLM's fields. Of a limit that is not known the value is ``None``."""
    return {
        "key": f"{info.provider}/{info.name}",
        "max_tokens": info.max_output_tokens,
        "max_input_tokens": info.max_input_tokens,
        "max_output_tokens": info.max_output_tokens,
        "litellm_provider": info.provider,
        "mode": info.mode,
        "source": info.source,
        **({} if info.deprecated is None else {"deprecation_date": info.deprecated}),
        **({} if info.vector_size is None else {"output_vector_size": info.vector_size}),
        "supported_modalities": sorted(info.input_modalities),
        "supported_output_modalities": sorted(info.output_modalities),
        **{f"supports_{theirs}": ours in info.capabilities for theirs, ours in LITELLM.items()},
        **dict(_prices(info)),
        **_searches(info),
    }


def _prices(info: ModelInfo) -> Iterator[tuple[str, float]]:
    for rate in info.rates:
        base = _BY_MODE.get((info.mode, rate.key)) or _FIELDS.get(rate.key)
        suffix = _suffix(rate, info)
        if base is not None and suffix is not None:
            yield base + suffix, float(rate.usd / rate.per)


def _suffix(rate: Rate, info: ModelInfo) -> str | None:
    """The end of a field's name that says the condition; ``None`` where there is no such name."""
    defaults = {**_DEFAULTS, **info.defaults}
    rest = {k: v for k, v in rate.condition.items() if defaults.get(k) != v}
    ttl, over = rest.pop("ttl", None), rest.pop("input_tokens_over", None)
    tier, size = str(rest.pop("service_tier", "")), rest.pop("resolution", None)
    if rest or (tier and tier not in _NAMED_TIERS) or (ttl and not str(ttl).endswith("h")):
        return None
    return (
        (f"_above_{str(ttl)[:-1]}hr" if ttl else "")
        + (_length(int(over)) if over is not None else "")
        + (f"_{size}" if size else "")
        + (f"_{_TIERS.get(tier, tier)}" if tier else "")
    )


def _length(tokens: int) -> str:
    thousands, rest = divmod(tokens, 1000)
    return f"_above_{tokens}_tokens" if rest else f"_above_{thousands}k_tokens"


def _searches(info: ModelInfo) -> Mapping[str, Any]:
    """What a web search costs, by how much is read; LiteLLM names all three sizes."""
    found = {
        str(rate.condition.get("search_context_size", "")): float(rate.usd / rate.per)
        for rate in info.rates
        if rate.key == "web_search/call" and set(rate.condition) <= {"search_context_size"}
    }
    if not found:
        return {}
    sizes = {size: found.get(size, found.get("")) for size in _SIZES}
    told = {f"search_context_size_{size}": usd for size, usd in sizes.items() if usd is not None}
    return {"search_context_cost_per_query": told}
