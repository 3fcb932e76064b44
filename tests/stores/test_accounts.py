"""The rules of accounts in literals, where they are decided and in every form that they were given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest

from llmkit._operations import (
    Audit,
    Balances,
    Claim,
    Gone,
    Line,
    Post,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Refusal,
    Reserve,
    Reserved,
    Reset,
    Rule,
    Settled,
    SettleHold,
    Stale,
    Standing,
    Sweep,
    Untimely,
    Window,
    WriteRule,
    Written,
)
from llmkit.errors import StoreError
from llmkit.stores import MemoryStore, PostgresStore, RedisStore, SQLiteStore

from ._subject import ANN, EVER, MINUTE, SECOND, Subject, claim, money, usage

PERIODS = Window(starts=(0, 100, 200, 300))
DAY = 86_400_000


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """An empty store at time 0: the rules themselves, over two kinds of rows, and the two other forms of them."""
    subject = Subject(lambda clock: opened(request, tmp_path, clock))
    yield subject
    subject.store.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def exact(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """The same, where the store has more digits than Redis."""
    subject = Subject(lambda clock: opened(request, tmp_path, clock))
    yield subject
    subject.store.close()


def opened(request: pytest.FixtureRequest, place: Path, clock: Callable[[], float]) -> Any:
    """A store of the kind that is asked for."""
    if request.param == "memory":
        return MemoryStore(clock=clock)
    if request.param == "sqlite":
        return SQLiteStore(place / "llmkit.db", clock=clock)
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
        return RedisStore(server.url, name=str(place), clock=clock)
    server = request.getfixturevalue("postgres_server")
    return PostgresStore(server.dsn(), schema=server.schema(), clock=clock)


def entries(subject: Subject) -> list[tuple[Any, ...]]:
    """The ledger in short: id, kind, hold, flag, usd, lines."""
    found = subject.perform(ReadEntries())
    return [(e.id, e.kind, e.hold, e.flag, e.usd, e.lines) for e in found]


# --- holding ------------------------------------------------------------------------------------


def test_a_limit_is_reached_to_the_last_digit_and_not_exceeded_by_one(exact: Subject) -> None:
    """Spent and held together may be the limit."""
    assert type(exact.reserve("a", claim("6", 10))) is Reserved
    exact.settle("a", "5.999999999999999999")
    assert type(exact.reserve("b", claim("4.000000000000000001", 10))) is Reserved
    refused = exact.reserve("c", claim("0.000000000000000001", 10))
    used, spent, asked = money(10), money("5.999999999999999999"), money("0.000000000000000001")
    assert refused.refusals == (Refusal("usd:x", money(10), used, spent, asked),)


def test_a_hold_is_in_every_account_or_in_none(subject: Subject) -> None:
    """One account without room is enough, and each that has none is told."""
    full = claim(3, 2, account="one"), claim(1, 9, account="two"), claim(3, 1, account="three")
    refused = subject.reserve("a", *full)
    assert [(r.account, r.limit, r.amount) for r in refused.refusals] == [
        ("one", money(2), money(3)),
        ("three", money(1), money(3)),
    ]
    assert subject.stands(account="two") == (0, 0)


def test_a_hold_tells_its_lines_and_when_it_ends(subject: Subject) -> None:
    """An account of a minute is counted in its second, one for ever in bucket 0."""
    subject.now = 5400
    answer = subject.reserve("a", claim(1, window=MINUTE), claim(2, account="all"), lease=600)
    lines = (Line("usd:x", 5, 1000, money(1)), Line("all", 0, 0, money(2)))
    assert answer == Reserved(5400, 6000, lines)


def test_the_same_hold_again_is_the_same_hold(subject: Subject) -> None:
    """Nothing is counted twice, and it ends when it would have."""
    first = subject.reserve("a", claim(6, 10), lease=600)
    subject.now = 500
    assert subject.reserve("a", claim(6, 10), lease=600) == Reserved(
        500, 600, first.lines, again=True
    )
    assert subject.stands() == (0, 6)


@pytest.mark.parametrize("kind", ["settle", "release", "unknown"])
def test_what_was_ended_is_not_held_again(subject: Subject, kind: str) -> None:
    """However it ended."""
    subject.reserve("a", claim(6, 10))
    subject.settle("a", 1, kind=kind)
    assert subject.reserve("a", claim(6, 10)) == Gone(0)
    assert subject.stands() == (1, 0)


def test_what_has_expired_is_not_held_again(subject: Subject) -> None:
    """Even if it expires in the very operation that asks for it."""
    subject.reserve("a", claim(6, 10), lease=5)
    subject.now = 5
    assert subject.reserve("a", claim(6, 10), lease=5) == Gone(5)
    assert subject.stands() == (6, 0)


def test_nothing_more_is_too_much_for_what_is_over_its_limit(subject: Subject) -> None:
    """A claim of 0 is refused where the limit was lowered below what is used, and only there."""
    subject.post("bill", 6)
    assert type(subject.reserve("a", claim(0, 6))) is Reserved
    assert subject.reserve("b", claim(0, 5)).refusals[0].used == 6


def test_a_temporary_increase_ends(subject: Subject) -> None:
    """Until its end, and not at it."""
    more = claim(12, 10, extra=money(2), extra_until=50)
    subject.now = 50
    assert subject.reserve("late", more).refusals[0].limit == 10
    subject.now = 49
    assert type(subject.reserve("early", more)) is Reserved


# --- windows ------------------------------------------------------------------------------------


def test_a_rolling_window_forgets_rather_too_late(subject: Subject) -> None:
    """What was spent in the last millisecond of a second counts for 60 seconds, and up to one more."""
    subject.now = 999
    subject.post("bill", 10, MINUTE)
    subject.now = 60_999
    refused = subject.reserve("a", claim(1, 10, window=MINUTE))
    assert refused.refusals[0].buckets == ((0, money(10)),)
    subject.now = 61_000
    assert type(subject.reserve("a", claim(1, 10, window=MINUTE))) is Reserved


def test_a_refusal_tells_every_bucket_that_counts(subject: Subject) -> None:
    """In order, with what is used of each, and none where nothing is."""
    for subject.now, amount in ((3000, 2), (1000, 1), (2000, 0)):
        subject.post(f"bill-{subject.now}", amount, MINUTE)
    subject.now = 3000
    subject.reserve("a", claim(4, 10, window=MINUTE))
    refused = subject.reserve("b", claim(4, 10, window=MINUTE))
    assert refused.refusals[0].buckets == ((1, money(1)), (3, money(6)))


def test_what_a_clock_that_jumped_back_finds_in_the_future_still_counts(subject: Subject) -> None:
    """There is no room to be won by setting a clock back."""
    subject.now = 50_000
    subject.reserve("a", claim(10, 10, window=MINUTE))
    subject.now = 20_000
    assert subject.reserve("b", claim(1, 10, window=MINUTE)).refusals[0].used == 10


def test_a_clock_that_jumped_far_back_makes_nothing_again_that_was_forgotten(
    subject: Subject,
) -> None:
    """It counts in the oldest bucket that there may be, from where it takes part in all windows since."""
    subject.post("first", 5, MINUTE)
    subject.now = 200 * SECOND
    subject.post("second", 1, MINUTE)
    subject.now = 0
    answer = subject.reserve("a", claim(2, 10, window=MINUTE))
    assert answer.lines == (Line("usd:x", 80, 1000, money(2)),)
    assert subject.stands(MINUTE) == (1, 2)
    subject.post("third", 3, MINUTE)
    assert entries(subject)[-1][-1] == (("usd:x", 80, money(3)),)
    assert subject.sound()


def test_old_buckets_are_forgotten_when_a_new_one_begins_unless_something_is_held(
    subject: Subject,
) -> None:
    """Two windows later; and the ledger keeps all."""
    subject.post("first", 5, MINUTE)
    subject.now = SECOND
    subject.reserve("held", claim(7, window=MINUTE))
    subject.now = 200 * SECOND
    subject.post("later", 1, MINUTE)
    subject.now = 0
    assert subject.stands(MINUTE) == (1, 7)
    subject.settle("held")
    assert subject.stands(MINUTE) == (8, 0)
    assert subject.sound()
    assert len(entries(subject)) == 3


def test_a_clock_that_jumps_back_by_a_window_finds_all_that_counted(subject: Subject) -> None:
    """Buckets are kept for twice as long as they count."""
    subject.post("first", 5, MINUTE)
    subject.now = 120 * SECOND
    subject.post("later", 1, MINUTE)
    subject.now = 60 * SECOND
    assert subject.stands(MINUTE) == (6, 0)


def test_what_is_held_of_nothing_does_not_make_a_forgotten_bucket_again(subject: Subject) -> None:
    """Its settlement is in the ledger; no window counts it any more."""
    subject.reserve("free", claim(0, window=MINUTE))
    subject.post("first", 5, MINUTE)
    subject.now = 200 * SECOND
    subject.post("later", 1, MINUTE)
    assert subject.settle("free", 2).lines == (Standing("usd:x", money(1), money(0), money(2)),)
    subject.now = 0
    assert subject.stands(MINUTE) == (1, 0)
    assert subject.sound()


def test_a_period_ends_when_the_next_one_begins(subject: Subject) -> None:
    """The latest start that is not after now."""
    subject.now = 199
    subject.reserve("a", claim(10, 10, window=PERIODS))
    assert subject.reserve("b", claim(1, 10, window=PERIODS)).refusals[0].used == 10
    subject.now = 200
    assert type(subject.reserve("b", claim(1, 10, window=PERIODS))) is Reserved
    assert subject.stands(PERIODS) == (0, 1)


@pytest.mark.parametrize("now", [99, 300])
def test_outside_of_the_periods_given_nothing_is_done(subject: Subject, now: int) -> None:
    """The caller learns the store's time, and asks again."""
    subject.now = now
    periods = Window(starts=PERIODS.starts[1:])
    asked = claim(1, 10, window=periods)
    assert subject.reserve("a", claim(1, account="other"), asked) == Untimely(now)
    assert subject.perform(Balances((asked,))) == Untimely(now)
    assert subject.post("bill", 1, periods) == Untimely(now)
    assert subject.perform(Reset("clean", (("usd:x", periods),))) == Untimely(now)
    assert subject.stands(account="other") == (0, 0)
    assert entries(subject) == []


