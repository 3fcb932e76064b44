"""Ids of any kind, clocks that jump, years that end: each bill is itself, and arrives once, as it was."""

from __future__ import annotations

import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._billing_events import BillsLate
from llmkit.billing import LagoBilling
from llmkit.errors import NotEntitledError
from llmkit.testing import FakeLago, FrozenClock, Simulator, lago_faults

from ._lagos import SUBSCRIPTION, UNITS, billing, report

SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:")
MANY = 100_000 if os.environ.get("LLMKIT_FULL") else 1500
NEW_YEAR = 1_798_761_600
"""2027, by UTC."""
ASK: Any = ("openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}])
SHAPES = ("{}", "kunde {} ü", "团队/{}?a=b&c", "{}%2F../#", "e\u0301-{}", "Ω:{}", "Ψ/{}", '"{}"\\')


class Jumping(FrozenClock):
    """A clock that somebody sets."""

    off = 0.0

    def wall(self) -> float:
        return super().wall() + self.off


def client_of(lago: LagoBilling, provider: Simulator) -> llmkit.Client:
    """A client that is billed."""
    return llmkit.Client(billing=lago, base_url=provider.base_url, api_key="sk-" + "of-nobody-0123")


def lago_of(fake: FakeLago, clock: Jumping, **more: Any) -> LagoBilling:
    """A billing object that waits for nothing."""
    return billing(fake, clock=clock, send=fake.answer, background=False, **more)


def test_any_number_of_subscriptions_of_any_name() -> None:
    """One event each, under an id of its own that a URL can hold, for the very subscription, whatever it is called."""
    clock = Jumping(NEW_YEAR)
    fake = FakeLago(clock=clock)
    lago = lago_of(fake, clock)
    names = [SHAPES[n % len(SHAPES)].format(n // len(SHAPES)) for n in range(MANY)]
    for name in names:
        lago.report_usage("0.0042", subscription=name, id=name)
    assert lago.flush().left == 0
    assert Counter(event.subscription for event in fake.events) == Counter(names)
    ids = {event.transaction_id for event in fake.events}
    assert len(ids) == MANY
    assert all(SAFE.issuperset(one) for one in ids)


def test_a_clock_that_is_set_back_over_a_years_end() -> None:
    """Times are those of the clock when each call ended; what waits is sent in order, once, whatever it says now."""
    clock = Jumping(NEW_YEAR - 0.25)
    fake = FakeLago(clock=clock)
    fake.furnish(SUBSCRIPTION, started_at=NEW_YEAR - 86_400)
    lago = lago_of(fake, clock)
    report(lago, 1, "old")
    clock.advance(0.375)
    report(lago, 1, "new")
    clock.off = -7200.0
    report(lago, 1, "back")
    assert lago.stats().oldest_seconds == 0
    assert lago.flush().left == 0
    assert [event.transaction_id for event in fake.events] == [
        f"{name}-0:askii_coins" for name in ("old", "new", "back")
    ]
    bodies = b"".join(request.body for request in fake.requests).decode()
    for time in ("1798761599.750", "1798761600.125", "1798754400.125"):
        assert f'"timestamp":"{time}"' in bodies
    assert fake.units(SUBSCRIPTION) == 3 * UNITS


def test_what_may_miss_its_period_is_told() -> None:
    """The end of a period, once a check has learnt of it, makes bills that wait alarming before they are late."""
    clock = Jumping(NEW_YEAR - 1200)
    fake = FakeLago(clock=clock)
    fake.furnish(SUBSCRIPTION, customer="ann", balance_cents=1000, started_at=NEW_YEAR - 86_400)
    told: list[Any] = []
    lago = lago_of(fake, clock, entitlement="lago", callbacks=[told.append])
    assert lago.check_entitlement("ann")
    fake.down()
    report(lago)
    clock.advance(60)
    lago._works.tend()
    (late,) = [event for event in told if isinstance(event, BillsLate)]
    assert (late.queued, late.period_end) == (1, pytest.approx(NEW_YEAR, abs=2))


def test_what_a_fork_copies_is_not_sent_twice(tmp_path: Path) -> None:
    """What a parent had to keep in memory for its outbox is its own to write: a copy begins with none of it."""
    fake = FakeLago()
    folder = tmp_path / "away"
    folder.mkdir()
    lago = billing(fake, outbox=folder / "o.db", send=fake.answer, background=False)
    folder.rmdir()
    report(lago, 2)
    assert lago.desk.outbox.spilled == 2
    lago._after_fork()
    assert lago.desk.outbox.spilled == 0


@pytest.mark.parametrize("named", ["subscription", "customer"])
def test_what_an_open_door_lets_out_is_billed(named: str) -> None:
    """While Lago is away calls go out by policy, and each is billed once it is back; a customer's, to who he was."""
    with FakeLago() as fake, Simulator() as provider:
        fake.furnish(SUBSCRIPTION, customer="ann", balance_cents=1000)
        given = {"background": False, "fresh": 0.0, "stale": 0.0}
        lago = billing(fake, entitlement="lago", unreachable="open", **given)
        client = client_of(lago, provider)
        whose = {named: SUBSCRIPTION if named == "subscription" else "ann"}
        assert client.completion(*ASK, **whose).cost.total
        fake.fail_always(lago_faults.status(503))
        answers = [client.completion(*ASK, **whose) for _ in range(3)]
        fake.heal()
        assert lago.flush(10).left == 0
        assert len(fake.events) == 4
        total = 4 * (answers[0].cost.total or Decimal(0))
        assert fake.units(SUBSCRIPTION) == total * 1_000_000 > 0
        fake.fail_always(lago_faults.status(401))
        closed = billing(fake, entitlement="lago", **given)
        with pytest.raises(NotEntitledError):
            client_of(closed, provider).completion(*ASK, **whose)
        closed.close()
        lago.close()
