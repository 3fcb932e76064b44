"""What a request to the fake Lago asks for, read: path, query, body, the time, and the switches that bear on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

__all__ = ["Asked", "LagoRequest"]


@dataclass(slots=True)
class LagoRequest:
    """A request as it came in. *at*: Unix time by the fake's clock; *connection*: which, from 1 (0: none).

    *status* is what was answered: `None` until then, and for good where no answer went out.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: float = 0.0
    connection: int = 0
    status: int | None = None

    def json(self) -> Any:
        """The body, parsed. Raises `ValueError` if it is not JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in the body, whether it is one or many."""
        said = self.json() if self.method == "POST" and self.body else {}
        return list(said.get("events") or ([said["event"]] if "event" in said else []))


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read. *now*: the server's Unix time."""

    query: Mapping[str, str]
    body: bytes
    now: float
    names: tuple[str, ...] = ()
    """What stands in the path's variable places."""
    batch_limit: int = 100
    rolls_back: bool = True

    def member(self, name: str) -> Any:
        """A member of the body's object, its numbers as they stand; `None` without. Raises `ValueError`: no JSON."""
        said = json.loads(self.body or b"{}", parse_float=Decimal)
        return said.get(name) if isinstance(said, dict) else None
