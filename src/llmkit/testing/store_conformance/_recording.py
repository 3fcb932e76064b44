"""Checks of what is recorded: spend from elsewhere, resets, rules, usage, the ledger, calls' settlements, the audit."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from ..._operations import (
    Audit,
    Audited,
    Charge,
    Post,
    Posted,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Reset,
    Rule,
    SettleHold,
    Standing,
    Untimely,
    UsageRow,
    Window,
    WriteRule,
    Written,
)
from ..._settlements import Settle, Settlement, Settlements, SettlementsAfter
from ._subject import DAY, FOR_EVER, START, WHO, Subject, claim

__all__ = ["Recording"]

_TODAY = START // DAY
_ROLLING = Window(1000, ())


def _spend(entry: str, amount: int, window: Window = FOR_EVER, **more: Any) -> Post:
    charges = (Charge("usd:ever:global", window, Decimal(amount)),)
    return Post(entry, charges, Decimal(amount), WHO, **more)


class Recording(Subject):
    """The records."""

    def test_spend_from_elsewhere(self) -> None:
        """It is counted whatever the limit, with its usage, and once."""
        found = self.perform(
            _spend("p1", 12, prompt_tokens=5, completion_tokens=6, calls=2, flag="by hand")
        )
        line = Standing("usd:ever:global", Decimal(12), Decimal(0), Decimal(12))
        self.same(found, Posted("posted", START, (line,)))
        self.same(self.perform(_spend("p1", 99)), Posted("again", START))
        counted = (("usd:ever:global", 0, Decimal(12)),)
        entry = ("p1", "spend", START, "", "by hand", Decimal(12), counted, WHO)
        self.same([e[1:] for e in self.entries()], [entry])
        row = UsageRow(_TODAY, "user=ann", "acme", "acme-large", 2, 5, 6, Decimal(12))
        self.same(self.perform(ReadUsage(("user=ann",))), (row,))
        self.expect(self.hold("h1", claim(0)).refusals, "0 was held of 12 within 10")
        self.audited()

    def test_spend_of_another_time(self) -> None:
        """It is counted in the buckets and on the day of its time; outside of the periods given, not at all."""
        self.perform(_spend("p1", 3, _ROLLING, at=START - DAY))
        self.same(self.perform(ReadUsage())[0].day, _TODAY - 1)
        self.same(self.entries()[0].lines[0][1], (START - DAY) // 1000)
        self.same(self.entries()[0].at, START)
        self.same(self.standing(claim(window=_ROLLING)), [("0", "0")])
        days = Window(starts=(START, START + 10))
        self.same(self.perform(_spend("p2", 3, days, at=START - 1)), Untimely(START))
        self.same(self.perform(_spend("p2", 3, days)).status, "posted")
        self.audited()

    def test_money_that_came_back(self) -> None:
        """Spend may be negative; nothing is counted of nothing, and its entry stands."""
        self.perform(_spend("p1", 5))
        self.perform(_spend("p2", -2))
        self.perform(_spend("p3", 0))
        self.same(self.standing(claim()), [("3", "0")])
        self.same([len(e.lines) for e in self.entries()], [1, 1, 0])
        self.audited()

    def test_reset(self) -> None:
        """What was spent in the window is taken back, what is held is not, and once only."""
        self.perform(_spend("p1", 5, _ROLLING))
        self.held("h1", claim(3, window=_ROLLING))
        self.clock.milliseconds += 2000
        self.perform(_spend("p2", 2, _ROLLING))
        reset = Reset("r1", (("usd:ever:global", _ROLLING), ("usd:never", FOR_EVER)))
        found = self.perform(reset)
        self.same((found.status, [line.delta for line in found.lines]), ("posted", [-5, -2]))
        self.same(self.standing(claim(window=_ROLLING)), [("0", "3")])
        self.perform(_spend("p3", 1, _ROLLING))
        self.same(self.perform(reset).status, "again")
        self.same(self.standing(claim(window=_ROLLING)), [("1", "3")])
        self.same(self.entered()[-2:], [("r1", "reset", "0"), ("p3", "spend", "1")])
        self.audited(holds=1)

    def test_an_untimely_reset(self) -> None:
        """Outside of the periods given nothing is reset."""
        self.perform(_spend("p1", 5))
        windows = ("usd:ever:global", FOR_EVER), ("usd:b", Window(starts=(0, START)))
        self.same(self.perform(Reset("r1", windows)), Untimely(START))
        self.same(self.standing(claim()), [("5", "0")])
        self.audited()

    def test_rules(self) -> None:
        """A rule's version grows with every writing; who expects another than stands writes nothing."""
        self.same(self.perform(ReadRules()), ())
        first = Rule("global", 1, '{"é": "💡"}')
        self.same(self.perform(WriteRule("global", first.body, 0)), Written(True, first))
        self.same(self.perform(WriteRule("global", "{}", 0)), Written(False, first))
        self.same(
            self.perform(WriteRule("global", None, 1)), Written(True, Rule("global", 2, None))
        )
        self.same(self.perform(WriteRule("a=1", "{}")), Written(True, Rule("a=1", 1, "{}")))
        self.same(self.perform(ReadRules()), (Rule("a=1", 1, "{}"), Rule("global", 2, None)))
        self.same(self.perform(WriteRule("global", "x")).rule, Rule("global", 3, "x"))
        nobody = Rule("nobody", 0, None)
        self.same(self.perform(WriteRule("nobody", "{}", 4)), Written(False, nobody))
        self.same(self.perform(ReadRules(("nobody", "a=1"))), (nobody, Rule("a=1", 1, "{}")))

    def test_usage(self) -> None:
        """Usage is by day, scope, provider and model, read by scope and by days, in order."""
        for day in range(3):
            for model in ("m2", "m1"):
                whose = WHO._replace(model=model)
                self.perform(Post(f"{day}{model}", (), Decimal(day), whose, 1, 2))
            self.clock.milliseconds += DAY
        keys = [(d, s, m) for d in range(3) for s in WHO.scopes for m in ("m1", "m2")]
        found = self.perform(ReadUsage())
        self.same([(row.day - _TODAY, row.scope, row.model) for row in found], keys)
        some = self.perform(ReadUsage(("global", "nobody"), _TODAY + 1, _TODAY + 1))
        self.same(
            [(row.model, row.usd, row.prompt_tokens) for row in some], [("m1", 1, 1), ("m2", 1, 1)]
        )
        self.same(self.perform(ReadUsage(())), ())
        self.audited()

    def test_the_ledger_in_pieces(self) -> None:
        """Entries are numbered in the order they came, and are read behind any of them."""
        for number in range(5):
            self.perform(_spend(f"p{number}", 1))
        whole = self.perform(ReadEntries())
        numbers = [entry.number for entry in whole]
        self.same(numbers, sorted(set(numbers)))
        self.same(self.perform(ReadEntries(numbers[1], 2)), whole[2:4])
        self.same(self.perform(ReadEntries(numbers[-1])), ())
        self.same([entry.id for entry in whole], [f"p{n}" for n in range(5)])

    def test_calls(self) -> None:
        """A call's settlement is recorded once, with everything in it, and read oldest first."""
        rich = Settlement(
            "c2", "failed", "acme", "acme-large", True, "maybe", 2, 1.25, 0.5, 3, 4, "estimated",
            Decimal("0.000000000001"), "estimated", "because", "RateLimitError", "req_1",
            MappingProxyType({"é": [1, {"a": None}]}), "embedding",
        )  # fmt: skip
        plain = Settlement("c1", "completed", "acme", "acme-large", False, "yes", 1, 1.5, 0.25)
        self.same([self.perform(Settle(s)) for s in (plain, rich, plain)], [True, True, False])
        found = self.perform(Settlements())
        self.same([_plain(s) for s in found], [_plain(plain), _plain(rich)])
        self.same([s.call_id for s in self.perform(Settlements(1))], ["c2"])

    def test_calls_behind_a_number(self) -> None:
        """Who reads on behind the last number that he was told is told of all, once; another ledger is another one."""
        if not self.numbered:
            pytest.skip("it numbers no settlements")
        nothing = self.perform(SettlementsAfter())
        self.same((nothing.latest, nothing.rows), (0, ()))
        bare = Settlement("c0", "completed", "acme", "acme-large", False, "yes", 1, 1.5, 0.25)
        for number in (0, 1, 2, 1, 3):
            self.perform(Settle(bare._replace(call_id=f"c{number}", cost=Decimal("0.25"))))
        whole = self.perform(SettlementsAfter())
        numbers = [number for number, _ in whole.rows]
        self.same([s.call_id for _, s in whole.rows], ["c0", "c1", "c2", "c3"])
        self.same(_plain(whole.rows[0][1]), _plain(bare._replace(cost=Decimal("0.25"))))
        self.same(numbers, sorted(set(numbers)))
        self.same((whole.ledger, whole.latest), (nothing.ledger, numbers[-1]))
        self.same(self.perform(SettlementsAfter(numbers[0], 2)).rows, whole.rows[1:3])
        self.same(self.perform(SettlementsAfter(numbers[-1])).rows, ())
        self.same(self.perform(SettlementsAfter(numbers[-1] + 5)).latest, numbers[-1])

    def test_keys_in_metadata(self) -> None:
        """What looks like a key in a call's metadata is not kept, however deep it is; all else is."""
        key = "sk-" + "1a2b3c4d" * 4
        held: dict[str, Any] = {}
        held["itself"] = [held, key]
        deep = {"api_key": key, key: [{"note": f"it is {key}."}, (1, f"Bearer {key}")], "kept": 1.5}
        bare = Settlement("c1", "completed", "acme", "acme-large", False, "yes", 1, 1.5, 0.25)
        for number, metadata in enumerate((deep, held)):
            self.perform(Settle(bare._replace(call_id=f"c{number}", metadata=metadata)))
        found = self.perform(Settlements())
        self.expect(key not in repr(found), f"a key is kept: {found!r}")
        self.same(found[0].metadata["kept"], 1.5)
        self.same(found[0].metadata["api_key"], "[redacted]")

    def test_the_audit_counts(self) -> None:
        """The audit has the time, how many entries there are, and how many holds of either kind."""
        self.held("h1", claim(1))
        self.held("h2", claim(1), lease=10)
        self.perform(_spend("p1", 1))
        self.expire(10)
        self.same(self.perform(Audit()), Audited(START + 10, 2, 1, 1))
        self.perform(SettleHold("h2"))
        self.same(self.perform(Audit()), Audited(START + 10, 3, 1, 0))


def _plain(settlement: Settlement) -> dict[str, Any]:
    return {**settlement._asdict(), "metadata": dict(settlement.metadata)}
