"""What is memory's own: what does not come to its end is undone, what is old is folded, and it does not grow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from llmkit._operations import Audit, ReadEntries, Reserve, Reserved, SettleHold, Sweep
from llmkit._settlements import Settle, Settlement, Settlements
from llmkit.errors import ConfigurationError
from llmkit.stores import MemoryStore

from ._subject import ANN, MINUTE, SECOND, Subject, claim


class FailingError(RuntimeError):
    pass


def begun(keep: int = 2) -> Subject:
    """A store with some of everything: old buckets, an overdue hold, a ledger that was folded."""
    subject = Subject(lambda clock: MemoryStore(clock=clock, keep=keep))
    for n in range(4):
        subject.post(f"bill-{n}", 1, MINUTE)
    subject.reserve("held", claim(1, 99, window=MINUTE))
    subject.reserve("late", claim(1, 99, window=MINUTE), lease=5)
    subject.now = 200 * SECOND
    return subject


def everything(store: Any) -> Any:
    """All rows, with their order where they have one."""
    rows = store._rows
    counters = {name: dict(account.counters) for name, account in rows.accounts.items()}
    ledger = list(rows.entries.items()), dict(rows.folded), dict(rows.dollars), rows.number
    return counters, dict(rows.holds), ledger, dict(rows.usage), set(rows._leases)


def fail_at(rows: Any, name: str, *, after: bool) -> Callable[[], None]:
    """Make a method of the rows fail, before it does anything or after it did all."""
    real = getattr(rows, name)

    def failing(*arguments: Any) -> Any:
        if after:
            real(*arguments)
        raise FailingError(name)

    setattr(rows, name, failing)
    return lambda: delattr(rows, name)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "name", ["overdue", "count", "keep_hold", "enter", "use", "forget", "used", "hold"]
)
def test_what_fails_in_the_middle_is_undone(name: str, *, after: bool) -> None:
    """Wherever it fails: the rows are as before, and the same operation can be performed."""
    subject = begun()
    before = everything(subject.store)
    mend = fail_at(subject.store._rows, name, after=after)
    with pytest.raises(FailingError):
        subject.reserve("new", claim(1, 99, window=MINUTE))
    assert everything(subject.store) == before
    mend()
    assert type(subject.reserve("new", claim(1, 99, window=MINUTE))) is Reserved
    assert everything(subject.store) != before
    assert subject.sound()
    assert [entry.id for entry in subject.perform(ReadEntries())] == ["bill-3", "late/expired"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["drop_hold", "count", "enter", "use"])
def test_a_settlement_that_fails_in_the_middle_is_undone(name: str, *, after: bool) -> None:
    """The hold stands, and can be settled."""
    subject = begun()
    before = everything(subject.store)
    mend = fail_at(subject.store._rows, name, after=after)
    with pytest.raises(FailingError):
        subject.settle("held", 2)
    assert everything(subject.store) == before
    mend()
    assert subject.settle("held", 2).status == "settled"
    assert subject.sound()


def test_undoing_that_is_interrupted_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C comes out when it is done."""
    subject = begun()
    rows = subject.store._rows
    before, restore, calls = everything(subject.store), rows._restore, []

    def interrupted() -> None:
        calls.append(1)
        restore()
        if len(calls) < 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(rows, "_restore", interrupted)
    fail_at(rows, "use", after=True)
    with pytest.raises(KeyboardInterrupt):
        subject.settle("held", 2)
    assert everything(subject.store) == before
    assert len(calls) == 3


def test_a_first_operation_that_fails_leaves_nothing() -> None:
    """Not even an entry's number."""
    subject = Subject(lambda clock: MemoryStore(clock=clock))
    mend = fail_at(subject.store._rows, "use", after=True)
    with pytest.raises(FailingError):
        subject.post("bill", 1)
    mend()
    subject.post("bill", 1)
    assert [entry.number for entry in subject.perform(ReadEntries())] == [1]


def test_leases_of_what_was_settled_do_not_pile_up() -> None:
    """And those of what is held are still found."""
    subject = begun()
    for n in range(3000):
        subject.perform(Reserve(f"h{n}", (), 10**9))
        subject.perform(SettleHold(f"h{n}"))
    assert len(subject.store._rows._leases) < 1100
    subject.now = 10**12
    assert subject.perform(Sweep()) == 1
    assert subject.settle("held").status == "corrected"


def test_only_the_latest_entries_are_kept_one_by_one() -> None:
    """The others' sums are, and the audit knows them."""
    subject = begun(keep=1)
    subject.settle("held", 3)
    (entry,) = subject.perform(ReadEntries())
    assert (entry.id, entry.number, entry.whose) == ("held", 5, ANN)
    assert subject.perform(Audit()).entries == 5
    assert subject.sound()


def test_keeping_nothing_cannot_be_meant() -> None:
    """What is not kept at all could be done twice."""
    with pytest.raises(ConfigurationError, match="keep"):
        MemoryStore(keep=0)


def test_settlements_of_calls_are_kept_once() -> None:
    """The latest, oldest first."""
    store = MemoryStore()
    calls = [Settlement(str(n), "completed", "p", "m", False, "yes", 1, 0.0, 0.0) for n in "ab"]
    assert [store.perform(Settle(call)) for call in (*calls, calls[0])] == [True, True, False]
    assert store.perform(Settlements()) == tuple(calls)
    assert store.perform(Settlements(1)) == (calls[1],)


def test_threads_do_not_overspend_together() -> None:
    """Each of a hundred dollars is held once."""
    subject = Subject(lambda clock: MemoryStore(clock=clock))
    answers: list[Any] = []

    def work(name: int) -> None:
        answers.extend(subject.reserve(f"{name}-{n}", claim(1, 100)) for n in range(50))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(type(answer) is Reserved for answer in answers) == 100
    assert subject.stands() == (0, Decimal(100))