@pytest.mark.parametrize(
    ("used", "rollover", "limit"),
    [(4, 10, 16), (4, 3, 13), (12, 10, 10), (None, 10, 10)],
    ids=["what was left", "at most so much", "nothing was left", "it was not used at all"],
)
def test_what_was_left_of_the_period_before_rolls_over(
    subject: Subject, used: int | None, rollover: int, limit: int
) -> None:
    """At most as much as may, where that period was used at all."""
    if used is not None:
        subject.now = 100
        subject.post("bill", used, PERIODS)
    subject.now = 200
    asked = claim(0, 10, window=PERIODS, rollover=money(rollover))
    assert subject.perform(Balances((asked,))).lines[0].limit == limit


@pytest.mark.parametrize(("now", "window"), [(50, PERIODS), (250, MINUTE), (250, EVER)])
def test_nothing_rolls_over_where_no_period_is_before(
    subject: Subject, now: int, window: Window
) -> None:
    """In the first one that is known, in a rolling window, and for ever."""
    subject.post("bill", 4, window)
    subject.now = now
    asked = claim(0, 10, window=window, rollover=money(10))
    assert subject.perform(Balances((asked,))).lines[0].limit == 10


def test_without_a_limit_nothing_is_refused(exact: Subject) -> None:
    """It is counted, and its limit is infinite, whatever rolls over."""
    asked = claim(10**20, rollover=money(1))
    exact.reserve("a", asked)
    (line,) = exact.perform(Balances((asked,))).lines
    assert (line.limit, line.used, line.amount) == (Decimal("Infinity"), 10**20, 10**20)


