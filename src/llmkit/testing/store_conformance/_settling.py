"""Checks of settling: at what was used, once, late, and what the ledger says of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ..._operations import NOBODY, Gone, ReadUsage, Settled, SettleHold, Standing, UsageRow, Window
from ..._settlements import Settle, Settlement, Settlements, SettlementsAfter
from ...errors import StoreError
from ._subject import DAY, LEASE, START, WHO, Subject, claim

__all__ = ["Settling"]

_TOKENS = "tokens:ever:global"
_TODAY = START // DAY


class Settling(Subject):
    """The settlements."""

    def test_settled_at_what_was_used(self) -> None:
        """What was held is spent as far as it was used, and the rest is free."""
        self.held("h1", claim(5), claim(100, 1000, _TOKENS), whose=WHO, usd=Decimal(5))
        used = (Decimal("2.5"), Decimal(40))
        found = self.perform(SettleHold("h1", "settle", used, Decimal("2.25"), 30, 10, "odd"))
        lines = (
            Standing("usd:ever:global", Decimal("2.5"), Decimal(0), Decimal("2.5")),
            Standing(_TOKENS, Decimal(40), Decimal(0), Decimal(40)),
        )
        self.same(found, Settled("settled", START, lines))
        counted = (("usd:ever:global", 0, used[0]), (_TOKENS, 0, used[1]))
        entry = ("h1", "settle", START, "h1", "odd", Decimal("2.25"), counted, WHO)
        self.same([e[1:] for e in self.entries()], [entry])
        rows = [
            UsageRow(_TODAY, s, "acme", "acme-large", 1, 30, 10, Decimal("2.25"))
            for s in WHO.scopes
        ]
        self.same(list(self.perform(ReadUsage())), rows)
        self.audited()

    def test_settled_above_what_was_held(self) -> None:
        """A bill above its hold is recorded as it is, and then there is no room."""
        self.held("h1", claim(10))
        self.perform(SettleHold("h1", amounts=(Decimal(12),)))
        self.same(self.standing(claim()), [("12", "0")])
        self.expect(self.hold("h2", claim(0)).refusals, "0 was held of 12 within 10")

    def test_at_the_hold(self) -> None:
        """Where the outcome is unknown, all that was held is spent, and its dollars are used."""
        parallel = claim(1, 1, "parallel:ever:global", keep=False)
        self.held("h1", claim(5), parallel, whose=WHO, usd=Decimal("4.5"))
        found = self.perform(SettleHold("h1", "unknown", flag="timeout"))
        self.same([line.delta for line in found.lines], [Decimal(5), Decimal(0)])
        self.same(self.standing(claim(), parallel), [("5", "0"), ("0", "0")])
        self.same(self.entered(), [("h1", "unknown", "4.5")])
        self.same(self.entries()[0].flag, "timeout")
        self.same(self.entries()[0].lines, (("usd:ever:global", 0, Decimal(5)),))

    def test_released(self) -> None:
        """What is released is free, is no call, and has its entry."""
        self.held("h1", claim(5), whose=WHO, usd=Decimal(5))
        self.perform(SettleHold("h1", "release", (Decimal(0),), Decimal(0)))
        self.same(self.standing(claim()), [("0", "0")])
        self.same(self.entered(), [("h1", "release", "0")])
        self.same(self.entries()[0].lines, ())
        self.same([(r.calls, r.usd) for r in self.perform(ReadUsage())], [(0, Decimal(0))] * 2)
        self.audited()

    def test_what_is_not_kept_is_never_spent(self) -> None:
        """A place among parallel requests is free again, whatever a settlement says of it."""
        parallel = claim(1, 1, "parallel:ever:global", keep=False)
        self.held("h1", parallel)
        found = self.perform(SettleHold("h1", amounts=(Decimal(1),)))
        self.same(
            found.lines, (Standing("parallel:ever:global", Decimal(0), Decimal(0), Decimal(0)),)
        )
        self.held("h2", parallel)
        self.expire()
        self.perform(SettleHold("h2", amounts=(Decimal(1),)))
        self.same(self.standing(parallel), [("0", "0")])
        self.audited()

    def test_settled_once(self) -> None:
        """A second settlement changes nothing, and is told so."""
        self.held("h1", claim(5), whose=WHO)
        self.perform(SettleHold("h1", amounts=(Decimal(1),)))
        before = self.entries(), self.perform(ReadUsage())
        for kind in ("settle", "release", "unknown"):
            found = self.perform(SettleHold("h1", kind, (Decimal(3),), Decimal(3), 1, 1))
            self.same(found, Settled("again", START))
        self.same((self.entries(), self.perform(ReadUsage())), before)
        self.same(self.standing(claim()), [("1", "0")])

    def test_never_held(self) -> None:
        """What was never held is not settled, and leaves nothing."""
        self.same(self.perform(SettleHold("nobody")), Settled("missing", START))
        self.same(self.entries(), ())
        self.audited()

    def test_released_before_it_is_held(self) -> None:
        """A release that overtakes its reservation is entered, and leaves it nothing to hold."""
        release = SettleHold("h1", "release", (Decimal(0),), Decimal(0), flag="cancelled")
        self.same(self.perform(release), Settled("missing", START))
        self.same(self.hold("h1", claim(5), whose=WHO), Gone(START))
        self.same(self.perform(release), Settled("again", START))
        entry = ("h1", "release", START, "h1", "cancelled", Decimal(0), (), NOBODY)
        self.same([e[1:] for e in self.entries()], [entry])
        self.same(self.standing(claim()), [("0", "0")])
        self.same(self.perform(ReadUsage()), ())
        self.audited()

    def test_late(self) -> None:
        """A settlement after expiry corrects what expiry counted, by the difference, once."""
        self.held("h1", claim(5), whose=WHO, usd=Decimal(5))
        self.expire()
        found = self.perform(
            SettleHold("h1", amounts=(Decimal(2),), usd=Decimal(2), prompt_tokens=7)
        )
        line = Standing("usd:ever:global", Decimal(2), Decimal(0), Decimal(-3))
        self.same(found, Settled("corrected", START + LEASE, (line,)))
        self.same(self.entered(), [("h1/expired", "expire", "5"), ("h1", "correct", "-3")])
        row = UsageRow(_TODAY, "global", "acme", "acme-large", 1, 7, 0, Decimal(2))
        self.same(self.perform(ReadUsage(("global",))), (row,))
        self.same(self.perform(SettleHold("h1")), Settled("again", START + LEASE))
        self.audited()

    def test_late_and_released(self) -> None:
        """A release after expiry takes back what expiry counted, the call too."""
        self.held("h1", claim(5), whose=WHO, usd=Decimal(5))
        self.expire()
        self.perform(SettleHold("h1", "release", (Decimal(0),), Decimal(0)))
        self.same(self.standing(claim()), [("0", "0")])
        self.same([(r.calls, r.usd) for r in self.perform(ReadUsage())], [(0, Decimal(0))] * 2)
        self.audited()

    def test_late_at_the_hold(self) -> None:
        """A late settlement at the hold adds nothing, and ends the hold."""
        self.held("h1", claim(5), usd=Decimal(5))
        self.expire()
        found = self.perform(SettleHold("h1", "unknown"))
        self.same((found.status, found.lines[0].delta), ("corrected", Decimal(0)))
        self.same(self.entries()[1].lines, ())
        self.audited()

    def test_overdue_and_not_swept(self) -> None:
        """A hold that nobody has swept is settled as if in time."""
        self.held("h1", claim(5))
        self.clock.milliseconds += LEASE * 2
        self.same(self.perform(SettleHold("h1")).status, "settled")
        self.same(self.expire(), 0)
        self.audited()

    def test_with_how_its_call_ended(self) -> None:
        """Both are done, or neither; and each of them once."""
        if not self.ends_calls:
            pytest.skip("it records settlements by themselves")
        self.held("h1", claim(5))
        key = "sk-" + "1a2b3c4d" * 4
        call = Settlement(
            "c1", "completed", "acme", "acme-large", False, "yes", 1, 1.5, 0.25, 3, 4, "reported",
            Decimal("2.5"), "exact", metadata={"note": key, "é": [1, None]},
        )  # fmt: skip
        wrong = SettleHold("h1", amounts=(Decimal(1), Decimal(1)), settlement=call)
        with pytest.raises(StoreError, match="got 2 amounts"):
            self.perform(wrong)
        self.same(self.perform(Settlements()), ())
        line = Standing("usd:ever:global", Decimal(2), Decimal(0), Decimal(2))
        right = wrong._replace(amounts=(Decimal(2),))
        self.same(self.perform(right), Settled("settled", START, (line,), stored=True))
        self.same(self.perform(right), Settled("again", START, stored=True))
        self.same(self.perform(Settle(call)), False)
        (found,) = self.perform(Settlements())
        self.same(found._replace(metadata={}), call._replace(metadata={}))
        self.same(dict(found.metadata), {"note": "[redacted]", "é": [1, None]})
        self.audited()

    def test_with_how_another_call_ended(self) -> None:
        """What comes with a hold that is late, or is not there, is recorded all the same; a call's first one stays."""
        if not self.ends_calls:
            pytest.skip("it records settlements by themselves")
        bare = Settlement("c1", "completed", "acme", "acme-large", False, "yes", 1, 1.5, 0.25)
        self.held("h1", claim(5))
        self.expire()
        for hold, call, status in (
            ("h1", "c1", "corrected"), ("h1", "c2", "again"), ("h2", "c3", "missing"), ("h2", "c1", "missing"),
        ):  # fmt: skip
            seconds = 0.25 if status == "corrected" else 0.5
            settlement = bare._replace(call_id=call, seconds=seconds)
            found = self.perform(SettleHold(hold, settlement=settlement))
            self.same((found.status, found.stored), (status, True))
        found = self.perform(SettleHold("h3", "release", (), Decimal(0), settlement=bare))
        self.same((found.status, found.stored), ("missing", True))
        self.same([e.id for e in self.entries()], ["h1/expired", "h1", "h3"])
        calls = [(s.call_id, s.seconds) for s in self.perform(Settlements())]
        self.same(calls, [("c1", 0.25), ("c2", 0.5), ("c3", 0.5)])
        if self.numbered:
            self.same(
                [s for _, s in self.perform(SettlementsAfter()).rows],
                list(self.perform(Settlements())),
            )

    def test_how_an_account_stands_now(self) -> None:
        """A settlement tells what its window has now, of others too."""
        rolling = claim(2, window=Window(1000, ()))
        self.held("h1", rolling, lease=10**9)
        self.held("h2", rolling, lease=10**9)
        self.clock.milliseconds += 61_000
        self.held("h3", rolling)
        line = self.perform(SettleHold("h1")).lines[0]
        self.same(line, Standing("usd:ever:global", Decimal(0), Decimal(2), Decimal(2)))
