"""The dialect's usage to OpenAI's. Counts that were not told are left out, never zero.

``inputTokens`` leaves out what the cache was read from and written to (in recorded answers of several makers' models
``totalTokens`` is the sum of all four, read 2026-11-22); OpenAI's ``prompt_tokens`` has it all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["translated"]

# The counts of the cache come under two names each, with one value.
_READ = ("cacheReadInputTokens", "cacheReadInputTokenCount")
_WRITTEN = ("cacheWriteInputTokens", "cacheWriteInputTokenCount")
_TRANSLATED = frozenset({"inputTokens", "outputTokens", "totalTokens", *_READ, *_WRITTEN})
_AGES = {"5m": "ephemeral_5m_input_tokens", "1h": "ephemeral_1h_input_tokens"}


def translated(native: Mapping[str, Any]) -> dict[str, Any]:
    """A usage in OpenAI's form, with the fields beyond it as they came."""
    read, written = _first(native, _READ), _first(native, _WRITTEN)
    fresh, completion = _count(native.get("inputTokens")), _count(native.get("outputTokens"))
    prompt = None if fresh is None else fresh + (read or 0) + (written or 0)
    details = {"cached_tokens": read, "cache_write_tokens": written}
    made: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": _total(native, prompt, completion),
        "prompt_tokens_details": {k: v for k, v in details.items() if v is not None} or None,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": _by_age(native.get("cacheDetails")),
    }
    beside = {k: v for k, v in native.items() if k not in _TRANSLATED}
    return {k: v for k, v in (beside | made).items() if v is not None}


def _total(native: Mapping[str, Any], prompt: int | None, completion: int | None) -> int | None:
    total = _count(native.get("totalTokens"))
    if total is None and prompt is not None and completion is not None:
        return prompt + completion
    return total


def _by_age(details: Any) -> dict[str, int] | None:
    made: dict[str, int] = {}
    for detail in details if isinstance(details, list) else ():
        name = _AGES.get(str(detail.get("ttl"))) if isinstance(detail, Mapping) else None
        count = _count(detail.get("inputTokens")) if name else None
        if name and count is not None:
            made[name] = made.get(name, 0) + count
    return made or None


def _first(native: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((n for name in names if (n := _count(native.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
