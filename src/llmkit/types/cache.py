"""Prompts that a provider keeps under a name, for chats to go on from: Gemini's cached contents. Data only.

Source: ``CachedContent`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22. Times are Unix time in
seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import TypedDict, override

from .answer import Answer
from .params import CallOptions

__all__ = [
    "CacheDeleted",
    "CacheListModelParams",
    "CacheListParams",
    "CacheModelParams",
    "CacheParams",
    "CacheUpdateModelParams",
    "CacheUpdateParams",
    "Cached",
    "CachedList",
]


class CacheUpdateModelParams(TypedDict, total=False):
    """What goes to the provider. A key that is absent is not sent; ``None`` counts as absent."""

    ttl: float | str | None
    """How long from now: seconds, or the provider's ``"300s"``. What is kept is billed by the hour."""
    expire_time: datetime | str | None
    """Until when."""


class CacheUpdateParams(CacheUpdateModelParams, CallOptions, total=False):
    """All keywords of ``update_cache``: how long the cache is kept, one of the two."""


class CacheModelParams(CacheUpdateModelParams, total=False):
    """What goes to the provider. A key that is absent is not sent; ``None`` counts as absent."""

    tools: Sequence[Mapping[str, Any]] | None
    """Tools, as ``completion`` takes them."""
    tool_choice: str | Mapping[str, Any] | None
    """``auto``, ``none``, ``required``, or one tool."""
    display_name: str | None
    """A name to find it by."""


class CacheParams(CacheModelParams, CallOptions, total=False):
    """All keywords of ``create_cache`` but model and messages."""


class CacheListModelParams(TypedDict, total=False):
    """What goes to the provider. A key that is absent is not sent; ``None`` counts as absent."""

    limit: int | None
    """How many on a page."""
    after: str | None
    """``next_cursor`` of the page before."""


class CacheListParams(CacheListModelParams, CallOptions, total=False):
    """All keywords of ``list_caches``."""


class Cached(Answer):
    """A cached prompt. ``completion(…, extra_body={"cachedContent": cached.id})`` goes on from it."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"total_tokens"})

    id: str = ""
    object: str = "cache"
    model: str | None = None
    display_name: str | None = None
    created_at: int | None = None
    updated_at: int | None = None
    expires_at: int | None = None
    total_tokens: int | None = None


class CachedList(Answer):
    """A page of cached prompts: iterating goes through it, and no further.

    ``next_cursor`` goes into ``after`` for the next page; ``None``: this is the last.
    """

    object: str = "list"
    data: list[Cached] = Field(default_factory=list)
    has_more: bool = False
    next_cursor: str | None = None

    @override
    def __iter__(self) -> Iterator[Cached]:  # type: ignore[override]
        return iter(self.data)


class CacheDeleted(Answer):
    """What is gone."""

    id: str = ""
    object: str = "cache"
    deleted: bool = True
