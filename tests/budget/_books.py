"""A store with a clock that is moved by hand, and managers over it in three colours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import trio

from llmkit.budget import BudgetManager
from llmkit.stores import MemoryStore

COLOURS = ("sync", "asyncio", "trio")
START = 1_790_000_000
"""21 September 2026, 14:13:20 UTC."""
DAY = 86_400


class Clock:
    """Seconds of Unix time."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Office:
    """One store, and as many processes' managers as are wanted, all driven in one colour."""

    def __init__(self, colour: str = "sync") -> None:
        self.colour = colour
        self.clock = Clock()
        self.store = Counting(MemoryStore(clock=self.clock))
        self.events: list[Any] = []

    def manager(self, *budgets: Any, **more: Any) -> BudgetManager:
        """A process's own."""
        return BudgetManager(self.store, budgets, callbacks=[self.events.append], **more)

    def do(self, one: Any, name: str, *args: Any, **more: Any) -> Any:
        """Call a method, in this office's colour."""
        if self.colour == "sync":
            return getattr(one, name)(*args, **more)

        async def call() -> Any:
            return await getattr(one, f"a{name}")(*args, **more)

        return self.run(call)

    def run(self, function: Callable[[], Any]) -> Any:
        """Run an async function."""
        return asyncio.run(function()) if self.colour == "asyncio" else trio.run(function)

    def told(self, kind: type) -> list[Any]:
        """The events of a kind, so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def balanced(self, manager: BudgetManager) -> bool:
        """Whether the ledger equals the balances."""
        return not self.do(manager, "audit").differences


class Counting:
    """A store that knows what it was asked."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.asked: list[Any] = []
        self.before: Callable[[Any], None] = lambda _: None

    def perform(self, operation: Any) -> Any:
        self.asked.append(operation)
        self.before(operation)
        return self._store.perform(operation)

    def count(self, kind: type) -> int:
        """How often it was asked for this kind since the last time."""
        found = sum(type(operation) is kind for operation in self.asked)
        self.asked = []
        return found
