"""``RedisEntries``: a cache's entries in Redis, for all who reach it. One command, or one small script, each.

Redis itself lets go of what is over, and, where it is told to (``maxmemory-policy``), of what was used longest ago.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final

import anyio.to_thread
import sniffio
from typing_extensions import override

from ...._entries import (
    Claim,
    Claimed,
    Clear,
    Founding,
    Keep,
    KeepEach,
    Look,
    LookEach,
    Release,
    Weigh,
    Weighed,
)
from ....errors import ConfigurationError, LLMKitError, StoreError
from ..redis._clients import Clients
from ..redis._failures import is_broken, moved_to, translated
from ..redis._talking import arun, run

__all__ = ["RedisEntries"]

_MOVES: Final = 3
_PAGE: Final = 500
_TOGETHER: Final = (64, 1024 * 1024)
"""Entries, and about as many bytes, that go in one command: Redis serves nobody else meanwhile."""
_FOUND: Final = """
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
"""
_CLAIM: Final = """
for i = 2, #KEYS do
  local found = redis.call('GET', KEYS[i])
  if found then return {1, found} end
end
local mine = tonumber(ARGV[2])
if mine <= 0 then return {0, 0} end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', mine) then return {0, 0} end
if redis.call('GET', KEYS[1]) == ARGV[1] then return {0, 0} end
return {0, math.max(1, redis.call('PTTL', KEYS[1]))}
"""
_LET_GO: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_KEEP: Final = """
local many = #ARGV - 2
for i = 1, many do
  if ARGV[2] == '' then redis.call('SET', KEYS[i], ARGV[i + 2])
  else redis.call('SET', KEYS[i], ARGV[i + 2], 'PX', ARGV[2]) end
