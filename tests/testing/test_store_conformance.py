"""The stores' conformance suite, on stores that are broken on purpose: each defect is found by its check."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from llmkit._operations import (
    Audit,
    Balances,
    Difference,
    Gone,
    Post,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Reserve,
    Reserved,
    Reset,
    SettleHold,
    Sweep,
    WriteRule,
)
from llmkit._settlements import Settle
from llmkit.stores import MemoryStore
from llmkit.testing.store_conformance import SettableClock, StoreConformance

Broken = Callable[[MemoryStore, Any], Any]


class Bent(MemoryStore):
    """The reference with one thing bent."""

    def __init__(self, clock: Any, bend: Broken) -> None:
        super().__init__(clock=clock)
        self._bend = bend

    @override
    def perform(self, operation: Any) -> Any:
        return self._bend(self, operation)


def straight(store: MemoryStore, operation: Any) -> Any:
    """As it should be."""
    return MemoryStore.perform(store, operation)


def one_more(store: MemoryStore, op: Any) -> Any:
    """A limit is a little more than it is."""
    if isinstance(op, Reserve):
        claims = tuple(
            c if c.limit is None else c._replace(limit=c.limit + Decimal("1E-18"))
            for c in op.claims
        )
        op = op._replace(claims=claims)
    return straight(store, op)


def one_by_one(store: MemoryStore, op: Any) -> Any:
    """Claims are held one after another."""
    if not isinstance(op, Reserve) or len(op.claims) < 2:
        return straight(store, op)
    for number, claim in enumerate(op.claims):
        answer = straight(store, op._replace(hold=f"{op.hold}{number}", claims=(claim,)))
        if not isinstance(answer, Reserved):
            return answer
    return straight(store, op._replace(claims=()))


def made_again(store: MemoryStore, op: Any) -> Any:
    """A hold that is gone is held again."""
    answer = straight(store, op)
    return straight(store, op._replace(hold=f"{op.hold}+")) if isinstance(answer, Gone) else answer


def never_stale(store: MemoryStore, op: Any) -> Any:
    """Nobody asks by which rules it was reckoned."""
    return straight(store, op._replace(seen=()) if isinstance(op, Reserve | Balances) else op)


def swept_never(store: MemoryStore, op: Any) -> Any:
    """What has expired stays held."""
    return 0 if isinstance(op, Sweep) else straight(store, op)


def settled_by_all(store: MemoryStore, op: Any) -> Any:
    """Everybody is told that it was he who settled."""
    answer = straight(store, op)
    if isinstance(op, SettleHold) and answer.status == "again":
        return answer._replace(status="settled")
    return answer


def flagged_never(store: MemoryStore, op: Any) -> Any:
    """The ledger forgets why."""
    answer = straight(store, op)
    return tuple(e._replace(flag="") for e in answer) if isinstance(op, ReadEntries) else answer


def posted_twice(store: MemoryStore, op: Any) -> Any:
    """The same entry counts again."""
    answer = straight(store, op)
    if isinstance(op, Post) and answer.status == "again":
        straight(store, op._replace(entry=f"{op.entry}+"))
    return answer


def reset_held(store: MemoryStore, op: Any) -> Any:
    """A reset says that it is done, and does nothing."""
    if isinstance(op, Reset):
        return straight(store, op._replace(accounts=()))
    return straight(store, op)


def told_of_an_error(store: MemoryStore, op: Any) -> Any:
    """An audit that finds what is not there."""
    answer = straight(store, op)
    found = Difference("spent", "usd:ever:global", Decimal(1), Decimal(2))
    return answer._replace(differences=(found,)) if isinstance(op, Audit) else answer


def rules_unnumbered(store: MemoryStore, op: Any) -> Any:
    """Who expects another version writes all the same."""
    return straight(store, op._replace(expected=None) if isinstance(op, WriteRule) else op)


def rules_in_any_order(store: MemoryStore, op: Any) -> Any:
    """Rules are read as they come."""
    answer = straight(store, op)
    return answer[::-1] if isinstance(op, ReadRules) else answer


def used_in_any_order(store: MemoryStore, op: Any) -> Any:
    """Usage is read as it comes."""
    answer = straight(store, op)
    return answer[::-1] if isinstance(op, ReadUsage) else answer


def settled_each_time(store: MemoryStore, op: Any) -> Any:
    """A call has as many settlements as it likes."""
    return straight(store, op) or isinstance(op, Settle)


def short_leases(store: MemoryStore, op: Any) -> Any:
    """A lease ends a millisecond early."""
    return straight(
        store, op._replace(lease=op.lease - 1) if isinstance(op, Reserve) and op.lease > 1 else op
    )


def impatient(store: MemoryStore, op: Any) -> Any:
    """Corrections are told as settlements: one of a thousand operations only shows it."""
    answer = straight(store, op)
    return (
        answer._replace(status="settled")
        if isinstance(op, SettleHold) and answer.status == "corrected"
        else answer
    )


def loose(store: MemoryStore, op: Any) -> Any:
    """Nothing is looked at before it is done: what makes no sense is answered somehow."""
    try:
        return straight(store, op)
    except Exception:  # noqa: BLE001 - whatever it is
        return Gone(0)


DEFECTS: dict[str, Broken] = {
    "test_up_to_the_limit": one_more,
    "test_all_or_nothing": one_by_one,
    "test_gone": made_again,
    "test_stale": never_stale,
    "test_a_lease_ends_on_time": swept_never,
    "test_settled_once": settled_by_all,
    "test_expiry": flagged_never,
    "test_spend_from_elsewhere": posted_twice,
    "test_reset": reset_held,
    "test_the_audit_counts": told_of_an_error,
    "test_rules": rules_unnumbered,
    "test_usage": used_in_any_order,
    "test_calls": settled_each_time,
    "test_what_is_reserved_is_held": short_leases,
    "test_late": impatient,
    "test_equal_to_the_reference": impatient,
    "test_what_makes_no_sense": loose,
    "test_one_hold_settled_by_all": settled_by_all,
    "test_one_entry_posted_by_all": posted_twice,
}


def suite_of(bend: Broken, place: Path) -> StoreConformance:
    """The suite of a bent store, to be run by hand."""

    class Suite(StoreConformance):
        @override
        def open(self, place: Path, clock: Callable[[], float]) -> Any:
            return Bent(clock, bend)

    suite = Suite()
    suite.clock, suite.place = SettableClock(), place
    suite.store = suite.open(place, suite.clock)
    return suite


@pytest.mark.parametrize("check", DEFECTS)
def test_a_defect_is_found(check: str, tmp_path: Path) -> None:
    """The check fails on the bent store, and passes on the straight one."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    getattr(suite_of(straight, good), check)()
    with pytest.raises(pytest.fail.Exception, match=r"Bent: "):
        getattr(suite_of(DEFECTS[check], bad), check)()


def test_rules_are_read_in_order(tmp_path: Path) -> None:
    """The order of rules is looked at, too."""
    with pytest.raises(pytest.fail.Exception, match="Rule"):
        suite_of(rules_in_any_order, tmp_path).test_rules()


def test_what_is_compared_comes_again(tmp_path: Path) -> None:
    """A failure of the comparison names its sequence and what was done before it."""
    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)sequence 0, step \d+, after.*SettleHold.*expected.*found"
    ):
        suite_of(impatient, tmp_path).test_equal_to_the_reference()


def test_every_check_says_what_it_is_for() -> None:
    """Who reads a failure reads a sentence."""
    checks = [c for name, c in inspect.getmembers(StoreConformance) if name.startswith("test_")]
    assert len(checks) > 60
    assert all((check.__doc__ or "").strip().endswith(".") for check in checks)
