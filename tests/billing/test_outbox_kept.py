"""The outbox in memory: undone when interrupted, empty in a copied process, bounded; and what Redis says of one."""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Callable
from decimal import Decimal, getcontext, localcontext
from pathlib import Path
from typing import Any

import pytest

from llmkit._control.billing.kept import Kept, nanos
from llmkit._io.stores.redis import RedisStore
from llmkit._outbox import (
    OUTBOX,
    Amend,
    Amended,
    Bill,
    Conclude,
    Count,
    Forget,
    Intend,
    Mark,
    Marked,
    Notice,
    Owing,
    ReadBills,
    ReleaseLane,
    Take,
)
from llmkit.errors import StoreError
from llmkit.stores import MemoryStore, SQLiteStore

from ._outboxes import bill, conclude, ids, intend, states

NOW = 1_800_000_000_000


class Interrupted(BaseException):
    """As Ctrl-C is: at any line."""


def interrupted(step: Callable[[], Any], at: int) -> bool:
    """Run it until so many lines were begun; whether that was before its end."""
    left = at

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith("kept.py") or frame.f_code.co_name in {
            "_undo", "_restore", "_repair",
        }:  # fmt: skip
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
    except Interrupted:
        return True
    finally:
        sys.settrace(before)
    return False


def seen(kept: Kept) -> Any:
    """All that can be seen."""
    return (
        kept.perform(ReadBills(), NOW), kept.perform(Count(), NOW), kept.perform(Owing("", 0), NOW),
        [kept.perform(Owing(one, 0), NOW) for one in ("sub", "other")],
    )  # fmt: skip


def made() -> Kept:
    """An outbox with something in every state."""
    kept = Kept(keep=4)
    kept.perform(Intend("i1", "sub", "{}", 1000, Decimal(1)), NOW)
    kept.perform(Intend("i2", "sub", "{}", 1), NOW - 1)
    for number, state in enumerate(("queued", "queued", "held", "listed", "dead", "discarded")):
        one = bill(f"c{number}:m")._replace(state=state)  # type: ignore[arg-type]
        kept.perform(Conclude(f"c{number}", (one,)), NOW)
    kept.perform(Mark((Marked("c0:m", "delivered", "deduped"),)), NOW)
    kept.perform(Take("a", 1, 1000), NOW)
    kept.perform(Notice("k", 1000), NOW)
    return kept


OPERATIONS: list[Any] = [
    Intend("i1", "sub", "{}", 2000, Decimal(3)),
    Intend("new", "sub", "{}", 2000),
    Conclude("i1", (bill("i1:m"), bill("i1:n"))),
    Conclude("nobody"),
    Take("a", 10, 5000),
    ReleaseLane("a"),
    Mark((Marked("c1:m", "delivered"),), ("c2:m",)),
    Mark((), ("c1:m",)),
    Amend((Amended(bill("c2:m"), ("held",)), Amended(bill("c4:m"), ("dead",)))),
    Amend((Amended(bill("i2"), ("unknown",)),)),
    Forget(NOW + 1),
    Notice("other", 5),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: type(one).__name__)
def test_interrupted_anywhere(operation: Any) -> None:
    """Whatever line an interrupt comes at, the operation was not performed; done again, it is as if none had come."""
    wanted_kept = made()
    answer = wanted_kept.perform(operation, NOW)
    after, at = seen(wanted_kept), 0
    while True:
        at += 1
        kept = made()
        before = seen(kept)
        number = kept._number
        if not interrupted(lambda kept=kept: kept.perform(operation, NOW), at):  # type: ignore[misc]
            break
        assert seen(kept) == before
        if kept._number == number:
            assert kept.perform(operation, NOW) == answer
            assert seen(kept) == after
    assert at > 3


def test_what_follows_is_as_made_anew() -> None:
    """After any operations, what is kept beside the rows is what it would be if it were made from them."""
    dice, kept = random.Random(4), Kept(keep=20)
    for number in range(600):
        name = f"c{dice.randint(0, 60)}"
        states_ = dice.choice(("queued", "queued", "held", "listed", "dead", "unpriced"))
        one = bill(f"{name}:m", usd=dice.choice((None, Decimal(0), Decimal("0.3"))))
        kept.perform(
            dice.choice(
                (
                    Intend(name, "sub", "{}", 5),
                    Conclude(name, (one._replace(state=states_),)),  # type: ignore[arg-type]
                    Mark((Marked(f"{name}:m", "delivered", dice.choice(("", "deduped"))),)),
                    Amend((Amended(one, ("held", "dead", "unpriced")),)),
                    Forget(NOW + number - 30, 2),
                )
            ),
            NOW + number,
        )
        if number % 20 == 0:
            held = {name: value for name, value in vars(kept).items() if name != "_log"}
            before = repr({name: sorted_(value) for name, value in held.items()})
            kept._repair()
            assert (
                repr({name: sorted_(value) for name, value in vars(kept).items() if name in held})
                == before
            )


