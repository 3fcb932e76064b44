"""A budget's store cannot be reached: who goes, what is kept, and that all of it is counted once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from llmkit._control.budget.outage import LetGo, Outage
from llmkit._control.budget.owed import Done, Due, Keep, Owed, Owing, owed
from llmkit._flow import Cancelled, Store
from llmkit._io.stores import catch_up
from llmkit._io.stores.catch_up import CatchUp
from llmkit._operations import (
    Charge,
    Post,
    ReadEntries,
    ReadUsage,
    Reserve,
    Reserved,
    SettleHold,
    Sweep,
)
from llmkit.errors import (
    BudgetUnavailableError,
    ConfigurationError,
    StoreError,
    StoreUnavailableError,
)
from llmkit.events import CatchUpFailed, SpendKept, SpendPosted, StoreReached, StoreUnreachable

from ._outages import (
    ACCOUNT,
    COLOURS,
    MONTHLY,
    PARALLEL,
    World,
    nothing_sent,
    spent,
)

if TYPE_CHECKING:
    from pathlib import Path

ZERO = Decimal(0)


@pytest.fixture(params=COLOURS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """One machine, in either colour."""
    return World(tmp_path, request.param)


# --- what is asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more", [{"unreachable": "ajar"}, {"unreachable": "open"}], ids=["word", "no file"]
)
def test_what_cannot_be_kept_is_refused_at_once(more: Any) -> None:
    """Another word, or an open budget with nowhere to write, is a mistake in the configuration."""
    with pytest.raises(ConfigurationError):
        Outage(None, clock=lambda: 0.0, **more)


# --- closed --------------------------------------------------------------------------------------


def test_closed_lets_nothing_out_and_says_why(world: World) -> None:
    """The error has the cause's text, may be tried again, and says when; nothing was sent."""
    outage = world.outage(disk=None)
    world.store.how = "before"
    with pytest.raises(BudgetUnavailableError, match="connection refused") as caught:
        world.reserve(outage, world.ask("a"))
    error = caught.value
    assert isinstance(error, StoreUnavailableError)
    assert error.retryable
    assert error.sent == "no"
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 0.25
    assert [event.open for event in world.told(StoreUnreachable)] == [False]


def test_a_store_that_is_down_is_not_waited_for_by_every_call(world: World) -> None:
    """While it is known to be down nobody asks it, but one now and then; the waits grow to five seconds."""
    outage = world.outage(disk=None)
    world.store.how = "before"
    tried_at = []
    for _ in range(400):
        before = len(world.store.asked)
        with pytest.raises(BudgetUnavailableError):
            world.reserve(outage, world.ask("a"))
        if len(world.store.asked) > before:
            tried_at.append(world.clock.now)
        world.clock.now += 0.0625
    waits = [round(b - a, 4) for a, b in pairwise(tried_at)]
    assert waits[:6] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0]
    assert len(world.told(StoreUnreachable)) == 1


def test_recovery_is_noticed_by_the_next_try(world: World) -> None:
    """The first call that gets through opens the way for all."""
    outage = world.outage(disk=None)
    world.store.how = "before"
    with pytest.raises(BudgetUnavailableError):
        world.reserve(outage, world.ask("a"))
    world.store.how = None
    with pytest.raises(BudgetUnavailableError):
        world.reserve(outage, world.ask("b"))
    world.clock.now += 0.25
    assert isinstance(world.reserve(outage, world.ask("c")), Reserved)
    assert [event.seconds for event in world.told(StoreReached)] == [0.25]
    assert isinstance(world.reserve(outage, world.ask("d")), Reserved)


def test_a_busy_store_is_not_a_store_that_is_gone(world: World) -> None:
    """Where others got through while one operation waited in vain, nobody else is kept from asking."""
    outage = world.outage(disk=None)
    slow = outage.perform(Sweep())
    assert isinstance(next(slow), Store)
    world.clock.now += 1
    world.run(outage.perform(Sweep()))
    with pytest.raises(StoreUnavailableError):
        slow.throw(StoreUnavailableError("locked"))
    assert not outage.gate.down


