"""``llmkit billing``: an outbox from the command line, against a Lago of the tests' own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from llmkit._cli import main
from llmkit._control.billing.charge import Begin
from llmkit._outbox import Mark, Marked, Take
from llmkit.billing import LagoBilling
from llmkit.stores import SQLiteStore
from llmkit.testing import FakeLago, lago_faults

if TYPE_CHECKING:
    from pathlib import Path

KEY = "lago-" + "unused-0123456789abcdef"
NOWHERE = "http://127.0.0.1:1"


def billing(store: SQLiteStore) -> LagoBilling:
    """Somebody who writes bills, and sends none."""
    return LagoBilling(NOWHERE, KEY, outbox=store, entitlement=None, background=False)


@pytest.fixture
def outbox(tmp_path: Path) -> str:
    """An outbox with something in each state that waits, and one bill that is queued."""
    path = str(tmp_path / "billing.db")
    store, before = SQLiteStore(path), SQLiteStore(path, clock=lambda: time.time() - 4000)
    lago = billing(store)
    lago.report_usage("0.5", subscription="sub", id="good")
    lago.report_usage("0.25", subscription="sub", id="bad")
    lago.report_usage("0.125", id="nobodys")
    usage = {"prompt_tokens": 5, "completion_tokens": 4}
    lago.report_usage(usage, model="openai/no-such-model", subscription="sub", id="priceless")
    store.perform(Mark((Marked("bad:askii_coins", "dead", "422: it is no number"),)))
    begun = Begin("crashed", {"subscription": ("sub",)}, "openai", "gpt-4o", "chat", 1, Decimal(1))
    billing(before).desk.perform(begun)
    store.close()
    before.close()
    return path


@pytest.fixture
def lago(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLago]:
    """A Lago that the environment names, with a subscription."""
    with FakeLago() as lago:
        lago.furnish("sub")
        monkeypatch.setenv("LAGO_API_URL", lago.api_url)
        monkeypatch.setenv("LAGO_API_KEY", lago.api_key)
        yield lago


class Shell:
    """Runs commands over one outbox."""

    def __init__(self, capsys: pytest.CaptureFixture[str], outbox: str) -> None:
        self._capsys, self.outbox = capsys, outbox

    def __call__(self, *argv: str, code: int = 0) -> tuple[str, str]:
        """What a command prints, and its error."""
        assert main(["billing", *argv, "--outbox", self.outbox]) == code
        out, err = self._capsys.readouterr()
        return out, err

    def json(self, *argv: str, code: int = 0) -> Any:
        """What it tells a program."""
        return json.loads(self(*argv, "--json", code=code)[0])

    def states(self) -> dict[str, str]:
        """Which bill is in which state."""
        states = ("queued", "dead", "unpriced", "unattributed", "unknown", "delivered", "discarded")
        return {one["id"].partition(":")[0]: one["state"] for one in self.json("list", *states)}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], outbox: str) -> Shell:
    """Runs commands over that outbox."""
    return Shell(capsys, outbox)


# --- looking -----------------------------------------------------------------------------------


def test_status_needs_neither_a_lago_nor_a_key(run: Shell) -> None:
    """What waits, and why, for people and for programs; nothing of it is changed."""
    out, err = run("status")
    assert err == ""
    assert out.startswith(f"outbox {run.outbox}: yellow\n- 1 were refused: ")
    assert "\nqueued          1\n" in out
    found = run.json("status")
    assert (found["ok"], found["colour"], found["durable"]) == (True, "yellow", True)
    assert {name: count for name, count in found["stats"].items() if count} == {
        "queued": 1, "dead": 1, "unpriced": 1, "unattributed": 1, "unknown": 1,
        "oldest_seconds": found["stats"]["oldest_seconds"],
    }  # fmt: skip


def test_status_of_bills_that_are_late_is_an_alarm(
    run: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bill that nobody has sent for too long makes the exit code 1, for whoever watches it."""
    old = SQLiteStore(run.outbox, clock=lambda: time.time() - 4000)
    past = LagoBilling(
        NOWHERE, KEY, outbox=old, entitlement=None, background=False, subscription="sub"
    )
    past.report_usage("1", id="old", at=time.time() - 4000)
    old.close()
    out, err = run("status", code=1)
    assert "are not delivered, the oldest for" in out
    assert err == "llmkit: billing is not well\n"


def test_status_does_not_take_the_lane(run: Shell) -> None:
    """Whoever sends goes on sending while somebody looks."""
    store = SQLiteStore(run.outbox)
    taken = store.perform(Take("somebody", 1, 60_000))
    run("status")
    run("list")
    again = store.perform(Take("somebody", 1, 60_000))
    store.close()
    assert [one.sender for one in (taken, again)] == ["somebody"] * 2