def test_balances_touch_nothing(subject: Subject) -> None:
    """They tell what a reserve would find: a refusal each, refused or not, and nothing is swept."""
    subject.now = 1000
    subject.reserve("a", claim(4, 10, window=MINUTE), lease=1)
    subject.now = 1005
    asked = claim(7, 10, window=MINUTE)
    line = Refusal("usd:x", money(10), money(4), money(0), money(7), ((1, money(4)),))
    assert subject.perform(Balances((asked,))).lines == (line,)
    assert subject.stands(MINUTE) == (0, 4)


# --- ends of holds ------------------------------------------------------------------------------


def test_what_was_held_becomes_what_was_spent(subject: Subject) -> None:
    """More or less than was held, one amount for each account, and one entry."""
    subject.reserve("a", claim(6, 10), claim(100, account="tokens"), claim(1, account="calls"))
    answer = subject.settle("a", 7, 80, 1, prompt_tokens=50, completion_tokens=30)
    assert answer == Settled(
        "settled",
        0,
        (
            Standing("usd:x", money(7), money(0), money(7)),
            Standing("tokens", money(80), money(0), money(80)),
            Standing("calls", money(1), money(0), money(1)),
        ),
    )
    lines = (("usd:x", 0, money(7)), ("tokens", 0, money(80)), ("calls", 0, money(1)))
    assert entries(subject) == [("a", "settle", "a", "", money(7), lines)]
    assert subject.perform(ReadUsage()) == (usage(1, 7, (50, 30)),)
    assert subject.sound()


