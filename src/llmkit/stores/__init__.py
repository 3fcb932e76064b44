"""Stores: where budgets, rate limits and ledgers are kept. Names only; each is loaded on first use.

``MemoryStore`` is this process's alone. ``SQLiteStore`` is shared by the processes of a machine, ``PostgresStore``
and ``RedisStore`` by all that reach their server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._io.stores.postgres import PostgresStore
    from .._io.stores.redis import RedisStore
    from .._io.stores.sqlite import SQLiteStore
    from .memory import MemoryStore

__all__ = ["MemoryStore", "PostgresStore", "RedisStore", "SQLiteStore"]

_HOMES = {
    "MemoryStore": ".memory",
    "PostgresStore": ".._io.stores.postgres",
    "RedisStore": ".._io.stores.redis",
    "SQLiteStore": ".._io.stores.sqlite",
}


def __getattr__(name: str) -> Any:
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