def test_what_waits_is_listed(run: Shell) -> None:
    """Each with its reason; what is queued goes by itself, and is listed where that is asked for."""
    out, _ = run("list")
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert [*rows] == [
        "ID",
        "bad:askii_coins",
        "nobodys:askii_coins",
        "priceless:askii_coins",
        "crashed",
    ]
    assert rows["bad:askii_coins"].endswith("422: it is no number")
    assert "250000" in rows["bad:askii_coins"]
    assert "  -  " in rows["priceless:askii_coins"]
    (queued,) = run.json("list", "queued")
    assert (queued["id"], queued["units"], queued["usd"]) == ("good:askii_coins", "500000", "0.5")
    assert queued["facts"]["currency"]["rate"] == "1000000"
    assert [one["id"] for one in run.json("list", "--subscription", "sub")] == [
        "bad:askii_coins", "priceless:askii_coins", "crashed",
    ]  # fmt: skip
    assert run("list", "held")[0] == "there are none\n"
    assert run.json("list", "held") == []


# --- changing ----------------------------------------------------------------------------------


def test_refused_bills_are_sent_again(run: Shell, lago: FakeLago) -> None:
    """Queued as they were, by id or all; then delivered by a flush, once."""
    out, _ = run("replay", "bad:askii_coins")
    assert out.startswith("queued again: 1 bill; ")
    assert run.json("replay", "--all") == {"changed": [], "unchanged": []}
    out, err = run("flush")
    assert (out, err) == ("2 delivered (0 of them were there), 0 dead, 0 left\n", "")
    assert lago.units("sub") == 750_000
    assert run.json("flush") == {"delivered": 0, "deduped": 0, "dead": 0, "left": 0}


def test_what_cannot_be_changed_is_said(run: Shell) -> None:
    """An id that is not there, or in another state, is named, and the exit code is 1; the others are changed."""
    out, err = run("replay", "bad:askii_coins", "good:askii_coins", "nobody", code=1)
    assert out.startswith("queued again: 1 bill; ")
    assert err == (
        "llmkit: not there, or in another state, and not changed: good:askii_coins, nobody\n"
    )
    found = run.json("replay", "nobody", code=1)
    assert found == {"changed": [], "unchanged": ["nobody"]}


def test_prices_and_subscriptions_are_given(run: Shell) -> None:
    """What lacked a price has one, what lacked somebody to bill has him; then they are queued."""
    assert run.json("reprice", "--all") == {"changed": [], "unchanged": []}
    run("reprice", "priceless:askii_coins", "--usd", "0.75")
    run("attribute", "--all", "--subscription", "sub")
    states = run.states()
    assert (states["priceless"], states["nobodys"]) == ("queued", "queued")
    found = {one["id"]: one["usd"] for one in run.json("list", "queued")}
    assert found["priceless:askii_coins"] == "0.75"


def test_what_a_crash_left_is_billed_or_discarded(run: Shell) -> None:
    """A call whose end nobody saw is billed at what somebody says, or discarded with a reason."""
    _, err = run("bill", "crashed", code=2)
    assert "nobody knows what crashed cost" in err
    out = run.json("bill", "crashed", "--usd", "0.5")
    assert out == {"changed": ["crashed:askii_coins"], "unchanged": []}
    run("discard", "bad:askii_coins", "--reason", "it was a test")
    assert run.states()["bad"] == "discarded"
    (gone,) = run.json("list", "discarded")
    assert gone["reason"] == "it was a test"
    assert run.json("bill", "--all") == {"changed": [], "unchanged": []}


def test_a_flush_that_goes_no_further_says_why(run: Shell, lago: FakeLago) -> None:
    """Lago is away: what is left is said, and kept; the exit code is 1."""
    lago.down()
    out, err = run("flush", "--timeout", "0.3", code=1)
    assert out == "0 delivered (0 of them were there), 0 dead, 1 left\n"
    assert "not all was delivered" in err
    assert "cannot be delivered now" in err
    lago.up()
    assert run.json("flush")["delivered"] == 1


def test_a_flush_with_a_wrong_key_keeps_all(run: Shell, lago: FakeLago, monkeypatch: Any) -> None:
    """Nothing is lost, and the key is not shown."""
    monkeypatch.setenv("LAGO_API_KEY", KEY)
    _, err = run("flush", "--timeout", "0.3", code=1)
    assert KEY not in err
    assert "401" in err
    assert run.states()["good"] == "queued"


def test_what_lago_refuses_is_in_the_dead_letter(run: Shell, lago: FakeLago) -> None:
    """A flush that meets a refusal says so; the bill is there to be looked at."""
    lago.fail(lago_faults.details({"0": {"code": ["value_is_mandatory"]}}), on="POST /events")
    found = run.json("flush", code=1)
    assert (found["delivered"], found["dead"]) == (0, 1)
    assert run.states()["good"] == "dead"


# --- comparing ---------------------------------------------------------------------------------

LONG_AGO = ("--since", "2020-01-01")
AHEAD = ("--until", "2100-01-01T00:00:00+00:00")


