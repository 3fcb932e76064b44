"""``RedisStore``, and what it is made of: connections, the exchange with the server, scripts, operations' forms."""

from __future__ import annotations

from ._store import RedisStore

__all__ = ["RedisStore"]
