"""What the request log says of a call: a row of ``proxy_request``, made of its settlement. Nothing is written here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ..._json import dump_text
from ..._settlements import Settlement

__all__ = ["row_of", "utc"]

_WIDTH: Final = 255
"""Characters of a text in a column."""
_MOST: Final = 2**31 - 1
"""A column's largest whole number."""
_TEXTS: Final = {
    "http_id": "http_id",
    "model_group": "group",
    "user": "user",
    "team_id": "team",
    "organization_id": "organisation",
    "end_user": "end_user",
    "session_id": "session",
    "requester_ip_address": "ip",
}
"""Columns, and what the endpoints call them in ``metadata["proxy"]``."""
_json: Final = json.JSONEncoder(allow_nan=False).encode
_NOTHING: Final = (None, "")
_BESIDE: Final = ("stream", "attempts", "usage_source", "cost_status", "cost_reason", "request_id")


def row_of(settlement: Settlement) -> dict[str, Any]:
    """A row by its columns, JSON as text. What is odd in a settlement makes a poorer row, never none."""
    told = settlement.metadata.get("proxy")
    said: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    return {
        "request_id": _text(settlement.call_id),
        **{
            column: None if (value := said.get(name)) in _NOTHING else _text(value)
            for column, name in _TEXTS.items()
        },
        "call_type": _text(said.get("call_type") or settlement.kind),
        "api_key": _text(said.get("key") or ""),
        "spend": settlement.cost,
        "prompt_tokens": _count(settlement.prompt_tokens),
        "completion_tokens": _count(settlement.completion_tokens),
        "started": utc(settlement.started),
        "seconds": settlement.seconds,
        "provider": _text(settlement.provider),
        "model": _text(settlement.model),
        "tags": _tags(said.get("tags")),
        "status": settlement.outcome,
        "error": _text(settlement.error) if settlement.error else None,
        "metadata": _details(settlement, said),
    }


def utc(time: float) -> datetime:
    """Unix time as columns have it: UTC, without a zone."""
    return datetime.fromtimestamp(time, UTC).replace(tzinfo=None)


def _details(settlement: Settlement, said: Mapping[str, Any]) -> str:
    beside = {name: getattr(settlement, name) for name in _BESIDE}
    if "saved_cache_cost" in settlement.metadata:
        beside |= {"cache_hit": True, "saved_cache_cost": settlement.metadata["saved_cache_cost"]}
    found = {"key_alias": said.get("key_alias"), **beside, "metadata": said.get("metadata") or {}}
    try:
        # What is ours has nothing in it that the quicker one writes otherwise.
        return _json(found) if found["metadata"] else dump_text(found)
    except (TypeError, ValueError, RecursionError):
        # What a column of JSON cannot hold must not hold up all that comes after it.
        return _json({**beside, "metadata": {"text": repr(found["metadata"])[:_WIDTH]}})


def _tags(given: Any) -> str:
    if not given or not isinstance(given, list | tuple):
        return "[]"
    return _json([_text(tag) for tag in given])


def _text(value: Any) -> str:
    """A text that any database takes."""
    text = str(value)[:_WIDTH]
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _count(number: int | None) -> int | None:
    return None if number is None else min(number, _MOST)
