"""Node's openai SDK against the gateway, where ``LLMKIT_NODE_MODULES`` names a ``node_modules`` that has it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmkit._settlements import Settlements
from llmkit.testing.faults import Stall

from ._kit import MASTER, Served, gateway

MODULES = os.environ.get("LLMKIT_NODE_MODULES", "")
SCRIPT = Path(__file__).with_name("node_client.js")
pytestmark = pytest.mark.skipif(
    not MODULES or shutil.which("node") is None, reason="LLMKIT_NODE_MODULES is not set, or no node"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all."""
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def asked(served: Served, *works: str) -> Any:
    """What came of these parts of the program."""
    variables = {"GATEWAY": f"{served.origin}/v1", "KEY": MASTER, "NODE_PATH": MODULES}
    ran = subprocess.run(
        [shutil.which("node") or "node", str(SCRIPT), *works],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_what_a_program_asks(served: Served) -> None:
    """Chats, streams, tools, embeddings, responses, files: all that the SDK reads, it can read."""
    works = "chat", "stream", "tools", "embeddings", "responses", "files", "models"
    found = asked(served, *works)
    assert found["chat"]["text"] == found["stream"]["text"] == found["responses"]["text"] != ""
    assert found["chat"]["tokens"] == found["stream"]["tokens"] > 0
    assert found["chat"]["id"], "the SDK shows the request's id"
    assert (found["tools"]["name"], found["tools"]["city"]) == ("get_weather", "string")
    assert found["tools"]["text"]
    assert (found["embeddings"]["many"], found["embeddings"]["numbers"]) == (2, True)
    assert found["embeddings"]["long"] > 1
    assert found["responses"]["same"]
    assert found["files"]["gone"], found["files"]
    assert found["files"]["content"], found["files"]
    assert found["models"] is True


def test_its_errors_are_those_that_it_knows(served: Served) -> None:
    """By status, with a code and the request's id."""
    errors = asked(served, "errors")["errors"]
    assert {name: (error["name"], error["status"]) for name, error in errors.items()} == {
        "key": ("AuthenticationError", 401),
        "model": ("NotFoundError", 404),
        "field": ("BadRequestError", 400),
        "path": ("NotFoundError", 404),
        "before": ("NotFoundError", 404),
    }
    assert all(error["id"] for error in errors.values())


def test_a_stream_that_is_given_up_is_settled(served: Served) -> None:
    """Once, as cancelled, and its provider is asked for no more."""
    before = len(served.gateway.store.perform(Settlements(1000)))
    served.simulator.fail(Stall(at=700))
    assert asked(served, "abort")["abort"]["chunks"] == 2
    end = time.monotonic() + 5
    while len(rows := served.gateway.store.perform(Settlements(1000))) == before:
        assert time.monotonic() < end, "it is not settled"
        time.sleep(0.01)
    (settled,) = rows[before:]
    assert settled.outcome == "cancelled"
