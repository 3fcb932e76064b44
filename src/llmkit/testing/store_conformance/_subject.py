"""The store under test: how its author opens it, and what every check needs to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final, NoReturn

import pytest

from ..._operations import (
    Attribution,
    Audit,
    Balances,
    Claim,
    Entry,
    ReadEntries,
    Refusal,
    Reserve,
    Reserved,
    Sweep,
    Window,
)
from ..._outbox import OUTBOX
from ..._settlements import Store

__all__ = ["DAY", "FOR_EVER", "LEASE", "START", "WHO", "SettableClock", "Subject", "claim"]

DAY: Final = 86_400_000
START: Final = 20_782 * DAY + 43_200_123
"""Noon of 2026-11-25 in UTC, and a little."""
LEASE: Final = 60_000
FOR_EVER: Final = Window()
WHO: Final = Attribution(("global", "user=ann"), "acme", "acme-large", "call_1")


class SettableClock:
    """A clock that stands until it is set: ``milliseconds`` of Unix time, told in seconds as ``time.time`` does."""

    def __init__(self, milliseconds: int = START) -> None:
        self.milliseconds = milliseconds

    def __call__(self) -> float:
        """Half a millisecond more, which no rounding of a float takes away."""
        return (self.milliseconds + 0.5) / 1000


def claim(
    amount: str | int = 1,
    limit: str | int | None = 10,
    account: str = "usd:ever:global",
    window: Window = FOR_EVER,
    **more: Any,
) -> Claim:
    """A claim of so much within such a limit."""
    return Claim(
        account, window, Decimal(amount), None if limit is None else Decimal(limit), **more
    )


class Subject:
    """Override ``open``; the rest has defaults that fit a store which many processes share."""

    shared: ClassVar[bool] = True
    """Whether what is opened twice at one place is one ledger."""
    grain: ClassVar[Decimal | None] = None
    """The smallest amount of dollars that it counts; ``None`` where any amount is kept exactly."""
    outbox: ClassVar[bool] = True
    """Whether it offers an outbox: those checks are skipped where it does not."""
    ends_calls: ClassVar[bool] = True
    """Whether ``SettleHold`` records the settlement that may come with it: those checks are skipped where not."""
    numbered: ClassVar[bool] = True
    """Whether it performs ``SettlementsAfter``: the check of it is skipped where it does not."""
    sequences: ClassVar[int] = 6
    """How many random sequences are compared with the reference."""
    steps: ClassVar[int] = 150
    """How many operations each has."""

    store: Store
    """What the check asks."""
    clock: SettableClock
    place: Path
    server: Any = None
    """What the fixture ``running`` gave."""
    _runner: asyncio.Runner | None = None

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """A store that reads this clock, and whose ledger is at ``place``: a new directory, or what has its name."""
        raise NotImplementedError

    @pytest.fixture
    def running(self) -> Any:
        """What runs before the store is opened: override it where there is a server to start."""

    @pytest.fixture(autouse=True, params=["sync", "async"])
    def _opened(
        self, request: pytest.FixtureRequest, tmp_path: Path, running: Any
    ) -> Iterator[None]:
        self.server = running
        self.clock, self.place = SettableClock(), tmp_path
        self.store = self.open(tmp_path, self.clock)
        if request.param == "sync" or not hasattr(self.store, "aperform"):
            yield
            self.store.close()  # type: ignore[attr-defined]
            return
        with asyncio.Runner() as self._runner:
            yield
            self._runner.run(self.store.aclose())  # type: ignore[attr-defined]

    def perform(self, operation: Any) -> Any:
        """Perform one operation, in the colour of this check."""
        if not self.outbox and type(operation) in OUTBOX:
            pytest.skip("it offers no outbox")
        if self._runner is None:
            return self.store.perform(operation)
        return self._runner.run(self.store.aperform(operation))  # type: ignore[attr-defined]

    # --- what checks say ---------------------------------------------------------------------

    def fail(self, message: str) -> NoReturn:
        """End the check with a message."""
        pytest.fail(f"{type(self.store).__name__}: {message}", pytrace=False)

    def expect(self, fulfilled: object, message: str) -> None:
        """End the check unless this holds."""
        if not fulfilled:
            self.fail(message)

    def same(self, found: object, wanted: object) -> None:
        """End the check unless these are equal."""
        self.expect(found == wanted, f"expected {wanted!r}\n found   {found!r}")

    # --- asking ------------------------------------------------------------------------------

    def hold(self, hold: str, *claims: Claim, lease: int = LEASE, **more: Any) -> Any:
        """Reserve."""
        return self.perform(Reserve(hold, claims, lease, **more))

    def held(self, hold: str, *claims: Claim, **more: Any) -> Reserved:
        """Reserve, which must succeed."""
        answer = self.hold(hold, *claims, **more)
        if not isinstance(answer, Reserved):
            self.fail(f"expected {hold} to be Reserved; found {answer!r}")
        return answer

    def standing(self, *claims: Claim) -> list[tuple[str, str]]:
        """(spent, held) of the accounts of these claims, as texts."""
        lines: tuple[Refusal, ...] = self.perform(Balances(claims)).lines
        return [(_text(line.spent), _text(line.used - line.spent)) for line in lines]

    def entries(self) -> tuple[Entry, ...]:
        """The ledger."""
        found: tuple[Entry, ...] = self.perform(ReadEntries())
        return found

    def entered(self) -> list[tuple[str, str, str]]:
        """(id, kind, dollars) of each entry of the ledger."""
        return [(entry.id, entry.kind, _text(entry.usd)) for entry in self.entries()]

    def expire(self, lease: int = LEASE) -> int:
        """Let leases of this length end, and sweep."""
        self.clock.milliseconds += lease
        swept: int = self.perform(Sweep())
        return swept

    def audited(self, *, holds: int = 0, expired: int = 0) -> None:
        """Expect that everything balances, with so many holds live and expired."""
        audit = self.perform(Audit())
        self.expect(not audit.differences, f"the audit found {audit.differences}")
        self.same((audit.holds, audit.expired), (holds, expired))


def _text(amount: Decimal) -> str:
    return format(amount.normalize(), "f") if amount else "0"
