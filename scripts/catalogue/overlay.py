"""What is kept by hand: how providers' rates are to be read, decisions, corrections, further models.

One file for each provider that needs one, in ``overlay/``; ``_providers.json`` has what is short.
Rates are spelled as in the data files: ``{"l service_tier=batch": "input 0.5 output 2"}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from .rows import Condition, Conflict, Price, Rates, Row, ordered, spell

DIRECTORY: Final = Path(__file__).parent / "overlay"
_SETS: Final = ("in", "out")


@dataclass
class Overlay:
    """One provider's part."""

    head: dict[str, Any] = field(default_factory=dict)
    choices: list[tuple[str, str, str]] = field(default_factory=list)
    skip: list[str] = field(default_factory=list)
    models: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def read(provider: str, directory: Path = DIRECTORY) -> Overlay:
    """The provider's overlay; empty if it has none."""
    short = directory / "_providers.json"
    table = json.loads(short.read_text()) if short.exists() else {}
    path = directory / f"{provider}.json"
    own = json.loads(path.read_text()) if path.exists() else {}
    head = {**table.get("", {}), **table.get(provider, {}), **own.get("head", {})}
    choices = [(str(a), str(b), str(c)) for a, b, c in own.get("choices", ())]
    lists = {key: own.get(key, []) for key in ("skip", "order", "names")}
    return Overlay(head, choices, models=own.get("models", {}), **lists)


def apply(provider: str, overlay: Overlay, rows: dict[str, Row]) -> list[Conflict]:
    """Lays the corrections over the rows, and adds the models that no source has.

    Returns the figures of the sources that were set aside.
    """
    aside: list[Conflict] = []
    for pattern in overlay.skip:
        for name in [name for name in rows if re.fullmatch(pattern, name)]:
            del rows[name]
    for pattern, change in overlay.models.items():
        names = (
            [name for name in rows if re.fullmatch(pattern[1:], name)]
            if pattern[0] == "~"
            else [pattern]
        )
        for name in names:
            row = rows.setdefault(name, Row(name, "chat", _blank()))
            before = dict(row.rates)
            _change(row, change)
            aside += _set_aside(provider, row, before, change.get("why", "decided by hand"))
            for alias in change.get("aliases", ()):
                rows.pop(alias, None)
    return aside


def _set_aside(provider: str, row: Row, before: Rates, why: str) -> list[Conflict]:
    found = []
    for rate, price in before.items():
        now = row.rates.get(rate)
        if now is None or now.usd != price.usd:
            genai = price.usd if "g" in price.source else None
            litellm = price.usd if "l" in price.source else None
            taken = f"**{now.usd:f}** by hand" if now else "left out by hand"
            text = f"{taken}: {why}"
            found.append(Conflict(provider, row.name, *rate, genai, litellm, "hand", text))
    return found


def _blank() -> dict[str, Any]:
    nothing: dict[str, Any] = {"limits": [None, None], "deprecated": None, "vector": None}
    return {**nothing, "in": ["text"], "out": ["text"], "can": set()}


def _change(row: Row, change: Mapping[str, Any]) -> None:
    row.mode = change.get("mode", row.mode)
    row.aliases = sorted({*row.aliases, *change.get("aliases", ())})
    for fact in ("limits", "deprecated", "vector", "src", "defaults"):
        if fact in change:
            row.facts[fact] = change[fact]
    if "priced_as" in change:
        # Several patterns may each say something of one model.
        row.facts["priced_as"] = {**row.facts.get("priced_as", {}), **change["priced_as"]}
    for fact in _SETS:
        if fact in change:
            row.facts[fact] = change[fact].split()
    if "can" in change:
        row.facts["can"] = _capabilities(row.facts["can"], change["can"])
    if "uplifts" in change:
        row.uplifts = tuple((ordered(w.items()), Decimal(f)) for w, f in change["uplifts"])
    for dropped in change.get("drop", ()):
        row.rates = {
            rate: p for rate, p in row.rates.items() if not re.fullmatch(dropped, spelled(rate))
        }
    row.rates |= rates(change.get("rates", {}))


def spelled(rate: tuple[str, Condition]) -> str:
    """A rate's key and condition in one line."""
    return f"{rate[0]} {spell(rate[1])}".strip()


def _capabilities(now: set[str], change: str) -> set[str]:
    """``+tools -pdf`` changes the set, ``tools pdf`` is the set."""
    words = change.split()
    if not all(word[0] in "+-" for word in words):
        return set(words)
    added = {word[1:] for word in words if word[0] == "+"}
    return (now | added) - {word[1:] for word in words if word[0] == "-"}


def rates(groups: Mapping[str, str]) -> Rates:
    """Rates out of their spelling: source and conditions before, keys and prices behind."""
    found: Rates = {}
    for group, text in groups.items():
        source, *conditions = group.split()
        pairs = [word.partition("=") for word in conditions]
        when = ordered((k, int(v) if k == "input_tokens_over" else v) for k, _, v in pairs)
        words = text.split()
        for key, usd in zip(words[::2], words[1::2], strict=True):
            found[key, when] = Price(Decimal(usd), source)
    return found
