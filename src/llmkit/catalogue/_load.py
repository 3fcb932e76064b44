"""Reads the data files: one JSON file per provider, on first use, kept for the process.

Rows become records only when they are asked for, so a file of thousands costs its parsing.
No network, no writing, no judgement about prices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from .. import _json
from ._model import FrozenMap, ModelInfo, Rate, Uplift

FORMAT = 3
_DATA = Path(__file__).parent / "data"
_INDEX = Path(__file__).parent / "makers_and_hosts.json"

Row = Mapping[str, Any]

# What a row has that does not say, neither itself nor the row that it is like.
UNSAID: Row = {
    "aliases": (),
    "mode": "chat",
    "limits": (None, None),
    "in": "text",
    "out": "text",
    "can": "",
    "deprecated": None,
    "vector": None,
    "src": "",
    "rates": {},
    "uplifts": (),
    "priced_as": {},
    "defaults": {},
}


@dataclass(frozen=True, slots=True)
class DataFile:
    """A parsed file: its header, and its rows by every name that finds them."""

    head: Row
    rows: Mapping[str, Row]
    built: dict[str, ModelInfo]

    def model(self, name: str) -> ModelInfo | None:
        row = self.rows.get(name)
        if row is None:
            return None
        key: str = row["name"]
        # setdefault: two threads that build it at once still hand out one record.
        return self.built.get(key) or self.built.setdefault(key, _model(self.head, self.whole(row)))

    def models(self) -> Iterator[ModelInfo]:
        for row in self.head["models"]:
            found = self.model(row["name"])
            if found is not None:
                yield found

    def check(self) -> None:
        """Make each record once and keep none, which all at once would be slow. Raises what a malformed row does."""
        for row in self.head["models"]:
            _model(self.head, self.whole(row))

    def whole(self, row: Row) -> Row:
        """The row with what it takes from the one that it is like (which is like no other)."""
        like = {**self.rows[row["like"]], "aliases": ()} if "like" in row else {}
        return {**UNSAID, **like, **row}


def open_file(provider: str) -> DataFile | None:
    """The provider's file, or ``None`` if the catalogue has none. Raises nothing on bad names."""
    known = _FILES.get(provider)
    if known is not None:
        return known
    # The name may come from a stranger: only what is in the index is read, and kept.
    if provider not in provider_names():
        return None
    # setdefault: threads that read it at once still hand out the same records.
    return _FILES.setdefault(provider, parse(_text(provider)))


_FILES: dict[str, DataFile] = {}


@cache
def _text(provider: str) -> bytes:
    return (_DATA / f"{provider}.json").read_bytes()


def mentions(provider: str, model: str) -> bool:
    """Whether a listed provider's file could list the model: looked for as text, which costs no parsing."""
    # What JSON would write otherwise is not looked for.
    plain = model.isascii() and model.isprintable() and not {'"', "\\"} & {*model}
    return not plain or model.encode() in _text(provider)


@cache
def index() -> Row:
    """Which files there are: ``makers`` list models of their own making, ``hosts`` others'."""
    return _checked(_json.load(_INDEX.read_bytes()))


@cache
def provider_names() -> tuple[str, ...]:
    """Providers that have a file: first those that list models of their own making."""
    return (*index()["makers"], *index()["hosts"])


def parse(text: bytes) -> DataFile:
    """Reads a file's text. Raises ValueError on another format or a name used twice."""
    head = _checked(_json.load(text))
    rows: dict[str, Row] = {}
    for row in head["models"]:
        for name in (row["name"], *row.get("aliases", ())):
            if name in rows:
                raise ValueError(f"{head['provider']}: {name} is listed twice")
            rows[name] = row
    return DataFile(head, rows, {})


def _checked(head: Row) -> Row:
    if head.get("format") != FORMAT:
        raise ValueError(f"catalogue format {head.get('format')!r}, this reads {FORMAT}")
    return head


def _model(head: Row, row: Row) -> ModelInfo:
    source = head["sources"][row["src"]]
    max_input, max_output = row["limits"]
    return ModelInfo(
        provider=head["provider"],
        name=row["name"],
        aliases=tuple(row["aliases"]),
        mode=row["mode"],
        max_input_tokens=max_input,
        max_output_tokens=max_output,
        input_modalities=frozenset(row["in"].split()),
        output_modalities=frozenset(row["out"].split()),
        capabilities=frozenset(row["can"].split()),
        deprecated=row["deprecated"],
        rates=tuple(_rates(head, row["rates"])),
        source=source["page"],
        read=source["read"],
        via=source["via"],
        revision=head["revision"],
        tiers=FrozenMap({k: tuple(v) for k, v in head["tiers"].items()}),
        defaults=FrozenMap({**head["defaults"], **row["defaults"]}),
        priced_as=FrozenMap({**head["priced_as"], **row["priced_as"]}),
        uplifts=tuple(Uplift(FrozenMap(w), Decimal(f)) for w, f in row["uplifts"]),
        cache_write_marker=head["cache_write_marker"],
        varies=_varies(head.get("varies"), row["name"]),
        vector_size=row["vector"],
    )


def _varies(told: Mapping[str, str] | None, name: str) -> str:
    """Why a router's price of a model is not the only one, unless its maker alone serves it."""
    return "" if told is None or re.match(told["but"], name) else told["why"]


def _rates(head: Row, groups: Mapping[str, str]) -> Iterator[Rate]:
    """Each group is a source and conditions (``l service_tier=batch``), then keys with prices."""
    for group, prices in groups.items():
        letter, *pairs = group.split()
        source = head["sources"][letter]
        condition: FrozenMap[str | int] = FrozenMap(dict(map(_condition, pairs)))
        origin = (condition, source["page"], source["read"], source["via"])
        words = prices.split()
        for key, usd in zip(words[::2], words[1::2], strict=True):
            dimension, _, unit = key.partition("/")
            yield Rate(dimension, unit or "token", Decimal(usd), head["per"][key], *origin)


def _condition(pair: str) -> tuple[str, str | int]:
    key, _, value = pair.partition("=")
    return key, int(value) if key == "input_tokens_over" else value
