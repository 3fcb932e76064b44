"""Gateways, each a process of its own: how they are started, when they are ready, and what they take.

Ours has a key of its own with a rate limit and a budget, and writes its request log; LiteLLM's takes its master key,
as it does without a database of its own.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.payload import KEY, MODEL
from bench.processes import HOME, environment

MASTER = "sk-" + "benchmark-master"
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PATIENCE = 120.0


@dataclass(slots=True)
class Gateway:
    """One that runs."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    ready: float
    """Seconds from its start to its first answer."""
    key: str
    streams: bool = True
    rest: float = 0.0
    """MB when it was ready, before its key was made."""

    def cpu(self) -> float:
        """CPU seconds so far, of all its processes."""
        return sum(map(_cpu, family(self.process.pid)))

    def memory(self) -> float:
        """MB that are its own, its share of what is shared included (PSS)."""
        return sum(map(_pss, family(self.process.pid))) / 1e3


@dataclass(frozen=True, slots=True)
class Plan:
    """How a gateway is run: its command, of a folder and a port; and how a key of it is come by."""

    name: str
    health: str
    command: Callable[[Path, int], Sequence[str]]
    key: Callable[[int], str] = lambda port: MASTER
    streams: bool = True


def bare(python: Path, upstream: str) -> Plan:
    """The forwarder with nothing in between."""
    command = [str(python), "-m", "bench.forwarder"]
    return Plan("bare", "/health", lambda folder, port: [*command, str(port), f"{upstream}/v1"])


def live(python: Path, upstream: str) -> Plan:
    """The same, which holds no event of a stream back."""
    command = [str(python), "-m", "bench.forwarder"]
    return Plan(
        "bare, live",
        "/health",
        lambda folder, port: [*command, str(port), f"{upstream}/v1", "live"],
        lambda port: KEY,
    )


def dutiful(python: Path, upstream: str) -> Plan:
    """The forwarder that does a gateway's duties by hand."""
    command = [str(python), "-m", "bench.dutiful"]
    return Plan(
        "by hand",
        "/health",
        lambda folder, port: [*command, str(port), f"{upstream}/v1"],
        lambda port: KEY,
        streams=False,
    )


def ours(python: Path, upstream: str) -> Plan:
    """Ours, with key, rate limit, budget and request log, over SQLite."""

    def command(folder: Path, port: int) -> list[str]:
        config = _config(folder, upstream)
        return [str(python), "-m", "llmkit.proxy", "--config", config, "--port", str(port)]

    return Plan("llmkit", "/health/liveliness", command, made_key)


def litellm(python: Path, upstream: str) -> Plan:
    """LiteLLM's."""

    def command(folder: Path, port: int) -> list[str]:
        config = _config(folder, upstream)
        start = [str(python.with_name("litellm")), "--config", config]
        return [*start, "--host", "127.0.0.1", "--port", str(port)]

    return Plan("litellm", "/health/liveliness", command)


def _config(folder: Path, upstream: str) -> str:
    path = folder / "config.yaml"
    path.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n"
        f"      api_base: {upstream}/v1\n      api_key: {KEY}\n"
        f"  - model_name: trickle\n    litellm_params:\n      model: openai/{MODEL}\n"
        f"      api_base: {upstream}/trickle/v1\n      api_key: {KEY}\n"
        f"general_settings:\n  master_key: {MASTER}\n",
        encoding="utf-8",
    )
    return str(path)


def made_key(port: int) -> str:
    """A key of ours, whose limits are never reached, and are kept all the same."""
    limits = {"max_budget": 100_000, "rpm_limit": 10**9, "tpm_limit": 2 * 10**9}
    status, answer = asked(port, "POST", "/key/generate", limits)
    if status != http.client.OK:
        raise SystemExit(f"no key was made: {status} {answer!r}")
    key: str = json.loads(answer)["key"]
    return key


def asked(port: int, method: str, path: str, fields: Any = None) -> tuple[int, bytes]:
    """One request as the administrator."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"authorization": f"Bearer {MASTER}", "content-type": "application/json"}
    try:
        connection.request(method, path, None if fields is None else json.dumps(fields), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextlib.contextmanager
def running(plan: Plan, folder: Path, core: int | None) -> Iterator[Gateway]:
    """A gateway that ends with the block."""
    folder.mkdir(parents=True)
    port = _free()
    begun = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            plan.command(folder, port),
            cwd=folder,
            env={**environment(), "PYTHONPATH": _path()},
            stdout=log,
            stderr=log,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509
        )
    try:
        _wait(plan, process, port, folder)
        ready = time.perf_counter() - begun
        gateway = Gateway(plan.name, port, process, ready, MASTER, plan.streams)
        gateway.rest = gateway.memory()
        gateway.key = plan.key(port)
        yield gateway
    except SystemExit:
        print(_told(folder), file=sys.stderr)
        raise
    finally:
        _end(process)


def _path() -> str:
    # Each gateway runs in a folder of its own.
    others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return os.pathsep.join([str(HOME), *(str(Path(one).resolve()) for one in others)])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(plan: Plan, process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            if asked(port, "GET", plan.health)[0] == http.client.OK:
                return
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"{plan.name} did not start")


def _told(folder: Path) -> str:
    """The end of its log: why it failed is gone with its folder."""
    return (folder / "log").read_text(errors="replace")[-5000:]


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [pid, *(one for child in text.split() for one in family(int(child)))]


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


class Load:
    """Who asks, in a process of its own."""

    def __init__(self, core: int | None) -> None:
        place = "any" if core is None else str(core)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load", place],
            cwd=HOME,
            env=environment(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, **settings: Any) -> dict[str, float]:
        """Ask, and say what came of it; see ``bench.load``."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise AssertionError
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise SystemExit("who asks has ended: see above")
        found: dict[str, float] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
