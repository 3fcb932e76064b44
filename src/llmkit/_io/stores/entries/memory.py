"""``MemoryEntries``: a cache's entries in this process, those used longest ago thrown out first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

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
from ....errors import ConfigurationError, StoreError
from .._forks import at_forks

__all__ = ["MemoryEntries"]

_EACH: Final = 300
"""Bytes that an entry takes beside its own."""


class _Kept(NamedTuple):
    entry: bytes
    until: float | None


class MemoryEntries:
    """Entries in memory, of ``max_bytes`` at most. Thread-safe; each process has its own.

    Args:
        max_bytes: what all entries may take; those used longest ago go first.
        clock: what gives the time, in seconds.

    Raises:
        ConfigurationError: ``max_bytes`` is no number above 0.
    """

    def __init__(
        self, max_bytes: int = 64 * 1024 * 1024, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not isinstance(max_bytes, int) or max_bytes < 1:
            raise ConfigurationError(f"max_bytes is a number of bytes above 0, not {max_bytes!r}")
        self.max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Kept] = OrderedDict()
        self._claims: dict[str, tuple[str, float]] = {}
        self._size = 0
        self._salt: bytes | None = None
        # Re-entrant: a signal's handler may look while this thread does.
        self._lock = threading.RLock()
        at_forks(self)

    @override
    def __repr__(self) -> str:
        return f"MemoryEntries(max_bytes={self.max_bytes})"

    def perform(self, operation: Any) -> Any:
        """Perform one operation. Raises ``StoreError`` for what is none of a cache's."""
        if (form := _FORMS.get(type(operation))) is None:
            raise StoreError(f"no MemoryEntries performs {type(operation).__name__}")
        with self._lock:
            return form(self, operation)

    def before_fork(self) -> None:
        """Nothing is half done when the process is copied."""
        self._lock.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on; who asks in the parent does not in its copy."""
        if child:
            self._claims.clear()
        self._lock.release()

    def close(self) -> None:
        """Nothing is open."""

    def _founding(self, op: Founding) -> bytes:
        self._salt = self._salt or op.salt
        return self._salt

    def _look(self, op: Look) -> bytes | None:
        for key in op.keys:
            kept = self._entries.get(key)
            if kept is None:
                continue
            if kept.until is not None and kept.until <= self._clock():
                self._drop(key)
                continue
            self._entries.move_to_end(key)
            return kept.entry
        return None

    def _look_each(self, op: LookEach) -> tuple[bytes | None, ...]:
        return tuple([self._look(Look((key,))) for key in op.keys])

    def _claim(self, op: Claim) -> Claimed:
        if (entry := self._look(Look(op.keys))) is not None:
            return Claimed(entry)
        now, key = self._clock(), op.keys[0]
        who, until = self._claims.get(key, ("", 0.0))
        if until > now and who != op.who:
            return Claimed(taken=until - now)
        if op.lease > 0:
            self._claims[key] = op.who, now + op.lease
        return Claimed()

    def _keep(self, op: Keep) -> bool:
        self._release(Release(op.claim, op.who))
        self._drop(op.key)
        size = _size(op.key, op.entry)
        if size > self.max_bytes:
            return False
        until = None if op.seconds is None else self._clock() + op.seconds
        self._entries[op.key] = _Kept(op.entry, until)
        self._size += size
        while self._size > self.max_bytes:
            self._drop(next(iter(self._entries)))
        return True

    def _keep_each(self, op: KeepEach) -> int:
        self._release(Release(op.claim, op.who))
        return sum([self._keep(Keep(key, entry, op.seconds)) for key, entry in op.entries])

    def _drop(self, key: str) -> None:
        kept = self._entries.pop(key, None)
        if kept is not None:
            self._size -= _size(key, kept.entry)

    def _release(self, op: Release) -> bool:
        if self._claims.get(op.key, ("",))[0] != op.who:
            return False
        return self._claims.pop(op.key, None) is not None

    def _clear(self, op: Clear) -> int:
        keys = [key for key in self._entries if key.startswith(op.prefix)]
        for key in keys:
            self._drop(key)
        return len(keys)

    def _weigh(self, op: Weigh) -> Weighed:
        return Weighed(len(self._entries), self._size)


def _size(key: str, entry: bytes) -> int:
    return len(key) + len(entry) + _EACH


_FORMS: Final[dict[type, Callable[[MemoryEntries, Any], Any]]] = {
    Founding: MemoryEntries._founding,  # noqa: SLF001 - the class's own table
    Look: MemoryEntries._look,  # noqa: SLF001
    LookEach: MemoryEntries._look_each,  # noqa: SLF001
    Claim: MemoryEntries._claim,  # noqa: SLF001
    Keep: MemoryEntries._keep,  # noqa: SLF001
    KeepEach: MemoryEntries._keep_each,  # noqa: SLF001
    Release: MemoryEntries._release,  # noqa: SLF001
    Clear: MemoryEntries._clear,  # noqa: SLF001
    Weigh: MemoryEntries._weigh,  # noqa: SLF001
}
