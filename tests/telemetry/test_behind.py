"""What callbacks put off: it delays no call, has an end, is waited for, and is no child's after a fork."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit._io import _observe
from llmkit._io._background import Background
from llmkit._io._later import Later
from llmkit.telemetry import Queued
from llmkit.testing import scripted

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "openai/gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "Hi"}]


def test_all_is_worked_off_in_order() -> None:
    """Whatever was put in comes out, in that order, before ``flush`` returns."""
    seen: list[int] = []
    behind = Background(seen.extend, name="test")
    for number in range(2_000):
        assert behind.put(number)
    assert behind.flush(5)
    assert seen == list(range(2_000))
    assert behind.dropped == 0


def test_what_does_not_fit_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A queue that is full takes no more, and waits for nobody."""
    gate = threading.Event()
    behind = Background(lambda _: gate.wait(5) and None, name="slow", size=3)
    behind.put(0)
    deadline = time.monotonic() + 5
    while behind._waiting and time.monotonic() < deadline:
        time.sleep(0.001)
    with caplog.at_level(logging.WARNING, "llmkit"):
        taken = [behind.put(number) for number in range(6)]
    gate.set()
    assert taken == [True] * 3 + [False] * 3
    assert behind.dropped == 3
    assert caplog.text.count("slow cannot keep up") == 1
    assert behind.flush(5)


def test_work_that_fails_is_told_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A disk that is full fills no log; what follows is tried all the same."""
    wrong = [True]

    def work(batch: Any) -> None:
        if wrong[0]:
            raise OSError("disk full, key sk-" + "x" * 30)

    behind = Background(work, name="full")
    with caplog.at_level(logging.ERROR, "llmkit"):
        for _ in range(3):
            behind.put(1)
            behind.flush(5)
    assert behind.dropped == 3
    assert caplog.text.count("disk full") == 1
    assert "x" * 30 not in caplog.text
    wrong[0] = False
    behind.put(1)
    assert behind.flush(5)
    assert behind.dropped == 3


def test_flush_does_not_wait_for_ever() -> None:
    """Work that does not end is given up on."""
    gate = threading.Event()
    behind = Background(lambda _: gate.wait(10) and None, name="stuck")
    behind.put(1)
    assert not behind.flush(0.02)
    gate.set()
    assert behind.flush(5)


def test_a_slow_async_callback_keeps_no_sync_call(client: Callable[..., llmkit.Client]) -> None:
    """A coroutine runs behind the calls, on one loop, and closing the client waits for it."""
    gate, seen, loops = threading.Event(), [], set()

    async def slow(event: Any) -> None:
        while not gate.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.001)
        loops.add(id(asyncio.get_running_loop()))
        seen.append(type(event).__name__)

    made = client(slow)
    with scripted("x", "y"):
        made.completion(MODEL, ASK)
        made.completion(MODEL, ASK)
    assert seen == []
    gate.set()
    made.close()
    assert seen == ["CallStarted", "AttemptStarted", "CallFinished"] * 2
    assert len(loops) == 1


async def _for_ever(event: Any) -> None:
    await asyncio.sleep(60)


@pytest.mark.asyncio
async def test_an_async_call_does_not_wait_for_ever(
    client: Callable[..., llmkit.Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In async code a coroutine has a while in the caller's loop, is cancelled then, and left out for a minute."""
    monkeypatch.setattr(_observe, "LONGEST", 0.01)
    events: list[Any] = []
    made = client(_for_ever, events.append)
    with scripted(otherwise="x"), caplog.at_level(logging.ERROR, "llmkit"):
        answers = [await made.acompletion(MODEL, ASK) for _ in range(2)]
        assert caplog.text.count("_for_ever failed: TimeoutError") == 1
        made._observers._resting = dict.fromkeys(
            made._observers._resting, 0.0
        )  # the minute is over
        await made._observers.atell(events[-1])
    assert caplog.text.count("_for_ever failed: TimeoutError") == 2
    assert {one.text for one in answers} == {"x"}
    assert len(events) == 7


