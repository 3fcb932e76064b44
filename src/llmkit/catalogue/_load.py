"""Reads the data files: one JSON file per provider, on first use, kept for the process.

Rows become records only when they are asked for, so a file of thousands costs its parsing.
No network, no writing, no judgement about prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from .. import _json
from ._model import FrozenMap, ModelInfo, Rate, Uplift

FORMAT = 2
_DATA = Path(__file__).parent / "data"

Row = Mapping[str, Any]


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
        return self.built.get(key) or self.built.setdefault(key, _model(self.head, row))

    def models(self) -> Iterator[ModelInfo]:
        for row in self.head["models"]:
            found = self.model(row["name"])
            if found is not None:
                yield found


@cache
def open_file(provider: str) -> DataFile | None:
    """The provider's file, or ``None`` if the catalogue has none. Raises nothing on bad names."""
    # The name may come from a stranger: nothing that could climb out of the directory.
    if not (provider.isascii() and provider.replace("_", "").replace("-", "").isalnum()):
        return None
    try:
        text = (_DATA / f"{provider}.json").read_bytes()
    except FileNotFoundError:
        return None
    return parse(text)


@cache
def provider_names() -> tuple[str, ...]:
    """Providers that have a file: first those that list models of their own making."""
    names = [entry.name.removesuffix(".json") for entry in _DATA.iterdir()]
    opened = [(name, found) for name in names if (found := open_file(name)) is not None]
    opened.sort(key=lambda pair: (not pair[1].head["own"], pair[0]))
    return tuple(name for name, _ in opened)


def parse(text: bytes) -> DataFile:
    """Reads a file's text. Raises ValueError on another format or a name used twice."""
    head: Row = _json.load(text)
    if head.get("format") != FORMAT:
        raise ValueError(f"catalogue format {head.get('format')!r}, this reads {FORMAT}")
    rows: dict[str, Row] = {}
    for row in head["models"]:
        for name in (row["name"], *row.get("aliases", ())):
            if name in rows:
                raise ValueError(f"{head['provider']}: {name} is listed twice")
            rows[name] = row
    return DataFile(head, rows, {})


def _model(head: Row, row: Row) -> ModelInfo:
    source = head["sources"][row["src"]]
    max_input, max_output = row["limits"]
    return ModelInfo(
        provider=head["provider"],
        name=row["name"],
        aliases=tuple(row.get("aliases", ())),
        mode=row["mode"],
        max_input_tokens=max_input,
        max_output_tokens=max_output,
        input_modalities=frozenset(row["in"].split()),
        output_modalities=frozenset(row["out"].split()),
        capabilities=frozenset(row["can"].split()),
        deprecated=row.get("deprecated"),
        rates=tuple(_rates(head, row)),
        source=source["page"],
        read=source["read"],
        via=source["via"],
        revision=head["revision"],
        tiers=FrozenMap({k: tuple(v) for k, v in head["tiers"].items()}),
        defaults=FrozenMap(head["defaults"]),
        priced_as=FrozenMap({**head["priced_as"], **row.get("priced_as", {})}),
        uplifts=tuple(Uplift(FrozenMap(w), Decimal(f)) for w, f in row.get("uplifts", ())),
        cache_write_marker=head["cache_write_marker"],
    )


def _rates(head: Row, row: Row) -> Iterator[Rate]:
    for group in row["rates"]:
        source = head["sources"][group["src"]]
        condition: FrozenMap[str | int] = FrozenMap(group.get("when"))
        origin = (condition, source["page"], source["read"], source["via"])
        for key, usd in group["usd"].items():
            dimension, unit, per = head["dimensions"][key]
            yield Rate(dimension, unit, Decimal(usd), per, *origin)
