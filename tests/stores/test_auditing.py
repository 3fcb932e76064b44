"""The audit finds what is not as the ledger and the holds say: in literals, and planted into stores."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from llmkit._control.accounts import Hold
from llmkit._control.auditing import audited
from llmkit._operations import (
    NOBODY,
    Attribution,
    Audit,
    Audited,
    Claim,
    Difference,
    Entry,
    Line,
    Post,
    Reserve,
    UsageRow,
    Window,
)
from llmkit.stores import MemoryStore, SQLiteStore

from ._subject import Subject, claim

ONE, TWO = Decimal(1), Decimal(2)
LINE = Line("usd", 3, 1000, TWO)
HOLD = Hold("h", 99, False, TWO, (LINE,), NOBODY)
ENTRY = Entry(1, "e", "spend", 0, "", "", ONE, (("usd", 3, ONE),), Attribution(("s",)))
USED = UsageRow(0, "s", "p", "m", 1, 0, 0, ONE)


def test_what_fits_is_no_difference() -> None:
    """Spent as entered, held as held; an expired hold holds nothing, a forgotten counter says nothing."""
    old = ENTRY._replace(number=2, lines=(("usd", 1, ONE),), whose=NOBODY)
    expired = HOLD._replace(id="x", expired=True)
    found = audited(7, [("usd", 3, ONE, TWO)], [HOLD, expired], [ENTRY, old], [USED])
    assert found == Audited(7, 2, 1, 1, ())


@pytest.mark.parametrize(
    ("counters", "usage", "difference"),
    [
        ([("usd", 3, TWO, TWO)], [USED], Difference("spent", "usd @3", ONE, TWO)),
        ([("usd", 3, ONE, ONE)], [USED], Difference("held", "usd @3", TWO, ONE)),
        ([], [USED], Difference("held", "usd @3", TWO, Decimal(0))),
        ([("usd", 3, ONE, TWO)], [], Difference("usage", "s", ONE, Decimal(0))),
    ],
)
def test_one_unit_too_much_is_found(
    counters: list[tuple[str, int, Decimal, Decimal]],
    usage: list[UsageRow],
    difference: Difference,
) -> None:
    """With what it should be, and what it is."""
    assert audited(0, counters, [HOLD], [ENTRY], usage).differences == (difference,)


def test_usage_that_nobody_entered_is_found() -> None:
    """The sums are compared in both directions."""
    found = audited(0, [], [], [], [USED, USED._replace(day=1)])
    assert found.differences == (Difference("usage", "s", Decimal(0), TWO),)


def test_what_is_planted_in_a_file_is_found(tmp_path: Path) -> None:
    """Each counter and each sum, to the last digit."""
    subject = Subject(lambda clock: SQLiteStore(tmp_path / "llmkit.db", clock=clock))
    subject.post("bill", "0.1")
    subject.reserve("a", claim("0.2"))
    assert subject.sound()
    with closing(sqlite3.connect(tmp_path / "llmkit.db")) as other, other:
        other.execute("UPDATE llmkit_counter SET spent = '0.1000000000000000000000001', held = '0'")
        other.execute("UPDATE llmkit_usage SET usd = '0'")
    found = subject.perform(Audit()).differences
    assert [(d.what, d.key, d.found) for d in found] == [
        ("spent", "usd:x @0", Decimal("0.1000000000000000000000001")),
        ("held", "usd:x @0", Decimal(0)),
        ("usage", "user=ann", Decimal(0)),
    ]
    subject.store.close()


def test_what_is_planted_in_memory_is_found_behind_what_was_folded() -> None:
    """Entries that are no longer kept one by one count as before."""
    store = MemoryStore(keep=2)
    for number in range(9):
        charge = Claim("usd", Window(), Decimal(number))
        store.perform(Post(f"bill-{number}", (charge,), charge.amount, Attribution(("s",))))
    store.perform(Reserve("a", (Claim("usd", Window(), ONE),), 1000))
    found = store.perform(Audit())
    assert (found.entries, found.holds, found.differences) == (9, 1, ())
    store._rows.accounts["usd"].counters[0] = (Decimal(35), ONE)
    difference = Difference("spent", "usd @0", Decimal(36), Decimal(35))
    assert store.perform(Audit()).differences == (difference,)
