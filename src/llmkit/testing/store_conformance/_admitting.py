"""Checks of letting calls in: the first that has room, places, quotas in their windows, and what leaving gives back."""

from __future__ import annotations

from typing import Any

from ..._operations import (
    FOR_EVER,
    Admit,
    Admitted,
    Candidate,
    Cool,
    Full,
    Health,
    Leave,
    Look,
    Looked,
    Quota,
)
from ...errors import StoreError
from ._subject import DAY, LEASE, START, Subject

__all__ = ["Admitting", "candidate"]

_WIDTH = 1000
_FIRST = START // _WIDTH
_YEAR = 365 * DAY


def candidate(
    deployment: str = "d", *quotas: tuple[str, int, int], parallel: int | None = None
) -> Candidate:
    """A deployment with quotas of (name, limit, amount) in buckets of a second."""
    rows = tuple(Quota(name, _WIDTH, limit, amount) for name, limit, amount in quotas)
    return Candidate(deployment, rows, parallel)


class Admitting(Subject):
    """The places and the quotas."""

    def admit(self, ticket: str, *candidates: Candidate, lease: int = LEASE) -> Any:
        """Ask to be let in."""
        return self.perform(Admit(ticket, candidates or (candidate(),), lease))

    def admitted(self, ticket: str, *candidates: Candidate, lease: int = LEASE) -> int:
        """Ask, which must succeed; where."""
        found = self.admit(ticket, *candidates, lease=lease)
        self.expect(isinstance(found, Admitted), f"expected {ticket} to be let in; found {found!r}")
        place: int = found.place
        return place

    def full(self, *candidates: Candidate, ticket: str = "one more") -> tuple[int | None, ...]:
        """Ask, which must not succeed; how long to wait."""
        found = self.admit(ticket, *candidates)
        self.expect(isinstance(found, Full), f"expected no room; found {found!r}")
        self.same(found.now, self.clock.milliseconds)
        waits: tuple[int | None, ...] = found.waits
        return waits

    def health(self, deployment: str = "d", *quotas: str) -> Health:
        """Look at one deployment."""
        found = self.perform(Look((deployment,), tuple((name, _WIDTH) for name in quotas)))
        self.same((type(found), found.now), (Looked, self.clock.milliseconds))
        (health,) = found.health
        return health  # type: ignore[no-any-return]

    def used(self, *names: str, deployment: str = "d") -> tuple[int, ...]:
        """What was taken of quotas."""
        return self.health(deployment, *names).used

    # --- places ------------------------------------------------------------------------------

    def test_admit(self) -> None:
        """A call is let in at once where nothing speaks against it, and is seen there until it leaves."""
        self.same(self.admit("t1"), Admitted(START, 0))
        self.same(self.health(), Health("d", running=1))
        self.same(self.perform(Leave("t1")), True)
        self.same(self.health(), Health("d"))

    def test_places(self) -> None:
        """As many are in as may be; the next comes in when one has left, and is not told when that will be."""
        two = candidate(parallel=2)
        for name in ("t1", "t2"):
            self.admitted(name, two)
        self.same(self.full(two), (None,))
        self.perform(Leave("t1"))
        self.admitted("t3", two)
        self.same(self.full(two), (None,))
        self.same(self.full(candidate(parallel=0), ticket="nobody"), (None,))

    def test_the_first_that_has_room(self) -> None:
        """Candidates are tried in their order; those before that have none, and those behind it, are left alone."""
        one, other = candidate("d", parallel=1), candidate("e", ("rpm", 5, 1), parallel=1)
        self.same([self.admitted(f"t{n}", one, other) for n in range(2)], [0, 1])
        self.same(self.full(one, other), (None, None))
        self.same(self.used("rpm", deployment="e"), (1,))
        self.perform(Leave("t0"))
        self.same(self.admitted("t3", other, one), 1)
        self.same(self.used("rpm", deployment="e"), (1,))
        self.same(self.perform(Admit("t4", (), LEASE)), Full(START, ()))

    def test_the_same_ticket_again(self) -> None:
        """Who asks twice has one place and has taken once; the place is told by its number in what is asked now."""
        one, other = candidate("d", ("rpm", 5, 2), parallel=1), candidate("e", ("rpm", 5, 2))
        self.admitted("t1", one)
        self.same(self.admit("t1", one), Admitted(START, 0, again=True))
        self.same(self.admit("t1", other, one), Admitted(START, 1, again=True))
        self.same(self.full(other, other, ticket="t1"), (None, None))
        self.same((self.health("d", "rpm").running, self.used("rpm")), (1, (2,)))
        self.same(self.used("rpm", deployment="e"), (0,))
        self.same(self.perform(Leave("t1")), True)
        self.admitted("t1", other)

    def test_asking_again_renews_nothing(self) -> None:
        """The lease is the first one's."""
        self.admitted("t1", candidate(parallel=1), lease=100)
        self.clock.milliseconds += 99
        self.same(self.admit("t1", lease=LEASE), Admitted(START + 99, 0, again=True))
        self.clock.milliseconds += 1
        self.same(self.admit("t1"), Admitted(START + 100, 0))

    def test_leases(self) -> None:
        """The place of who says nothing more is free when his lease is over, not before; what he took stays taken."""
        one = candidate("d", ("rpm", 5, 2), parallel=1)
        self.admitted("t1", one)
        self.clock.milliseconds += LEASE - 1
        self.same((self.full(one), self.health().running), ((None,), 1))
        self.clock.milliseconds += 1
        self.same(self.health("d", "rpm"), Health("d", used=(2,)))
        self.admitted("t2", one)
        self.same(self.perform(Leave("t1", (("rpm", 0),))), False)
        self.same(self.health("d", "rpm"), Health("d", running=1, used=(4,)))

    def test_leaving_twice(self) -> None:
        """The second time, nobody is there."""
        self.admitted("t1", candidate("d", ("rpm", 5, 2)))
        found = [self.perform(Leave("t1", (("rpm", 1),))) for _ in range(3)]
        self.same((found, self.used("rpm")), ([True, False, False], (1,)))

    def test_who_leaves_before_he_comes(self) -> None:
        """Stays out, for a minute."""
        one, other = candidate("d", ("rpm", 5, 2), parallel=1), candidate("e")
        self.same(self.perform(Leave("t1")), False)
        self.same(self.full(one, other, ticket="t1"), (None, None))
        self.same(self.health("d", "rpm"), Health("d", used=(0,)))
        self.clock.milliseconds += 59_999
        self.same(self.full(one, ticket="t1"), (None,))
        self.same(self.perform(Leave("t1")), False)
        self.clock.milliseconds += 1
        self.admitted("t1", one)

    # --- quotas ------------------------------------------------------------------------------

    def test_quotas(self) -> None:
        """So much is let in, and no more; who is not let in takes nothing of any quota."""
        asked = candidate("d", ("rpm", 10, 1), ("tpm", 1000, 400))
        for name in ("t1", "t2"):
            self.admitted(name, asked)
        self.same(self.used("rpm", "tpm", "tpd"), (2, 800, 0))
        wait = (_FIRST + 61) * _WIDTH - START
        self.same(self.full(asked), (wait,))
        self.same(self.used("tpm", "rpm"), (800, 2))
        self.admitted("t3", candidate("d", ("rpm", 10, 1), ("tpm", 1000, 200)))
        self.same(self.used("rpm", "tpm"), (3, 1000))

    def test_quotas_are_a_deployment_s(self) -> None:
        """And of one name and one width: another of either is another quota."""
        self.admitted("t1", candidate("d", ("rpm", 1, 1)))
        self.admitted("t2", candidate("e", ("rpm", 1, 1)))
        self.admitted("t3", candidate("d", ("tpm", 1, 1)))
        self.admitted("t4", Candidate("d", (Quota("rpm", _WIDTH + 1, 1, 1),)))
        self.full(candidate("d", ("rpm", 1, 1)))

    def test_quotas_leave_the_window(self) -> None:
        """What was taken counts in its bucket and the sixty after it; the wait is told to the millisecond."""
        asked = candidate("d", ("rpm", 3, 1))
        for step in range(3):
            self.clock.milliseconds = START + step * 2 * _WIDTH
            self.admitted(f"t{step}", asked)
            self.perform(Leave(f"t{step}"))
        for bucket in (_FIRST, _FIRST + 2):
            (wait,) = self.full(asked)
            self.same(self.clock.milliseconds + (wait or 0), (bucket + 61) * _WIDTH)
            self.clock.milliseconds += (wait or 0) - 1
            self.same(self.full(asked), (1,))
            self.clock.milliseconds += 1
            self.admitted(f"at {bucket}", asked)
        self.same(self.used("rpm"), (3,))

    def test_the_wait_is_for_enough(self) -> None:
        """Who wants more waits for more to have left, of the quota that takes longest."""
        self.admitted("t1", candidate("d", ("tpm", 10, 3), ("rpm", 1, 1)))
        self.clock.milliseconds = (_FIRST + 5) * _WIDTH
        self.admitted("t2", candidate("d", ("tpm", 10, 3)))
        self.clock.milliseconds = (_FIRST + 9) * _WIDTH
        self.admitted("t3", candidate("d", ("tpm", 10, 4)))
        wanted = {1: 52, 3: 52, 4: 57, 6: 57, 7: 61, 10: 61, 11: None}
        for amount, seconds in wanted.items():
            wait = FOR_EVER if seconds is None else seconds * _WIDTH
            self.same(self.full(candidate("d", ("tpm", 10, amount))), (wait,))
        self.same(self.full(candidate("d", ("rpm", 1, 1), ("tpm", 10, 4))), (57_000,))
        self.same(self.full(candidate("d", ("tpm", 10, 4), ("rpm", 1, 1))), (57_000,))
        self.same(self.full(candidate("d", ("tpm", 10, 99), ("rpm", 1, 1))), (FOR_EVER,))

    def test_nothing_is_taken_of_nothing(self) -> None:
        """A limit of 0 lets in who takes nothing; he may turn out to have used something."""
        free = candidate("d", ("tpm", 0, 0))
        self.admitted("t1", free)
        self.admitted("t2", free)
        self.same(self.full(candidate("d", ("tpm", 0, 1))), (FOR_EVER,))
        self.perform(Leave("t1", (("tpm", 7),)))
        self.same(self.used("tpm"), (7,))
        self.expect(self.full(free)[0], "7 of 0 were used, and there is room")

    def test_corrections(self) -> None:
        """What was used other than taken is corrected: less makes room, more takes it, though above the limit."""
        asked = candidate("d", ("rpm", 10, 1), ("tpm", 100, 50))
        self.admitted("t1", asked)
        self.admitted("t2", asked)
        self.perform(Leave("t1", (("tpm", 20), ("unknown", 9))))
        self.same(self.used("rpm", "tpm", "unknown"), (2, 70, 0))
        self.perform(Leave("t2", (("tpm", 500), ("rpm", 0))))
        self.same(self.used("rpm", "tpm"), (1, 520))
        self.expect(self.full(asked)[0], "520 of 100 were used, and there is room")

    def test_corrections_are_in_their_own_bucket(self) -> None:
        """However late they come; once that counts no more, they do not either."""
        asked = candidate("d", ("tpm", 100, 50))
        for name in ("t1", "t2", "t3"):
            self.admitted(name, candidate("d", ("tpm", 1000, 50)), lease=10 * LEASE)
        self.clock.milliseconds = (_FIRST + 60) * _WIDTH
        self.same(self.used("tpm"), (150,))
        self.perform(Leave("t1", (("tpm", 80),)))
        self.same((self.used("tpm"), self.full(asked)), ((180,), (_WIDTH,)))
        self.clock.milliseconds += _WIDTH
        self.perform(Leave("t2", (("tpm", 80),)))
        self.perform(Leave("t3", (("tpm", 0),)))
        self.same(self.used("tpm"), (0,))
        self.clock.milliseconds -= _WIDTH
        self.same(self.used("tpm"), (180,))
        self.clock.milliseconds += _WIDTH
        self.admitted("t4", asked)
        self.same(self.used("tpm"), (50,))

    def test_one_correction_for_quotas_of_one_name(self) -> None:
        """Tokens of a minute and of a day are the same tokens."""
        minute, day = Quota("tokens", _WIDTH, 100, 50), Quota("tokens", 60 * _WIDTH, 1000, 40)
        self.perform(Admit("t1", (Candidate("d", (minute, day)),), LEASE))
        self.perform(Leave("t1", (("tokens", 7),)))
        asked = Look(("d",), (("tokens", 60 * _WIDTH), ("tokens", _WIDTH), ("tokens", 7)))
        self.same(self.perform(asked).health[0].used, (7, 7, 0))

    # --- clocks ------------------------------------------------------------------------------

    def test_quotas_when_the_clock_jumps_back(self) -> None:
        """What was taken in what is the future now still counts, and the wait is until that is past."""
        asked = candidate("d", ("rpm", 1, 1))
        self.admitted("t1", asked)
        self.clock.milliseconds -= 30 * _WIDTH
        self.same(self.full(asked), ((_FIRST + 61) * _WIDTH - self.clock.milliseconds,))
        self.same(self.used("rpm"), (1,))

    def test_quotas_of_a_clock_that_was_far_ahead(self) -> None:
        """What was taken next year counts for a window from when it is seen, and not until next year."""
        asked = candidate("d", ("rpm", 3, 1))
        self.clock.milliseconds += _YEAR
        for name in ("t1", "t2", "t3"):
            self.admitted(name, asked, lease=10 * LEASE)
        self.clock.milliseconds -= _YEAR
        self.same(self.used("rpm"), (3,))
        self.same(self.full(asked), ((_FIRST + 61) * _WIDTH - START,))
        self.clock.milliseconds = (_FIRST + 61) * _WIDTH - 1
        self.same((self.full(asked), self.used("rpm")), ((1,), (3,)))
        # What was moved is not corrected any more, and nothing is taken off what is not there.
        self.perform(Leave("t1", (("rpm", 0),)))
        self.same((self.full(asked), self.used("rpm")), ((1,), (3,)))
        self.clock.milliseconds += 1
        self.same(self.used("rpm"), (0,))
        self.admitted("t4", asked)

    def test_quotas_of_a_clock_that_was_a_window_ahead(self) -> None:
        """Sixty buckets ahead they stay where they are; one more, and they are in the bucket of now."""
        for name, ahead in (("rpm", 60), ("tpm", 61)):
            self.clock.milliseconds = START + ahead * _WIDTH
            self.admitted(name, candidate("d", (name, 1, 1)))
        self.clock.milliseconds = START
        for name, leaves in (("rpm", _FIRST + 60 + 61), ("tpm", _FIRST + 61)):
            self.same(self.full(candidate("d", (name, 1, 1))), (leaves * _WIDTH - START,))
        self.clock.milliseconds = (_FIRST + 61) * _WIDTH
        self.same(self.used("rpm", "tpm"), (1, 0))

    def test_places_of_a_clock_that_was_far_ahead(self) -> None:
        """They are free when their lease is over from when they are seen: nobody is in for a year."""
        one = candidate(parallel=1)
        self.clock.milliseconds += _YEAR
        self.admitted("t1", one)
        self.clock.milliseconds -= _YEAR
        self.same(self.full(one), (None,))
        self.clock.milliseconds += LEASE - 1
        self.same(self.full(one), (None,))
        self.clock.milliseconds += 1
        self.admitted("t2", one)
        self.same(self.perform(Leave("t1")), False)

    def test_places_when_the_clock_jumps_back(self) -> None:
        """Who has been in for a while is in for as long as he would have been from then on, at most."""
        one = candidate(parallel=1)
        self.admitted("t1", one)
        self.clock.milliseconds -= 10
        self.same(self.health().running, 1)
        self.clock.milliseconds += LEASE
        self.same(self.health().running, 0)

    # --- many --------------------------------------------------------------------------------

    def test_many(self) -> None:
        """Of many that were let in, each place is counted, and each is free again."""
        one = candidate("d", ("rpm", 500, 1), parallel=90)
        for number in range(90):
            self.admitted(f"t{number:02}", one, lease=LEASE + number % 7)
        self.same((self.full(one), self.health("d", "rpm").used), ((None,), (90,)))
        for number in range(0, 90, 2):
            self.same(self.perform(Leave(f"t{number:02}")), True)
        self.same(self.health().running, 45)
        self.clock.milliseconds += LEASE + 7
        self.same(self.health().running, 0)

    def test_long_use(self) -> None:
        """Bucket after bucket: the sum is always that of the sixty-one that count."""
        for number in range(200):
            self.admitted(f"t{number}", candidate("d", ("tpm", 10**6, number + 1)))
            self.perform(Leave(f"t{number}"))
            first = max(0, number - 60)
            self.same(self.used("tpm"), (sum(range(first + 1, number + 2)),))
            self.clock.milliseconds += _WIDTH

    def test_what_nobody_can_mean(self) -> None:
        """It is refused, and nothing is done."""
        twice = candidate("d", ("rpm", 5, 1), ("rpm", 6, 1))
        odd = (
            Admit("", (candidate(),), LEASE),
            Admit("t1", (twice,), LEASE),
            Admit("t1", (candidate(),), 0),
            Admit("t1", (candidate("a\0b"),), LEASE),
            Admit("t1", (candidate("d", ("rpm", 5, -1)),), LEASE),
            Admit("t1", (Candidate("d", (Quota("rpm", 0, 5, 1),)),), LEASE),
            Cool("", 1),
            Look(("",)),
            Leave(""),
        )
        for operation in odd:
            try:
                found = self.perform(operation)
            except StoreError:
                continue
            self.fail(f"{operation!r} was performed: {found!r}")
        self.same(self.health("d", "rpm"), Health("d", used=(0,)))