def test_an_unknown_outcome_is_spent_as_it_was_held(subject: Subject) -> None:
    """With the reason, and with the dollars of the hold."""
    subject.reserve("a", claim(6, 10))
    subject.settle("a", kind="unknown", flag="timeout")
    assert entries(subject) == [
        ("a", "unknown", "a", "timeout", money(6), (("usd:x", 0, money(6)),))
    ]
    assert subject.perform(ReadUsage()) == (usage(1, 6),)


def test_a_released_hold_is_no_call(subject: Subject) -> None:
    """It is in the ledger, with nothing spent."""
    subject.reserve("a", claim(6, 10))
    subject.settle("a", 0, kind="release")
    assert entries(subject) == [("a", "release", "a", "", money(0), ())]
    assert subject.perform(ReadUsage()) == (usage(0, 0),)
    assert subject.stands() == (0, 0)


def test_a_place_among_parallel_requests_is_given_back_and_never_spent(subject: Subject) -> None:
    """Whatever is said to be its amount."""
    subject.reserve("a", claim(1, 1, keep=False))
    assert subject.reserve("b", claim(1, 1, keep=False)).refusals
    subject.settle("a", 1)
    assert subject.stands() == (0, 0)
    assert entries(subject)[0][-1] == ()
    assert type(subject.reserve("b", claim(1, 1, keep=False))) is Reserved


def test_a_release_that_comes_first_leaves_nothing_to_hold(subject: Subject) -> None:
    """A reservation that was given up, and arrives late, holds nothing."""
    released = SettleHold("late", "release", (), Decimal(0))
    assert subject.store.perform(released).status == "missing"
    assert type(subject.reserve("late", claim(6, 10))) is Gone
    assert subject.store.perform(released).status == "again"
    assert subject.stands() == (0, 0)
    assert not subject.store.perform(Audit()).differences


def test_a_hold_is_settled_once(subject: Subject) -> None:
    """Again changes nothing, and what was never held is missing."""
    subject.reserve("a", claim(6, 10))
    subject.settle("a", 5)
    assert subject.settle("a", 9) == Settled("again", 0)
    assert subject.settle("b", 9) == Settled("missing", 0)
    assert subject.stands() == (5, 0)
    assert len(entries(subject)) == 1


def test_a_settlement_counts_in_the_bucket_of_its_hold(subject: Subject) -> None:
    """Not in the one of its time; how the account stands is told of now."""
    subject.reserve("a", claim(6, window=MINUTE))
    subject.now = 90 * SECOND
    subject.post("bill", 1, MINUTE)
    answer = subject.settle("a", 5)
    assert answer.lines == (Standing("usd:x", money(1), money(0), money(5)),)
    assert entries(subject)[-1][-1] == (("usd:x", 0, money(5)),)


@pytest.mark.parametrize("amounts", [(), (1,), (1, 2, 3)])
@pytest.mark.parametrize("expired", [False, True])
def test_amounts_that_are_not_as_many_as_the_accounts_settle_nothing(
    subject: Subject, amounts: tuple[int, ...], *, expired: bool
) -> None:
    """Nobody can say which is whose: the hold stands."""
    subject.reserve("a", claim(6), claim(7, account="other"), lease=5)
    subject.now = 5 * expired
    subject.perform(Sweep())
    before = subject.stands()
    with pytest.raises(StoreError, match=f"2 accounts got {len(amounts)} amounts"):
        subject.perform(SettleHold("a", amounts=tuple(money(a) for a in amounts)))
    assert subject.stands() == before
    assert subject.settle("a").status == ("corrected" if expired else "settled")