end
local claim = KEYS[many + 1]
if claim and redis.call('GET', claim) == ARGV[1] then redis.call('DEL', claim) end
return many
"""
_Talk = Generator[tuple[Any, ...], Any, Any]


class RedisEntries:
    """Entries in Redis 6 or later, or Valkey. Thread-safe, fork-safe.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with what redis-py takes in its query.
        name: whose entries they are: all keys begin with ``llmkit-cache:{name}:``.
        timeout: seconds to connect, and to wait for an answer.

    Raises:
        ConfigurationError: an argument is wrong, or the library is missing (the extra ``redis``).
    """

    def __init__(
        self, url: str = "redis://localhost:6379/0", *, name: str = "default", timeout: float = 1.0
    ) -> None:
        if not isinstance(name, str) or not name or set(name) & set("{}"):
            raise ConfigurationError(f"name is a text without braces, not {name!r:.80}")
        self._key = f"llmkit-cache:{{{name}}}:"
        self._name, self._seconds = name, timeout
        self._clients = Clients(url, timeout, durable=False, decoded=False)

    @override
    def __repr__(self) -> str:
        return f"RedisEntries({self._clients.place!r}, name={self._name!r})"

    def perform(self, operation: Any) -> Any:
        """Perform one operation, blocking. Raises ``StoreError``, or ``StoreUnavailableError`` if Redis is away."""
        try:
            return run(self._talk(operation), self._clients.execute)
        except self._clients.failures as error:
            failure = self._translated(error)
        # Outside the handler: the library's error is no part of ours.
        raise failure

    async def aperform(self, operation: Any) -> Any:
        """The same, awaiting it: on asyncio by the library's own client, elsewhere on a thread."""
        if sniffio.current_async_library() != "asyncio":
            return await anyio.to_thread.run_sync(self.perform, operation)
        try:
            return await arun(self._talk(operation), self._clients.aexecute)
        except self._clients.failures as error:
            failure = self._translated(error)
        raise failure

    def close(self) -> None:
        """Close the connections of sync code; the next operation makes new ones."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close those of the running loop, and those of sync code."""
        await self._clients.aclose()

    def _translated(self, error: Exception) -> LLMKitError:
        return translated(error, self._clients.place, self._seconds)

    def _talk(self, operation: Any) -> _Talk:
        if (form := _FORMS.get(type(operation))) is None:
            raise StoreError(f"no RedisEntries performs {type(operation).__name__}")
        return form(self, operation)

    def _entry(self, key: str) -> str:
        return f"{self._key}e:{key}"

    def _claimed(self, key: str) -> str:
        return f"{self._key}c:{key}"

    def _founding(self, op: Founding) -> _Talk:
        found = yield from _said("EVAL", _FOUND, 1, f"{self._key}salt", op.salt)
        return bytes(found)

    def _look(self, op: Look) -> _Talk:
        if len(op.keys) == 1:
            return (yield from _said("GET", self._entry(op.keys[0])))
        found = yield from _said("MGET", *map(self._entry, op.keys))
        return next((one for one in found if one is not None), None)

    def _look_each(self, op: LookEach) -> _Talk:
        found: list[bytes | None] = []
        for start in range(0, len(op.keys), _TOGETHER[0]):
            keys = op.keys[start : start + _TOGETHER[0]]
            found += yield from _said("MGET", *map(self._entry, keys))
        return tuple(found)

    def _claim(self, op: Claim) -> _Talk:
        keys = [self._claimed(op.keys[0]), *map(self._entry, op.keys)]
        lease = math.ceil(op.lease * 1000)
        there, what = yield from _said("EVAL", _CLAIM, len(keys), *keys, op.who, lease)
        return Claimed(what) if there else Claimed(taken=what / 1000)

    def _keep(self, op: Keep) -> _Talk:
        several = KeepEach(((op.key, op.entry),), op.seconds, op.claim, op.who)
        return (yield from self._keep_each(several)) == 1

    def _keep_each(self, op: KeepEach) -> _Talk:
        life = "" if op.seconds is None else max(1, math.ceil(op.seconds * 1000))
        kept, pages = 0, list(_paged(op.entries))
        for page in pages:
            keys = [self._entry(key) for key, _ in page]
            if op.claim and page is pages[-1]:
                keys.append(self._claimed(op.claim))
            entries = [entry for _, entry in page]
            kept += yield from _said("EVAL", _KEEP, len(keys), *keys, op.who, life, *entries)
        return kept

    def _release(self, op: Release) -> _Talk:
        return bool((yield from _said("EVAL", _LET_GO, 1, self._claimed(op.key), op.who)))

    def _clear(self, op: Clear) -> _Talk:
        gone = 0
        for page in self._pages(op.prefix):
            keys = yield from page
            if keys:
                gone += yield from _said("UNLINK", *keys)
        return gone

    def _weigh(self, op: Weigh) -> _Talk:
        count = 0
        for page in self._pages(""):
            count += len((yield from page))
        return Weighed(count, None)

    def _pages(self, prefix: str) -> Generator[_Talk, None, None]:
        """All keys of entries, page by page."""
        cursor: list[Any] = [b"0"]
        pattern = self._entry(prefix).translate(_PLAIN) + "*"

        def page() -> _Talk:
            cursor[0], keys = yield from _said("SCAN", cursor[0], "MATCH", pattern, "COUNT", _PAGE)
            return keys

        yield page()
        while int(cursor[0]):
            yield page()


def _paged(entries: Sequence[tuple[str, bytes]]) -> Iterator[Sequence[tuple[str, bytes]]]:
    """Entries in pages that are small enough to go at once; one that is not goes alone."""
    many, most = _TOGETHER
    page: list[tuple[str, bytes]] = []
    size = 0
    for one in entries:
        if page and (len(page) >= many or size + len(one[1]) > most):
            yield page
            page, size = [], 0
        page.append(one)
        size += len(one[1])
    yield page


_PLAIN: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\*?[]"})


def _said(*command: Any) -> _Talk:
    """One command: once more where the connection breaks, and where a cluster's node says that it is elsewhere."""
    repeated, moves = False, 0
    while True:
        try:
            return (yield command)
        except Exception as error:
            if moved_to(error) is not None and moves < _MOVES:
                moves += 1
            elif is_broken(error) and not repeated:
                repeated = True
            else:
                raise


_FORMS: Final[dict[type, Callable[[RedisEntries, Any], _Talk]]] = {
    Founding: RedisEntries._founding,  # noqa: SLF001 - the class's own table
    Look: RedisEntries._look,  # noqa: SLF001
    LookEach: RedisEntries._look_each,  # noqa: SLF001
    Claim: RedisEntries._claim,  # noqa: SLF001
    Keep: RedisEntries._keep,  # noqa: SLF001
    KeepEach: RedisEntries._keep_each,  # noqa: SLF001
    Release: RedisEntries._release,  # noqa: SLF001
    Clear: RedisEntries._clear,  # noqa: SLF001
    Weigh: RedisEntries._weigh,  # noqa: SLF001
}
