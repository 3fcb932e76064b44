"""Where contestants have their turns: a process that waits for its next one, or a fresh process for each."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.measures import TIMEOUT, Measure, Size
from bench.peers import Peer
from bench.processes import HOME, Server, environment
from bench.worker import MARK

_IMPORT = """
import sys, time
count, wall, cpu = len(sys.modules), time.perf_counter(), time.process_time()
import {module}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
found = len(sys.modules) - count
print('\\n{mark}{{"wall_us": %f, "cpu_us": %f, "modules": %d}}' % (wall * 1e6, cpu * 1e6, found), flush=True)
"""
_FIRST = """
import time
from bench.contestants.{name} import Sync
from bench.payload import SMALL
contestant = Sync({url!r})
if not contestant.call(contestant.prepare(SMALL, None)):
    raise SystemExit("an empty answer")
print('\\n{mark}{{"cpu_us": %f}}' % (time.process_time() * 1e6), flush=True)
"""


class Stand(Protocol):
    """One contestant in one measure."""

    def turn(self) -> dict[str, Any]:
        """Measure for a moment; a failure is a result with ``error``."""

    def ended(self) -> int | None:
        """Once the stand is gone: the status that its process, or one of them, ended with."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who is measured in what, with which interpreter, against which server."""

    interpreter: Path
    peer: Peer
    measure: Measure
    size: Size
    server: Server

    @property
    def url(self) -> str:
        """The address that the contestant is given."""
        return f"http://127.0.0.1:{self.server.port}{self.measure.path}"


@contextlib.contextmanager
def stand(entry: Entry) -> Iterator[Stand]:
    """A stand that is gone when the block ends."""
    if entry.measure.process:
        yield _Starter(entry)
        return
    with _process(entry, "-m", "bench.worker", *_work(entry)) as process:
        yield _Waiting(entry, process)


def _work(entry: Entry) -> tuple[str, ...]:
    settings = {
        "url": entry.url,
        "seconds": entry.size.seconds_of(entry.measure, entry.peer),
        "warm_calls": entry.size.warm_calls,
        "calls": entry.size.memory_calls,
        "concurrency": entry.measure.concurrency,
        "large": entry.measure.large,
    }
    return entry.peer.name, entry.measure.work, json.dumps(settings)


@contextlib.contextmanager
def _process(entry: Entry, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The contestant's interpreter; it is killed if it does not end by itself once its input has."""
    process = subprocess.Popen(
        [str(entry.interpreter), *arguments],
        cwd=HOME,
        env=environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None  # noqa: S101 - asked for
    assert process.stdout is not None  # noqa: S101 - asked for
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that is meant for us; libraries print, too."""
    assert process.stdout is not None  # noqa: S101 - asked for
    limit = threading.Timer(TIMEOUT, process.kill)
    limit.start()
    try:
        for line in process.stdout:
            if line.startswith(MARK):
                result: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return result
    finally:
        limit.cancel()
    return {"error": f"ended without an answer, status {process.wait()}"}


class _Starter:
    """A fresh process for each turn; its wall time begins with the process."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        template = _IMPORT if entry.measure.work == "import" else _FIRST
        peer = entry.peer
        self._code = template.format(module=peer.imports, name=peer.name, url=entry.url, mark=MARK)
        self._statuses: set[int] = set()

    def turn(self) -> dict[str, Any]:
        """Start one and wait for its line."""
        start = time.perf_counter()
        with _process(self._entry, "-c", self._code) as process:
            result = _answer(process)
            wall = (time.perf_counter() - start) * 1e6
        self._statuses.add(process.returncode)
        return {"wall_us": round(wall), "units": 1, **result}

    def ended(self) -> int | None:
        """0 only if all did."""
        return max(self._statuses, key=abs, default=None)


class _Waiting:
    """A process that is warm, and does nothing between its turns."""

    def __init__(self, entry: Entry, process: subprocess.Popen[str]) -> None:
        self._entry = entry
        self._process = process
        self._failed = _answer(process) if process.stdin else {}

    def turn(self) -> dict[str, Any]:
        """Let it run for a moment, and see that the server was asked as often as it says."""
        if "error" in self._failed:
            return self._failed
        before, start = self._entry.server.served(), time.perf_counter()
        result = self._asked()
        seconds, after = time.perf_counter() - start, self._entry.server.served()
        if "error" in result:
            self._failed = result
            return result
        asked, served = result.pop("asked"), after["requests"] - before["requests"]
        if served != asked:
            return {"error": f"{served:.0f} requests for {asked} answers"}
        share = (after["cpu"] - before["cpu"]) / seconds
        return {**result, "server_share": round(share, 3)}

    def ended(self) -> int | None:
        """The status of its process."""
        return self._process.returncode

    def _asked(self) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - asked for
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except OSError:
            return {"error": "ended between its turns"}
        return _answer(self._process)
