"""What a stranger does first, and wrong: each mistake is said in a sentence that tells him what to write."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit._control.billing.metric import MEASURES
from llmkit.billing import Currency, LagoBilling, Metric, OpenUntil, UsageUnpriced
from llmkit.errors import BillingError, ConfigurationError, NotEntitledError, StoreError
from llmkit.ledger import MemoryLedger
from llmkit.testing import FakeLago, Simulator
from llmkit.types.usage import Usage

from ._lagos import SUBSCRIPTION, billing, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "lago-" + "key-0123"
ASK: Any = ("openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}])


@pytest.fixture
def fake() -> Iterator[FakeLago]:
    """A Lago with one subscription."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION, customer="cus_1")
        yield lago


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"outbox": "/nowhere/at/all/billing.db"}, "is no directory: make it"),
        ({"outbox": "redis://localhost"}, "a path or postgresql://"),
        ({"outbox": "sqlite:///billing.db"}, "the path alone"),
        ({"outbox": ":memory:"}, "MemoryStore"),
        ({"outbox": 5}, "a path, postgresql://…, or a store"),
        ({"outbox": llmkit.stores.MemoryStore}, "not MemoryStore"),
        ({"outbox": MemoryLedger()}, "keeps no bills"),
        ({"currency": "askii_coins"}, "Currency"),
        ({"rate": 0}, "more than 0"),
        ({"rate": float("inf")}, "finite"),
        ({"rate": "many"}, "a number"),
        ({"metrics": [Metric("a"), Metric("a")]}, "'a'"),
        ({"metrics": ["askii_coins"]}, "Metric(code, …)"),
        ({"properties": ["usd"]}, "'usd'"),
        ({"unreachable": "maybe"}, "'closed', 'open' or OpenUntil"),
        ({"entitlement": object()}, "perform(check)"),
        ({"unreachable": ["open"]}, "'closed', 'open' or OpenUntil"),
        ({"outbox": "/"}, "is a directory: name one in it"),
        ({"outbox": "~/billing.db"}, "~ is the shell's"),
        ({"metrics": [Metric("a", measure="total_token")]}, "did you mean 'total_tokens'?"),
        ({"metrics": [Metric("a", measure="fuel")]}, "dimension/unit"),
    ],
)
def test_what_cannot_be_meant_is_said_when_the_object_is_made(
    options: dict[str, Any], hint: str
) -> None:
    """A mistake in an option is found before anything is billed, in words that name the way out."""
    with pytest.raises(ConfigurationError) as caught:
        LagoBilling(api_key=KEY, **options)
    assert hint in str(caught.value)


def test_a_rate_that_is_a_float_is_what_it_is_written_as() -> None:
    """0.1 coins a dollar is a tenth, and nothing near it."""
    lago = LagoBilling(api_key=KEY, rate=0.1)
    assert str(lago.convert_to_askii(1)) == "0.1"
    assert (
        LagoBilling(api_key=KEY, environ={"ASKII_COIN_EXCHANGE_RATE": "1e6"}).convert_to_askii(
            "0.0042"
        )
        == 4200
    )


