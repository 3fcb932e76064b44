"""Calls that belong together go to one member, and come back to it: by rendezvous hashing, so nothing is kept.

Each member has a score for each key, and those with the highest go first: who comes or goes changes only the calls
that were, or will be, its own. The same in every process, and on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from math import log
from typing import Any, Final, NamedTuple

from ..member import Member
from ..reading import texts_of
from ..wanted import Wanted
from .shuffle import weighed

__all__ = ["Places", "key_of", "nearest", "placed"]

_MASK: Final = (1 << 64) - 1
# Providers cache prompts from 1024 tokens on; so much text at the beginning is taken for the whole of it.
_PREFIX: Final = 4096


def key_of(wanted: Wanted, stays: frozenset[str]) -> str | None:
    """What a call is kept together with others by; ``None``: nothing."""
    if "session" in stays and wanted.session:
        return f"session {wanted.session}"
    if "user" in stays and wanted.user:
        return f"user {wanted.user}"
    return _prompt(wanted) if "prompt" in stays else None


def _prompt(wanted: Wanted) -> str | None:
    """The beginning of a prompt that is long enough to be cached, or the name that the caller has for it."""
    named = wanted.params.get("prompt_cache_key")
    if isinstance(named, str) and named:
        return f"prompt {named}"
    try:
        return _beginning(wanted)
    except RecursionError:
        return None  # it contains itself: whoever writes it says so


def _beginning(wanted: Wanted) -> str | None:
    begins: list[str] = []
    size = 0
    for text in texts_of(_read(wanted)):
        begins.append(text[: _PREFIX - size])
        size += len(begins[-1])
        if size >= _PREFIX:
            return "prefix " + "\0".join(begins)
    return None


def _read(wanted: Wanted) -> tuple[Any, ...]:
    """What a provider reads first: tools, instructions, and then the messages."""
    params: Mapping[str, Any] = wanted.params
    return (*(params.get(name) for name in ("tools", "system", "instructions")), wanted.subject)


def _hash(text: str) -> int:
    return int.from_bytes(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


class Places(NamedTuple):
    """Members, each with the place that it has among all keys.

    ``weights``: what parts of all keys they are to have; empty where these are equal.
    """

    members: Sequence[Member]
    hashes: Sequence[int]
    weights: Sequence[float] = ()


def placed(members: Sequence[Member]) -> Places:
    """What is needed to say where keys go among these members."""
    weights = weighed(members)
    hashes = [_hash(member.id) for member in members]
    return Places(members, hashes, weights if len(set(weights)) > 1 else ())


def nearest(key: str, places: Places) -> Iterator[Member]:
    """All members, the one that the key belongs to first, and behind it who takes its place."""
    members, hashes, weights = places
    scores: Sequence[float] = _scores(_hash(key), hashes)
    if weights:
        scores = list(map(_weighted, scores, weights))
    left = dict.fromkeys(range(len(members)))
    while left:
        place = max(left, key=scores.__getitem__)
        del left[place]
        yield members[place]


def _scores(at: int, hashes: Sequence[int]) -> Sequence[int]:
    """For each, 64 bits that look as if drawn for this key and this member."""
    return [
        ((mixed := (at ^ one) * 0x9E3779B97F4A7C15 & _MASK) ^ mixed >> 32) * 0xD6E8FEB86659FD93
        & _MASK
        for one in hashes
    ]


def _weighted(score: float, weight: float) -> float:
    """The highest of such is a member's as often as its weight says; below all, in their order, what weighs nothing."""
    if weight <= 0:
        return score - 2.0**65
    return -weight / log((score + 1) / (_MASK + 2))
