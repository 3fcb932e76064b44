"""Processes: their ends, and their copies. What is billed in one is sent by one, once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from llmkit.testing import FakeLago, lago_faults

from ._lagos import SUBSCRIPTION, UNITS, billing, until

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parents[2] / "src"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@pytest.fixture
def fake() -> Iterator[FakeLago]:
    """A Lago with one subscription."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION)
        yield lago


class Ended(NamedTuple):
    """What a program came to."""

    code: int
    out: str
    err: str
    seconds: float


def ran(fake: FakeLago, program: str, *, outbox: Path | None = None, **options: str) -> Ended:
    """Run a program that has a billing object called ``lago``, and ``report(count, name)``."""
    given = {"entitlement": "None", "flush_every": "3600", **options}
    if outbox is not None:
        given["outbox"] = repr(str(outbox))
    said = ", ".join(f"{name}={value}" for name, value in given.items())
    begin = f"""
        import asyncio, os, sys, threading, time
        from llmkit.billing import LagoBilling
        lago = LagoBilling({fake.api_url!r}, {fake.api_key!r}, {said})
        def report(count, name="call"):
            for number in range(count):
                lago.report_usage("0.0042", subscription="{SUBSCRIPTION}", id=f"{{name}}-{{number}}")
    """
    text = textwrap.dedent(begin) + textwrap.dedent(program)
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", text],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)


FULL = bool(os.environ.get("LLMKIT_FULL"))
ENDS = [
    "report(5)",
    "report(5); raise KeyError('the program fails')",
    "asyncio.run(asyncio.to_thread(report, 5))",
]
MORE = ["report(5); sys.exit(0)", "threading.Thread(target=report, args=(5,)).start()"]


# --- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS + MORE * FULL)
def test_a_process_that_ends_sends_what_is_left(fake: FakeLago, end: str) -> None:
    """However it ends by itself, what only memory has is sent first; each bill once."""
    done = ran(fake, end)
    assert "Error" not in done.err or "the program fails" in done.err
    assert "not delivered" not in done.err
    assert fake.units(SUBSCRIPTION) == 5 * UNITS
    assert len(fake.requests) == 1


def test_a_process_that_ends_without_lago_says_what_is_lost(fake: FakeLago) -> None:
    """It does not hang, and says how many bills memory had."""
    fake.down()
    done = ran(fake, "report(5)", close_seconds="0.5")
    assert done.code == 0
    assert "5 bills not delivered, which go with this process" in done.err
    assert done.seconds < 40


def test_a_process_that_ends_with_a_silent_lago_ends_in_time(fake: FakeLago) -> None:
    """A request that nobody answers is cut off; whatever ``close_seconds`` says, five seconds are the most."""
    fake.fail_always(lago_faults.hang())
    done = ran(fake, "report(2)\nprint(time.time())", close_seconds="600")
    assert "2 bills not delivered" in done.err
    assert time.time() - float(done.out) < 40


def test_what_is_on_disk_is_for_the_next_process(fake: FakeLago, tmp_path: Path) -> None:
    """The process says that another one will send it; that one does, once."""
    path = tmp_path / "billing.db"
    fake.down()
    done = ran(fake, "report(5)", outbox=path, close_seconds="0.3")
    assert "5 bills not delivered, which are in the outbox for the next" in done.err
    fake.up()
    done = ran(fake, "report(1, 'later')", outbox=path)
    assert "not delivered" not in done.err
    assert fake.units(SUBSCRIPTION) == 6 * UNITS
    assert len(fake.events) == 6


def test_a_process_that_billed_nothing_asks_nobody_at_its_end(
    fake: FakeLago, tmp_path: Path
) -> None:
    """Made and not used: no request, no file, no thread, no word."""
    path = tmp_path / "billing.db"
    done = ran(fake, "print(threading.active_count())", outbox=path)
    assert (done.code, done.out.strip(), done.err) == (0, "1", "")
    assert not fake.requests
    assert not list(tmp_path.iterdir())


def test_the_streams_that_clients_leave_are_billed_at_the_end(fake: FakeLago) -> None:
    """A stream that is open when the process ends is settled before billing ends."""
    done = ran(
        fake,
        """
        import llmkit
        from llmkit.testing import Simulator
        # The client is known before the billing object: who ends last is not who was made last.
        sim = Simulator().start()
        client = llmkit.Client(base_url=sim.base_url, api_key="sk-" + "of-nobody-0123")
        client.billing = lago
        stream = client.completion(
            "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}], stream=True, subscription="sub_1"
        )
        next(iter(stream))
        """,
    )
    assert "Traceback" not in done.err
    assert len(fake.events) == 1
    assert fake.events[0].properties["estimated"] == "true"


