"""Anthropic's usage to OpenAI's. Counts that were not told are left out, never zero.

``input_tokens`` leaves out what the cache was read from and written to; OpenAI's ``prompt_tokens`` has it all.
Compacting a conversation is billed beside what the totals say; an advisor is, too, at its own model's price. Where
another model took a refused call over, the totals are its own; what the first had written by then is billed beside.
Sources: https://platform.claude.com/docs/en/build-with-claude/prompt-caching and the types of anthropic 2.12.0
(``BetaUsage.iterations``), read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["prompt_side", "translated", "update"]

_APART = ("compaction", "advisor_message")
_FALLBACK = "fallback_message"
_TRANSLATED = frozenset({"input_tokens", "output_tokens", "output_tokens_details"})


def translated(native: Mapping[str, Any]) -> dict[str, Any]:
    """A usage in OpenAI's form, with the fields beyond it as they came."""
    made = {k: v for k, v in native.items() if k not in _TRANSLATED and v is not None}
    made |= prompt_side(native)
    completion = _count(native, "output_tokens")
    if completion is not None:
        made["completion_tokens"] = completion
    if completion is not None and "prompt_tokens" in made:
        made["total_tokens"] = made["prompt_tokens"] + completion
    details = native.get("output_tokens_details")
    if isinstance(details, Mapping) and (thought := _count(details, "thinking_tokens")) is not None:
        made["completion_tokens_details"] = {"reasoning_tokens": thought}
    # Few have any.
    if native.get("iterations"):
        if beside := _beside(native):
            made["beside"] = beside
        if taken_over := _taken_over(native):
            made["billed_model"] = taken_over
    return made


def _taken_over(native: Mapping[str, Any]) -> str | None:
    """The model that answered in place of the one that was asked, where one did."""
    models = [one.get("model") for one in _rounds(native) if one.get("type") == _FALLBACK]
    return models[-1] if models and isinstance(models[-1], str) else None


def _beside(native: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rounds that the totals leave out: those that compacted the conversation, and another model's."""
    rounds = _rounds(native)
    apart = [one for one in rounds if one.get("type") in _APART]
    models = [one for one in rounds if one.get("model") and one not in apart]
    # A call that is refused before a word is written is not billed.
    left = [one for one in models[:-1] if _taken_over(native) and _count(one, "output_tokens")]
    return [translated(one) for one in (*left, *apart)]


def _rounds(native: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    told = native.get("iterations")
    return [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []


def prompt_side(native: Mapping[str, Any]) -> dict[str, Any]:
    """The prompt's counts: they are known when a stream begins."""
    fresh = _count(native, "input_tokens")
    read = _count(native, "cache_read_input_tokens")
    written = _written(native)
    made: dict[str, Any] = {}
    if fresh is not None:
        made["prompt_tokens"] = fresh + (read or 0) + (written or 0)
    details = {"cached_tokens": read, "cache_write_tokens": written}
    told = {name: count for name, count in details.items() if count is not None}
    if told:
        made["prompt_tokens_details"] = told
    beside = {"cache_read_input_tokens": read, "cache_creation_input_tokens": written}
    made |= {name: count for name, count in beside.items() if count is not None}
    if isinstance(native.get("cache_creation"), Mapping):
        made["cache_creation"] = dict(native["cache_creation"])
    return made


def _written(native: Mapping[str, Any]) -> int | None:
    total = _count(native, "cache_creation_input_tokens")
    split = native.get("cache_creation")
    if total is not None or not isinstance(split, Mapping):
        return total
    counts = [count for name in split if (count := _count(split, name)) is not None]
    return sum(counts) if counts else None


def update(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    """A stream's counts are totals so far: the later one holds, and what it leaves out is kept."""
    into.update({name: value for name, value in new.items() if value is not None})


def _count(source: Mapping[str, Any], name: str) -> int | None:
    value = source.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
