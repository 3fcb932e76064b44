"""Whether the server keeps what it acknowledges: asked once, and again after a connection broke.

Money is counted only where each acknowledged write is on disk and nothing is evicted. Who accepts less says so.
"""

from __future__ import annotations

from typing import Any, Literal

from ....errors import StoreError
from ._failures import refused

__all__ = ["Durability", "Promise"]

Durability = Literal["power", "best_effort"]

_INSTEAD = 'or say RedisStore(…, durability="best_effort") where money may be lost with the server'
# What a server must be set to. https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/ and …/eviction/, read
# 2026-11-22: only with "always" is each write on disk before it is acknowledged; every policy but one evicts what was counted.
_WANTED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


class Promise:
    """What is asked of the server before the first operation."""

    def __init__(self, durability: Durability, place: str) -> None:
        self._place = place
        self._wanted = {} if durability == "best_effort" else _WANTED
        self._known = not self._wanted

    def ask_again(self) -> None:
        """Forget what the server said."""
        self._known = not self._wanted

    def kept(self) -> Any:
        """Ask for what is not known yet: a generator of commands. Raises ``StoreError`` where the promise is not kept."""
        if not self._known:
            for name, value in self._wanted.items():
                found = yield from self._setting(name)
                if found != value:
                    raise StoreError(
                        f"Redis at {self._place} has {name} {found}, which may lose money that was counted:"
                        f" set {name} {value}, {_INSTEAD}"
                    )
            self._known = True

    def _setting(self, name: str) -> Any:
        try:
            answer = yield ("CONFIG GET", name)
        except Exception as error:
            if not refused(error):
                raise
            return (yield from self._told(name))
        return answer.get(name, "unknown")

    def _told(self, name: str) -> Any:
        """Where settings may not be read: what the server tells of itself."""
        info = yield ("INFO", "memory" if name == "maxmemory-policy" else "persistence")
        told = {
            "appendonly": "yes" if info.get("aof_enabled") else "no",
            "maxmemory-policy": info.get("maxmemory_policy", "unknown"),
        }
        if name in told:
            return told[name]
        raise StoreError(
            f"Redis at {self._place} does not let this user read its setting {name} (CONFIG GET), so that it cannot be"
            f" known whether money is kept: permit it, {_INSTEAD}"
        )