# --- copies -----------------------------------------------------------------------------------

FORKED = """
    report(3, "parent")
    pid = os.fork()
    if pid == 0:
        report(2, "child")
        assert lago.stats().calls == 0
        left = lago.flush(20).left
        os._exit(left)
    assert os.waitpid(pid, 0)[1] == 0
    print(lago.flush(20).delivered)
"""


@forks
@pytest.mark.parametrize("durable", [False, True])
def test_a_copied_process_sends_its_own_bills_and_not_its_parents(
    fake: FakeLago, tmp_path: Path, *, durable: bool
) -> None:
    """With memory each sends what it billed; on disk whoever has the lane sends all: each bill once, either way."""
    done = ran(fake, FORKED, outbox=tmp_path / "billing.db" if durable else None)
    assert done.err == ""
    assert done.out.strip() == ("0" if durable else "3")
    assert len(fake.events) == 5
    assert sum(len(request.events) for request in fake.requests) == 5


@forks
def test_a_copy_has_a_thread_and_a_connection_of_its_own(fake: FakeLago) -> None:
    """A child of a process that was sending sends by itself, over no connection of its parent's."""
    done = ran(
        fake,
        """
        report(3, "parent")
        while lago.stats().delivered < 3:
            time.sleep(0.01)
        pid = os.fork()
        if pid == 0:
            report(2, "child")
            end = time.time() + 20
            while lago.stats().delivered < 2 and time.time() < end:
                time.sleep(0.01)
            os._exit(0 if threading.active_count() == 2 else 1)
        assert os.waitpid(pid, 0)[1] == 0
        report(1, "after")
        print(lago.flush(20).left)
        """,
        flush_every="0.02",
    )
    assert (done.out.strip(), done.err) == ("0", "")
    batches = [request for request in fake.requests if request.events]
    names = {
        request.connection: {event["transaction_id"].partition("-")[0] for event in request.events}
        for request in batches
    }
    child = {connection for connection, who in names.items() if "child" in who}
    parent = {connection for connection, who in names.items() if "child" not in who}
    assert child
    assert parent
    assert not child & parent
    assert len(fake.events) == 6


@forks
def test_a_copy_that_ends_sends_nothing_of_its_parents(fake: FakeLago) -> None:
    """A child that bills nothing and ends in the ordinary way leaves its parent's bills to the parent."""
    done = ran(
        fake,
        """
        report(4)
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        time.sleep(0.2)
        print(lago.stats().queued)
        """,
    )
    assert (done.out.strip(), done.err) == ("4", "")
    assert sum(len(request.events) for request in fake.requests) == 4


@forks
def test_a_copy_made_while_a_request_is_out_neither_hangs_nor_sends_it_again(
    fake: FakeLago,
) -> None:
    """Locks that the sender's thread held when the process was copied hold nobody up in the copy."""
    fake.fail(lago_faults.slow(0.5))
    done = ran(
        fake,
        """
        report(4)
        time.sleep(0.2)
        pid = os.fork()
        if pid == 0:
            report(1, "child")
            os._exit(lago.flush(20).left)
        assert os.waitpid(pid, 0)[1] == 0
        print(lago.close(20))
        """,
        flush_at="1",
    )
    assert (done.out.strip(), done.err) == ("0", "")
    assert sum(len(request.events) for request in fake.requests) == 5


def test_a_killed_process_leaves_its_bills_on_disk(fake: FakeLago, tmp_path: Path) -> None:
    """What was reported before a SIGKILL is sent by whoever opens the outbox next."""
    path = tmp_path / "billing.db"
    done = ran(fake, "report(5); os.kill(os.getpid(), 9)", outbox=path)
    assert done.code == -9
    lago = billing(fake, outbox=path, background=False)
    assert lago.flush(20).delivered == 5
    until(lambda: fake.units(SUBSCRIPTION) == 5 * UNITS)
    lago.close()


def test_what_was_closed_is_not_opened_again_at_the_end(fake: FakeLago, tmp_path: Path) -> None:
    """An object that was closed has nothing to do at the process's end: its outbox may be gone by then."""
    folder = tmp_path / "folder"
    folder.mkdir()
    program = "report(2); print(lago.close()); import shutil; shutil.rmtree(os.path.dirname(path))"
    done = ran(fake, f"path = {str(folder / 'b.db')!r}\n" + program, outbox=folder / "b.db")
    assert (done.out.strip(), done.err) == ("0", "")
    assert not folder.exists()
