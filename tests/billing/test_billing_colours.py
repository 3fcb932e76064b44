"""Every method that may wait is there in both colours, and does the same: sync, on asyncio, on trio."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.billing import LagoBilling, Waiting
from llmkit.errors import BillingError
from llmkit.stores import MemoryStore
from llmkit.testing import FakeLago, FrozenClock

from ._lagos import COLOURS, SUBSCRIPTION, UNITS, billing, in_colour, report

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITS_FOR_NOBODY = {"convert_to_askii", "forget_entitlements", "list"}


@pytest.fixture
def fake() -> Iterator[FakeLago]:
    """A Lago with one subscription."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION, customer="cus_1", balance_cents=500)
        yield lago


@pytest.mark.parametrize("kind", [LagoBilling, Waiting])
def test_each_method_has_its_twin(kind: type) -> None:
    """Whatever waits has an awaited twin of one signature, and no twin is alone."""
    methods = {
        name: method
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    plain = {n for n, m in methods.items() if not inspect.iscoroutinefunction(m)}
    awaited = {n for n, m in methods.items() if inspect.iscoroutinefunction(m)}
    assert awaited == {f"a{name}" for name in plain - (WAITS_FOR_NOBODY - {"list"})}
    for name in awaited:
        assert inspect.signature(methods[name]) == inspect.signature(methods[name[1:]])


@pytest.mark.parametrize("colour", COLOURS)
def test_entitlements(fake: FakeLago, colour: str) -> None:
    """Asked once and remembered, forgotten on demand; of nobody where nobody is asked; by the context's customer."""
    lago = billing(fake, entitlement="lago", background=False)
    found = in_colour(colour, lago, "check_entitlement", "cus_1", usd="0.10")
    assert (bool(found), found.subscription, found.source) == (True, SUBSCRIPTION, "lago")
    before = len(fake.requests)
    with llmkit.context(customer="cus_1"):
        assert in_colour(colour, lago, "check_entitlement").source == "cache"
    assert in_colour(colour, lago, "check_entitlement", "cus_1", usd=6).reason == (
        "insufficient_balance"
    )
    assert len(fake.requests) == before
    lago.forget_entitlements("cus_1")
    assert in_colour(colour, lago, "check_entitlement", "cus_1")
    assert len(fake.requests) > before
    free = billing(fake, background=False)
    free.forget_entitlements()
    found = in_colour(colour, free, "check_entitlement", subscription="anybody")
    assert (found.allowed, found.source) == (True, "policy")


@pytest.mark.parametrize("colour", COLOURS)
def test_reports_and_rooms(fake: FakeLago, colour: str) -> None:
    """What is reported waits where it has to, and leaves by a word, in any colour."""
    lago = billing(fake, background=False)
    in_colour(colour, lago, "report_usage", "0.0042", id="nobodys")
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    said = {"model": "openai/of-no-price", "subscription": SUBSCRIPTION, "id": "priceless"}
    in_colour(colour, lago, "report_usage", usage, **said)
    rooms = (lago.unattributed, lago.unpriced)
    ids = [in_colour(colour, room, "list")[0].id for room in rooms]
    assert in_colour(colour, rooms[0], "attribute", [ids[0]], SUBSCRIPTION) == (ids[0],)
    assert in_colour(colour, rooms[1], "reprice", [ids[1]], "0.0042") == (ids[1],)
    assert in_colour(colour, lago, "flush").delivered == 2
    assert fake.units(SUBSCRIPTION) == 2 * UNITS
    for room in (lago.dead_letter, lago.unknown, lago.held, lago.listed):
        assert in_colour(colour, room, "list") == ()


@pytest.mark.parametrize("colour", COLOURS)
def test_operating(fake: FakeLago, colour: str) -> None:
    """The doctor finds all well; a Lago that has lost events is found out, and gets them again as they were."""
    outbox = MemoryStore()
    options: Any = {
        "background": False,
        "unseen": 0,
        "subscription": SUBSCRIPTION,
        "outbox": outbox,
    }
    lago = billing(fake, **options)
    found = in_colour(colour, lago, "doctor")
    assert found.ok, str(found)
    report(lago, 3)
    lago.flush()
    time.sleep(0.01)
    window = time.time() - 60, time.time() + 60
    found = in_colour(colour, lago, "reconcile", *window)
    assert (found.ok, found.delivered) == (True, 3), str(found)
    with FakeLago() as restored:
        restored.furnish(SUBSCRIPTION, customer="cus_1")
        lago = billing(restored, **options)
        found = in_colour(colour, lago, "reconcile", *window, resend=True)
        assert (found.ok, found.requeued, len(found.missing)) == (False, 3, 3)
        assert in_colour(colour, lago, "flush").delivered == 3
        assert restored.units(SUBSCRIPTION) == 3 * UNITS
        assert [one.transaction_id for one in restored.events] == [
            one.transaction_id for one in fake.events
        ]


@pytest.mark.parametrize("colour", COLOURS)
def test_webhooks(fake: FakeLago, colour: str) -> None:
    """A message that is Lago's is taken once, and ends what was known; one with a byte changed is refused."""
    lago = billing(fake, entitlement="lago", background=False, webhook_key=fake.hmac_key)
    assert lago.check_entitlement("cus_1", usd=4)
    fake.wallet("cus_1").balance -= 400
    assert lago.check_entitlement("cus_1", usd=4)
    body, headers = fake.webhook("wallet.updated", "wallet", {"external_customer_id": "cus_1"})
    with pytest.raises(BillingError):
        in_colour(colour, lago, "webhook", body.replace(b"cus_1", b"cus_2"), headers)
    assert lago.check_entitlement("cus_1", usd=4)
    event = in_colour(colour, lago, "webhook", body, headers)
    assert (event.type, event.customer, event.new) == ("wallet.updated", "cus_1", True)
    assert not in_colour(colour, lago, "webhook", body, headers).new
    assert lago.check_entitlement("cus_1", usd=4).reason == "insufficient_balance"


def test_a_virtual_clock_waits_for_nothing() -> None:
    """With a clock that stands still, and an answer in place of the network, an hour's outage takes no time."""
    clock = FrozenClock()
    fake = FakeLago(clock=clock)
    fake.furnish(SUBSCRIPTION)
    lago = billing(fake, background=False, clock=clock, send=fake.answer)
    report(lago, 250)
    fake.down()
    begun = time.monotonic()
    assert lago.flush(3600).left == 250
    fake.up()
    assert lago.flush(3600).delivered == 250
    assert time.monotonic() - begun < 30
    assert fake.units(SUBSCRIPTION) == 250 * UNITS