def test_a_rate_from_the_environment_that_is_none_is_refused_or_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Strict by default; as lenient as the fork where that was asked for, and said aloud."""
    environ = {"ASKII_COIN_EXCHANGE_RATE": "a million"}
    with pytest.raises(ConfigurationError, match="ASKII_COIN_EXCHANGE_RATE"):
        LagoBilling(api_key=KEY, environ=environ)
    lago = LagoBilling(api_key=KEY, environ=environ, compat=True)
    assert lago.convert_to_askii(-1) == 0
    assert lago.convert_to_askii(1) == 1_000_000
    assert "ASKII_COIN_EXCHANGE_RATE" in caplog.text
    with pytest.raises(ConfigurationError):
        LagoBilling(api_key=KEY).convert_to_askii(-1)


def test_the_wrong_object_as_billing_says_which_is_right() -> None:
    """A class, a text, a manager of budgets: none bills, and the client says what does."""
    for wrong in (LagoBilling, "lago", llmkit.BudgetManager()):
        with pytest.raises(ConfigurationError, match="LagoBilling"):
            llmkit.Client(billing=wrong)


def test_nobody_is_named(fake: FakeLago) -> None:
    """Asking for nobody is a mistake; a call for nobody is kept, or refused before it leaves, as was chosen."""
    lago = billing(fake, background=False)
    with pytest.raises(ConfigurationError, match="say who is asked for"):
        lago.check_entitlement()
    strict = billing(fake, background=False, unattributed="raise")
    with Simulator() as sim:
        options: Any = {"base_url": sim.base_url, "api_key": "sk-" + "of-nobody-0123"}
        with pytest.raises(BillingError, match="subscription="):
            llmkit.Client(billing=strict, **options).completion(*ASK)
        assert not sim.requests
        llmkit.Client(billing=lago, **options).completion(*ASK)
        assert lago.stats().unattributed == 1
        with pytest.raises(BillingError, match="subscription="):
            strict.report_usage("0.1")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda lago: lago.check_entitlement(12),
        lambda lago: lago.check_entitlement("cus_1", usd="lots"),
        lambda lago: lago.check_entitlement("cus_1", usd=-1),
        lambda lago: lago.check_entitlement("cus_1", feature=3),
        lambda lago: lago.convert_to_askii("a dollar"),
        lambda lago: lago.report_usage("lots"),
        lambda lago: lago.report_usage("0.1", at="yesterday"),
        lambda lago: lago.report_usage(object()),
        lambda lago: lago.reconcile(2_000_000_000, 1_900_000_000),
        lambda lago: lago.reconcile("2026-11-01", 1_900_000_000),
        lambda lago: lago.unattributed.attribute("x", ""),
        lambda lago: lago.dead_letter.discard("x", " "),
        lambda lago: lago.unpriced.reprice(usd=1),
    ],
)
def test_a_wrong_argument_is_refused_and_changes_nothing(fake: FakeLago, wrong: Any) -> None:
    """Nothing is written, and nobody is asked, for an argument that cannot be meant."""
    lago = billing(fake, background=False)
    with pytest.raises((ConfigurationError, TypeError)):
        wrong(lago)
    stats = lago.stats()
    assert (stats.queued, stats.unpriced, stats.unattributed) == (0, 0, 0)
    assert not fake.requests


def test_a_wrong_address_loses_nothing_and_says_so(fake: FakeLago) -> None:
    """Behind a path that is not Lago's, all answers are 404: bills are kept, and the doctor says what is wrong."""
    lago = LagoBilling(f"{fake.origin}/lago", fake.api_key, entitlement=None, background=False)
    report(lago, 2)
    assert lago.flush().left == 2
    assert not lago.doctor(SUBSCRIPTION).ok
    right = LagoBilling(fake.origin + "/", fake.api_key, entitlement=None, background=False)
    report(right, 2)
    assert right.flush().delivered == 2


def test_a_wrong_key_refuses_calls_that_were_never_checked(fake: FakeLago) -> None:
    """With a wrong key nobody is entitled: it is no free service, and the denial says that billing is at fault."""
    with Simulator() as sim:
        lago = LagoBilling(fake.api_url, "another-" + "key-0123", background=False)
        client = llmkit.Client(
            billing=lago, base_url=sim.base_url, api_key="sk-" + "of-nobody-0123"
        )
        with pytest.raises(NotEntitledError) as caught:
            client.completion(*ASK, subscription=SUBSCRIPTION)
        assert caught.value.reason == "billing_unavailable"
        assert caught.value.status_code == 402
        assert not sim.requests
        assert not lago.doctor(SUBSCRIPTION).ok


def test_a_doctor_without_a_metric_fails_loudly(fake: FakeLago) -> None:
    """A code that Lago does not know would be answered with 200 and never be counted: the doctor says it."""
    lago = billing(fake, metrics=[Metric("misspelled")], currency=Currency("misspelled"))
    found = lago.doctor(SUBSCRIPTION)
    assert not found.ok
    assert "misspelled" in str(found)
    assert asyncio.run(lago.adoctor(SUBSCRIPTION)).ok is False