def test_many_that_fail_together_are_one_failure(world: World) -> None:
    """Fifty calls on their way when the store goes do not make the wait fifty times longer."""
    outage = world.outage(disk=None)
    flows = [outage.perform(Sweep()) for _ in range(50)]
    for flow in flows:
        next(flow)
    for flow in flows:
        world.clock.now += 0.001
        with pytest.raises(StoreUnavailableError):
            world.run(_thrown(flow))
    assert outage.gate.seconds <= 0.25


def _thrown(flow: Any) -> Any:
    effect = flow.throw(StoreUnavailableError("gone"))
    while True:
        effect = flow.send((yield effect))


@pytest.mark.parametrize("disk", [True, None], ids=["disk", "memory"])
def test_a_hold_whose_answer_was_lost_is_given_back(world: World, disk: Any) -> None:
    """The store held it, but nobody was told: no call was made, and nothing of it stays."""
    outage = world.outage(disk=disk)
    world.store.how = "after"
    with pytest.raises(BudgetUnavailableError):
        world.reserve(outage, world.ask("a"))
    assert world.total() == (ZERO, Decimal(1))
    world.store.how = None
    world.clock.now += 1
    world.run(outage.perform(Sweep()))
    assert world.total() == (ZERO, ZERO)
    assert world.total(PARALLEL) == (ZERO, ZERO)
    assert world.balanced()


# --- settlements ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("disk", [True, None], ids=["disk", "memory"])
def test_a_settlement_that_failed_is_made_later_once(world: World, how: str, disk: Any) -> None:
    """It is kept, and the next operation makes it; where the store had done it, nothing changes."""
    outage = world.outage(disk=disk)
    answer = world.reserve(outage, world.ask("a"))
    world.store.how = how
    assert world.settle(outage, world.ask("a"), answer, "0.25") is None
    kept = world.told(SpendKept)
    assert [(k.hold, k.usd, k.where) for k in kept] == [
        ("a", Decimal("0.25"), "disk" if disk else "memory")
    ]
    world.store.how = None
    world.clock.now += 6
    world.run(outage.perform(Sweep()))
    assert world.total() == (Decimal("0.25"), ZERO)
    assert world.total(PARALLEL) == (ZERO, ZERO)
    assert world.balanced()
    if disk:
        assert world.disk.perform(Owing()) == (0, ZERO)


def test_another_process_makes_it_where_there_is_a_file(world: World) -> None:
    """The one that kept it was killed; whichever process comes first does it."""
    first = world.outage()
    answer = world.reserve(first, world.ask("a"))
    world.store.how = "before"
    world.settle(first, world.ask("a"), answer, "0.25")
    world.store.how = None
    second = world.outage()
    assert world.run(second.catch_up()) == 1
    assert world.total() == (Decimal("0.25"), ZERO)
    assert [(e.entries, e.usd) for e in world.told(SpendPosted)] == [(1, Decimal("0.25"))]


def test_a_settlement_that_comes_late_corrects_what_expired(world: World) -> None:
    """The lease was over before the store came back: what was too much comes back too."""
    outage = world.outage()
    answer = world.reserve(outage, world.ask("a"))
    world.store.how = "before"
    world.settle(outage, world.ask("a"), answer, "0.25")
    world.clock.now += 120
    world.store.store.perform(Sweep())
    assert world.total() == (Decimal(1), ZERO)
    world.store.how = None
    world.run(outage.catch_up())
    assert world.total() == (Decimal("0.25"), ZERO)
    assert world.balanced()


def test_a_hold_that_the_store_has_lost_is_posted(world: World) -> None:
    """A store that forgot a hold (restored, flushed) is told what was spent on it, in its own time."""
    outage = world.outage(disk=None)
    answer = world.reserve(outage, world.ask("a"))
    world.store.store = type(world.store.store)(clock=world.clock)
    settled = world.settle(outage, world.ask("a"), answer, "0.25")
    assert settled.status == "settled"
    assert world.total() == (Decimal("0.25"), ZERO)
    (entry,) = world.store.store.perform(ReadEntries())
    assert (entry.id, entry.flag) == ("a", "lost")