# --- expiry -------------------------------------------------------------------------------------


def test_a_hold_that_expires_becomes_spend(subject: Subject) -> None:
    """At what it held, flagged, as a call; a place among parallel requests just falls free."""
    subject.reserve("a", claim(6, 10), claim(1, account="parallel", keep=False), lease=5)
    subject.now = 4
    assert subject.perform(Sweep()) == 0
    subject.now = 5
    assert subject.perform(Sweep()) == 1
    assert subject.perform(Sweep()) == 0
    assert subject.stands() == (6, 0)
    assert subject.stands(account="parallel") == (0, 0)
    expiry = ("a/expired", "expire", "a", "expired", money(6), (("usd:x", 0, money(6)),))
    assert entries(subject) == [expiry]
    assert subject.perform(ReadUsage()) == (usage(1, 6),)
    audit = subject.perform(Audit())
    assert (audit.entries, audit.holds, audit.expired, audit.differences) == (1, 0, 1, ())


def test_a_late_settlement_corrects_in_the_bucket_of_its_hold(subject: Subject) -> None:
    """By the difference, once, and the call was counted before."""
    subject.reserve("a", claim(6, window=MINUTE), claim(1, account="p", keep=False), lease=5)
    subject.now = 2 * SECOND
    subject.perform(Sweep())
    answer = subject.settle("a", 2, 1, prompt_tokens=9)
    assert answer == Settled(
        "corrected",
        2000,
        (
            Standing("usd:x", money(2), money(0), money(-4)),
            Standing("p", money(0), money(0), money(0)),
        ),
    )
    assert entries(subject)[-1] == ("a", "correct", "a", "", money(-4), (("usd:x", 0, money(-4)),))
    assert subject.perform(ReadUsage()) == (usage(1, 2, (9, 0)),)
    assert subject.settle("a", 3).status == "again"
    assert subject.sound()


def test_a_late_release_takes_the_call_back_too(subject: Subject) -> None:
    """It was none."""
    subject.reserve("a", claim(6), lease=5)
    subject.now = 5
    subject.perform(Sweep())
    subject.settle("a", 0, kind="release")
    assert subject.perform(ReadUsage()) == (usage(0, 0),)


def test_a_late_bill_above_its_hold_is_recorded(subject: Subject) -> None:
    """What is billed was spent, whatever the limit."""
    subject.reserve("a", claim(6, 6), lease=5)
    subject.now = 5
    subject.perform(Sweep())
    assert subject.settle("a", 8).lines[0].delta == 2
    assert subject.stands() == (8, 0)


def test_a_correction_of_a_forgotten_bucket_makes_it_not_again(subject: Subject) -> None:
    """The ledger has it; a counter made again would say less than nothing."""
    subject.reserve("a", claim(6, window=MINUTE), lease=5)
    subject.now = 5
    subject.perform(Sweep())
    subject.now = 200 * SECOND
    subject.post("later", 1, MINUTE)
    assert subject.settle("a", 2).lines[0].delta == -4
    subject.now = 0
    assert subject.stands(MINUTE) == (1, 0)
    assert subject.sound()


@pytest.mark.parametrize(
    ("posted", "delta"), [(0, 0), (3, -3), (-2, 0), (9, -4)], ids=["0", "less", "below 0", "more"]
)
def test_a_correction_takes_back_no_more_than_is_there(
    subject: Subject, posted: int, delta: int
) -> None:
    """After a reset, what expired before it was taken back already: twice would make room that is none."""
    subject.reserve("a", claim(6), lease=5)
    subject.now = 5
    subject.perform(Sweep())
    subject.perform(Reset("clean", (("usd:x", EVER),)))
    subject.post("bill", posted)
    assert subject.settle("a", 2).lines[0].delta == delta
    assert subject.stands() == (posted + delta, 0)
    assert subject.sound()


