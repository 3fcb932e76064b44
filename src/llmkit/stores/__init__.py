"""Stores: where budgets, rate limits and ledgers are kept. Names only; each is loaded on first use.

``MemoryStore`` is this process's alone. ``SQLiteStore`` is shared by the processes of a machine, ``PostgresStore``
and ``RedisStore`` by all that reach their server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._late_names import late_names

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

__getattr__, __dir__ = late_names(globals(), _HOMES)
