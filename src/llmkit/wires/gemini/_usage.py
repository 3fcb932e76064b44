"""``usageMetadata`` to OpenAI's usage. The API leaves zeros out: a count that is absent beside others is zero.

Source: ``UsageMetadata`` of the v1beta reference, read 2026-11-22: ``promptTokenCount`` includes what came from a
cache. In recorded traffic thoughts and what the provider's own tools read are counted apart; the total is the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["merge", "usage"]

# Some clients ask for enums as numbers; these are the format's.
_MODALITIES = {1: "text", 2: "image", 3: "video", 4: "audio", 5: "document"}
_COUNTS = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount")


def merge(into: dict[str, Any], new: Any) -> None:
    """Put a stream's later counts over its earlier ones: what a later event leaves out still holds."""
    if isinstance(new, Mapping):
        into.update({name: value for name, value in new.items() if value is not None})


def usage(found: Mapping[str, Any], searches: int) -> dict[str, Any] | None:
    """OpenAI's usage; ``None`` where nothing was counted yet."""
    if not any(isinstance(found.get(name), int) for name in _COUNTS):
        return None
    prompt = _prompt(found)
    completion = _count(found, "candidatesTokenCount") + _count(found, "thoughtsTokenCount")
    total = found.get("totalTokenCount")
    made: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total if isinstance(total, int) else prompt and prompt + completion,
    }
    if details := _prompt_details(found):
        made["prompt_tokens_details"] = details
    if details := _completion_details(found):
        made["completion_tokens_details"] = details
    if "cached_tokens" in (made.get("prompt_tokens_details") or {}):
        made["cache_read_input_tokens"] = made["prompt_tokens_details"]["cached_tokens"]
    if searches:
        made["server_tool_use"] = {"web_search_requests": searches}
    if found.get("trafficType") is not None:
        made["traffic_type"] = found["trafficType"]
    return made


def _prompt(found: Mapping[str, Any]) -> int | None:
    """A prompt has tokens: where they were not counted, none is no count."""
    if not isinstance(found.get("promptTokenCount"), int):
        return None
    return int(found["promptTokenCount"]) + _count(found, "toolUsePromptTokenCount")


def _count(found: Mapping[str, Any], name: str) -> int:
    value = found.get(name)
    return value if isinstance(value, int) else 0


def _prompt_details(found: Mapping[str, Any]) -> dict[str, Any]:
    made = _by_modality(found, "promptTokensDetails", "toolUsePromptTokensDetails")
    for field, name in (
        ("cachedContentTokenCount", "cached_tokens"),
        ("toolUsePromptTokenCount", "tool_use_tokens"),
    ):
        if isinstance(found.get(field), int):
            made[name] = found[field]
    if cached := _by_modality(found, "cacheTokensDetails"):
        made["cached_tokens_details"] = cached
    return made


def _completion_details(found: Mapping[str, Any]) -> dict[str, Any]:
    made = _by_modality(found, "candidatesTokensDetails")
    if isinstance(found.get("thoughtsTokenCount"), int):
        made["reasoning_tokens"] = found["thoughtsTokenCount"]
    return made


def _by_modality(found: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for kind, count in (pair for field in fields for pair in _pairs(found.get(field))):
        made[f"{kind}_tokens"] = made.get(f"{kind}_tokens", 0) + count
    return made


def _pairs(details: Any) -> Iterator[tuple[str, int]]:
    for entry in details if isinstance(details, list) else ():
        if isinstance(entry, Mapping):
            kind = entry.get("modality")
            name = _MODALITIES.get(kind) if isinstance(kind, int) else str(kind or "").lower()
            if name:
                yield name, _count(entry, "tokenCount")
