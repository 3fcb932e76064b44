"""How billing stands: what is counted, what it means, and that nobody is asked over the network for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmkit._control.billing.standing import Flushed, Looks, Stats, judged, stats_of
from llmkit._outbox import WAITING, Counted
from llmkit.errors import StoreUnavailableError
from llmkit.stores import MemoryStore
from llmkit.testing import FakeLago, lago_faults

from ._lagos import COLOURS, SUBSCRIPTION, billing, in_colour, posted, report, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WELL = Looks(durable=True, late_after=300)


@pytest.fixture
def fake() -> Iterator[FakeLago]:
    """A Lago with one subscription."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION)
        yield lago


def looks(**found: Any) -> Looks:
    """What this process knows."""
    return replace(WELL, **found)


# --- what it means ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stats", "found", "colour", "words"),
    [
        ({}, {}, "green", ""),
        ({"queued": 9, "oldest_seconds": 299.0}, {}, "green", ""),
        ({"listed": 9, "discarded": 9, "delivered": 9, "deduped": 3, "calls": 4}, {}, "green", ""),
        ({"queued": 9, "oldest_seconds": 301.0}, {}, "red", "9 bills are not delivered"),
        ({"dead": 1}, {}, "yellow", "dead_letter.list()"),
        ({"unpriced": 1}, {}, "yellow", "unpriced.reprice()"),
        ({"unattributed": 1}, {}, "yellow", "unattributed.attribute()"),
        ({"unknown": 1}, {}, "yellow", "unknown.list()"),
        ({"held": 1}, {}, "yellow", "held.list()"),
        ({"doubtful": 1}, {}, "yellow", "refused without a reason"),
        ({}, {"durable": False}, "yellow", "this process's memory only"),
        ({}, {"unreachable": "503"}, "yellow", "cannot be delivered now, and are kept: 503"),
        ({}, {"unreachable": "401", "wrong_key": True}, "red", "the key is wrong"),
        ({}, {"failing": "disk full"}, "red", "the outbox fails: disk full"),
        ({}, {"sender": "ValueError"}, "red", "the sender fails, and tries again: ValueError"),
        ({}, {"spilled": 3}, "yellow", "3 bills are in memory until"),
        ({}, {"lost": 3}, "red", "3 calls are not billed"),
        (
            {},
            {"refusing": "no room"},
            "red",
            "not let go out, as the outbox cannot be written: no room",
        ),
        ({}, {"quarantined": 2}, "yellow", "2 damaged outbox files were moved aside"),
    ],
)
def test_each_trouble_has_its_colour_and_a_sentence(
    stats: dict[str, Any], found: dict[str, Any], colour: str, words: str
) -> None:
    """Red is for what cannot be written or delivered or is late; what waits for a person is yellow."""
    health = judged(Stats(**stats), looks(**found))
    assert health.colour == colour
    assert health.ok is bool(health) is (colour != "red")
    assert words in " ".join(health.reasons)
    assert bool(health.reasons) is (colour != "green")


def test_the_worst_comes_first() -> None:
    """Several troubles are all said; the colour is the worst one's, and so is the first sentence."""
    health = judged(Stats(dead=1, unpriced=2), looks(failing="locked", durable=False))
    assert health.colour == "red"
    assert health.reasons[0] == "the outbox fails: locked"
    assert len(health.reasons) == 4


def test_what_waits_is_what_the_outbox_calls_waiting() -> None:
    """Each state that goes nowhere by itself makes health yellow: a new one cannot be forgotten here."""
    for state in WAITING:
        counted = Counted(0, {state: 2}, None, 0, "", 0)
        health = judged(stats_of(counted, WELL), WELL)
        assert (health.colour, getattr(health.stats, state)) == ("yellow", 2)


def test_everything_prints_and_is_a_dict() -> None:
    """Records print one fact a line, and as a dict go into JSON as they are."""
    counted = Counted(2000, {"queued": 1200, "intent": 2}, 500, 3, "me", 1)
    health = judged(stats_of(counted, looks(requests=7)), looks(durable=False))
    shown = str(health.stats)
    assert "queued          1,200" in shown
    assert "oldest_seconds  1.5 s" in shown
    assert str(health).splitlines()[0] == "yellow"
    plain = json.loads(json.dumps(health.dump()))
    assert plain["stats"]["requests"] == 7
    assert plain["stats"]["calls"] == 2
    assert plain["stats"]["deduped"] == 3
    assert plain["reasons"] == list(health.reasons)
    assert Flushed(3, 1, 0, 2).dump() == {"delivered": 3, "deduped": 1, "dead": 0, "left": 2}
    assert str(Flushed(3, 1, 0, 2)) == "3 delivered (1 of them were there), 0 dead, 2 left"


def test_a_clock_that_went_back_makes_no_negative_age() -> None:
    """The oldest bill may be of a clock that is ahead of the store's."""
    counted = Counted(1000, {"queued": 1}, 5000, 0, "", 0)
    assert stats_of(counted, WELL).oldest_seconds == 0


