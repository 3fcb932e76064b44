"""``Cache``: answers that are kept, for ``Client(cache=…)`` and ``Router(cache=…)``; and the stores that keep them.

What is kept, under which key, and who waits for whom is decided in ``_control.caching``. Here is what calls share.
"""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Self

from typing_extensions import override

from ._control.cache_key import space
from ._control.caching.controls import namespace_of, seconds_of
from ._control.caching.fit import KINDS, POSSIBLE
from ._entries import Clear, Founding, Weigh, Weighed
from ._io._digest import Reader
from ._io._flights import Flights
from ._io.stores.entries.memory import MemoryEntries
from ._io.stores.entries.redis import RedisEntries
from ._io.stores.entries.sqlite import SQLiteEntries
from .errors import ConfigurationError

__all__ = [
    "SEPARATES",
    "Cache",
    "CacheStats",
    "MemoryEntries",
    "RedisEntries",
    "SQLiteEntries",
    "Weighed",
]

SEPARATES: Final = ("organisation", "team", "user", "customer", "subscription", "key")
"""What says whose a call is, of what ``llmkit.context``, keywords and metadata say: others do not get its answers."""

_URLS: Final = ("redis://", "rediss://", "unix://")
_WORDS: Final = frozenset({"disk", "local", "redis", "sqlite", "true"})
"""What somebody else may call a kind of cache. A file of that name is hardly meant; ``./disk`` is one."""
_REST, _LONGEST_REST = 1.0, 30.0
_FOUNDED: Final = 60.0
"""Seconds for which a store's salt is believed to be the same."""
_KEY: Final = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{48}")


