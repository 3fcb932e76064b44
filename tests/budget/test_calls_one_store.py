"""A call whose budget is kept in its client's ledger ends in one operation; in any other case in two, never in none."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from llmkit._operations import SettleHold
from llmkit._settlements import Settle, Settlement, Settlements
from llmkit.budget import Budget
from llmkit.errors import RateLimitError, StoreError, StoreUnavailableError
from llmkit.ledger import MemoryLedger
from llmkit.stores import MemoryStore, SQLiteStore
from llmkit.testing import Simulator, faults

from ..billing._recorded import Billing, Desk
from ..io._colour import COLOURS, Colour
from ._purse import ASK, COST, Purse

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
each_colour = pytest.mark.parametrize("colour", COLOURS)


class Watched(MemoryStore):
    """A store that says what it was asked, and fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []
        self.failing: list[Exception] = []

    @override
    def perform(self, operation: Any) -> Any:
        """Perform, or fail."""
        self.asked.append(operation)
        if type(operation) is SettleHold and self.failing:
            raise self.failing.pop(0)
        return super().perform(operation)

    @property
    def ends(self) -> list[str]:
        """What it was asked at the ends of calls."""
        holds = {True: "hold", False: "both"}
        return [
            "call" if type(op) is Settle else holds[op.settlement is None]
            for op in self.asked
            if type(op) in {Settle, SettleHold}
        ]

    @property
    def calls(self) -> list[Settlement]:
        """How calls ended."""
        return list(super().perform(Settlements()))


class Older(Watched):
    """One that does not know that a settlement may come with the end of a hold."""

    @override
    def perform(self, operation: Any) -> Any:
        """Perform the one alone."""
        if type(operation) is SettleHold:
            kept, operation = operation, operation._replace(settlement=None)
            found = super().perform(operation)
            self.asked[-1] = kept
            return found
        return super().perform(operation)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Who answers."""
    with Simulator() as sim:
        yield sim


def check(purse: Purse, store: Watched, ends: list[str]) -> None:
    """One hold was settled at its cost, one call has ended, in these steps."""
    assert store.ends == ends
    purse.check(COST, ["settle"])
    [call] = store.calls
    assert (call.outcome, call.cost) == ("completed", COST)


@each_form
@each_colour
def test_both_in_one(colour: str, sim: Simulator, *, stream: bool) -> None:
    """Whole or streamed, awaited or not: the hold's end brings the call's."""
    runs, store = Colour(colour), Watched()
    purse = Purse.of(store=store)

    async def body() -> None:
        client = purse.client(sim, ledger=store)
        await runs.ask(client, stream=stream, **ASK)
        await runs.close(client)

    runs.run(body)
    check(purse, store, ["both"])


def test_a_store_that_does_only_the_one_is_asked_for_the_other(sim: Simulator) -> None:
    """Somebody else's store need not know of it."""
    store = Older()
    purse = Purse.of(store=store)
    with purse.client(sim, ledger=store) as client:
        client.completion(**ASK)
    check(purse, store, ["both", "call"])


def test_a_ledger_of_its_own_gets_its_own(sim: Simulator) -> None:
    """Where the budget is kept elsewhere, nothing of the call is."""
    store, ledger = Watched(), MemoryLedger()
    purse = Purse.of(store=store)
    with purse.client(sim, ledger=ledger) as client:
        client.completion(**ASK)
    assert (store.ends, store.calls, len(ledger.settlements)) == (["hold"], [], 1)


def test_only_the_last_hold_brings_the_call(sim: Simulator) -> None:
    """What a retry and a fallback held is settled before."""
    store = Watched()
    purse = Purse.of(Budget(1000), store=store)
    sim.fail(faults.Status(502), faults.Status(429))
    with purse.client(sim, ledger=store) as client:
        client.completion(**{**ASK, "num_retries": 2})
    assert store.ends == ["hold", "hold", "both"]
    assert purse.kinds == ["unknown", "release", "settle"]
    assert len(store.calls) == 1
    assert purse.audit().differences == ()


def test_a_call_that_fails_ends_once_too(sim: Simulator) -> None:
    """Its hold has ended with its attempt; the call's end goes by itself, or with it."""
    store = Watched()
    purse = Purse.of(store=store)
    sim.fail(faults.Status(429))
    with purse.client(sim, ledger=store) as client, pytest.raises(RateLimitError):
        client.completion(**ASK)
    assert [call.outcome for call in store.calls] == ["failed"]
    assert purse.kinds == ["release"]


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), StoreError("no")])
def test_a_store_that_fails_at_the_end(error: Exception, sim: Simulator) -> None:
    """The hold is kept for later, without the call's settlement, which is stored at once if it can be."""
    store = Watched()
    purse = Purse.of(store=store)
    store.failing.append(error)
    with purse.client(sim, ledger=store) as client:
        client.completion(**ASK)
        assert store.ends == ["both", "call"]
        assert len(store.calls) == 1
        assert purse.audit().holds == 1
        purse.manager.catch_up()
        assert store.ends == ["both", "call", "hold"]
        purse.check(COST, ["settle"])


def test_what_is_billed_is_told_before_the_call_ends(sim: Simulator) -> None:
    """Who is billed for a call is owed it before its settlement says that it is over."""
    store = Watched()
    purse, desk = Purse.of(store=store), Desk(store.asked)
    with purse.client(sim, ledger=store, billing=Billing(desk)) as client:
        client.completion(**ASK)
    desk.check()
    order = [type(op).__name__ for op in store.asked]
    assert order.index("Finish") < order.index("Settle")
    check(purse, store, ["hold", "call"])


def test_a_file_has_both_or_neither(sim: Simulator, tmp_path: Path) -> None:
    """The ledger's entry and the call's settlement are one transaction's."""
    with closing(SQLiteStore(tmp_path / "x.db")) as store:
        purse = Purse.of(store=store)
        with purse.client(sim, ledger=store) as client:
            client.completion(**ASK)
            counts: Counter[str] = Counter()
            connection = store._seat._connection
            assert connection is not None
            connection.set_trace_callback(lambda text: counts.update(text.split()[:1]))
            client.completion(**ASK)
            assert counts["COMMIT"] == 2
            with closing(sqlite3.connect(tmp_path / "x.db")) as other:
                assert other.execute("SELECT count(*) FROM llmkit_settlement").fetchone() == (2,)
        assert purse.spent == 2 * COST