# --- of an object -----------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_memory_is_said_and_a_file_is_well(fake: FakeLago, colour: str, tmp_path: Path) -> None:
    """Without an outbox on disk health is never green; with one it is, and neither asks Lago anything."""
    memory = billing(fake, background=False)
    found = in_colour(colour, memory, "health")
    assert (found.colour, found.durable, found.ok) == ("yellow", False, True)
    assert "outbox='billing.db'" in found.reasons[0]
    disk = billing(fake, background=False, outbox=tmp_path / "billing.db")
    report(disk, 2)
    found = in_colour(colour, disk, "health")
    assert (found.colour, found.durable, found.stats.queued) == ("green", True, 2)
    assert in_colour(colour, disk, "stats").queued == 2
    assert not fake.requests
    disk.close()
    memory.close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_turns_red_and_keeps_everything(fake: FakeLago, status: int) -> None:
    """A key that is refused some times in a row is said to be wrong; with the right one all is delivered."""
    fake.fail_always(lago_faults.status(status))
    lago = billing(fake, flush_every=0.02, flush_at=1)
    report(lago, 3)
    until(lambda: lago.health().colour == "red", 20)
    health = lago.health()
    assert "the key is wrong" in health.reasons[0]
    assert health.stats.queued == 3
    assert posted(fake) <= 4
    fake.heal()
    until(lambda: lago.stats().delivered == 3, 30)
    assert lago.health().colour == "yellow"
    lago.close()


def test_late_bills_turn_red(fake: FakeLago) -> None:
    """What waits longer than it may is said, with its age."""
    lago = billing(fake, background=False, late_after=1.0)
    lago.report_usage("0.1", subscription=SUBSCRIPTION, id="old", at=1_700_000_000.0)
    assert lago.health().colour == "red"
    assert lago.stats().oldest_seconds is not None
    lago.flush()
    assert lago.health().colour == "yellow"
    lago.close()


def test_what_waits_for_a_person_is_counted(fake: FakeLago) -> None:
    """Usage without a subscription, without a price, and what Lago refused: each is in its own number."""
    lago = billing(fake, background=False)
    lago.report_usage("0.1", id="nobody's")
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    lago.report_usage(usage, model="openai/of-no-price", subscription=SUBSCRIPTION, id="priceless")
    report(lago, 1)
    fake.fail(lago_faults.details({"0": {"timestamp": ["invalid_format"]}}))
    lago.flush()
    stats = lago.stats()
    assert (stats.unattributed, stats.unpriced, stats.dead) == (1, 1, 1)
    assert len(lago.unattributed.attribute(None, SUBSCRIPTION)) == 1
    stats = lago.stats()
    assert (stats.unattributed, stats.queued) == (0, 1)
    lago.close()


class Broken(MemoryStore):
    """An outbox that cannot be read while it is broken."""

    broken = False

    def perform(self, operation: Any) -> Any:
        """Fail, or not."""
        if self.broken:
            raise StoreUnavailableError("the disk is gone")
        return super().perform(operation)


def test_an_outbox_that_cannot_be_read_is_red_and_raises_nothing(fake: FakeLago) -> None:
    """Health answers though nothing can be counted; stats, which are numbers, raise."""
    outbox = Broken()
    lago = billing(fake, background=False, outbox=outbox)
    report(lago)
    outbox.broken = True
    health = lago.health()
    assert health.colour == "red"
    assert "the disk is gone" in health.reasons[0]
    with pytest.raises(StoreUnavailableError):
        lago.stats()
    outbox.broken = False
    lago.flush()
    lago.close()


def test_a_sender_that_fails_is_red_until_it_does_not(fake: FakeLago) -> None:
    """The thread survives an outbox that fails, tells it once, and goes on when it is back."""
    told: list[Any] = []
    outbox = Broken()
    lago = billing(fake, flush_at=1, flush_every=0.02, outbox=outbox, callbacks=[told.append])
    report(lago)
    until(lambda: lago.stats().delivered == 1)
    report(lago, 1, "second")
    outbox.broken = True
    until(lambda: lago._works.failure, 20)
    outbox.broken = False
    until(lambda: lago.stats().delivered == 2, 20)
    until(lambda: not lago._works.failure, 20)
    kinds = [type(event).__name__ for event in told]
    assert kinds.count("BillingUnreachable") <= 1
    lago.close()


def test_requests_are_counted(fake: FakeLago) -> None:
    """The number of requests is that of what went out, in any colour."""
    lago = billing(fake, background=False, batch_size=10)
    report(lago, 25)
    lago.flush()
    assert lago.stats().requests == posted(fake) == 3
    in_colour("asyncio", lago, "report_usage", "0.1", subscription=SUBSCRIPTION)
    in_colour("trio", lago, "flush")
    assert lago.stats().requests == posted(fake) == 4
    lago.close()