class CacheStats(Mapping[str, int]):
    """What a cache has done in this process, by name: ``hits``, ``misses``, ``kept``, ``unkept``, ``waited``,
    ``unreadable``, ``failures``, ``skipped`` (the store was down), ``inputs`` (of embeddings, that were known where
    others were asked for).
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = {name: counts.get(name, 0) for name in _COUNTED}

    @override
    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    @override
    def __iter__(self) -> Any:
        return iter(self._counts)

    @override
    def __len__(self) -> int:
        return len(self._counts)

    @override
    def __repr__(self) -> str:
        return f"CacheStats({', '.join(f'{n}={c}' for n, c in self._counts.items())})"


_COUNTED: Final = (
    "hits", "misses", "kept", "unkept", "waited", "unreadable", "failures", "skipped", "inputs",
)  # fmt: skip


class Cache:
    """Answers of calls, kept for calls that send the same. Several clients and routers may share one.

    Args:
        store: ``MemoryEntries()`` (the default), ``SQLiteEntries("answers.db")``, ``RedisEntries("redis://…")``; or
            ``"memory"``, a path, or a URL of Redis, which mean these.
        ttl: seconds for which an answer is kept; ``None``: as long as there is room for it. In Redis, where nothing
            but time throws out an entry unless the server is told otherwise, a day if nothing is said.
        namespace: entries of other namespaces are not found.
        mode: ``on``: for every call but those that say otherwise; ``off``: for those that ask for it
            (``caching=True``, or ``cache={"use-cache": True}``).
        kinds: the kinds of call that are kept: by default ``chat``, ``text_completion``, ``messages``, ``responses``,
            ``embedding``, ``rerank``, ``moderation`` and ``transcription``; there are ``speech`` and ``image``, too.
        separate: what says whose a call is and keeps its answers from others; see ``SEPARATES``. ``()``: everybody
            shares them.
        accounts: ``"separate"``: what was asked with one key is no answer for another's; ``"shared"``: it is.
        lease: seconds for which other processes wait at most for one that asks the same, and has died; 0: they do
            not wait.
        max_entry_bytes: larger answers are not kept.

    Raises:
        ConfigurationError: an argument cannot be meant.
    """

    def __init__(
        self,
        store: Any = None,
        *,
        ttl: float | None = None,
        namespace: str = "",
        mode: Literal["on", "off"] = "on",
        kinds: Iterable[str] | None = None,
        separate: Iterable[str] = SEPARATES,
        accounts: Literal["separate", "shared"] = "separate",
        lease: float = 30.0,
        max_entry_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        self.store = _store(store)
        if ttl is None and isinstance(self.store, RedisEntries):
            ttl = 86_400.0
        self.ttl = None if ttl is None else seconds_of(ttl, "ttl")
        self.namespace = namespace_of(namespace)
        self.mode = _one_of(mode, ("on", "off"), "mode")
        self.kinds = _some_of(KINDS if kinds is None else kinds, POSSIBLE, "kinds")
        self.separate = tuple(_some_of(separate, (*SEPARATES, "session", "tag"), "separate"))
        self.separates = _one_of(accounts, ("separate", "shared"), "accounts") == "separate"
        self.lease = seconds_of(lease, "lease")
        if not isinstance(max_entry_bytes, int) or max_entry_bytes < 1:
            raise ConfigurationError(f"max_entry_bytes is above 0, not {max_entry_bytes!r:.80}")
        self.max_entry_bytes = max_entry_bytes
        self.flights, self.reader = Flights(), Reader()
        self.salt: bytes | None = None
        """What keys are salted with, once the store was asked."""
        self.founded = -math.inf
        """When it was asked (monotonic seconds): somebody may empty the store, and another found it anew."""
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._down: float | None = None
        self._until, self._rest = 0.0, _REST

    @classmethod
    def of(cls, given: Any) -> Self | None:
        """What a client is told as ``cache``: a ``Cache``, its store, ``True`` for one in memory, or nothing."""
        if given is None or given is False:
            return None
        if isinstance(given, cls):
            return given
        return cls(None if given is True else given)

    @override
    def __repr__(self) -> str:
        return f"Cache({self.store!r}, ttl={self.ttl}, mode={self.mode!r})"

    # --- for its user

    @property
    def stats(self) -> CacheStats:
        """What it has done in this process."""
        return CacheStats(self._counts)

    def clear(self, namespace: str | None = None) -> int:
        """Throw out all entries, or those of a namespace; how many. Raises ``StoreError`` where that cannot be."""
        cleared: int = self.store.perform(Clear(self._prefix(namespace)))
        return cleared

    def forget(self, key: str) -> bool:
        """Throw out one answer, by its ``response.call.cache_key``; whether it was there.

        Raises:
            ConfigurationError: it is no such key.
            StoreError: the store cannot be asked.
        """
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ConfigurationError(f"a key is what response.call.cache_key says, not {key!r:.80}")
        # All keys are of one length: what begins with one is that one.
        return bool(self.store.perform(Clear(key)))

    def weigh(self) -> Weighed:
        """How many entries there are, and what they take. Raises ``StoreError`` where that is not possible."""
        weighed: Weighed = self.store.perform(Weigh())
        return weighed

    def close(self) -> None:
        """Close the store. It can be used again after it."""
        self.store.close()

    async def aclose(self) -> None:
        """Close the store, with what the running loop has open."""
        if (close := getattr(self.store, "aclose", None)) is not None:
            await close()
        else:
            self.store.close()

    def _prefix(self, namespace: str | None) -> str:
        if namespace is None:
            return ""
        self.salted(self.store.perform(Founding(self.salt or self.fresh_salt())))
        assert self.salt is not None  # noqa: S101 - it was just asked for
        return space(self.salt, namespace)

    # --- for its calls

    @staticmethod
    def fresh_salt() -> bytes:
        """A salt for a store that has none."""
        return os.urandom(32)

    def salted(self, salt: bytes) -> None:
        """The store was asked, and has this salt."""
        self.salt, self.founded = salt, time.monotonic()

    @property
    def unsalted(self) -> bool:
        """Whether the store is to be asked for its salt, once more after a while."""
        return self.salt is None or time.monotonic() - self.founded > _FOUNDED

    def count(self, name: str, many: int = 1) -> None:
        """So many more of these."""
        with self._lock:
            self._counts[name] += many

    def open(self) -> bool:
        """Whether the store may be asked: it is not, for a while, when it has failed."""
        if self._until and time.monotonic() < self._until:
            self.count("skipped")
            return False
        return True

    def broke(self) -> bool:
        """The store has failed; whether that is news."""
        now = time.monotonic()
        with self._lock:
            self._counts["failures"] += 1
            news = self._down is None
            if news:
                self._down = now
            # Calls that were on their way together have all met the one failure.
            if now >= self._until:
                self._until = now + self._rest
                self._rest = min(self._rest * 2, _LONGEST_REST)
        return news

    def works(self) -> float | None:
        """The store has answered: for how many seconds it did not, where that is news."""
        if self._down is None:
            return None
        with self._lock:
            since, self._down = self._down, None
            self._until, self._rest = 0.0, _REST
            # What was founded may be gone with a server that keeps nothing on disk.
            self.founded = -math.inf
        return None if since is None else time.monotonic() - since


def _store(given: Any) -> Any:
    if given is None or given == "memory":
        return MemoryEntries()
    if isinstance(given, str) and given.startswith(_URLS):
        return RedisEntries(given)
    if isinstance(given, str) and ("://" in given or given in _WORDS):
        # What stands behind it may have a password in it.
        scheme, behind, _ = given.partition("://")
        raise ConfigurationError(
            f"a cache is 'memory', a path such as 'answers.db', or a redis:// URL, not '{scheme:.40}{behind}'"
        )
    if isinstance(given, str | os.PathLike):
        return SQLiteEntries(given)
    if not callable(getattr(given, "perform", None)):
        raise ConfigurationError(
            f"a cache's store is MemoryEntries(), a path, or a redis:// URL, not {type(given).__name__}"
        )
    return given


def _one_of(given: Any, known: tuple[str, ...], what: str) -> str:
    if given not in known:
        raise ConfigurationError(f"{what} is {' or '.join(map(repr, known))}, not {given!r:.80}")
    return str(given)


def _some_of(given: Any, known: Iterable[str], what: str) -> frozenset[str]:
    names = frozenset({given} if isinstance(given, str) else given)
    if strange := sorted(map(str, names - frozenset(known))):
        raise ConfigurationError(
            f"{what}: there is no {', '.join(strange):.80}; there are {', '.join(sorted(known))}"
        )
    return names
