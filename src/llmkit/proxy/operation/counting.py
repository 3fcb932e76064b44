"""All that a gateway counts: calls, as ``telemetry`` counts them, and beside them requests, keys and statements.

What is counted can be written down and added up, so that several processes have one page. How it is shown:
``families``.
"""

from __future__ import annotations

from typing import Any, Final

from ...telemetry._counting import FEWER, CallCell, CallCounts, Histogram, Table

__all__ = ["UNKNOWN", "Counts"]

UNKNOWN: Final = "None"
"""What LiteLLM's labels say of what is not known."""


class Counts(CallCounts):
    """All that a gateway counts."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight = 0
        self.requests = Table(Histogram, ("route", "method", "status"), ("route", "method"), FEWER)
        self.keys = Table(CallCell, _KEY, _KEY)
        self.litellm = Table(CallCell, _LITELLM, (*_KEYED, "requested_model", "model"), FEWER)
        """Only where LiteLLM's names are asked for: each call by key and by model."""
        self.overhead = Table(Histogram, ("route",), ("route",))
        self.database = Table(Histogram, ("statement",))

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        tables = {name: table.plain() for name, table in self.tables.items()}
        return {"in_flight": self.in_flight, "tables": tables}

    def take(self, plain: dict[str, Any], *, alive: bool) -> None:
        """Add another process's; of one that is gone, only what grows."""
        self.in_flight += plain["in_flight"] if alive else 0
        for name, table in self.tables.items():
            table.take(plain["tables"][name])


_KEY: Final = ("key", "key_alias", "team", "user")
_KEYED: Final = ("hashed_api_key", "api_key_alias", "team", "user")
_LITELLM: Final = (
    *_KEYED, "requested_model", "model", "model_id", "api_provider", "route", "exception_class", "exception_status",
)  # fmt: skip