def sorted_(value: Any) -> Any:
    """Dicts in an order."""
    return sorted(value.items()) if isinstance(value, dict) else value


def test_memory_has_an_end() -> None:
    """Of what was delivered the latest are kept; what waits is never dropped."""
    store = MemoryStore(keep=10)
    for number in range(40):
        store.perform(conclude(f"c{number}"))
    store.perform(Mark(tuple(Marked(f"c{number}:m", "delivered") for number in range(30))))
    assert states(store) == {"delivered": 10, "queued": 10}
    assert ids(store) == [f"c{number}:m" for number in range(20, 40)]


def test_a_copied_process_has_no_outbox() -> None:
    """What is in memory is its parent's to send; what the parent has stays."""
    store = MemoryStore()
    store.perform(conclude("c1"))
    store.before_fork()
    store.after_fork(child=False)
    assert ids(store) == ["c1:m"]
    store.before_fork()
    store.after_fork(child=True)
    assert ids(store) == []
    assert store.perform(conclude("c2")).fresh


def test_who_bills_nothing_has_no_outbox() -> None:
    """A store that nobody bills with does not load it."""
    store = MemoryStore()
    assert store._outbox is None
    store.perform(intend("c1"))
    assert store._outbox is not None


@pytest.mark.parametrize(
    ("usd", "wanted"),
    [
        (None, 0), ("0", 0), ("1e-9", 1), ("1e-10", 1), ("1.0000000001", 1_000_000_001), ("-1e-10", 0),
        ("-1", -(10**9)), ("1e29", 2**53 - 1), ("-1e29", 1 - 2**53),
    ],
)  # fmt: skip
def test_billionths(usd: str | None, wanted: int) -> None:
    """Rounded up, whatever the caller's context is; and never more than a store can add up."""
    with localcontext() as context:
        context.prec = 2
        assert nanos(None if usd is None else Decimal(usd)) == wanted
    assert getcontext().prec > 2


def test_redis_has_no_outbox() -> None:
    """It says which stores have one, without asking a server."""
    store = RedisStore("redis://127.0.0.1:1")
    for operation in (Intend("c1", "", "{}", 1), Count(), Take("a", 1, 1)):
        assert type(operation) in OUTBOX
        with pytest.raises(StoreError, match=r"MemoryStore, SQLiteStore or PostgresStore"):
            store.perform(operation)


def test_sqlite_reads_by_its_indexes(tmp_path: Path) -> None:
    """What is asked while calls run looks at what it needs, however much is queued or delivered."""
    path = tmp_path / "o.db"
    store = SQLiteStore(path)
    for operation in OPERATIONS:
        store.perform(operation)
    statements: list[str] = []
    connections = [one._connection for one in store._seats if one._opened()]
    for connection in connections:
        assert connection is not None
        connection.set_trace_callback(statements.append)
    looking: list[Any] = [
        Count(),
        Owing("sub", 5),
        Owing("", 5),
        Forget(9),
        ReadBills(("dead", "held")),
    ]
    for operation in OPERATIONS + looking:
        store.perform(operation)
    asked = {one for one in statements if one.startswith(("SELECT", "UPDATE", "DELETE"))}
    assert len(asked) > 10
    plan = sqlite3.connect(path)
    for one in asked:
        steps = str([row[3] for row in plan.execute(f"EXPLAIN QUERY PLAN {one}")])
        assert "SCAN llmkit_bill'" not in steps, (one, steps)
        assert "TEMP B-TREE" not in steps, (one, steps)
        # All that was delivered is never looked through.
        assert "changed" not in one.partition("WHERE")[2] or "(state=?)" not in steps, (one, steps)
    plan.close()
    store.close()


def test_an_older_file_gets_an_outbox(tmp_path: Path) -> None:
    """A file of the version before keeps what is in it, and gets the tables when it is opened."""
    path = tmp_path / "o.db"
    store = SQLiteStore(path)
    store.perform(Notice("a", 5))
    store.close()
    connection = sqlite3.connect(path, isolation_level=None)
    for table in ("bill", "bill_count", "bill_owed", "lane", "notice"):
        connection.execute(f"DROP TABLE llmkit_{table}")
    connection.execute("DELETE FROM llmkit_schema WHERE version > 2")
    connection.close()
    assert store.perform(conclude("c1")).fresh == ("c1:m",)
    store.close()


def test_texts_of_any_length(tmp_path: Path) -> None:
    """A reason has an end; texts that are billed have none."""
    long = bill("c1:m", facts='{"x":"%s"}' % ("é" * 100_000))
    for store in (MemoryStore(), SQLiteStore(tmp_path / "o.db")):
        store.perform(Conclude("c1", (long,)))
        (found,) = store.perform(ReadBills())
        assert isinstance(found, Bill)
        assert found.facts == long.facts
        store.close()
