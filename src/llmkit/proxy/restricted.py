"""Customers and tags that may not do everything: what is known of them, as values. Budgets are the ledger's.

They are few, and known with each key: a request that names one of them waits for nothing, and one that names none
looks at nothing. Who reads them: ``auth``; who heeds them: ``endpoints.beside``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["Restricted", "Restriction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What calls for a customer, or under a tag, may do. ``kind``: ``customer`` or ``tag``."""

    kind: str
    name: str
    blocked: bool = False
    models: frozenset[str] = frozenset()
    """What they may ask for, as keys have it: names, and ``openai/*``; none: everything."""
    region: str | None = None
    """Where the deployments have to be that are asked."""
    default_model: str | None = None
    """What is asked where a request names no model."""


@dataclass(frozen=True, slots=True)
class Restricted:
    """All of them, by their names."""

    customers: Mapping[str, Restriction] = field(default_factory=dict)
    tags: Mapping[str, Restriction] = field(default_factory=dict)

    def of(self, customer: str | None, tags: Iterable[str]) -> Iterator[Restriction]:
        """What holds for a call."""
        if customer is not None and customer in self.customers:
            yield self.customers[customer]
        yield from (self.tags[tag] for tag in tags if tag in self.tags)