def test_what_lago_has_is_compared(
    run: Shell, lago: FakeLago, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that was delivered is there, and counted; what Lago has lost is found, and sent again where that is asked."""
    # What was delivered just now may not be seen yet; so it was delivered a while ago.
    store = SQLiteStore(run.outbox, clock=lambda: time.time() - 600)
    sender = LagoBilling(lago.api_url, lago.api_key, outbox=store, background=False)
    assert sender.flush().delivered == 1
    sender.close(0)
    store.close()
    found = run.json("reconcile", *LONG_AGO, *AHEAD)
    assert (found["ok"], found["delivered"]) == (True, 1)
    with FakeLago() as restored:
        restored.furnish("sub")
        monkeypatch.setenv("LAGO_API_URL", restored.api_url)
        found = run.json("reconcile", *LONG_AGO, *AHEAD, code=1)
        assert (found["missing"], found["requeued"]) == (["good:askii_coins"], 0)
        assert found["sent"] is None
        out, err = run("reconcile", *LONG_AGO, *AHEAD, "--resend", "--subscription", "sub")
        assert "missing (1 queued again): 1" in out
        assert out.endswith("sent again: 1 delivered (0 of them were there), 0 dead, 0 left\n")
        assert err == ""
        assert restored.units("sub") == 500_000


def test_a_lago_that_counts_is_well(run: Shell, lago: FakeLago) -> None:
    """Key, metric and subscription are right: no finding fails, for people and programs."""
    out, err = run("doctor", "--subscription", "sub")
    assert "failure" not in out
    assert err == ""
    found = run.json("doctor", "--subscription", "sub")
    assert found["ok"] is True
    assert {one["level"] for one in found["findings"]} <= {"ok", "warning"}


def test_a_lago_that_would_not_count_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the metric Lago itself would answer 200; the doctor fails, and needs no outbox for that."""
    with FakeLago() as lago:
        monkeypatch.setenv("LAGO_API_KEY", lago.api_key)
        assert main(["billing", "doctor", "--api-url", lago.api_url]) == 1
    out, err = capsys.readouterr()
    assert "askii_coins" in out
    assert err == "llmkit: billing cannot work like this\n"


# --- wrong usage -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["replay"], "say which: the ids of bills, or --all"),
        (["replay", "a", "--all"], "say which: the ids of bills, or --all"),
        (["discard", "--reason", "x"], "say which: the ids of bills\n"),
        (["discard", "a"], "`discard` needs --reason"),
        (["attribute", "a"], "`attribute` needs --subscription"),
        (["status", "a"], "`status` takes no ids: a"),
        (["status", "--usd", "1"], "--usd means nothing to `status`"),
        (["list", "deed"], "not deed"),
        (["reprice", "a", "--usd", "much"], "usd"),
        (["flush"], "LAGO_API_KEY"),
        (["doctor"], "LAGO_API_KEY"),
    ],
)
def test_wrong_usage_is_said(run: Shell, argv: list[str], message: str) -> None:
    """One line that says what to change, and exit code 2; nothing is passed over silently."""
    out, err = run(*argv, code=2)
    assert out == ""
    assert message in err


def test_times_are_read_in_any_form(run: Shell, lago: FakeLago) -> None:
    """A day, a time with a zone, Unix seconds; what is none of these is said."""
    spans = [
        run.json("reconcile", "--since", since, "--until", "2026-11-02")["since"]
        for since in ("2026-11-01", "2026-11-01T01:00:00+01:00", "1793491200")
    ]
    assert spans == [1_793_491_200_000] * 3
    assert "--since is a day or a time" in run("reconcile", "--since", "monday", code=2)[1]
    assert "say from when on" in run("reconcile", code=2)[1]


def test_which_outbox(capsys: pytest.CaptureFixture[str], outbox: str, monkeypatch: Any) -> None:
    """One has to be named, by an option or a variable; a file that is not there is not made."""
    assert main(["billing", "status"]) == 2
    assert "LLMKIT_OUTBOX" in capsys.readouterr().err
    monkeypatch.setenv("LLMKIT_OUTBOX", outbox)
    assert main(["billing", "status"]) == 0
    assert main(["billing", "status", "--outbox", f"{outbox}.none"]) == 2
    assert main(["billing", "status", "--outbox", "redis://host"]) == 2
    err = capsys.readouterr().err
    assert f"there is no file {outbox}.none" in err
    assert "an outbox is a file or postgresql://…, not redis://…" in err


def test_a_password_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is any of an outbox's address that holds one."""
    password = "hun" + "ter2hunter2"
    dsn = f"postgresql://me:{password}@127.0.0.1:1/bills"
    assert main(["billing", "status", "--outbox", dsn]) == 1
    out, err = capsys.readouterr()
    assert password not in out + err
    assert "the outbox fails" in out


def test_libpqs_other_form_of_an_address_shows_no_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is no file's name, which would be said whole."""
    password = "hun" + "ter2hunter2"
    words = f"host=127.0.0.1 port=1 dbname=bills password={password}"
    assert main(["billing", "status", "--outbox", words]) == 1
    out, err = capsys.readouterr()
    assert password not in out + err
    assert "in PostgreSQL" in out


def test_looking_at_a_file_that_is_no_outbox_changes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """``status`` of a file that is something else says so, and leaves it as it is, alone in its directory."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which are no database at all " * 40)
    assert main(["billing", "status", "--outbox", str(path)]) == 1
    assert "the outbox fails" in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]
    assert path.read_text().startswith("my notes")
