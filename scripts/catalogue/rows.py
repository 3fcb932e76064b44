"""What a source says of one model: facts, and rates by key and condition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

Condition = tuple[tuple[str, "str | int"], ...]
Rates = dict[tuple[str, Condition], "Price"]

# Modalities, in the order in which they are written.
ORDER: Final = ("text", "image", "audio", "video", "embedding", "score")
# How many units a price is for, by unit; by the whole key where that differs.
PER: Final = {
    "token": 1_000_000,
    "character": 1_000_000,
    "pixel": 1_000_000,
    "page": 1000,
    "call": 1000,
    "prompt": 1000,
    "source": 1000,
    "request": 1000,
    "search": 1000,
    "message": 1000,
}
_PER_KEY: Final = {"audio_input/second": 3600, "audio_output/second": 3600}


class Price(NamedTuple):
    """``usd`` for ``per(key)`` units, and the letter of who says so."""

    usd: Decimal
    source: str


class Conflict(NamedTuple):
    """Two figures for one thing, what was taken of them, and why."""

    provider: str
    model: str
    key: str
    condition: Condition
    genai: Decimal | None
    litellm: Decimal | None
    taken: str
    why: str


@dataclass
class Row:
    """One model of one provider as one source has it."""

    name: str
    mode: str
    facts: dict[str, Any] = field(default_factory=dict)
    rates: Rates = field(default_factory=dict)
    uplifts: tuple[tuple[Condition, Decimal], ...] = ()
    aliases: list[str] = field(default_factory=list)


def per(key: str) -> int:
    """How many units the prices of a key are for."""
    return _PER_KEY.get(key) or PER.get(key.partition("/")[2] or "token", 1)


def ordered(parts: Iterable[tuple[str, str | int]]) -> Condition:
    """A condition in its one order."""
    return tuple(sorted(parts))


def tidy(number: Decimal) -> Decimal:
    """Without trailing zeros or an exponent."""
    return Decimal(format(number.normalize(), "f"))


def spell(when: Condition) -> str:
    """A condition as the files have it."""
    return " ".join(f"{key}={value}" for key, value in when)
