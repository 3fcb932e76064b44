"""Real processes: they begin, answer, let requests finish at their end, and replace each other."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from llmkit.testing import Simulator, faults

from ._kit import MASTER, config_of, shown

ASK = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}


@contextmanager
def process(directory: Path, simulator: Simulator, *arguments: str) -> Iterator[tuple[Any, str]]:
    """``python -m llmkit.proxy`` at a free port: the process, and where it is."""
    config = config_of(simulator, directory)
    where = ["--config", str(config), "--database-url", f"sqlite:///{directory / 'proxy.db'}"]
    command = [sys.executable, "-m", "llmkit.proxy", "--port", "0", *where]
    environ = {**os.environ, "LLMKIT_MASTER_KEY": MASTER, "LLMKIT_TRANSPORT": "httpx"}
    with subprocess.Popen(
        [*command, *arguments], env=environ, stderr=subprocess.PIPE, text=True
    ) as made:
        try:
            assert made.stderr is not None
            said = next(line for line in made.stderr if "http://" in line)
            threading.Thread(target=made.stderr.read, daemon=True).start()
            found = re.search(r"http://[\d.:]+", said)
            assert found is not None
            yield made, found[0]
        finally:
            made.kill()


def ask(origin: str) -> httpx.Response:
    """One chat."""
    url = f"{origin}/v1/chat/completions"
    return httpx.post(url, json=ASK, headers=shown(MASTER), timeout=30)


def test_an_end_that_drains(tmp_path: Path) -> None:
    """A request that is under way at SIGTERM is answered; then the process ends well."""
    with Simulator() as simulator, process(tmp_path, simulator) as (made, origin):
        ask(origin)
        simulator.fail(faults.SlowStart(1.0))
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(ask(origin)))
        asking.start()
        until(lambda: len(simulator.requests) == 2)
        made.terminate()
        asking.join()
        assert made.wait(20) == 0
    assert [answer.status_code for answer in answers] == [200]


def test_workers_replace_each_other(tmp_path: Path) -> None:
    """One that is killed is begun anew; all end with the one that watches."""
    with Simulator() as simulator, process(tmp_path, simulator, "--workers", "2") as (made, origin):
        assert ask(origin).status_code == 200
        before = children(made.pid)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(children(made.pid)) - set(before)) == 1)
        assert ask(origin).status_code == 200
        made.terminate()
        assert made.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["--port", "99999"], "port is from 0"), (["--config", "none.yaml"], "there is no file")],
)
def test_mistakes_are_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    from llmkit.proxy.__main__ import main

    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_refused_was_not_said_to_be_there(tmp_path: Path, workers: str) -> None:
    """A wrong configuration is all that is told."""
    config = tmp_path / "wrong.json"
    config.write_text('{"model_list": [{"model_name": "fast"}]}')
    command = [sys.executable, "-m", "llmkit.proxy", "--port", "0", "--workers", workers]
    where = ["--config", str(config), "--database-url", f"sqlite:///{tmp_path / 'proxy.db'}"]
    done = subprocess.run([*command, *where], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "litellm_params" in done.stderr
    assert "the gateway is at" not in done.stderr
    assert done.stderr.count("\n") == 1


def children(of: int) -> list[int]:
    """The processes that this one has begun."""
    listed = Path(f"/proc/{of}/task/{of}/children").read_text(encoding="ascii")
    return [int(number) for number in listed.split()]


def until(condition: Any) -> None:
    """Wait for it, half a minute at most."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_websockets_end_with_their_chats(tmp_path: Path) -> None:
    """At SIGTERM the one that asks has its answer first, the idle one is closed; both are told to come again."""
    with Simulator() as simulator, process(tmp_path, simulator) as (made, origin):
        where = f"{origin.replace('http', 'ws')}/v1/chat/completions"
        how: Any = {"additional_headers": shown(MASTER), "proxy": None}
        with connect(where, **how) as idle, connect(where, **how) as busy:
            simulator.fail(faults.SlowStart(1.0))
            busy.send(json.dumps(ASK))
            until(lambda: len(simulator.requests) == 1)
            made.terminate()
            assert json.loads(idle.recv(timeout=20)) == {"type": "closing"}
            with pytest.raises(ConnectionClosed):
                idle.recv(timeout=20)
            said: list[Any] = []
            while [one.get("type") for one in said[-1:]] != ["closing"]:
                said.append(json.loads(busy.recv(timeout=20)))
            with pytest.raises(ConnectionClosed):
                busy.recv(timeout=20)
            assert [one.get("type") for one in said[-2:]] == ["done", "closing"]
            assert any(one.get("choices") for one in said)
            assert [one.close_code for one in (idle, busy)] == [1012, 1012]
        assert made.wait(20) == 0
