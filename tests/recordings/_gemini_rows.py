"""Recorded generateContent traffic as values: the bodies as they were sent, arrays as arrays."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from . import _reader

if TYPE_CHECKING:
    from collections.abc import Iterator

APIS = (
    "gemini.generateContent",
    "gemini.streamGenerateContent",
    "vertex.generateContent",
    "vertex.streamGenerateContent",
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A row, with where it was sent and where it comes from."""

    row: _reader.Row
    path: str
    source: str

    @property
    def id(self) -> str:
        """The row's id."""
        return self.row.id

    @property
    def enterprise(self) -> bool:
        """Whether it was Vertex AI that answered."""
        return self.row.api.startswith("vertex.")


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All rows of the wire; none where there are no recordings."""
    found = _reader.directory()
    return () if found is None else tuple(e for api in APIS for e in _read(found, api))


def _read(recordings: Any, api: str) -> Iterator[Exchange]:
    path = recordings / f"{api}.jsonl.gz"
    if not path.exists():
        return
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            raw = json.loads(line)
            row = _reader._row(api, raw)
            row = replace(row, body=_reader._body(raw["response"]))
            yield Exchange(row, (raw.get("request") or {}).get("path") or "", raw["source"])


def events(row: _reader.Row) -> list[Any]:
    """The JSON of each event, in whichever of the recorded framings they are."""
    text = row.body.decode()
    if not text.lstrip().startswith(("{", "[")):
        lines = text.replace("\r\n", "\n").split("\n")
        return [json.loads(line[5:]) for line in lines if line.startswith("data:")]
    try:
        whole = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return whole if isinstance(whole, list) else [whole]