def test_a_reserve_sweeps_eight_the_oldest_first(subject: Subject) -> None:
    """So that what nobody settles makes room for nobody, and no call pays for all."""
    for n in range(10):
        subject.reserve(f"h{n}", claim(1), lease=100 - n)
    subject.now = 100
    assert subject.reserve("a", claim(1, 10)).refusals[0].spent == 8
    swept = [entry[0] for entry in entries(subject)]
    assert swept == [f"h{n}/expired" for n in range(9, 1, -1)]
    assert subject.perform(Sweep(1)) == 1
    assert subject.perform(Sweep(0)) == 0
    assert subject.perform(Sweep()) == 1


# --- what is spent elsewhere --------------------------------------------------------------------


def test_a_post_counts_once_whatever_the_limit(subject: Subject) -> None:
    """The same entry again changes nothing."""
    answer = subject.post("bill", 60, prompt_tokens=1, completion_tokens=2, calls=3, flag="by hand")
    assert answer.lines == (Standing("usd:x", money(60), money(0), money(60)),)
    assert subject.post("bill", 60).status == "again"
    assert subject.stands() == (60, 0)
    assert entries(subject) == [
        ("bill", "spend", "", "by hand", money(60), (("usd:x", 0, money(60)),))
    ]
    assert subject.perform(ReadUsage()) == (usage(3, 60, (1, 2)),)


def test_a_post_of_the_past_counts_when_it_was(subject: Subject) -> None:
    """In its bucket, and on its day."""
    subject.now = 5 * DAY
    hours = Window(width=DAY)
    subject.post("bill", 6, hours, at=3 * DAY + 5)
    assert entries(subject)[0][-1] == (("usd:x", 3, money(6)),)
    assert subject.perform(ReadUsage()) == (usage(1, 6, day=3),)
    assert subject.stands(hours) == (6, 0)


def test_a_negative_post_gives_back(subject: Subject) -> None:
    """And one of nothing is an entry without lines."""
    subject.post("bill", 6)
    subject.post("credit", -2)
    subject.post("nothing", 0)
    assert subject.stands() == (4, 0)
    assert entries(subject)[-1] == ("nothing", "spend", "", "", money(0), ())
    assert subject.sound()


@pytest.mark.parametrize("expired", [False, True])
def test_an_entry_may_not_take_the_id_of_a_hold(subject: Subject, *, expired: bool) -> None:
    """Or the hold's own could not be entered."""
    subject.reserve("a", claim(6), lease=5)
    subject.now = 5 * expired
    subject.perform(Sweep())
    for taking in (Post("a", ()), Reset("a", ())):
        with pytest.raises(StoreError, match="the id of a hold"):
            subject.perform(taking)
    subject.settle("a", 5)
    assert subject.stands() == (5, 0)


def test_a_hold_may_not_take_the_id_of_an_entry(subject: Subject) -> None:
    """Its settlement would be taken for done."""
    subject.post("a", 6)
    assert subject.reserve("a", claim(1)) == Gone(0)


def test_a_reset_takes_back_what_was_spent_and_leaves_what_is_held(subject: Subject) -> None:
    """In every bucket that counts, as negative lines; what is settled later counts."""
    for subject.now in (1000, 2000):
        subject.post(f"bill-{subject.now}", 3, MINUTE)
    subject.now = 3000
    subject.reserve("a", claim(5, window=MINUTE))
    answer = subject.perform(Reset("clean", (("usd:x", MINUTE), ("unused", EVER))))
    assert [line.delta for line in answer.lines] == [-3, -3]
    assert subject.stands(MINUTE) == (0, 5)
    assert subject.perform(Reset("clean", (("usd:x", MINUTE),))).status == "again"
    lines = (("usd:x", 1, money(-3)), ("usd:x", 2, money(-3)))
    assert entries(subject)[-1] == ("clean", "reset", "", "", money(0), lines)
    subject.settle("a", 4)
    assert subject.stands(MINUTE) == (4, 0)
    assert subject.sound()


# --- rules --------------------------------------------------------------------------------------


