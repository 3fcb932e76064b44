"""Checks of holding: how much, all or nothing, once, and in what order reasons against it are found."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ..._operations import (
    Audit,
    Balances,
    Gone,
    Line,
    Refusal,
    Refused,
    Reserve,
    Reserved,
    Rule,
    SettleHold,
    Stale,
    Sweep,
    Untimely,
    Window,
    WriteRule,
)
from ...errors import StoreError
from ._subject import LEASE, START, WHO, Subject, claim

__all__ = ["Reserving"]

_USER = "usd:ever:user=ann"
_PAST = Window(starts=(START - 2000, START - 1000))
_FUTURE = Window(starts=(START + 1, START + 1000))


class Reserving(Subject):
    """The holds."""

    def test_what_is_reserved_is_held(self) -> None:
        """A hold says when it ends and in which buckets it is, and is used, not spent."""
        parallel = claim(1, 5, "parallel:ever:global", keep=False)
        found = self.hold("h1", claim(3), parallel, whose=WHO, usd=Decimal(3))
        lines = (
            Line("usd:ever:global", 0, 0, Decimal(3)),
            Line("parallel:ever:global", 0, 0, Decimal(1), keep=False),
        )
        self.same(found, Reserved(START, START + LEASE, lines))
        self.same(self.standing(claim(), parallel), [("0", "3"), ("0", "1")])
        self.audited(holds=1)

    def test_up_to_the_limit(self) -> None:
        """The whole limit can be held, and not the smallest amount more."""
        least = self.grain or Decimal("0.000000000000000001")
        self.held("h1", claim("9.5"))
        self.expect(
            isinstance(self.hold("h2", claim(str(Decimal("0.5") + least))), Refused), "more"
        )
        self.held("h3", claim("0.5"))
        self.expect(isinstance(self.hold("h4", claim(str(least))), Refused), f"{least} more")
        self.same(self.standing(claim()), [("0", "10")])

    def test_a_refusal_says_why(self) -> None:
        """A refusal has the limit that holds, what is used, what of it is spent, and what was asked."""
        self.held("h1", claim(4))
        self.perform(SettleHold("h1"))
        self.held("h2", claim(5))
        refusal = Refusal("usd:ever:global", Decimal(10), Decimal(9), Decimal(4), Decimal(2))
        self.same(self.hold("h3", claim(2)), Refused(START, (refusal,)))

    def test_all_or_nothing(self) -> None:
        """Where one account has no room, nothing is held in the others, and every refusal is told."""
        claims = (
            claim(1, 10),
            claim(2, 1, _USER),
            claim(1, 1, "requests:ever:global"),
            claim(3, 2, "usd:b"),
        )
        found = self.hold("h1", *claims)
        self.expect(isinstance(found, Refused), f"found {found!r}")
        self.same([r.account for r in found.refusals], [_USER, "usd:b"])
        self.same(self.standing(*claims), [("0", "0")] * 4)
        self.same(self.perform(SettleHold("h1")).status, "missing")
        self.audited()

    def test_nothing_more_of_what_is_over(self) -> None:
        """Zero can be held of what is used up to its limit, and not of what is over it."""
        self.held("h1", claim(10))
        self.held("h2", claim(0))
        self.expect(isinstance(self.hold("h3", claim(0, 9)), Refused), "0 was held of 10 within 9")

    def test_without_a_limit(self) -> None:
        """What has no limit is counted."""
        self.held("h1", claim(1_000_000, None))
        self.same(self.standing(claim()), [("0", "1000000")])
        line = self.perform(Balances((claim(1, None),))).lines[0]
        self.same(line.limit, Decimal("Infinity"))

    def test_without_claims(self) -> None:
        """A hold of nothing is a hold: it is settled once, and its usage counted."""
        self.held("h1", whose=WHO)
        self.audited(holds=1)
        self.same(self.perform(SettleHold("h1", usd=Decimal(1))).status, "settled")
        self.same(self.entered(), [("h1", "settle", "1")])
        self.audited()

    def test_the_same_hold_again(self) -> None:
        """A hold that is live is the same hold, whatever is asked, refused or out of date by now."""
        first = self.held("h1", claim(10))
        self.perform(WriteRule("global", "{}"))
        self.clock.milliseconds += 5
        again = first._replace(now=START + 5, again=True)
        self.same(self.hold("h1", claim(10)), again)
        self.same(self.hold("h1", claim(99, 1), lease=1, seen=(("global", 0),)), again)
        self.same(self.hold("h1", claim(window=_PAST)), again)
        self.same(self.standing(claim()), [("0", "10")])
        self.audited(holds=1)

    def test_gone(self) -> None:
        """A hold that was settled, released or has expired is not made again."""
        for hold in ("settled", "released", "expired", "corrected"):
            self.held(hold, claim(1))
        self.perform(SettleHold("settled"))
        self.perform(SettleHold("released", "release", (Decimal(0),), Decimal(0)))
        self.same(self.expire(), 2)
        self.perform(SettleHold("corrected", amounts=(Decimal(0),)))
        for hold in ("settled", "released", "expired", "corrected"):
            self.same(self.hold(hold, claim(1)), Gone(START + LEASE))
        self.same(self.standing(claim()), [("2", "0")])
        self.audited(expired=1)

    def test_stale(self) -> None:
        """What was reckoned by another version of a rule than stands is not held; what stands is told."""
        self.perform(WriteRule("global", '{"v": 1}'))
        self.perform(WriteRule("user=ann", '{"v": 1}'))
        self.perform(WriteRule("user=ann", None))
        seen = (("global", 1), ("user=ann", 1), ("team=a", 3), ("team=b", 0))
        now = Rule("user=ann", 2, None), Rule("team=a", 0, None)
        self.same(self.hold("h1", claim(1), seen=seen), Stale(START, now))
        self.same(self.perform(Balances((claim(1),), seen)), Stale(START, now))
        current = (("global", 1), ("user=ann", 2), ("team=a", 0))
        self.held("h1", claim(1), seen=current)

    def test_untimely(self) -> None:
        """Outside of the periods that are given nothing is held; the store says what time it is."""
        for window in (_PAST, _FUTURE, Window(starts=(START - 5, START))):
            found = self.hold("h1", claim(1), claim(1, 1, _USER, window))
            self.same(found, Untimely(START))
        self.same(self.standing(claim()), [("0", "0")])
        self.held("h1", claim(1, 1, _USER, Window(starts=(START, START + 1))))

    def test_stale_before_untimely_before_refused(self) -> None:
        """Rules that hold no more are told first, then the time, and refusals last."""
        late = claim(1, 0), claim(1, 1, _USER, _PAST)
        self.same(
            self.hold("h1", *late, seen=(("global", 1),)), Stale(START, (Rule("global", 0, None),))
        )
        self.same(self.hold("h1", *late), Untimely(START))

    def test_expired_holds_are_swept_first(self) -> None:
        """A reservation makes spend of eight expired holds, the oldest first, and that stays, whatever it answers."""
        for number in range(9):
            self.held(f"h{number}", claim(1), lease=LEASE - number)
        self.clock.milliseconds += LEASE
        self.expect(isinstance(self.hold("late", claim(9)), Refused), "too much was held")
        self.same([entry.hold for entry in self.entries()], [f"h{n}" for n in range(8, 0, -1)])
        self.same(self.standing(claim()), [("8", "1")])
        self.audited(holds=1, expired=8)

    def test_swept_whatever_the_answer(self) -> None:
        """What a reservation sweeps stays swept where it answers that it was stale, untimely or gone."""
        asked: tuple[Callable[[], object], ...] = (
            lambda: self.hold("x", claim(0), seen=(("global", 7),)),
            lambda: self.hold("x", claim(0, window=_PAST)),
            lambda: self.hold("h0", claim(0)),
        )
        for number, ask in enumerate(asked):
            self.held(f"h{number}", claim(1))
            self.clock.milliseconds += LEASE
            self.expect(not isinstance(ask(), Reserved), "something was held")
            self.same(self.perform(Audit())[2:4], (0, number + 1))

    def test_a_lease_ends_on_time(self) -> None:
        """At the last millisecond of its lease a hold is held; at the next it is spent."""
        self.held("h1", claim(1))
        self.clock.milliseconds += LEASE - 1
        self.same(self.perform(Sweep()), 0)
        self.clock.milliseconds += 1
        self.same(self.perform(Sweep()), 1)
        self.same(self.perform(Sweep()), 0)

    def test_expiry(self) -> None:
        """What expires becomes spend, flagged, at what was held; a place among parallel requests is free again."""
        parallel = claim(1, 1, "parallel:ever:global", keep=False)
        self.held("h1", claim(3), parallel, whose=WHO, usd=Decimal("3.5"))
        self.same(self.expire(), 1)
        self.same(self.standing(claim(), parallel), [("3", "0"), ("0", "0")])
        entry = self.entries()[0]
        self.same(entry[1:], (
            "h1/expired", "expire", START + LEASE, "h1", "expired", Decimal("3.5"),
            (("usd:ever:global", 0, Decimal(3)),), WHO,
        ))  # fmt: skip
        self.audited(expired=1)

    def test_odd_names(self) -> None:
        """Names may have any character: quotes, braces, percent signs, line ends, and letters of all scripts."""
        names = "usd:ever:user=' OR 1=1 --", 'usd:{x}:"\\', "usd:%s:%d", "usd:\n\t:é💡", "usd:"
        for number, name in enumerate(names):
            self.held(f"{name}#{number}", claim(1, 1, name))
            self.expect(isinstance(self.hold("x", claim(1, 1, name)), Refused), f"{name!r} twice")
            self.same(self.perform(SettleHold(f"{name}#{number}")).status, "settled")
        self.same([e.lines[0][0] for e in self.entries()], list(names))
        self.audited()

    def test_many_small_amounts(self) -> None:
        """A hundred dimes are ten dollars, to the last unit."""
        for number in range(100):
            self.held(f"h{number}", claim("0.1"))
        self.expect(
            isinstance(self.hold("more", claim(str(self.grain or "1E-18"))), Refused), "more"
        )

    def test_every_digit(self) -> None:
        """What is held, spent and told has every digit that was given."""
        amount = Decimal("0.123456789") if self.grain else Decimal("1234567.123456789012345678901")
        self.held("h1", claim(str(amount), None), usd=amount)
        self.perform(SettleHold("h1"))
        self.same(self.entries()[0].usd, amount)
        self.same(self.perform(Balances((claim(0, None),))).lines[0].spent, amount)

    def test_however_an_amount_is_written(self) -> None:
        """``1E+1``, ``10`` and ``10.000`` are the same amount, and nothing is nothing however it is written."""
        for number, text in enumerate(("1E+1", "10.000", "0E-7", "-0", "0.00")):
            self.held(f"h{number}", claim(text, "2E+1"), claim(text, "2E+1", "tokens:ever:global"))
        self.same(self.standing(claim()), [("0", "20")])
        for number in range(5):
            self.perform(SettleHold(f"h{number}"))
        self.same(self.standing(claim(), claim(account="tokens:ever:global")), [("20", "0")] * 2)
        self.audited()

    def test_what_makes_no_sense(self) -> None:
        """What no store could keep rightly is refused with ``StoreError``, and nothing is done."""
        twice = claim(6), claim(6)
        bad = (
            Reserve("h1", twice, LEASE),
            Reserve("h1", (claim("NaN"),), LEASE),
            Reserve("h1", (claim("Infinity", None),), LEASE),
            Reserve("h1", (claim(-1),), LEASE),
            Reserve("", (claim(1),), LEASE),
            Reserve("h0/expired", (claim(1),), LEASE),
            Reserve("h1", (claim(1),), 0),
            SettleHold("h0", amounts=()),
            SettleHold("h0", amounts=(Decimal(1), Decimal(1))),
            Window(),  # no operation at all
        )
        self.held("h0", claim(1))
        for operation in bad:
            try:
                answer = self.perform(operation)
            except StoreError:
                continue
            self.fail(f"{operation!r} was answered {answer!r}")
        self.same(self.standing(claim()), [("0", "1")])
        self.same(self.perform(SettleHold("h0")).status, "settled")
        self.audited()
