"""What is done to a contestant, and what a fake Lago has counted of it afterwards.

A call is billed if Lago *counts* its event: of those that make several events a call, the first kind is looked at.
"""

from __future__ import annotations

import contextlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench import processes
from bench.bills.contestants import SUBSCRIPTION
from llmkit.testing import FakeLago, lago_faults
from llmkit.testing.lago_faults import LagoFault

Store = Literal["postgres", "clickhouse"]
STORES: tuple[Store, ...] = ("postgres", "clickhouse")
# The metric that each makes one event of for each call, and the property it sums.
METRICS = {
    "llmkit": ("askii_coins", "askii_coins"),
    "lago_agent_sdk": ("llm_input_tokens", "value"),
    "litellm": ("llm", "response_cost"),
}
OTHERS = ("llm_output_tokens",)


@dataclass(frozen=True, slots=True)
class Subject:
    """A contestant, and the interpreter that has it."""

    name: str
    label: str
    python: Path
    source: str = ""
    """What its process finds on its path besides."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of a trial: calls that were answered, events that count, requests and connections at Lago."""

    answered: int
    counted: int
    sent: int
    requests: int
    connections: int
    served: int

    @property
    def lost(self) -> int:
        """Calls that were answered and are not billed."""
        return max(0, self.answered - self.counted)

    @property
    def double(self) -> int:
        """Events beyond one for each call that the provider served."""
        return max(0, self.counted - self.served)


@dataclass(frozen=True, slots=True)
class Place:
    """The provider of all trials, and where their files are made."""

    server: processes.Server
    folder: str


class Stage:
    """A provider, a fake Lago, and a folder: one trial's surroundings."""

    def __init__(
        self, subject: Subject, store: Store, server: processes.Server, folder: str
    ) -> None:
        self.subject, self.server, self.folder = subject, server, str(Path(folder).resolve())
        self.lago = FakeLago(store=store)
        code, field = METRICS[subject.name]
        for other in OTHERS:
            self.lago.add_metric(other, "value")
        self.lago.add_metric(code, field)
        self.lago.furnish(SUBSCRIPTION, code=code)
        self.code = code
        self._errors = Path(folder) / "errors.txt"
        self._before = server.served()["requests"]

    def run(self, mode: str, count: int = 0) -> subprocess.Popen[str]:
        """Start the contestant."""
        where = (f"http://127.0.0.1:{self.server.port}/v1", self.lago.origin, self.lago.api_key)
        command = [
            str(self.subject.python), "-m", "bench.bills.process",
            self.subject.name, mode, str(count), *where, self.folder,
        ]  # fmt: skip
        env = processes.environment()
        env["PYTHONPATH"] = f"{env['PYTHONPATH']}:{self.subject.source}"
        with self._errors.open("a") as errors:
            return subprocess.Popen(
                command,
                cwd=processes.HOME,
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def finished(self, mode: str, count: int) -> str:
        """What it prints, having run to its end."""
        with self.run(mode, count) as process:
            said, _ = process.communicate(timeout=900)
        if process.returncode:
            raise SystemExit(
                f"{self.subject.name} {mode} failed:\n{self._errors.read_text()[-2000:]}"
            )
        return said

    def tally(self, answered: int) -> Tally:
        """How it stands at Lago."""
        served = self.server.served()["requests"] - self._before
        return Tally(
            answered,
            self.lago.charged(SUBSCRIPTION, self.code).events,
            len(self.lago.events),
            len([one for one in self.lago.requests if "/events" in one.path]),
            self.lago.opened,
            int(served),
        )


@contextlib.contextmanager
def staged(subject: Subject, store: Store, place: Place) -> Iterator[Stage]:
    """A stage that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="llmkit-bills-", dir=place.folder) as folder:
        stage = Stage(subject, store, place.server, folder)
        with stage.lago:
            yield stage


def killed(subject: Subject, store: Store, place: Place, times: int) -> Tally:
    """Kill its process *times* times at random moments while it calls; then start it once more, in peace."""
    chance, answered = random.Random(f"{subject.name}-{store}"), 0
    with staged(subject, store, place) as stage:
        for _ in range(times):
            answered += _killed_once(stage, chance.uniform(0.05, 1.5))
        stage.finished("calls", 0)
        return stage.tally(answered)


def _killed_once(stage: Stage, seconds: float) -> int:
    with stage.run("forever") as process:
        assert process.stdout is not None  # noqa: S101 - asked for
        while process.stdout.readline().strip() != "answered":
            if process.poll() is not None:
                raise SystemExit(f"{stage.subject.name} ended by itself")
        time.sleep(seconds)
        process.kill()
        said, _ = process.communicate(timeout=60)
    return 1 + said.count("answered\n")


def unacknowledged(subject: Subject, store: Store, place: Place, calls: int) -> Tally:
    """Every third request is done by Lago, and its answer is lost."""
    with staged(subject, store, place) as stage:
        for _ in range(calls):
            stage.lago.fail(LagoFault(), times=2, on="POST")
            stage.lago.fail(lago_faults.lost_ack(), on="POST")
        stage.finished("paced", calls)
        return stage.tally(calls)


def refused(subject: Subject, store: Store, place: Place, calls: int) -> Tally:
    """Lago answers 503 until half of the calls were made, and is well from then on."""
    with staged(subject, store, place) as stage:
        stage.lago.fail_always(lago_faults.status(503), on="POST")
        with stage.run("paced", calls) as process:
            _wait(lambda: stage.tally(calls).served >= calls // 2, process)
            stage.lago.heal()
            process.communicate(timeout=900)
        return stage.tally(calls)


def undisturbed(subject: Subject, store: Store, place: Place, calls: int) -> Tally:
    """Nothing goes wrong: what is it that Lago is asked?"""
    with staged(subject, store, place) as stage:
        stage.finished("calls", calls)
        return stage.tally(calls)


def added(subject: Subject, place: Place, calls: int) -> dict[str, list[float]]:
    """Seconds of each call without billing and with it, by turns in one process."""
    with staged(subject, "postgres", place) as stage:
        lines = stage.finished("turns", calls).splitlines()
        times: dict[str, list[float]] = json.loads(lines[-1])
        return times


def middle(times: list[float]) -> float:
    """The median."""
    return statistics.median(times)


def far(times: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(times, n=100)[98]


def _wait(condition: Any, process: subprocess.Popen[str]) -> None:
    while not condition() and process.poll() is None:
        time.sleep(0.02)


def told(what: str) -> None:
    """Say how far it is."""
    print(what, file=sys.stderr, flush=True)
