"""What a cache's store performs: named operations on entries, which are bytes under a key, for a while.

They are no ledger's: an entry may be lost at any time, nothing is counted, and whoever is full throws out what was used
longest ago. What is in an entry, and what its key says, is not known here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "ENTRIES",
    "Claim",
    "Claimed",
    "Clear",
    "Founding",
    "Keep",
    "KeepEach",
    "Look",
    "LookEach",
    "Release",
    "Weigh",
    "Weighed",
]


class Founding(NamedTuple):
    """What all who share the store salt their keys with: ``salt``, unless there is one already. Its result is bytes."""

    salt: bytes


class Look(NamedTuple):
    """The first of these keys that has an entry: its bytes, or ``None``."""

    keys: tuple[str, ...]


class LookEach(NamedTuple):
    """What each of these keys has: as many as there are keys, ``None`` where there is nothing."""

    keys: tuple[str, ...]


class Claim(NamedTuple):
    """Look once more, and where there is nothing, be the one who asks: for ``lease`` seconds, as ``who``."""

    keys: tuple[str, ...]
    who: str
    lease: float


class Claimed(NamedTuple):
    """``entry``: somebody has kept it meanwhile. ``taken``: somebody else asks, for so many seconds at most."""

    entry: bytes | None = None
    taken: float = 0.0


class Keep(NamedTuple):
    """Keep an entry for ``seconds``, or as long as there is room (``None``). Who asks under ``claim`` has asked."""

    key: str
    entry: bytes
    seconds: float | None
    claim: str = ""
    who: str = ""


class KeepEach(NamedTuple):
    """Keep several entries (key, bytes), as ``Keep`` does with one; the result says how many were."""

    entries: tuple[tuple[str, bytes], ...]
    seconds: float | None
    claim: str = ""
    who: str = ""


class Release(NamedTuple):
    """``who`` asks no more, and has nothing to keep."""

    key: str
    who: str


class Clear(NamedTuple):
    """Throw out all entries whose keys begin like this; the result says how many."""

    prefix: str = ""


class Weigh(NamedTuple):
    """How many entries there are, and what they take: ``Weighed``."""


class Weighed(NamedTuple):
    """So many entries, of so many bytes; ``None`` where the store does not know."""

    entries: int
    size: int | None


ENTRIES: frozenset[type[Any]] = frozenset({
    Founding, Look, LookEach, Claim, Keep, KeepEach, Release, Clear, Weigh,
})  # fmt: skip