def test_a_settlement_goes_straight_to_a_store_that_works(world: World) -> None:
    """Nothing is kept and nothing told where nothing fails; the answer is the store's."""
    outage = world.outage()
    ask = world.ask("a")
    settled = world.settle(outage, ask, world.reserve(outage, ask), "0.25")
    assert settled.status == "settled"
    assert [line.account for line in settled.lines] == [ACCOUNT, MONTHLY, PARALLEL]
    assert world.events == []
    assert not world.path.exists()


def test_a_store_that_refuses_a_settlement_is_asked_again_and_others_go_on(world: World) -> None:
    """A full disk, say: it is told, nothing is dropped, and what stands behind it is done meanwhile."""
    outage = world.outage()
    asks = [world.ask(hold) for hold in "ab"]
    answers = [world.reserve(outage, ask) for ask in asks]
    world.store.how = "before"
    for ask, answer in zip(asks, answers, strict=True):
        world.settle(outage, ask, answer, "0.25")
    world.store.how = None
    full = StoreError("disk full")
    world.store.refuses = lambda op: full if getattr(op, "hold", "") == "a" else None
    assert world.run(outage.catch_up()) == 1
    assert world.total() == (Decimal("0.25"), Decimal(1))
    assert [(e.hold, e.reason) for e in world.told(CatchUpFailed)] == [("a", "disk full")]
    world.store.refuses = lambda _: None
    assert world.run(outage.catch_up()) == 0
    world.clock.now += 31
    assert world.run(outage.catch_up()) == 1
    assert world.total() == (Decimal("0.50"), ZERO)


def test_what_memory_keeps_and_the_store_refuses_is_tried_every_five_seconds(world: World) -> None:
    """No call after it is slowed down by trying what was refused a moment ago."""
    outage = world.outage(disk=None)
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    full = StoreError("disk full")
    world.store.refuses = lambda op: full if isinstance(op, SettleHold) else None
    world.settle(outage, ask, answer, "0.25")
    for _ in range(3):
        world.run(outage.perform(Sweep()))
    assert len([op for op in world.store.asked if isinstance(op, SettleHold)]) == 2
    world.store.refuses = lambda _: None
    world.clock.now += 5
    world.run(outage.perform(Sweep()))
    assert world.total() == (Decimal("0.25"), ZERO)


