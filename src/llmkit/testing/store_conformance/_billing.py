"""Checks of the outbox: intents, bills, the lane, what becomes of a bill, what is owed; and who comes later."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from ..._outbox import (
    Amend,
    Amended,
    Bill,
    Billed,
    Conclude,
    Count,
    Counted,
    Forget,
    Intend,
    Mark,
    Marked,
    Notice,
    Owed,
    Owing,
    ReadBills,
    ReleaseLane,
    State,
    Take,
)
from ...errors import StoreError
from ._subject import LEASE, START, Subject

__all__ = ["Billing", "bill", "unnumbered"]

_AT: Final = START - 500
_KEPT_TEXT: Final = 'Grüße, 东京 💡 "\\n'


def bill(id: str, state: State = "queued", **more: Any) -> Bill:  # noqa: A002 - it is one
    """A bill of a call, the part of its id before the colon."""
    given: dict[str, Any] = {
        "call": id.partition(":")[0],
        "subscription": "sub",
        "code": "coins",
        "at": _AT,
        "body": f'{{"transaction_id":"{id}"}}' if state == "queued" else "",
        "usd": Decimal("0.01"),
        "units": Decimal(10000),
    }
    return Bill(id, state=state, **given | more)


def unnumbered(answer: Any) -> Any:
    """Numbers only order bills."""
    if isinstance(answer, tuple) and any(isinstance(one, Bill) for one in answer):
        return tuple([one._replace(number=0) for one in answer])
    bills = getattr(answer, "bills", ())
    return answer._replace(bills=unnumbered(bills)) if bills else answer


class Billing(Subject):
    """The outbox."""

    def conclude(self, *bills: Bill, call: str = "") -> Billed:
        """Conclude the call of these bills."""
        found: Billed = self.perform(Conclude(call or bills[0].call, bills))
        return found

    def bills(self, **conditions: Any) -> tuple[Bill, ...]:
        """Read them."""
        found: tuple[Bill, ...] = self.perform(ReadBills(**conditions))
        return found

    def states(self) -> dict[str, str]:
        """The state of each bill."""
        return {one.id: one.state for one in self.bills()}

    def counted(self) -> dict[str, int]:
        """How many are in each state; the whole answer must fit to what is read."""
        found: Counted = self.perform(Count())
        states = [one.state for one in self.bills()]
        self.same(dict(found.states), {state: states.count(state) for state in set(states)})
        queued = [one.at for one in self.bills(states=("queued",))]
        self.same(found.oldest, min(queued, default=None))
        return dict(found.states)

    def owed(self, subscription: str = "sub", since: int = 0) -> tuple[Decimal, ...]:
        """(queued, delivered, intended)."""
        found: Owed = self.perform(Owing(subscription, since))
        self.same(found.now, self.clock.milliseconds)
        return found[1:]

    def refused(self, operation: Any) -> None:
        """Expect a StoreError, and that nothing was done."""
        before = self.bills()
        try:
            found = self.perform(operation)
        except StoreError:
            self.same(self.bills(), before)
            return
        self.fail(f"expected a StoreError of {operation!r}; found {found!r}")

    # --- whether there is one ----------------------------------------------------------------

    def test_no_outbox(self) -> None:
        """A store that offers no outbox says so with a StoreError."""
        if self.outbox:
            pytest.skip("it offers one")
        with pytest.raises(StoreError):
            self.store.perform(Count())

    # --- intents -----------------------------------------------------------------------------

    def test_an_intent(self) -> None:
        """It is there once, as it was written; the same call again is not written again."""
        intend = Intend("c1", "sub", '{"a": 1}', LEASE, Decimal("0.5"))
        self.same([self.perform(intend), self.perform(intend)], [True, False])
        wanted = Bill(
            "c1", "c1", "intent", "sub", "", START, "", '{"a": 1}', usd=Decimal("0.5"),
            changed=START, expires=START + LEASE,
        )  # fmt: skip
        self.same(unnumbered(self.bills()), (wanted,))
        self.same(self.counted(), {"intent": 1})

    def test_an_intent_is_raised(self) -> None:
        """Another attempt of the call raises what it may cost, and its lease, each to the larger."""
        for usd, lease in ((2, 50), (1, 100), (None, 10), (3, 1)):
            amount = None if usd is None else Decimal(usd)
            self.perform(Intend("c1", "sub", "{}", lease, amount))
        (found,) = self.bills()
        self.same((found.usd, found.expires), (3, START + 100))
        self.same(self.owed(), (0, 0, 3))
        self.perform(Intend("c2", "sub", "{}", 50))
        self.perform(Intend("c2", "sub", "{}", 50, Decimal(1)))
        self.same(self.owed(), (0, 0, 4))

    def test_an_intent_whose_lease_is_over(self) -> None:
        """Nobody said what became of the call: it is unknown, owes nothing, stays so, and can still be concluded."""
        self.perform(Intend("c1", "sub", "{}", 100, Decimal(1)))
        self.perform(Intend("c2", "sub", "{}", LEASE, Decimal(2)))
        self.clock.milliseconds += 100
        self.same(self.states(), {"c1": "unknown", "c2": "intent"})
        self.same(self.counted(), {"unknown": 1, "intent": 1})
        self.same([one.id for one in self.bills(states=("unknown",))], ["c1"])
        self.same([one.id for one in self.bills(states=("intent",))], ["c2"])
        self.same(self.bills(ids=("c1",))[0].changed, START + 100)
        self.same(self.owed(), (0, 0, 2))
        self.same(self.perform(Intend("c1", "sub", "{}", LEASE, Decimal(9))), False)
        self.same(self.states()["c1"], "unknown")
        self.same(
            self.conclude(bill("c1:coins")), Billed(START + 100, ("c1:coins",), intended=True)
        )
        self.same(self.counted(), {"intent": 1, "queued": 1})

    # --- bills -------------------------------------------------------------------------------

    def test_a_bill(self) -> None:
        """A concluded call's intent goes and its bill comes, with all that it has, to the last digit."""
        self.perform(Intend("c1", "sub", "{}", LEASE, Decimal(1)))
        rich = bill(
            "c1:coins", body=f'{{"p":"{_KEPT_TEXT}"}}', facts=f'["{_KEPT_TEXT}"]', subscription="größe/1",
            units=Decimal("1.100"), usd=Decimal("0.000000000000000123"), reason="because", code="é",
        )  # fmt: skip
        self.same(self.conclude(rich), Billed(START, ("c1:coins",), intended=True))
        (found,) = self.bills()
        self.same(found._replace(number=0), rich._replace(changed=START))
        self.same((str(found.units), found.usd), ("1.100", rich.usd))
        self.expect(found.number > 0, "a bill has no number")

    def test_a_bill_that_is_there(self) -> None:
        """It stays as it is there, also under another call; what is new comes."""
        self.conclude(bill("c1:coins"))
        again = bill("c1:coins", usd=Decimal(9)), bill("c1:tokens")
        self.same(self.conclude(*again), Billed(START, ("c1:tokens",), intended=False))
        self.same(self.conclude(again[0], call="c2").fresh, ())
        self.same(self.owed(), (Decimal("0.02"), 0, 0))
        twice = bill("c3:a", usd=Decimal(1)), bill("c3:a", usd=Decimal(2))
        self.same(self.conclude(*twice).fresh, ("c3:a",))
        self.same(self.bills(ids=("c3:a",))[0].usd, 1)

    def test_a_call_without_bills(self) -> None:
        """Its intent goes, and nothing comes."""
        self.perform(Intend("c1", "sub", "{}", LEASE))
        self.same(self.conclude(call="c1"), Billed(START, (), intended=True))
        self.same(self.bills(), ())

    def test_an_intent_that_comes_too_late(self) -> None:
        """Where its call has concluded, with bills or without, there will be no intent of it."""
        self.conclude(bill("c1:coins"))
        self.same(self.conclude(call="c2"), Billed(START, (), intended=False))
        self.conclude(call="c2")
        for call in ("c1", "c2"):
            self.same(self.perform(Intend(call, "sub", "{}", LEASE)), False)
        self.same(self.states(), {"c2": "discarded", "c1:coins": "queued"})
        self.same(self.bills(ids=("c2",))[0].reason, "concluded")

    def test_states_and_order(self) -> None:
        """Bills are numbered as they were concluded, whatever their state, and read behind any number."""
        states: tuple[State, ...] = ("held", "queued", "unpriced", "unattributed", "listed", "dead")
        for number, state in enumerate(states):
            self.conclude(bill(f"c{number}:coins", state, usd=None))
        found = self.bills()
        self.same([one.state for one in found], list(states))
        numbers = [one.number for one in found]
        self.same(numbers, sorted(set(numbers)))
        self.same(self.bills(after=numbers[1], limit=2), found[2:4])
        self.same(self.bills(after=numbers[-1]), ())
        self.same(self.bills(states=("dead", "held", "queued"), limit=2), found[:2])
        self.same(self.counted(), dict.fromkeys(states, 1))

    def test_reading_by_conditions(self) -> None:
        """Each condition that is given holds; the beginning of the time is in it, its end is not."""
        for number in range(6):
            sub, code = f"s{number % 2}", f"m{number % 3}"
            self.conclude(bill(f"c{number}:m", subscription=sub, code=code, at=number))
        for wanted, conditions in (
            ([0, 2, 4], {"subscription": "s0"}),
            ([1, 4], {"code": "m1"}),
            ([4], {"code": "m1", "subscription": "s0"}),
            ([2, 3], {"since": 2, "until": 4}),
            ([1, 5], {"ids": ("c5:m", "c1:m", "c1:m", "nobody")}),
            ([], {"ids": ()}),
            ([], {"states": ()}),
            ([3], {"states": ("queued",), "ids": ("c3:m",), "since": 3}),
            ([], {"subscription": ""}),
        ):
            found = [int(one.id[1]) for one in self.bills(**conditions)]
            self.same((conditions, found), (conditions, wanted))

    # --- the lane ----------------------------------------------------------------------------

    def test_the_lane(self) -> None:
        """One sender has it until its lease is over, or he gives it back; whoever takes again keeps it."""
        self.conclude(bill("c1:coins"))
        found = self.perform(Take("a", 10, LEASE))
        self.same((found.sender, found.until, len(found.bills)), ("a", START + LEASE, 1))
        self.same(self.perform(Take("b", 10, LEASE)), found._replace(bills=()))
        self.clock.milliseconds += LEASE - 1
        self.same(self.perform(Take("a", 10, 100)).until, START + LEASE + 99)
        self.clock.milliseconds += 99
        self.same(self.perform(Take("b", 10, LEASE)).sender, "a")
        self.clock.milliseconds += 1
        taken = self.perform(Take("b", 10, LEASE))
        self.same((taken.sender, [one.id for one in taken.bills]), ("b", ["c1:coins"]))

    def test_giving_the_lane_back(self) -> None:
        """Only who has it can, and it is free at once."""
        self.same(self.perform(ReleaseLane("a")), False)
        self.perform(Take("a", 1, LEASE))
        self.same(self.perform(Count())[4:], ("a", START + LEASE))
        self.same(self.perform(ReleaseLane("b")), False)
        self.same(self.perform(ReleaseLane("a")), True)
        self.same(self.perform(Count())[4:], ("", 0))
        self.same(self.perform(Take("b", 1, 10)).sender, "b")
        self.clock.milliseconds += 10
        self.same(self.perform(Count())[4:], ("", 0))
        self.same(self.perform(ReleaseLane("b")), False)

    def test_a_lane_from_the_future(self) -> None:
        """The clock has jumped back: it lasts as long as it was to, from now."""
        self.perform(Take("a", 1, 100))
        self.clock.milliseconds -= 10_000
        self.same(self.perform(Take("b", 1, 100)).until, START - 10_000 + 100)
        self.clock.milliseconds += 100
        self.same(self.perform(Take("b", 1, 100)).sender, "b")

    def test_taking_in_order(self) -> None:
        """As many as asked for, of the queued, in the order of their numbers; what is done comes no more."""
        for number in range(5):
            self.conclude(bill(f"c{number}:m"), bill(f"c{number}:n", "held"))
        first = self.perform(Take("a", 3, LEASE)).bills
        self.same([one.id for one in first], ["c0:m", "c1:m", "c2:m"])
        self.same(first, self.bills(states=("queued",), limit=3))
        self.perform(Mark((Marked("c1:m", "delivered"), Marked("c0:m", "dead", "bad"))))
        rest = self.perform(Take("a", 100, LEASE)).bills
        self.same([one.id for one in rest], ["c2:m", "c3:m", "c4:m"])

    # --- what becomes of bills ---------------------------------------------------------------

    def test_marking(self) -> None:
        """What was said of queued bills is written down with its time; what is not queued stays as it is."""
        self.conclude(bill("c1:m"), bill("c2:m"), bill("c3:m"), bill("c4:m", "held"))
        self.clock.milliseconds += 7
        marks = (
            Marked("c1:m", "delivered", "deduped"),
            Marked("c2:m", "dead", "no code"),
            Marked("c2:m", "delivered"),
            Marked("c4:m", "delivered"),
            Marked("nobody", "dead"),
        )
        self.same(self.perform(Mark(marks, ("c3:m", "c1:m", "c4:m", "nobody"))), 2)
        found = [(one.state, one.reason, one.tries, one.changed - START) for one in self.bills()]
        done = [("delivered", "deduped", 1, 7), ("dead", "no code", 1, 7)]
        self.same(found, [*done, ("queued", "", 1, 0), ("held", "", 0, 0)])
        self.same(self.perform(Mark((Marked("c1:m", "dead"),))), 0)
        self.same(self.perform(Mark()), 0)
        self.same(self.perform(Count()).deduped, 1)
        self.same(self.counted(), {"delivered": 1, "dead": 1, "queued": 1, "held": 1})

    def test_amending(self) -> None:
        """A bill in an expected state becomes what is said, keeps id, call and tries; to be queued it goes behind."""
        self.conclude(bill("c1:m", "unpriced", usd=None), bill("c2:m"), bill("c3:m", "held"))
        self.perform(Mark((), ("c2:m",)))
        self.clock.milliseconds += 5
        priced = bill("c1:m", call="other", usd=Decimal(3), facts='{"b": 2}', tries=9, number=77)
        amended = (
            Amended(priced, ("unpriced",)),
            Amended(bill("c3:m", "discarded", reason="free"), ("queued", "dead")),
            Amended(bill("c9:m"), ("queued",)),
        )
        self.same(self.perform(Amend(amended)), ("c1:m",))
        found = self.bills()
        self.same([one.id for one in found], ["c2:m", "c3:m", "c1:m"])
        wanted = priced._replace(call="c1", tries=0, changed=START + 5, number=found[2].number)
        self.same(found[2], wanted)
        self.same(self.owed(), (Decimal("3.02"), 0, 0))
        self.same(
            self.perform(Amend((Amended(bill("c2:m", "discarded"), ("queued",)),))), ("c2:m",)
        )
        self.same(
            self.bills()[0]._replace(number=0)[2:],
            bill("c2:m", "discarded", changed=START + 5, tries=1)[2:],
        )
        self.same(self.counted(), {"queued": 1, "held": 1, "discarded": 1})  # fmt: skip

    def test_amending_what_is_unknown(self) -> None:
        """An intent whose lease is over is unknown, no intent: it can be discarded; a live one is left."""
        self.perform(Intend("c1", "sub", "{}", 10))
        self.perform(Intend("c2", "sub", "{}", LEASE))
        self.clock.milliseconds += 10
        gone = tuple(Amended(bill(c, "discarded", call=c), ("unknown",)) for c in ("c1", "c2"))
        self.same(self.perform(Amend(gone)), ("c1",))
        self.same(self.perform(Amend((gone[0]._replace(expected=("intent",)),))), ())
        self.same(self.states(), {"c1": "discarded", "c2": "intent"})
        self.same(self.perform(Intend("c1", "sub", "{}", 10)), False)

    def test_what_is_owed(self) -> None:
        """Queued and held, delivered since a time, and intents that live; each bill rounded up to 1e-9, none lost."""
        self.perform(Intend("i1", "sub", "{}", LEASE, Decimal("0.0000000001")))
        self.perform(Intend("i2", "other", "{}", LEASE, Decimal(5)))
        self.conclude(
            bill("c1:m", usd=Decimal("0.1000000001")), bill("c2:m", "held", usd=Decimal(1))
        )
        self.conclude(bill("c3:m"), bill("c4:m", "unpriced", usd=None), bill("c5:m", usd=None))
        self.conclude(bill("d1:m", usd=Decimal(7)), bill("d2:m", "listed", usd=Decimal(70)))
        self.conclude(bill("o1:m", subscription="other", usd=Decimal(20)))
        self.perform(Mark((Marked("c3:m", "delivered"),)))
        self.clock.milliseconds += 10
        self.perform(Mark((Marked("d1:m", "delivered"),)))
        nano = Decimal("1e-9")
        self.same(self.owed(since=START), (Decimal("1.1") + nano, Decimal("7.01"), nano))
        self.same(self.owed(since=START + 1), (Decimal("1.1") + nano, 7, nano))
        self.same(self.owed(since=START + 11), (Decimal("1.1") + nano, 0, nano))
        self.same(self.owed("", START), (Decimal("21.1") + nano, Decimal("7.01"), 5 + nano))
        self.same(self.owed("nobody"), (0, 0, 0))

    def test_what_is_owed_follows(self) -> None:
        """Whatever becomes of a bill, what is owed is what the bills say."""
        self.conclude(bill("c1:m"), bill("c2:m"), bill("c3:m", "held"))
        self.perform(Mark((Marked("c1:m", "dead"),)))
        self.same(self.owed()[0], Decimal("0.02"))
        moved = Amended(bill("c2:m", subscription="new", usd=Decimal(4)), ("queued",))
        back = Amended(bill("c1:m", usd=Decimal("0.5")), ("dead",))
        self.perform(Amend((moved, back, Amended(bill("c3:m", "discarded"), ("held",)))))
        self.same((self.owed()[0], self.owed("new")[0]), (Decimal("0.5"), 4))
        self.same(self.owed("")[0], Decimal("4.5"))

    def test_forgetting(self) -> None:
        """The oldest of what was delivered, discarded or listed goes, and nothing else; what it was called is free."""
        self.conclude(bill("c0:m"), bill("c1:m"), bill("c2:m", "listed"), bill("c3:m", "dead"))
        self.perform(Intend("i1", "sub", "{}", 1))
        self.clock.milliseconds += 10
        self.perform(Mark((Marked("c1:m", "delivered", "deduped"),)))
        self.clock.milliseconds += 10
        self.conclude(bill("c4:m", "discarded"))
        self.same(self.perform(Forget(START)), 0)
        self.same(self.perform(Forget(START + 20, 1)), 1)
        self.same(
            self.counted(), {"queued": 1, "delivered": 1, "dead": 1, "unknown": 1, "discarded": 1}
        )
        self.same(self.perform(Forget(START + 20)), 1)
        self.same(self.perform(Count()).deduped, 0)
        self.same(self.perform(Forget(START + 21)), 1)
        self.same(set(self.states()), {"c0:m", "c3:m", "i1"})
        self.same(self.conclude(bill("c1:m")).fresh, ("c1:m",))

    def test_messages(self) -> None:
        """A message is new once, until its lease is over; one that comes again does not prolong it."""
        self.same([self.perform(Notice(key, 100)) for key in ("a", "b", "a")], [True, True, False])
        self.clock.milliseconds += 99
        self.same(self.perform(Notice("a", 100)), False)
        self.clock.milliseconds += 1
        self.same([self.perform(Notice(key, 100)) for key in ("a", "a")], [True, False])

    # --- what no outbox keeps ----------------------------------------------------------------

    def test_what_cannot_be_kept(self) -> None:
        """Ids that have no place in a URL, amounts that are none, texts with NUL, states nothing comes into."""
        self.conclude(bill("c1:m"))
        for one in ("", "a/b", "a b", "é", "x" * 256, "a\0b", "a?b", "a%20"):
            self.refused(Intend(one, "sub", "{}", LEASE))
            self.refused(Conclude("c2", (bill("ok:m")._replace(id=one),)))
            self.refused(Conclude(one))
        for usd in (Decimal("NaN"), Decimal("Infinity"), Decimal("1e31"), Decimal("1e-99999"), 0.5):
            self.refused(Conclude("c2", (bill("c2:m", usd=usd),)))
            self.refused(Conclude("c2", (bill("c2:m", units=usd),)))
        for more in ({"subscription": "a\0"}, {"body": "\ud800"}, {"body": ""}, {"at": -1}):
            self.refused(Conclude("c2", (bill("c2:m", **more),)))
        wrong: tuple[Any, ...] = ("intent", "unknown", "sent")
        for state in wrong:
            self.refused(Conclude("c2", (bill("ok:m"), bill("c2:m", state, body="x"))))
            self.refused(Amend((Amended(bill("c1:m", state, body="x"), ("queued",)),)))
        self._refused_otherwise()

    def _refused_otherwise(self) -> None:
        twice = (Amended(bill("c1:m", "held"), ("queued",)),) * 2
        for operation in (
            Amend(twice), Amend((Amended(bill("c1:m"), ("sent",)),)), Take("", 1, 1),  # type: ignore[arg-type]
            Take("a", 0, 1), Take("a", 1, 0), Intend("c9", "sub", "{}", 0), Notice("", 1),
            Mark((Marked("c1:m", "held"),)), ReadBills(limit=0), Forget(-1),
        ):  # fmt: skip
            self.refused(operation)

    def test_reasons_are_made_fit(self) -> None:
        """Others write them: no text and no key in one keeps what was said from being kept."""
        key = "sk-" + "1a2b3c4d" * 4
        self.conclude(bill("c1:m"))
        said = f"bad key {key} \0 \ud800 " + "x" * 5000
        self.same(self.perform(Mark((Marked("c1:m", "dead", said),))), 1)
        (found,) = self.bills()
        self.expect(key not in found.reason, f"a key is kept: {found.reason!r}")
        self.expect(found.reason.startswith("bad key"), f"the reason is lost: {found.reason!r}")
        self.expect(len(found.reason) <= 1000, "a reason has no end")  # noqa: PLR2004