def test_an_outbox_of_something_else_is_not_overwritten(fake: FakeLago, tmp_path: Path) -> None:
    """A file that is no database is left where it is, or moved aside whole; what it was is not lost."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which are no database at all " * 40)
    lago = billing(fake, outbox=path, background=False)
    with contextlib.suppress(BillingError, StoreError):
        report(lago)
    kept = [one for one in tmp_path.iterdir() if b"my notes" in one.read_bytes()]
    assert kept
    lago.close()


def test_the_file_of_a_store_of_ones_own_is_never_moved(fake: FakeLago, tmp_path: Path) -> None:
    """Who gives a store may keep more in its file than bills: it is refused where it is no database, and left."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which are no database at all " * 40)
    lago = billing(fake, outbox=llmkit.stores.SQLiteStore(path), background=False)
    report(lago)
    assert not lago.health()
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]
    assert path.read_text().startswith("my notes")


def test_every_named_measure_is_one_of_a_usage() -> None:
    """The names that a metric may be measured by are the numbers that a usage has, and those of money and calls."""
    counts = {name for name, said in Usage.__annotations__.items() if said == "int | None"}
    assert set(MEASURES) == counts | {"cost", "usd", "requests"}


def test_bills_are_named_by_their_ids(fake: FakeLago) -> None:
    """Bills themselves in place of their ids would match nothing; that is said."""
    lago: Any = billing(fake)
    lago.report_usage("0.1")
    rooms = lago.unattributed
    for change in (
        lambda: rooms.attribute(rooms.list(), SUBSCRIPTION),
        lambda: rooms.reprice([5], "0.1"),
        lambda: rooms.discard(rooms.list()[0], "no"),
        lambda: rooms.bill(5),
    ):
        with pytest.raises(ConfigurationError, match=r"\[bill\.id for bill in …\]"):
            change()
    assert len(rooms.list()) == 1


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda lago: lago.report_usage("1", subscriptoin="s"), "did you mean subscription=?"),
        (lambda lago: lago.report_usage("1", id="a", price=1), "takes no 'price'"),
        (lambda lago: lago.reconcile("2026-11-01", 5), "since is a datetime"),
        (lambda lago: lago.reconcile(5, True), "until is a datetime"),
        (lambda lago: lago.flush("5"), "timeout is in seconds"),
        (lambda lago: lago.close(float("nan")), "timeout is in seconds"),
        (lambda _: OpenUntil(seconds="soon"), "is an amount of seconds"),
        (lambda _: OpenUntil(seconds=0), "more than 0"),
    ],
)
def test_a_wrong_argument_is_said_in_the_callers_words(
    fake: FakeLago, call: Any, hint: str
) -> None:
    """What is named in the message is what the caller wrote."""
    with pytest.raises(ConfigurationError, match=re.escape(hint)):
        call(billing(fake, background=False))


def test_an_unpriced_report_without_a_model_shows_no_empty_name() -> None:
    """Nothing stands in brackets where there is nothing to say."""
    assert str(UsageUnpriced("c1", "", "why")) == "usage of c1 waits for a price: why"
    assert "(gpt)" in str(UsageUnpriced("c1", "gpt", "why"))


def test_a_key_that_cannot_be_had_is_waited_for(fake: FakeLago) -> None:
    """Where the key's function fails from the start nothing is sent; flushing ends, and does not ask without end."""
    asked: list[int] = []

    def key() -> str:
        asked.append(1)
        if len(asked) > 50:  # without a wait it would never end
            return fake.api_key
        raise RuntimeError("the vault is sealed")

    lago = LagoBilling(fake.api_url, key, entitlement=None, background=False)
    lago.report_usage("0.1", subscription=SUBSCRIPTION)
    assert lago.flush(0.2).left == 1
    assert len(asked) <= 50
    assert "the vault is sealed" in str(lago.health())
    lago.close(0)