def test_memory_keeps_no_more_than_it_may_and_says_what_it_drops(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest goes, with an event; its hold becomes spend, all of it, when its lease ends."""
    monkeypatch.setattr("llmkit._control.budget.outage._MOST_IN_MEMORY", 2)
    outage = world.outage(disk=None)
    asks = [world.ask(hold) for hold in "abc"]
    answers = [world.reserve(outage, ask) for ask in asks]
    world.store.how = "before"
    for ask, answer in zip(asks, answers, strict=True):
        world.settle(outage, ask, answer, "0.25")
    dropped = [event.hold for event in world.told(SpendKept) if event.where == "nowhere"]
    assert dropped == ["a"]
    world.store.how = None
    world.clock.now += 120
    world.run(outage.perform(Sweep()))
    world.run(outage.perform(Sweep()))
    assert world.total() == (Decimal("1.50"), ZERO)
    assert world.balanced()


@pytest.mark.parametrize("disk", [True, None], ids=["disk", "memory"])
def test_at_the_end_memory_is_emptied(world: World, disk: Any) -> None:
    """What a dropped stream left is written to disk when the store is away, or said to be nowhere."""
    outage = world.outage(disk=disk)
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    outage.leave(spent(ask, "0.25"), ask, answer)
    world.store.how = "before"
    world.run(outage.end())
    assert [event.where for event in world.told(SpendKept)] == ["disk" if disk else "nowhere"]
    world.store.how = None
    assert world.run(world.outage(disk=disk).catch_up()) == int(bool(disk))
    assert world.total() == ((Decimal("0.25"), ZERO) if disk else (ZERO, Decimal(1)))


def test_what_a_dropped_stream_left_is_settled_by_the_next_operation(world: World) -> None:
    """A collector cannot perform anything; who comes next does."""
    outage = world.outage(disk=None)
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    outage.leave(spent(ask, "0.25"), ask, answer)
    world.run(outage.perform(Sweep()))
    assert world.total() == (Decimal("0.25"), ZERO)


def test_a_call_cancelled_at_its_settlement_settles_all_the_same(world: World) -> None:
    """The cancellation is thrown in while the store works: it is done again, which counts nothing twice."""
    outage = world.outage(disk=None)
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    flow = outage.settle(spent(ask, "0.25"), ask, answer)
    effect = next(flow)
    world.store.perform(effect.operation)
    with pytest.raises(Cancelled):
        world.run(_cancelled(flow))
    assert world.total() == (Decimal("0.25"), ZERO)
    assert world.balanced()


def _cancelled(flow: Any) -> Any:
    effect = flow.throw(Cancelled("yes"))
    while True:
        effect = flow.send((yield effect))


def test_a_flow_that_is_closed_at_its_settlement_leaves_it(world: World) -> None:
    """Nothing can be yielded then; it waits in memory."""
    outage = world.outage(disk=None)
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    flow = outage.settle(spent(ask, "0.25"), ask, answer)
    next(flow)
    flow.close()
    world.run(outage.perform(Sweep()))
    assert world.total() == (Decimal("0.25"), ZERO)


def test_a_call_cancelled_at_its_hold_gives_it_back(world: World) -> None:
    """The store may have held it: the next operation releases it."""
    outage = world.outage(disk=None)
    flow = outage.reserve(world.ask("a"), world.clock.ms)
    world.store.perform(next(flow).operation)
    with pytest.raises(Cancelled):
        flow.throw(Cancelled("no"))
    world.run(outage.perform(Sweep()))
    assert world.total() == (ZERO, ZERO)
    assert world.balanced()
    assert [entry.flag for entry in world.store.store.perform(ReadEntries())] == ["cancelled"]


def test_no_answer_in_the_time_of_a_cancelled_call_is_no_answer(world: World) -> None:
    """Drivers give ``None`` where a shielded operation took too long: then nothing is known to be done."""
    outage = world.outage(disk=None)
    flow = outage.perform(Sweep())
    next(flow)
    effect = flow.send(None)
    assert isinstance(effect.event, StoreUnreachable)
    with pytest.raises(StoreUnavailableError, match="in time"):
        flow.send(None)


def test_what_nobody_may_miss_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An outage, and what cannot be kept, are warnings without anybody listening; the rest is not."""
    outage = world.outage(disk=None)
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    world.store.how = "before"
    world.settle(outage, ask, answer, "0.25")
    world.run(outage.end())
    warnings = [record.getMessage() for record in caplog.records if record.name == "llmkit"]
    assert len(warnings) == 2
    assert "unreachable, calls are refused until" in warnings[0]
    assert "$0.25 could not be made" in warnings[1]
    assert "it is not kept" in warnings[1]


# --- open ----------------------------------------------------------------------------------------


def test_open_lets_calls_go_and_posts_what_they_spent(world: World) -> None:
    """Written down before it goes; posted once the store is back, flagged, with its tokens."""
    outage = world.outage(unreachable="open")
    world.store.how = "before"
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    assert answer == LetGo(world.clock.ms, world.clock.ms + 60_000)
    assert world.disk.perform(Owing()) == (1, Decimal(1))
    assert world.settle(outage, ask, answer, "0.25") is None
    assert world.disk.perform(Owing()) == (1, Decimal("0.25"))
    world.store.how = None
    world.clock.now += 1
    assert isinstance(world.reserve(outage, world.ask("b")), Reserved)
    assert world.total() == (Decimal("0.25"), Decimal(1))
    (entry,) = world.store.store.perform(ReadEntries())
    assert (entry.id, entry.flag, entry.usd) == ("a", "unheld", Decimal("0.25"))
    assert entry.whose == ask.whose
    (row, _) = world.store.store.perform(ReadUsage())
    assert (row.calls, row.prompt_tokens, row.completion_tokens) == (1, 10, 5)
    assert world.balanced()
    assert world.disk.perform(Owing()) == (0, ZERO)


def test_what_was_spent_counts_in_its_own_time(world: World) -> None:
    """The store is back a month later: the month in which it was spent has it, and its day."""
    outage = world.outage(unreachable="open")
    world.store.how = "before"
    ask = world.ask("a")
    day = world.clock.ms // 86_400_000
    world.settle(outage, ask, world.reserve(outage, ask), "0.25")
    world.clock.now += 40 * 86_400
    world.store.how = None
    world.run(outage.catch_up())
    (counter,) = world.store.store._rows.counters(MONTHLY, 0)
    assert counter == (day * 86_400_000, Decimal("0.25"), ZERO)
    assert {row.day for row in world.store.store.perform(ReadUsage())} == {day}


def test_what_is_owed_counts_before_the_next_hold(world: World) -> None:
    """The first call that reaches the store again is weighed against all that was spent meanwhile."""
    outage = world.outage(unreachable="open")
    world.store.how = "before"
    ask = world.ask("a")
    world.settle(outage, ask, world.reserve(outage, ask), "0.75")
    world.store.how = None
    world.clock.now += 1
    refused = world.reserve(outage, world.ask("b", "0.5", limit="1"))
    assert refused.refusals[0].spent == Decimal("0.75")


def test_a_hold_whose_answer_was_lost_is_not_counted_twice(world: World) -> None:
    """The store held it, the call went without knowing: its spend settles that hold."""
    outage = world.outage(unreachable="open")
    world.store.how = "after"
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    assert isinstance(answer, LetGo)
    world.settle(outage, ask, answer, "0.25")
    world.store.how = None
    world.run(outage.catch_up())
    assert world.total() == (Decimal("0.25"), ZERO)
    assert world.balanced()


def test_a_release_of_what_went_without_a_hold_costs_nothing(world: World) -> None:
    """Nothing was sent after all, or the provider refused: nothing is posted."""
    outage = world.outage(unreachable="open")
    world.store.how = "before"
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    world.run(outage.settle(nothing_sent(ask), ask, answer))
    assert world.disk.perform(Owing()) == (1, ZERO)
    world.store.how = None
    world.run(outage.catch_up())
    assert world.total() == (ZERO, ZERO)
    entries = world.store.store.perform(ReadEntries())
    assert [(entry.kind, entry.usd, entry.lines) for entry in entries] == [("release", ZERO, ())]


def test_a_call_of_which_nothing_more_is_heard_is_posted_at_its_bound(world: World) -> None:
    """Its process was killed: when the lease is over, all that it might have spent is."""
    world.store.how = "before"
    world.reserve(world.outage(unreachable="open"), world.ask("a"))
    world.store.how = None
    other = world.outage(unreachable="open")
    assert world.run(other.catch_up()) == 0
    world.clock.now += 60
    assert world.run(other.catch_up()) == 1
    assert world.total() == (Decimal(1), ZERO)
    assert [entry.flag for entry in world.store.store.perform(ReadEntries())] == ["expired"]
    assert world.disk.perform(Owing()) == (0, ZERO)


@pytest.mark.parametrize("when", ["posted", "being posted"])
def test_a_call_that_says_so_late_after_all_is_corrected(world: World, when: str) -> None:
    """A process that slept longer than its lease: the difference is posted behind, in the call's own window."""
    slept = world.outage(unreachable="open")
    world.store.how = "before"
    ask = world.ask("a")
    answer = world.reserve(slept, ask)
    world.clock.now += 60
    world.store.how = None
    other = world.outage(unreachable="open")
    if when == "posted":
        world.run(other.catch_up())
        world.settle(slept, ask, answer, "0.25")
    else:
        (kept,) = world.disk.perform(Due())
        world.settle(slept, ask, answer, "0.25")
        world.store.perform(kept.owed.post)
        world.disk.perform(Done((kept.number,)))
    world.run(other.catch_up())
    assert world.total() == (Decimal("0.25"), ZERO)
    assert world.total(MONTHLY) == (Decimal("0.25"), ZERO)
    assert world.balanced()
    rows = world.store.store.perform(ReadUsage())
    assert {(row.calls, row.prompt_tokens, row.usd) for row in rows} == {(1, 10, Decimal("0.25"))}
    assert world.disk.perform(Owing()) == (0, ZERO)


def test_without_the_store_no_more_than_the_open_limit_is_spent(world: World) -> None:
    """All processes of the machine share it; what was posted frees it again."""
    first = world.outage(unreachable="open", limit=Decimal("1.50"))
    second = world.outage(unreachable="open", limit=Decimal("1.50"))
    world.store.how = "before"
    a, b = world.ask("a"), world.ask("b")
    answer = world.reserve(first, a)
    with pytest.raises(BudgetUnavailableError, match=r"1\.50 USD\) is used up"):
        world.reserve(second, b)
    world.settle(first, a, answer, "0.25")
    assert isinstance(world.reserve(second, b), LetGo)
    with pytest.raises(BudgetUnavailableError):
        world.reserve(second, world.ask("c"))
    world.store.how = None
    world.clock.now += 60
    world.run(first.catch_up())
    assert world.disk.perform(Owing()) == (0, ZERO)


def test_asking_twice_for_one_hold_is_once(world: World) -> None:
    """An attempt that asks again is let go by the same entry."""
    outage = world.outage(unreachable="open")
    world.store.how = "before"
    world.reserve(outage, world.ask("a"))
    world.reserve(outage, world.ask("a"))
    assert world.disk.perform(Owing()) == (1, Decimal(1))


def test_a_call_cancelled_while_it_is_let_go_owes_nothing(world: World) -> None:
    """It may have been written down; it was never made."""
    outage = world.outage(unreachable="open")
    world.store.how = "before"
    flow = outage.reserve(world.ask("a"), world.clock.ms)
    world.run(_until_let_go(flow, world))
    assert world.disk.perform(Owing()) == (1, Decimal(1))
    world.store.how = None
    world.clock.now += 1
    world.run(outage.perform(Sweep()))
    assert world.disk.perform(Owing()) == (0, ZERO)
    assert world.total() == (ZERO, ZERO)


def _until_let_go(flow: Any, world: World) -> Any:
    effect = next(flow)
    while getattr(effect, "on", None) is not world.disk or isinstance(effect.operation, Due):
        try:
            answer = yield effect
        except StoreUnavailableError as error:
            effect = flow.throw(error)
        else:
            effect = flow.send(answer)
    world.disk.perform(effect.operation)
    with pytest.raises(Cancelled):
        flow.throw(Cancelled("no"))


def test_time_that_fits_no_period_is_moved_to_the_nearest(world: World) -> None:
    """The store's time was guessed wrong; what was spent is not turned away for ever."""
    outage = world.outage(unreachable="open")
    world.store.how = "before"
    ask = world.ask("a")
    world.clock.now += 90 * 86_400
    world.settle(outage, ask, world.reserve(outage, ask), "0.25")
    world.store.how = None
    assert world.run(outage.catch_up()) == 1
    assert world.total(MONTHLY) == (Decimal("0.25"), ZERO)


def test_a_post_that_is_untimely_all_the_same_is_kept_and_told(world: World) -> None:
    """Nothing is dropped, whatever the store says."""
    outage = world.outage()
    window = world.ask("a").claims[1].window
    early = Post("p", (Charge(MONTHLY, window, Decimal(1)),), Decimal(1), at=0)
    world.disk.perform(Keep(Owed(None, early)))
    assert world.run(outage.catch_up()) == 0
    assert [e.hold for e in world.told(CatchUpFailed)] == ["p"]
    assert world.disk.perform(Owing()).entries == 1


# --- the file ------------------------------------------------------------------------------------


def test_an_open_budget_that_cannot_write_lets_nothing_out(world: World, tmp_path: Path) -> None:
    """The directory is gone: the call is refused, with both causes, before anything leaves."""
    disk = CatchUp(tmp_path / "gone" / "catch-up.db", clock=world.clock)
    outage = world.outage(disk=disk, unreachable="open")
    world.store.how = "before"
    with pytest.raises(BudgetUnavailableError, match=r"connection refused.*does not exist"):
        world.reserve(outage, world.ask("a"))


def test_whoever_counts_with_two_digits_is_owed_for_all_of_them(world: World) -> None:
    """The caller's decimal context rounds nothing: not what may be spent without the store, nor what is told."""
    with localcontext(prec=2):
        outage = world.outage(unreachable="open", disk=world.disk)
        world.store.how = "before"
        for number, usd in enumerate(("0.123456", "0.654321", "0.111111")):
            ask = world.ask(f"n{number}")
            world.settle(outage, ask, world.reserve(outage, ask), usd)
        assert world.disk.perform(Owing()).unheld == Decimal("0.888888")
        world.store.how = None
        world.run(outage.catch_up())
        assert world.disk.perform(Owing()) == (0, ZERO)
    assert [event.usd for event in world.told(SpendPosted)] == [Decimal("0.888888")]
    assert world.total() == (Decimal("0.888888"), ZERO)


def test_a_settlement_that_the_file_refuses_stays_in_memory(world: World, tmp_path: Path) -> None:
    """And is made from there, though a call was let go by the file."""
    folder = tmp_path / "here"
    folder.mkdir()
    disk = CatchUp(folder / "catch-up.db", clock=world.clock)
    outage = world.outage(disk=disk, unreachable="open")
    world.store.how = "before"
    ask = world.ask("a")
    answer = world.reserve(outage, ask)
    folder.rename(tmp_path / "moved")
    world.settle(outage, ask, answer, "0.25")
    assert [event.where for event in world.told(SpendKept)] == ["memory"]
    assert world.told(CatchUpFailed)
    world.store.how = None
    world.clock.now += 6
    world.run(outage.perform(Sweep()))
    assert world.total() == (Decimal("0.25"), ZERO)
    (tmp_path / "moved").rename(folder)
    world.clock.now += 60
    world.run(world.outage(disk=disk).catch_up())
    assert world.total() == (Decimal("0.25"), ZERO)
    assert world.balanced()


def test_a_file_that_is_locked_too_long_cannot_be_reached(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody holds a transaction open on it: that is an outage of the file, with its path in the text."""
    monkeypatch.setattr(catch_up, "_BUSY_SECONDS", 0.05)
    world.disk.perform(Keep(_owed(world)))
    holder = sqlite3.connect(world.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match=r"catch-up\.db.*locked"):
        world.disk.perform(Owing())
    holder.close()
    assert world.disk.perform(Owing()).entries == 1


def test_a_full_disk_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own limit stands for a full disk: what was there stays, what did not fit is refused."""
    world.disk.perform(Keep(_owed(world)))
    connect = sqlite3.connect

    def small(*given: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*given, **more)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(StoreUnavailableError, match="no room on its disk"):
        _fill(world)
    monkeypatch.undo()
    before = world.disk.perform(Owing()).entries
    assert len(world.disk.perform(Due(1000))) == before


def _fill(world: World) -> None:
    for number in range(100):
        world.disk.perform(Keep(_owed(world, f"n{number}")))


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read", None])
def test_a_file_of_something_else_is_refused(world: World, content: bytes | None) -> None:
    """Neither what is no database nor what a later version wrote is touched."""
    if content is None:
        with sqlite3.connect(world.path) as rows:
            rows.execute("PRAGMA user_version = 99")
        rows.close()
    else:
        world.path.write_bytes(content)
    with pytest.raises(StoreError, match="version 99" if content is None else "no SQLite database"):
        world.disk.perform(Owing())


@pytest.mark.parametrize("path", ["", 3, None])
def test_what_is_no_path_is_a_mistake(path: Any) -> None:
    """Said when it is given, not when the store is down."""
    with pytest.raises(ConfigurationError, match="catch_up"):
        CatchUp(path)


def test_a_clock_that_jumped_back_does_not_keep_what_was_taken(world: World) -> None:
    """Taken by a process whose clock was far ahead, and which died: others take it now."""
    world.disk.perform(Keep(_owed(world)))
    world.clock.now += 10 * 86_400
    assert len(world.disk.perform(Due())) == 1
    world.clock.now -= 10 * 86_400
    assert len(world.disk.perform(Due())) == 1


def test_what_was_posted_at_its_bound_is_forgotten_after_a_week(world: World) -> None:
    """The file does not grow by every process that was killed."""
    world.store.how = "before"
    world.reserve(world.outage(unreachable="open"), world.ask("a"))
    world.store.how = None
    world.clock.now += 61
    world.run(world.outage(unreachable="open").catch_up())
    assert _rows(world) == 1
    world.clock.now += 7 * 86_400
    world.disk.perform(Due())
    assert _rows(world) == 0


def test_it_says_where_it_is(world: World) -> None:
    """In a log, say."""
    assert "catch-up.db" in repr(world.disk)


def _rows(world: World) -> int:
    rows = sqlite3.connect(world.path)
    count: int = rows.execute("SELECT count(*) FROM owed").fetchone()[0]
    rows.close()
    return count


def _owed(world: World, hold: str = "a") -> Any:
    ask: Reserve = world.ask(hold)
    return owed(spent(ask, "0.25"), ask, world.clock.ms)


# --- gone again ----------------------------------------------------------------------------------


def test_a_store_that_goes_again_while_it_is_caught_up_with(world: World) -> None:
    """What was done by then is done; the rest is there for whoever comes next, at once."""
    outage = world.outage()
    for hold in "abc":
        world.disk.perform(Keep(_owed(world, hold)))
    gone = StoreUnavailableError("gone again")
    world.store.refuses = lambda op: gone if getattr(op, "hold", "") == "b" else None
    with pytest.raises(StoreUnavailableError):
        world.run(outage.catch_up())
    assert world.disk.perform(Owing()).entries == 2
    world.store.refuses = lambda _: None
    assert world.run(outage.catch_up()) == 2
    assert world.total() == (Decimal("0.75"), ZERO)


def test_a_try_that_was_cancelled_leaves_the_next_to_another(world: World) -> None:
    """Who tries for all may be cancelled; nobody waits for it then."""
    outage = world.outage(disk=None)
    world.store.how = "before"
    with pytest.raises(StoreUnavailableError):
        world.run(outage.perform(Sweep()))
    world.store.how = None
    world.clock.now += 0.25
    flow = outage.perform(Sweep())
    next(flow)
    flow.close()
    assert world.run(outage.perform(Sweep())) == 0


def test_a_call_is_not_kept_by_all_that_others_left(world: World) -> None:
    """It does a little, for a twentieth of a second, and leaves the rest to the next."""
    outage = world.outage()
    for number in range(10):
        world.disk.perform(Keep(_owed(world, f"n{number}")))
    world.store.refuses = lambda _: setattr(world.clock, "now", world.clock.now + 0.02)
    world.run(outage.perform(Sweep()))
    assert 4 <= world.disk.perform(Owing()).entries <= 8
    for _ in range(5):
        world.clock.now += 5
        world.run(outage.perform(Sweep()))
    assert world.disk.perform(Owing()).entries == 0


def test_one_call_at_a_time_does_what_others_left(world: World) -> None:
    """The others go on; unless whoever does it was never heard of again."""
    outage = world.outage(disk=None)
    ask = world.ask("a")
    outage.leave(spent(ask, "0.25"), ask, world.reserve(outage, ask))
    slow = outage.perform(Sweep())
    assert isinstance(next(slow).operation, SettleHold)
    outage.leave(spent(ask, "0.25"), ask, Reserved(0, 0, ()))
    other = outage.perform(Sweep())
    assert isinstance(next(other).operation, Sweep)
    world.clock.now += 31
    third = outage.perform(Sweep())
    assert isinstance(next(third).operation, SettleHold)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_waits_until_the_file_is_closed(world: World) -> None:
    """A child made while a thread is at the file can use it: nothing of SQLite's locks came along."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            world.disk.perform(Keep(_owed(world, f"n{number}")))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        codes = [_forked(world) for _ in range(10)]
    finally:
        stop.set()
        thread.join()
    assert codes == [0] * 10


def _forked(world: World) -> int:
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            world.disk.perform(Keep(_owed(world, f"child{os.getpid()}")))
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
