"""Checks of windows: what counts when, what is added to a limit, and clocks that jump."""

from __future__ import annotations

from decimal import Decimal

from ..._operations import Balances, Charge, Post, Refused, Reserved, SettleHold, Untimely, Window
from ._subject import START, Subject, claim

__all__ = ["Windows"]

_WIDTH = 1000
_ROLLING = Window(_WIDTH, ())
_FIRST = START // _WIDTH
_DAYS = Window(starts=(START - 3000, START - 1000, START + 1000, START + 3000, START + 5000))
_LONG = 10**9


class Windows(Subject):
    """The windows."""

    def test_rolling(self) -> None:
        """What was spent counts in its bucket and the sixty after it, and no longer."""
        self.held("h1", claim(10, window=_ROLLING))
        self.perform(SettleHold("h1"))
        self.clock.milliseconds = (_FIRST + 61) * _WIDTH - 1
        self.expect(isinstance(self.hold("h2", claim(1, window=_ROLLING)), Refused), "too early")
        self.clock.milliseconds += 1
        self.held("h2", claim(10, window=_ROLLING))

    def test_rolling_refusals_have_buckets(self) -> None:
        """A refusal tells what was used when, oldest first, so that it can be said when there is room."""
        for step, amount in enumerate((1, 2, 3)):
            self.clock.milliseconds = START + step * 2 * _WIDTH
            self.held(f"h{step}", claim(amount, window=_ROLLING), lease=_LONG)
        self.perform(SettleHold("h1", amounts=(Decimal(0),)))
        found = self.hold("more", claim(7, window=_ROLLING))
        self.expect(isinstance(found, Refused), f"found {found!r}")
        buckets = (_FIRST, Decimal(1)), (_FIRST + 4, Decimal(3))
        self.same(found.refusals[0].buckets, buckets)
        self.same(self.perform(Balances((claim(0, window=_ROLLING),))).lines[0].buckets, buckets)

    def test_a_settlement_counts_in_the_hold_s_bucket(self) -> None:
        """What was held in one bucket is spent in that one, however late."""
        line = self.held("h1", claim(10, window=_ROLLING), lease=_LONG).lines[0]
        self.same((line.bucket, line.width), (_FIRST, _WIDTH))
        self.clock.milliseconds += 30 * _WIDTH
        self.perform(SettleHold("h1"))
        self.same(self.entries()[0].lines, (("usd:ever:global", _FIRST, Decimal(10)),))
        self.clock.milliseconds = (_FIRST + 61) * _WIDTH
        self.same(self.standing(claim(window=_ROLLING)), [("0", "0")])

    def test_a_clock_that_jumps_back(self) -> None:
        """What was counted in what is the future now still counts."""
        self.held("h1", claim(10, window=_ROLLING), lease=_LONG)
        self.held("h2", claim(10, account="usd:b", window=_DAYS), lease=_LONG)
        self.clock.milliseconds -= 2 * _WIDTH
        for account, window in (("usd:ever:global", _ROLLING), ("usd:b", _DAYS)):
            found = self.hold("h3", claim(1, account=account, window=window))
            self.expect(
                isinstance(found, Refused), f"the clock jumped back, and {account} has room"
            )

    def test_calendar(self) -> None:
        """A new period begins with nothing, at its first millisecond."""
        self.same(self.held("h1", claim(10, window=_DAYS)).lines[0].bucket, START - 1000)
        self.clock.milliseconds = START + 999
        self.expect(isinstance(self.hold("h2", claim(1, window=_DAYS)), Refused), "too early")
        self.clock.milliseconds += 1
        self.same(self.held("h2", claim(10, window=_DAYS)).lines[0].bucket, START + 1000)
        self.clock.milliseconds = START + 5000
        self.same(self.hold("h3", claim(1, window=_DAYS)), Untimely(START + 5000))

    def test_a_temporary_increase(self) -> None:
        """What is added to a limit for a time ends on time."""
        raised = claim(15, extra=Decimal(5), extra_until=START + 10)
        line = self.perform(Balances((raised,))).lines[0]
        self.same(line.limit, Decimal(15))
        self.clock.milliseconds += 10
        self.expect(isinstance(self.hold("h1", raised), Refused), "the increase was over")
        self.clock.milliseconds -= 1
        self.held("h1", raised)

    def test_rollover(self) -> None:
        """What was left of a period that was used is added in the next, as far as is allowed."""
        saving = claim(0, window=_DAYS, rollover=Decimal(4))
        self.same(self._limit(saving), 10)
        self.held("h1", saving._replace(amount=Decimal(9)), lease=_LONG)
        self.same(self._limit(saving), 10)
        self.clock.milliseconds = START + 1000
        self.same(self._limit(saving), 11)
        self.perform(SettleHold("h1", amounts=(Decimal(2),)))
        self.same(self._limit(saving), 14)
        self.clock.milliseconds = START + 3000
        self.same(self._limit(saving), 10)

    def test_nothing_rolls_over_from_what_was_overspent(self) -> None:
        """A period that went over its limit takes nothing from the next."""
        saving = claim(0, window=_DAYS, rollover=Decimal(4))
        self.perform(Post("p1", (Charge(saving.account, _DAYS, Decimal(12)),)))
        self.clock.milliseconds = START + 1000
        self.same(self._limit(saving), 10)

    def test_nothing_rolls_over_where_it_makes_no_sense(self) -> None:
        """Rolling windows, and the first of the periods that are known, have no period before them."""
        for window in (_ROLLING, Window(starts=(START - 1000, START + 1000))):
            saving = claim(1, window=window, rollover=Decimal(4))
            self.held(f"h{window.width}", saving)
            self.same(self._limit(saving), 10)

    def test_rollover_and_increase_together(self) -> None:
        """Both are added, and all of it can be held."""
        saving = claim(
            0, window=_DAYS, rollover=Decimal(4), extra=Decimal(3), extra_until=START * 2
        )
        self.held("h1", saving)
        self.clock.milliseconds = START + 1000
        self.same(self._limit(saving), 17)
        self.expect(isinstance(self.hold("h2", saving._replace(amount=Decimal(18))), Refused), "18")
        self.held("h2", saving._replace(amount=Decimal(17)))

    def test_years_of_buckets(self) -> None:
        """Buckets that count no more are forgotten, what is held in them excepted, and all still balances."""
        rolling = claim(1, window=_ROLLING)
        self.held("kept", rolling, lease=_LONG)
        for number in range(40):
            self.clock.milliseconds += 10 * _WIDTH
            self.held(f"h{number}", rolling)
            self.perform(SettleHold(f"h{number}"))
        self.audited(holds=1)
        self.same(self.perform(SettleHold("kept", amounts=(Decimal(2),))).status, "settled")
        self.audited()
        self.same(self.standing(rolling), [("7", "0")])

    def test_a_correction_of_what_was_forgotten(self) -> None:
        """An expired hold whose bucket was forgotten is settled, and nothing counts it again."""
        rolling = claim(1, window=_ROLLING)
        self.held("old", rolling)
        self.same(self.expire(), 1)
        for number in range(3):
            self.clock.milliseconds += 130 * _WIDTH
            self.held(f"h{number}", rolling, lease=_LONG)
        settled = self.perform(SettleHold("old", amounts=(Decimal(5),)))
        self.same((settled.status, settled.lines[0].delta), ("corrected", Decimal(4)))
        self.same(self.standing(rolling), [("0", "1")])
        self.audited(holds=3)

    def _limit(self, asked: object) -> Decimal:
        limit: Decimal = self.perform(Balances((asked,))).lines[0].limit  # type: ignore[arg-type]
        return limit

    def test_looking_changes_nothing(self) -> None:
        """A look holds nothing, refuses nothing and sweeps nothing."""
        self.held("h1", claim(10))
        self.clock.milliseconds += _LONG
        line = self.perform(Balances((claim(99),))).lines[0]
        self.same((line.used, line.spent, line.amount), (Decimal(10), Decimal(0), Decimal(99)))
        self.expect(isinstance(self.hold("h1", claim(1)), Reserved) is False, "it was not swept")