def test_a_rule_that_was_written_since_makes_claims_stale(subject: Subject) -> None:
    """The rules that hold come with the answer; a scope without one has version 0."""
    rule = Rule("user=ann", 1, "{}")
    assert subject.perform(WriteRule("user=ann", "{}")) == Written(True, rule)
    seen = (("global", 0), ("user=ann", 0))
    assert subject.reserve("a", claim(1), seen=seen) == Stale(0, (rule,))
    assert subject.perform(Balances((claim(1),), seen)) == Stale(0, (rule,))
    assert subject.stands() == (0, 0)
    assert type(subject.reserve("a", claim(1), seen=(("user=ann", 1), ("global", 0)))) is Reserved


def test_a_rule_is_written_over_the_version_that_was_expected(subject: Subject) -> None:
    """And taking it back is a version too."""
    assert subject.perform(WriteRule("s", "1", expected=0)).done
    assert subject.perform(WriteRule("s", "x", expected=0)) == Written(False, Rule("s", 1, "1"))
    assert subject.perform(WriteRule("s", None, expected=1)) == Written(True, Rule("s", 2, None))
    subject.perform(WriteRule("r", "r"))
    assert subject.perform(ReadRules()) == (Rule("r", 1, "r"), Rule("s", 2, None))
    assert subject.perform(ReadRules(("s", "t"))) == (Rule("s", 2, None), Rule("t", 0, None))


# --- digits -------------------------------------------------------------------------------------


def test_what_has_more_digits_than_sums_can_keep_leaves_no_residue(exact: Subject) -> None:
    """It is rounded up to what they can: a third is held, and given back to the last digit."""
    third, more = Decimal("0." + "3" * 58), Decimal("0." + "7" * 58)
    exact.post("bill", 10**20)
    exact.reserve("a", Claim("usd:x", EVER, third))
    exact.reserve("b", Claim("usd:x", EVER, third), Claim("other", EVER, more))
    exact.perform(SettleHold("b", amounts=(more, third), usd=third))
    exact.settle("a", 0)
    spent, held = exact.stands()
    assert held == 0
    assert str(spent) == "100000000000000000000." + "7" * 28 + "8"
    assert exact.sound()


def test_nobodys_decimal_context_rounds_what_is_kept(subject: Subject) -> None:
    """The caller's own precision may be anything."""
    with localcontext() as context:
        context.prec = 2
        subject.reserve("a", claim("1.23456789", 10), lease=5)
        subject.settle("a", "1.23456788")
        subject.reserve("b", claim("1.23456789", 10), lease=5)
        subject.now = 5
        subject.perform(Sweep())
        assert subject.stands() == (money("2.46913577"), 0)
        subject.perform(Reset("clean", (("usd:x", EVER),)))
        assert subject.stands() == (0, 0)
        assert subject.sound()


# --- reading ------------------------------------------------------------------------------------


def test_the_ledger_is_read_in_pages(subject: Subject) -> None:
    """By number, which only grows."""
    for n in range(5):
        subject.post(f"bill-{n}", n)
    page = subject.perform(ReadEntries(after=2, limit=2))
    assert [(entry.number, entry.id) for entry in page] == [(3, "bill-2"), (4, "bill-3")]
    assert page[0].whose == ANN


def test_usage_is_read_by_scope_and_day(subject: Subject) -> None:
    """Both days included, in order."""
    for day in (3, 1, 2):
        whose = ANN._replace(scopes=("user=ann", "global"))
        subject.perform(Post(f"bill-{day}", (), Decimal(day), whose, at=day * DAY))
    rows = subject.perform(ReadUsage(("global", "none"), since=1, until=2))
    assert [(row.day, row.scope, row.usd) for row in rows] == [(1, "global", 1), (2, "global", 2)]
    assert [row[:2] for row in subject.perform(ReadUsage(since=3))] == [
        (3, "global"),
        (3, "user=ann"),
    ]


def test_usage_before_1970_is_audited_too(subject: Subject) -> None:
    """A clock may say anything."""
    assert subject.post("old", 6, MINUTE, at=-DAY).status == "posted"
    assert subject.sound()


def test_an_empty_reserve_is_a_hold_of_nothing(subject: Subject) -> None:
    """Nobody limits such a call; its usage is counted when it is settled."""
    assert subject.perform(Reserve("a", (), 5, money(3), ANN)).lines == ()
    assert subject.settle("a").status == "settled"
    assert subject.perform(ReadUsage()) == (usage(1, 3),)
