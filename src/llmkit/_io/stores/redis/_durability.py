"""Whether the server keeps what it acknowledges: asked on each new connection, which may be to another server.

Money is counted only where each acknowledged write is on disk and nothing is evicted. Who accepts less says so.
"""

from __future__ import annotations

from typing import Literal

from ....errors import StoreError
from ._failures import refused
from ._talking import Commands

__all__ = ["Durability", "kept"]

Durability = Literal["power", "best_effort"]

_INSTEAD = 'or say RedisStore(…, durability="best_effort") where money may be lost with the server'
# As redis.conf of Redis 6.2 describes them (read 2026-11-22): with "always" alone is each write on disk before it is
# acknowledged, and even then not while the file is rewritten, if that is said; all policies but one may drop counters.
#
# A write that SIGKILL or a power cut tore was never acknowledged. But what a script writes is logged as MULTI … EXEC,
# and with "aof-load-truncated yes", the default, a server takes away the torn command alone: MULTI stays open, and what
# is acknowledged later is logged behind it. At one start more, half of the lost operation is done, or acknowledged ones
# are lost (both seen with Redis 6.2.14; https://github.com/valkey-io/valkey/pull/4342 has repaired it in Valkey). A
# server set to "no" does not start on such a log, and the tool that mends it cuts before MULTI.
_WANTED = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "aof-load-truncated": "no",
    "maxmemory-policy": "noeviction",
}


def kept(place: str) -> Commands[None]:
    """Ask a server what it is set to. Raises ``StoreError`` if money could be lost with it."""
    for name, wanted in _WANTED.items():
        found = yield from _setting(place, name)
        if found != wanted:
            raise StoreError(
                f"Redis at {place} has {name} {found}, which may lose money that was counted:"
                f" set {name} {wanted}, {_INSTEAD}"
            )


def _setting(place: str, name: str) -> Commands[str]:
    try:
        answer = yield ("CONFIG", "GET", name)
    except Exception as error:
        if not refused(error):
            raise
        answer = None
    if answer is None:
        return (yield from _told(place, name))
    # A mapping in the server's newer protocol, a list of names and values in the older.
    pairs = (
        answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
    )
    return str(pairs.get(name, "unknown"))


def _told(place: str, name: str) -> Commands[str]:
    """Where settings may not be read: what the server tells of itself."""
    if name not in _TOLD:
        raise StoreError(
            f"Redis at {place} does not let this user read its setting {name} (CONFIG GET), so that it cannot be"
            f" known whether money is kept: permit it, {_INSTEAD}"
        )
    section, field, values = _TOLD[name]
    lines = (yield ("INFO", section)).splitlines()
    found = next((line.partition(":")[2] for line in lines if line.startswith(f"{field}:")), "")
    return values.get(found, found)


# Of which section, the field, and what its values mean.
_TOLD = {
    "appendonly": ("persistence", "aof_enabled", {"1": "yes", "0": "no"}),
    "maxmemory-policy": ("memory", "maxmemory_policy", {}),
}
