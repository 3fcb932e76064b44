"""Spells a provider's file: a header, and one line for each model.

Rows that have much in common share it: ``like`` names a row from which is taken what is not said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from llmkit.catalogue._load import FORMAT, UNSAID

from .rows import Condition, Row, per

# As JSON has it.
DEFAULTS: Final[Mapping[str, Any]] = {
    key: list(value) if isinstance(value, tuple) else value
    for key, value in UNSAID.items()
    if key != "aliases"
}
_HEAD: Final = ("format", "provider", "revision", "own", "sources", "per", "defaults", "tiers")
_HEAD_REST: Final = ("cache_write_marker", "varies", "priced_as", "notes")
_SELDOM: Final = frozenset({"varies"})
_SNAPSHOT: Final = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|\d{3}|latest|default)")
_SHORT: Final = re.compile(r"accounts/fireworks/models/(.+)")


def spell(head: Mapping[str, Any], rows: Iterable[Row]) -> str:
    """The file's text."""
    plain = [_plain(row) for row in folded(list(rows))]
    keys = sorted(
        {word for row in plain for text in row["rates"].values() for word in text.split()[::2]}
    )
    letters = {group.partition(" ")[0] for row in plain for group in row["rates"]}
    letters |= {row["src"] for row in plain}
    used = {letter: source for letter, source in head["sources"].items() if letter in letters}
    full = {**head, "format": FORMAT, "sources": used, "per": {key: per(key) for key in keys}}
    names = [name for name in (*_HEAD, *_HEAD_REST) if name in full or name not in _SELDOM]
    lines = [f"{_json(name)}: {_json(full[name])}," for name in names]
    models = ",\n".join(_json(row) for row in shared(plain))
    return "{\n" + "\n".join(lines) + f'\n"models": [\n{models}\n]\n}}\n'


def folded(rows: list[Row]) -> list[Row]:
    """Dated snapshots that differ in nothing become aliases of what they are snapshots of."""
    kept: dict[str, Row] = {}
    taken = {name for row in rows for name in (row.name, *row.aliases)}
    for row in sorted(rows, key=lambda one: len(one.name)):
        base = _base(row, kept)
        if base is None:
            kept[row.name] = row
            short = _SHORT.fullmatch(row.name)
            if short and short[1] not in taken:
                row.aliases = [*row.aliases, short[1]]
                taken.add(short[1])
        else:
            base.aliases = [*base.aliases, row.name, *row.aliases]
    return [row for row in rows if row.name in kept]


def _base(row: Row, kept: Mapping[str, Row]) -> Row | None:
    cut = _SNAPSHOT.sub("", row.name)
    short = _SHORT.fullmatch(row.name)
    for name in (cut, short[1] if short else None):
        base = kept.get(name) if name and name != row.name else None
        if base and _comparable(base) == _comparable(row):
            return base
    return None


def _comparable(row: Row) -> dict[str, Any]:
    plain = _plain(row)
    return {key: value for key, value in plain.items() if key not in {"name", "aliases"}}


def _plain(row: Row) -> dict[str, Any]:
    facts = row.facts
    found = {
        "name": row.name,
        "aliases": sorted(set(row.aliases) - {row.name}),
        "mode": row.mode,
        "limits": list(facts["limits"]),
        "in": " ".join(facts["in"]),
        "out": " ".join(facts["out"]),
        "can": " ".join(sorted(facts["can"])),
        "deprecated": facts.get("deprecated"),
        "vector": facts.get("vector"),
        "src": facts.get("src", ""),
        "priced_as": facts.get("priced_as", {}),
        "defaults": facts.get("defaults", {}),
        "uplifts": [[dict(when), _money(factor)] for when, factor in row.uplifts],
        "rates": _groups(row),
    }
    return found if found["aliases"] else {k: v for k, v in found.items() if k != "aliases"}


_KEYS: Final = ("input", "cached_read", "cache_write", "output")


def _groups(row: Row) -> dict[str, str]:
    groups: dict[tuple[Condition, str], list[str]] = {}
    rank = {key: i for i, key in enumerate(_KEYS)}
    for (key, when), price in sorted(
        row.rates.items(), key=lambda one: (rank.get(one[0][0], 9), one[0][0])
    ):
        groups.setdefault((when, price.source), []).append(f"{key} {_money(price.usd)}")
    ordered = sorted(groups.items(), key=lambda one: (len(one[0][0]), str(one[0])))
    return {
        " ".join([source, *(f"{key}={value}" for key, value in when)]): " ".join(words)
        for (when, source), words in ordered
    }


def _money(number: Decimal) -> str:
    return format(number.normalize(), "f")


def shared(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each row in the fewest letters: in full, or like an earlier one."""
    whole: dict[str, Mapping[str, Any]] = {}
    found: list[dict[str, Any]] = []
    for row in rows:
        best = _differing(row, DEFAULTS)
        for name, other in whole.items():
            said = {"like": name, **_differing(row, other)}
            if len(_json(said)) < len(_json(best)):
                best = said
        if "like" not in best:
            whole[row["name"]] = row
        found.append({"name": row["name"], **best})
    return found


def _differing(row: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: row[key] for key in ("aliases",) if key in row}
    return said | {key: row[key] for key in DEFAULTS if row[key] != other[key]}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
