"""A budget over a store of its own, and the questions that are asked of it after every call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import llmkit
from llmkit import RetryPolicy
from llmkit._operations import Audit, Audited, Entry, ReadEntries
from llmkit.budget import Budget, BudgetManager
from llmkit.stores import MemoryStore
from llmkit.testing import Simulator

__all__ = ["ASK", "BOUND", "COST", "HELLO", "KEY", "MODEL", "Purse", "world"]

KEY = "sk-" + "budget-0123456789abcdef"
MODEL = "openai/gpt-4o-mini"
HELLO = [{"role": "user", "content": "hello"}]
ASK: dict[str, Any] = {"model": MODEL, "messages": HELLO, "max_tokens": 100, "num_retries": 0}
# What the simulator says that it used is 5 tokens in and 12 out, at 0.15 and 0.60 USD for a million.
COST = Decimal("0.00000795")
# 155 bytes at most of prompt, and 100 tokens of answer, at 0.25 and 1.00 USD: the dearest tier.
BOUND = Decimal("0.00013875")


@dataclass
class Purse:
    """A manager, its store, and what its client's callbacks are told."""

    manager: Any
    told: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, *rules: Any, store: Any = None, **options: Any) -> Purse:
        """Over rules; by default more money than anybody needs here."""
        given = rules or (Budget(1000),)
        return cls(BudgetManager(store or MemoryStore(), given, **options))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The ledger."""
        return tuple(self.manager.store.perform(ReadEntries()))

    @property
    def kinds(self) -> list[str]:
        """How its holds ended, in order."""
        return [entry.kind for entry in self.entries]

    @property
    def spent(self) -> Decimal:
        """What the ledger comes to."""
        return sum((entry.usd for entry in self.entries), Decimal(0))

    def audit(self) -> Audited:
        """What an audit finds."""
        found: Audited = self.manager.store.perform(Audit())
        return found

    def check(self, spent: Decimal | str | None = None, kinds: Iterable[str] | None = None) -> None:
        """Nothing is held any more, the counters are what the ledger says, and this was spent, to the last unit."""
        found = self.audit()
        assert found.differences == ()
        assert (found.holds, found.expired) == (0, 0)
        ids = [entry.hold for entry in self.entries if entry.hold]
        assert len(ids) == len(set(ids))
        if kinds is not None:
            assert self.kinds == list(kinds)
        if spent is not None:
            assert self.spent == Decimal(spent), self.entries

    def of_kind(self, kind: type) -> list[Any]:
        """The events of a kind that were told."""
        return [event for event in self.told if isinstance(event, kind)]

    def client(self, sim: Simulator, **options: Any) -> Any:
        """A client of the simulator, under this budget."""
        retry = RetryPolicy(retries=0, first_wait=0.001, longest_wait=0.002)
        given = {"api_key": KEY, "base_url": sim.base_url, "retry": retry, **options}
        return llmkit.Client(budget=self.manager, callbacks=[self.told.append], **given)


@contextmanager
def world(*rules: Any, store: Any = None, **options: Any) -> Iterator[tuple[Simulator, Any, Purse]]:
    """A simulator, a client of it, and the budget that it is under."""
    purse = Purse.of(*rules, store=store, **options)
    with Simulator() as sim, purse.client(sim) as client:
        yield sim, client, purse
