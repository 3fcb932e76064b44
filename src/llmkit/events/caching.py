"""What caches tell: what was found in them, and whether they can be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

__all__ = [
    "CacheHit",
    "CacheMissed",
    "CacheReached",
    "CacheUnreachable",
    "EntryUnreadable",
]


@dataclass(frozen=True, slots=True)
class CacheHit:
    """The answer is one that was kept ``age`` seconds ago, under ``key``: nobody is asked."""

    call_id: str
    key: str
    age: float


@dataclass(frozen=True, slots=True)
class CacheMissed:
    """The cache was looked into and has no answer, under ``key``; of an embedding's inputs it may know some."""

    call_id: str
    key: str
    inputs: int = 0
    """So many of the call's inputs are known, and only the others are asked for."""


@dataclass(frozen=True, slots=True)
class EntryUnreadable:
    """What the cache has under ``key`` is damaged, or nothing that llmkit wrote: the call goes on without it."""

    call_id: str
    key: str
    reason: str
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        return f"the cache's entry {self.key} cannot be used: {self.reason}"


@dataclass(frozen=True, slots=True)
class CacheUnreachable:
    """A cache's store has failed: calls go on without it, and it is let be for a while."""

    store: str
    error: Exception
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        return f"the cache {self.store} cannot be used, calls go on without it: {self.error}"


@dataclass(frozen=True, slots=True)
class CacheReached:
    """A cache's store works again, after ``seconds``."""

    store: str
    seconds: float
