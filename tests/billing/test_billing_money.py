from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._control.billing.currency import EXACT
from llmkit.billing import Currency, LagoBilling, Metric
from llmkit.errors import ConfigurationError
from llmkit.testing import FakeLago, Simulator

KEY = "sk-" + "money-0123456789abcdef"
MODEL = "openai/gpt-4o-mini"
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(params=["postgres", "clickhouse"])
def fake(request: pytest.FixtureRequest) -> FakeLago:
    """A Lago of each kind, without a socket."""
    made = FakeLago(store=request.param)
    made.furnish()
    return made


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A provider on this machine."""
    with Simulator() as simulator:
        yield simulator


def billing(fake: FakeLago, **options: Any) -> LagoBilling:
    """A billing object of it; nothing is sent but by ``flush``."""
    given = {"background": False, "entitlement": None, "subscription": "sub_1", "send": fake.answer}
    return LagoBilling(fake.api_url, fake.api_key, **{**given, **options})  # type: ignore[typeddict-item]


def test_what_lago_counts_is_what_the_calls_cost_to_the_last_digit(fake: FakeLago) -> None:
    """Random costs, down to parts of a coin: the units in Lago are their sum times the rate."""
    rng, total = random.Random(12), Decimal(0)
    with billing(fake) as lago:
        for _ in range(300):
            usd = Decimal(rng.randrange(1, 10 ** rng.randrange(1, 25))).scaleb(-19)
            total = EXACT.add(total, usd)
            lago.report_usage(usd)
        lago.flush(30)
    assert fake.units("sub_1") == EXACT.multiply(total, Decimal(1_000_000))


def test_calls_below_a_cent_are_not_lost_to_rounding(fake: FakeLago) -> None:
    """500 calls of 0.0042 USD are 2.1 USD."""
    with billing(fake) as lago:
        for _ in range(500):
            lago.report_usage(0.0042)
        lago.flush(30)
    assert fake.units("sub_1") == 2_100_000


def test_a_clients_calls_cost_in_lago_what_their_answers_say(
    fake: FakeLago, sim: Simulator
) -> None:
    """Answers and streams, at the cost that each says of itself."""
    with (
        billing(fake) as lago,
        llmkit.Client(api_key=KEY, base_url=sim.base_url, billing=lago) as client,
    ):
        total = Decimal(0)
        for stream in (False, True, False):
            answer = client.chat.completions.create(model=MODEL, messages=HELLO, stream=stream)
            if stream:
                list(answer)
            total += (answer.response if stream else answer).cost.total
            lago.report_usage(answer)
        lago.flush(30)
    assert len(fake.events) == 3
    assert fake.units("sub_1") == lago.convert_to_askii(total)


def test_a_cost_of_sixty_digits_is_billed(tmp_path: Path) -> None:
    """Prices per hour are divided by 3600: no outbox refuses what comes of it, at any rate."""
    usd = Context(prec=60).divide(Decimal("1e-7"), Decimal(3600))
    fake, rate = FakeLago(), Decimal("1234567.89")
    fake.furnish()
    for outbox in (None, tmp_path / "billing.db"):
        with billing(fake, outbox=outbox, rate=rate) as lago:
            assert lago.report_usage(usd, subscription="sub_1").states == ("queued",)
            lago.flush(30)
    assert fake.units("sub_1") == EXACT.multiply(2 * rate, usd)


def test_several_metrics_are_sent_in_one_batch(fake: FakeLago) -> None:
    """One event per code, under ids that are not each other's duplicates."""
    fake.add_metric("tokens")
    fake.add_charge("plan_askii_coins", "tokens")
    metrics = (Metric("askii_coins"), Metric("tokens", measure="total_tokens"))
    with billing(fake, metrics=metrics) as lago:
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        lago.report_usage(1, id="r1", usage=usage)
        lago.flush(30)
    assert [event.transaction_id for event in fake.events] == ["r1:askii_coins", "r1:tokens"]
    assert len(fake.requests) == 1
    assert (fake.units("sub_1"), fake.units("sub_1", "tokens")) == (1_000_000, 7)


def test_a_dynamic_charge_gets_the_exact_amount(fake: FakeLago) -> None:
    """Lago adds up cents, of 15 decimals."""
    fake.add_metric("spend", "usd")
    fake.add_charge("plan_askii_coins", "spend", "dynamic")
    with billing(fake, mode="dynamic", metrics=[Metric("spend", "usd", measure="usd")]) as lago:
        lago.report_usage("0.0042")
        lago.flush(30)
    assert fake.charged("sub_1", "spend").cents == Decimal("0.42")


def test_another_rate_changes_nothing_that_is_queued(fake: FakeLago, tmp_path: Path) -> None:
    """Queued, unattributed and unpriced at one rate, sent by a process that has another."""
    path = tmp_path / "billing.db"
    old, new = ({"ASKII_COIN_EXCHANGE_RATE": rate} for rate in ("100", "7"))
    with billing(fake, outbox=path, environ=old, subscription=None) as lago:
        lago.report_usage(1, id="queued", subscription="sub_1")
        lago.report_usage(1, id="nobody")
        lago.report_usage(
            {"prompt_tokens": 1}, id="priceless", model="host/x", subscription="sub_1"
        )
        lago.close(0)
    with billing(fake, outbox=path, environ=new) as lago:
        lago.unattributed.attribute(None, "sub_1")
        lago.unpriced.reprice("priceless:askii_coins", 1)
        lago.report_usage(1, id="new")
        lago.flush(30)
    units = {event.transaction_id: event.properties["askii_coins"] for event in fake.events}
    assert units == {
        "queued:askii_coins": "100", "nobody:askii_coins": "100", "priceless:askii_coins": "100",
        "new:askii_coins": "7",
    }  # fmt: skip
    rates = {event.properties["rate"] for event in fake.events}
    assert rates == {"100", "7"}


def test_the_rate_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the object, when it is made; the fork read it at every conversion."""
    monkeypatch.setenv("ASKII_COIN_EXCHANGE_RATE", "10")
    lago = billing(FakeLago())
    monkeypatch.setenv("ASKII_COIN_EXCHANGE_RATE", "20")
    assert lago.convert_to_askii(1) == 10
    assert billing(FakeLago()).convert_to_askii(1) == 20
    monkeypatch.setenv("ASKII_COIN_EXCHANGE_RATE", "zero")
    with pytest.raises(ConfigurationError, match="ASKII_COIN_EXCHANGE_RATE"):
        billing(FakeLago())
    assert billing(FakeLago(), compat=True).convert_to_askii(1) == 1_000_000


def test_a_currency_of_ones_own_is_billed_under_its_own_code() -> None:
    """Credits at 100 a dollar, whole ones."""
    fake = FakeLago()
    fake.furnish(code="credits")
    with billing(fake, currency=Currency("credits", 100, rounding="ceiling")) as lago:
        lago.report_usage("0.123")
        lago.flush(30)
    assert fake.units("sub_1", "credits") == 13
