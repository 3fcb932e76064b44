"""Two processes of one gateway, and one key: what is its limit in one is its limit in both."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from llmkit.testing import Simulator

from ._kit import MASTER, config_of, shown

ASKED = {"model": "fast", "messages": [{"role": "user", "content": "Say hello."}]}


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two gateways over one database, each a process of its own."""
    folder = tmp_path_factory.mktemp("gateway")
    with Simulator() as simulator, contextlib.ExitStack() as stack:
        config = config_of(simulator, folder)
        yield [stack.enter_context(_process(folder, config)) for _ in range(2)]


@contextlib.contextmanager
def _process(folder: Path, config: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "llmkit.proxy", "--config", str(config), "--port", str(port)]
    command += ["--database-url", f"sqlite:///{folder / 'gateway.db'}"]
    environment = {**os.environ, "LLMKIT_MASTER_KEY": MASTER}
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(process, origin := f"http://127.0.0.1:{port}")
        yield origin
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], origin: str) -> None:
    until = time.monotonic() + 60
    while process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{origin}/health/liveliness").status_code == 200:
                return
        assert time.monotonic() < until, "a gateway did not start: see its log"
        time.sleep(0.05)
    raise AssertionError("a gateway has ended: see its log")


def new_key(origin: str, **said: object) -> str:
    """A key with limits."""
    made = httpx.post(f"{origin}/key/generate", json=said, headers=shown(MASTER), timeout=30)
    assert made.status_code == 200, made.text
    key: str = made.json()["key"]
    return key


def test_requests_a_minute_hold_over_both(origins: list[str]) -> None:
    """Thirty ask at once, at either; ten are answered, and the others told to come back."""
    key = new_key(origins[0], rpm_limit=10)
    statuses: list[int] = []

    def ask(number: int) -> None:
        with httpx.Client(base_url=origins[number % 2], headers=shown(key), timeout=60) as client:
            for _ in range(5):
                answer = client.post("/v1/chat/completions", json=ASKED)
                statuses.append(answer.status_code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(statuses) == {200: 10, 429: 20}


def test_a_budget_holds_over_both(origins: list[str]) -> None:
    """What is spent at one cannot be spent at the other."""
    key = new_key(origins[0], max_budget=0.0000001)
    for origin in origins:
        answer = httpx.post(
            f"{origin}/v1/chat/completions", json=ASKED, headers=shown(key), timeout=60
        )
        assert answer.status_code == 429
        assert answer.json()["error"]["type"] == "budget_exceeded"


def test_a_blocked_key_is_refused_at_both_at_once(origins: list[str]) -> None:
    """Also where the other one had just let it in."""
    key = new_key(origins[0])
    first, second = (
        httpx.post(f"{origin}/v1/chat/completions", json=ASKED, headers=shown(key), timeout=60)
        for origin in origins
    )
    assert (first.status_code, second.status_code) == (200, 200)
    blocked = httpx.post(
        f"{origins[0]}/key/block", json={"key": key}, headers=shown(MASTER), timeout=30
    )
    assert blocked.status_code == 200, blocked.text
    for origin in reversed(origins):
        answer = httpx.post(
            f"{origin}/v1/chat/completions", json=ASKED, headers=shown(key), timeout=60
        )
        assert answer.status_code == 401
