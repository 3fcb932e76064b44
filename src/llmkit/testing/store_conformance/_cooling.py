"""Checks of cooldowns: how long a deployment is let be, who may probe it, and what makes it well again."""

from __future__ import annotations

from ..._operations import Admitted, Audit, Cool, Health, Leave, Look, ReadEntries
from ._admitting import Admitting, candidate
from ._subject import DAY, LEASE, START, claim

__all__ = ["Cooling"]

_YEAR = 365 * DAY


class Cooling(Admitting):
    """The cooldowns."""

    def cool(self, lease: int, reason: str = "", strikes: int = 1, deployment: str = "d") -> Health:
        """Let it be."""
        found: Health = self.perform(Cool(deployment, lease, reason, strikes))
        return found

    def failed(self, lease: int = 1000, strikes: int = 1) -> None:
        """Let it be, and wait until that is over."""
        self.cool(lease, "it failed", strikes)
        self.clock.milliseconds += lease

    def test_cool(self) -> None:
        """Nobody is let in while it lasts, and is told how long that is."""
        self.same(self.cool(5000, "busy"), Health("d", START + 5000, 1, "busy"))
        self.clock.milliseconds += 1000
        self.same(self.full(), (4000,))
        self.same(self.full(candidate("d"), candidate("e", parallel=0)), (4000, None))
        self.same(self.health(), Health("d", START + 5000, 1, "busy"))
        self.same(self.admitted("t1", candidate("d"), candidate("e")), 1)
        self.clock.milliseconds += 3999
        self.same(self.full(), (1,))

    def test_a_longer_cooldown_stays(self) -> None:
        """With its reason; the strikes are the greater number of both."""
        self.cool(5000, "long", 2)
        self.same(self.cool(1000, "short", 3), Health("d", START + 5000, 3, "long"))
        self.same(self.cool(1000, "short", 1), Health("d", START + 5000, 3, "long"))
        self.same(self.cool(5000, "as long", 1), Health("d", START + 5000, 3, "as long"))
        self.same(self.cool(6000, "longer", 0), Health("d", START + 6000, 3, "longer"))

    def test_a_cooldown_without_strikes(self) -> None:
        """Is over when it is over, and nothing is left to tell."""
        self.cool(1000, "wait", 0)
        self.same(self.full(), (1000,))
        self.clock.milliseconds += 1000
        self.same(self.health(), Health("d"))
        self.same(self.admit("t1"), Admitted(START + 1000, 0))

    def test_ending_a_cooldown(self) -> None:
        """No time and no strikes: as if it had worked."""
        self.cool(5000, "busy", 4)
        self.same(self.cool(0, "", 0), Health("d"))
        self.same(self.admit("t1"), Admitted(START, 0))
        self.same(self.cool(0, "", 0, "never heard of"), Health("never heard of"))

    def test_one_strike_and_no_time(self) -> None:
        """It may be probed at once; a strike takes nothing from a cooldown that lasts."""
        self.same(self.cool(0, "odd"), Health("d", START, 1, "odd"))
        self.same(self.admit("t1"), Admitted(START, 0, probe=True))
        self.cool(1000, "busy")
        self.same(self.cool(0, "odd", 5).until, START + 1000)

    def test_probes(self) -> None:
        """After a cooldown one is let in at a time, as a probe; the others wait for it."""
        self.failed()
        self.same(self.admit("t1"), Admitted(START + 1000, 0, probe=True))
        self.same(self.full(), (None,))
        self.same(self.health(), Health("d", START + 1000, 1, "it failed", True, 1))
        self.same(self.admit("t1"), Admitted(START + 1000, 0, probe=True, again=True))
        self.perform(Leave("t1"))
        self.same(self.health(), Health("d", START + 1000, 1, "it failed"))
        self.same(self.admit("t2"), Admitted(START + 1000, 0, probe=True))

    def test_a_probe_that_works(self) -> None:
        """Makes it well, for all."""
        self.failed(strikes=3)
        self.admitted("t1")
        self.clock.milliseconds += 1
        self.perform(Leave("t1", worked=True))
        self.same(self.health(), Health("d"))
        self.same([self.admit(f"u{n}").probe for n in range(3)], [False] * 3)

    def test_a_ticket_that_was_a_probe_s(self) -> None:
        """Is not one for ever: who comes by it again is a call like any other."""
        self.failed()
        self.admitted("t1")
        self.clock.milliseconds += 1
        self.perform(Leave("t1", worked=True))
        self.same(self.admit("t1").probe, False)
        self.same(self.health(), Health("d", running=1))
        self.failed()
        self.same(self.admit("t2").probe, True)

    def test_a_probe_that_fails(self) -> None:
        """Is followed by a longer cooldown, and another probe."""
        self.failed()
        self.admitted("t1")
        self.same(self.cool(2000, "again", 2).probing, True)
        self.perform(Leave("t1", worked=False))
        self.same(self.health(), Health("d", START + 3000, 2, "again"))
        self.clock.milliseconds += 2000
        self.same(self.admit("t2"), Admitted(START + 3000, 0, probe=True))

    def test_a_probe_of_which_nothing_more_is_heard(self) -> None:
        """Is one until its lease is over."""
        self.failed()
        self.admitted("t1", lease=500)
        self.clock.milliseconds += 499
        self.same(self.full(), (None,))
        self.clock.milliseconds += 1
        self.same(self.admit("t2"), Admitted(START + 1500, 0, probe=True))

    def test_a_probe_takes_what_others_take(self) -> None:
        """It needs a place and its share of the quotas; those who are still in from before have theirs."""
        one = candidate("d", ("rpm", 2, 1), parallel=1)
        self.admitted("t1", one)
        self.failed()
        self.same(self.full(one), (None,))
        self.perform(Leave("t1"))
        self.admitted("t2", one)
        self.perform(Leave("t2"))
        self.expect(self.full(one)[0], "a third was let in, of two")
        self.same(self.used("rpm"), (2,))

    def test_who_was_in_before_proves_nothing(self) -> None:
        """A call that was let in before the cooldown, and works, does not end it."""
        self.admitted("t1", lease=10 * LEASE)
        self.admitted("t2", lease=10 * LEASE)
        self.cool(1000, "busy")
        self.perform(Leave("t1", worked=True))
        self.same(self.health(), Health("d", START + 1000, 1, "busy", running=1))
        self.clock.milliseconds += 2000
        self.perform(Leave("t2", worked=True))
        self.same(self.health(), Health("d", START + 1000, 1, "busy"))
        self.same(self.admit("t3").probe, True)

    def test_what_did_not_work_says_nothing(self) -> None:
        """Neither does what broke off: only ``Cool`` cools."""
        for worked in (False, None):
            self.admitted("t1")
            self.perform(Leave("t1", worked=worked))
            self.same(self.health(), Health("d"))

    def test_strikes_are_forgotten(self) -> None:
        """A day after the cooldown."""
        self.failed(strikes=7)
        self.clock.milliseconds += DAY - 1
        self.same(self.health().strikes, 7)
        self.clock.milliseconds += 1
        self.same(self.health(), Health("d"))
        self.same(self.cool(10, "new").strikes, 1)

    def test_a_cooldown_when_the_clock_jumps_back(self) -> None:
        """It lasts from then on as long as it was meant to last, not longer, and not until next year."""
        self.clock.milliseconds += _YEAR
        self.cool(5000, "busy", 2)
        self.clock.milliseconds -= _YEAR
        self.same(self.full(), (5000,))
        self.clock.milliseconds += 3000
        self.same(self.health(), Health("d", START + 5000, 2, "busy"))
        self.clock.milliseconds += 2000
        self.same(self.admit("t1"), Admitted(START + 5000, 0, probe=True))

    def test_looking_writes_down_that_the_clock_jumped_back(self) -> None:
        """Who only ever looks sees the end, too."""
        self.clock.milliseconds += _YEAR
        self.cool(5000, "busy", 0)
        self.admitted("t1", candidate("e"), lease=5000)
        self.clock.milliseconds -= _YEAR
        self.same(self.perform(Look(("d", "e"))).health[0].until, START + 5000)
        self.clock.milliseconds += 5000
        self.same(self.perform(Look(("d", "e"))).health, (Health("d"), Health("e")))

    def test_a_probe_when_the_clock_jumps_back(self) -> None:
        """It still holds others off, and no longer than its lease."""
        self.failed()
        self.admitted("t1", lease=500)
        self.clock.milliseconds -= DAY
        self.same(self.full(), (1000,))
        self.clock.milliseconds += 499
        self.same(self.health().probing, True)
        self.clock.milliseconds += 1
        self.same(self.health().probing, False)

    def test_looking(self) -> None:
        """At many at once, in the order in which they are named; it changes nothing."""
        self.admitted("t1", candidate("e", ("rpm", 5, 2)))
        self.cool(1000, "busy")
        found = [self.perform(Look(("d", "nobody", "e"), (("rpm", 1000),))) for _ in range(2)]
        wanted = (
            Health("d", START + 1000, 1, "busy", used=(0,)),
            Health("nobody", used=(0,)),
            Health("e", running=1, used=(2,)),
        )
        self.same([(one.now, one.health) for one in found], [(START, wanted)] * 2)
        self.same(self.perform(Look(())).health, ())

    def test_any_text_names_a_deployment(self) -> None:
        """Names and reasons are any text."""
        name, reason = "a/b:c\n{é} 'x' \"y\" %s 🦄", 'l\'été: 🦄\n"%s" {0}'
        self.same(self.cool(1000, reason, 1, name).reason, reason)
        self.admitted(name, candidate("e", (name, 5, 2)))
        self.same(self.health(name).reason, reason)
        self.same(self.used(name, deployment="e"), (2,))
        self.perform(Leave(name, ((name, 3),)))
        self.same(self.used(name, deployment="e"), (3,))

    def test_reasons_have_no_keys(self) -> None:
        """What was said may have had one; and it is short."""
        key = "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2"
        found = self.cool(1000, f"refused {key}, " + "x" * 999).reason
        self.expect(key not in found and found.startswith("refused "), f"the reason is {found!r}")
        self.same(len(found), 200)

    def test_no_money(self) -> None:
        """None of it is in the ledger, and the audit does not see it."""
        self.admitted("t1", candidate("d", ("tpm", 100, 50)))
        self.admitted("t2")
        self.cool(1000, "busy")
        self.perform(Leave("t1", (("tpm", 7),), worked=True))
        self.same(self.perform(ReadEntries()), ())
        found = self.perform(Audit())
        self.same((found.entries, found.holds, found.expired, found.differences), (0, 0, 0, ()))
        self.audited()

    def test_places_and_holds_have_names_of_their_own(self) -> None:
        """A hold and a ticket may be called alike."""
        self.held("x", claim())
        self.admitted("x", candidate("x"))
        self.same(self.perform(Leave("x")), True)
        self.admitted("x", candidate("x"))
        self.audited(holds=1)