def test_async_callbacks_are_dropped_when_there_are_too_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Their queue has an end, too; what is dropped warns of nothing else."""
    later, failures = Later(size=2), []
    gate = threading.Event()

    async def waits() -> None:
        while not gate.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.001)

    later.put(waits(), failures.append)
    deadline = time.monotonic() + 5
    while later._pending and time.monotonic() < deadline:
        time.sleep(0.001)
    with caplog.at_level(logging.WARNING, "llmkit"):
        for _ in range(4):
            later.put(waits(), failures.append)
    assert later.dropped == 2
    assert caplog.text.count("cannot keep up") == 1
    gate.set()
    assert later.flush(5)
    assert failures == []


class Unspeakable(Exception):
    """One whose text cannot be made."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    "wrong", [Unspeakable(), RecursionError(), MemoryError()], ids=lambda one: type(one).__name__
)
def test_no_callback_breaks_a_call(
    client: Callable[..., llmkit.Client], caplog: pytest.LogCaptureFixture, wrong: Exception
) -> None:
    """Whatever it raises, every other one is told, and the log says whose it was."""

    def broken(event: Any) -> None:
        raise wrong

    events: list[Any] = []
    with scripted("x"):
        assert client(broken, events.append).completion("openai/gpt-4o-mini", ASK).text == "x"
    assert isinstance(events[-1], llmkit.events.CallFinished)
    assert f"broken failed: {type(wrong).__name__}" in caplog.text


def test_queued_keeps_a_slow_function_behind_calls(client: Callable[..., llmkit.Client]) -> None:
    """Any function can be put behind: it sees all in order, and may fail."""
    gate, seen = threading.Event(), []

    def slow(event: Any) -> None:
        gate.wait(5)
        seen.append(type(event).__name__)
        if len(seen) == 1:
            raise ValueError("mine")

    sink = Queued(slow)
    made = client(sink)
    with scripted("x"):
        made.completion(MODEL, ASK)
    gate.set()
    made.close()
    assert seen == ["CallStarted", "AttemptStarted", "CallFinished"]
    with pytest.raises(llmkit.ConfigurationError, match="function of one event"):
        Queued(3)  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_its_own(client: Callable[..., llmkit.Client]) -> None:
    """What waits at the fork is the parent's; the child's own is worked off in the child."""
    read, write = os.pipe()
    gate = threading.Event()

    async def tells(event: Any) -> None:
        while not gate.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.001)
        os.write(write, b"a")

    sink = Queued(lambda _: gate.wait(5) and os.write(write, b"s"))
    made = client(sink, tells)
    with scripted("x", "y", strict=False):
        made.completion(MODEL, ASK)
        child = os.fork()
        if not child:
            signal.alarm(20)
            gate.set()
            made.completion(MODEL, ASK)
            made.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        os.set_blocking(read, False)
        assert sorted(os.read(read, 100)) == sorted(b"aaasss")
        gate.set()
        made.close()
        assert sorted(os.read(read, 100)) == sorted(b"aaasss")
    os.close(read)
    os.close(write)


AT_EXIT = """
import asyncio, os, sys, time
import llmkit
from llmkit.telemetry import JSONL, Queued
from llmkit.testing import scripted

early = llmkit.Client(environ={"OPENAI_API_KEY": "k"})
async def later(event):
    await asyncio.sleep(0.02)
    sys.stdout.write("a"); sys.stdout.flush()
def slow(event):
    time.sleep(0.02)
    sys.stdout.write("s"); sys.stdout.flush()
client = llmkit.Client(callbacks=[later, Queued(slow), "jsonl:calls.jsonl"], environ={"OPENAI_API_KEY": "k"})
script = scripted("x", "y", strict=False)
script.__enter__()
ask = [{"role": "user", "content": "Hi"}]
client.completion("openai/gpt-4o-mini", ask)
left = client.completion("openai/gpt-4o-mini", ask, stream=True)
next(left)
"""


def test_the_process_waits_for_what_is_left(tmp_path: Any) -> None:
    """Nothing is lost at the end that was told before it: neither coroutines, nor what is queued, nor rows."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AT_EXIT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout) == sorted("as" * 7)
    assert (tmp_path / "calls.jsonl").read_text(encoding="utf-8").count('"type":"call"') == 2
