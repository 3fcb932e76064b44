"""A Responses usage to chat's and back. What the provider says beside the counts is kept under its own names.

Source: https://platform.openai.com/docs/api-reference/responses/object#usage, read 2026-11-22: ``input_tokens``
includes cached ones, ``output_tokens`` reasoning. Hosted searches are billed by the call; items tell how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["native", "searches", "translated"]

_NAMES: dict[str, str] = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}
_BACK: dict[str, str] = {chat: responses for responses, chat in _NAMES.items()}
_REPEATED = frozenset({
    "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation", "beside", "web_search_tool",
})  # fmt: skip
# What the API always says.
_LEAST = {"input_tokens_details": "cached_tokens", "output_tokens_details": "reasoning_tokens"}


def translated(found: Any, searched: int = 0, tools: Any = None) -> dict[str, Any] | None:
    """A usage in chat's terms; ``None`` where there is none.

    ``searched``: the web searches among the items. ``tools``: the answer's own list of what was offered, which
    tells with which of two searches it was done: they differ in price.
    """
    if not isinstance(found, Mapping):
        return None
    made = {_NAMES.get(str(k), str(k)): v for k, v in found.items() if v is not None}
    if not isinstance(made.get("total_tokens"), int) and _both(made):
        made["total_tokens"] = made["prompt_tokens"] + made["completion_tokens"]
    if searched:
        made["server_tool_use"] = {"web_search_requests": searched}
        if _previewed(tools):
            made["web_search_tool"] = "preview"
    return made


def _previewed(tools: Any) -> bool:
    """Whether the search was the older one (``web_search_preview``, ``web_search_preview_2025_03_11``)."""
    listed: Sequence[Any] = tools if isinstance(tools, list) else ()
    kinds = [str(tool.get("type")) for tool in listed if isinstance(tool, Mapping)]
    return any(kind.startswith("web_search_preview") for kind in kinds)


def _both(made: Mapping[str, Any]) -> bool:
    return all(isinstance(made.get(name), int) for name in ("prompt_tokens", "completion_tokens"))


def searches(items: Any) -> int:
    """How many web searches these items are; opening a page that was found is none."""
    listed: Sequence[Any] = items if isinstance(items, list) else ()
    return sum(isinstance(item, Mapping) and _is_search(item) for item in listed)


def _is_search(item: Mapping[str, Any]) -> bool:
    if item.get("type") != "web_search_call":
        return False
    action = item.get("action")
    kind = action.get("type") if isinstance(action, Mapping) else None
    return kind in (None, "search")


def native(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Chat's usage as the API says it."""
    if usage is None:
        return None
    made = {_BACK.get(k, k): v for k, v in usage.items() if v is not None and k not in _REPEATED}
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        made.setdefault(name, 0)
    for name, count in _LEAST.items():
        inner = made.get(name)
        details = dict(inner) if isinstance(inner, Mapping) else {}
        kept = {k: v for k, v in details.items() if v is not None}
        made[name] = {count: 0, **kept}
    return made
