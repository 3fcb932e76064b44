"""What becomes of a gateway's processes, by what they end with; none is begun here."""

from __future__ import annotations

import io
import logging
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmkit.errors import ConfigurationError
from llmkit.proxy.operation.workers import WORKER, Workers
from llmkit.proxy.settings import Settings

HERE = Workers.__module__


class Process:
    """A process that ends when it is told to."""

    made: list[Process]

    def __init__(self, command: list[str], **how: Any) -> None:
        self.command, self.stdin, self.how = command, io.BytesIO(), how
        self.returncode: int | None = None
        self.told: list[str] = []
        Process.made.append(self)

    def poll(self) -> int | None:
        return self.returncode

    def terminate(self) -> None:
        self.told.append("terminate")

    def kill(self) -> None:
        self.told.append("kill")
        self.returncode = -9

    def wait(self) -> None:
        """It has ended."""


class Listener:
    """A socket."""

    def fileno(self) -> int:
        return 7


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Processes that are none; when the system was asked to ring."""
    found: list[int] = []
    Process.made = []
    begun = SimpleNamespace(Popen=Process, PIPE=subprocess.PIPE)
    waits = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: None)
    monkeypatch.setattr(f"{HERE}.subprocess", begun)
    monkeypatch.setattr(f"{HERE}.time", waits)
    monkeypatch.setattr(f"{HERE}.signal.alarm", found.append)
    return found


def running(monkeypatch: pytest.MonkeyPatch, *heard: Any, drain: float = 3) -> int:
    """The exit code of two workers, where these signals come; before each, what is called is done."""
    left = list(heard)

    def wait(_: Any) -> int:
        while callable(left[0]):
            left.pop(0)()
        return int(left.pop(0))

    monkeypatch.setattr(f"{HERE}.signal.sigwait", wait)
    settings = Settings(workers=2, drain=drain)
    return Workers(settings, Listener()).run()  # type: ignore[arg-type]


def ended(place: int, code: int) -> Any:
    """One that has ended so."""
    return lambda: setattr(Process.made[place], "returncode", code)


def test_they_end_together(monkeypatch: pytest.MonkeyPatch, alarms: list[int]) -> None:
    """Told by a pipe what is set, where nobody else reads it; killed where they take too long."""
    code = running(
        monkeypatch, signal.SIGTERM, ended(0, 0), signal.SIGCHLD, signal.SIGALRM, signal.SIGCHLD
    )
    assert (code, alarms) == (0, [8])
    one, two = Process.made
    assert one.command[-2:] == [WORKER, "7"]
    assert one.how["pass_fds"] == [7]
    assert (one.told, two.told) == (["terminate"], ["terminate", "kill"])


def test_one_that_dies_is_replaced(
    monkeypatch: pytest.MonkeyPatch, alarms: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """Also one that has only begun; nothing is, once they are told to end."""
    with caplog.at_level(logging.WARNING, "llmkit.proxy"):
        running(
            monkeypatch, ended(0, -11), signal.SIGCHLD, signal.SIGINT,
            ended(1, 0), ended(2, 0), signal.SIGCHLD,
        )  # fmt: skip
    assert len(Process.made) == 3
    assert "a worker has ended (exit code -11): another one begins" in caplog.text


def test_one_that_cannot_begin_ends_them_all(
    monkeypatch: pytest.MonkeyPatch, alarms: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """Another one could not either."""
    code = running(monkeypatch, ended(0, 2), signal.SIGCHLD, ended(1, 0), signal.SIGCHLD)
    assert code == 1
    assert "could not begin (exit code 2)" in caplog.text
    assert len(Process.made) == 2


def test_new_ones_come_before_the_old_ones_leave(
    monkeypatch: pytest.MonkeyPatch, alarms: list[int]
) -> None:
    """Once at a time, and not at the end."""
    running(
        monkeypatch, signal.SIGHUP, signal.SIGHUP, ended(0, 0), ended(1, 0), signal.SIGCHLD,
        signal.SIGTERM, signal.SIGHUP, ended(2, 0), ended(3, 0), signal.SIGCHLD,
    )  # fmt: skip
    assert [one.told for one in Process.made] == [["terminate"]] * 4


def test_nobody_is_left_behind(monkeypatch: pytest.MonkeyPatch, alarms: list[int]) -> None:
    """Whatever happens to who watches over them."""

    def fails() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        running(monkeypatch, fails)
    assert [one.told for one in Process.made] == [["kill"]] * 2


def test_where_there_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A socket is not handed on there."""
    monkeypatch.setattr(f"{HERE}.sys", SimpleNamespace(platform="win32"))
    with pytest.raises(ConfigurationError, match="--workers 1"):
        Workers(Settings(workers=2, metrics_directory=tmp_path), Listener())  # type: ignore[arg-type]
