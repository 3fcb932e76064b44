"""What a worker has loaded, and what its requests leave: counted in a process of its own, so that it stays light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmkit.testing import Simulator, faults

from ._kit import MASTER, MODEL

PROGRAM = """
import asyncio, gc, json, sys
from llmkit.proxy.loading import load_settings
from llmkit.proxy.operation import serving

key = sys.argv[2]
app = serving.create_app(load_settings(sys.argv[1], master_key=key, transport="reqwest"))
asked = [{"role": "user", "content": "Hi"}]
told = {}

async def ask(method, path, **fields):
    messages = [{"type": "http.request", "body": json.dumps(fields).encode(), "more_body": False}]
    sent = []

    async def receive():
        if messages:
            return messages.pop()
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    path, _, query = path.partition("?")
    headers = [(b"authorization", b"Bearer " + key.encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}
    await app(scope, receive, send)
    body = b"".join(one.get("body", b"") for one in sent[1:])
    assert sent[0]["status"] == 200, body
    return body

async def chats(many):
    for number in range(many):
        await ask("POST", "/v1/chat/completions", model="fast", messages=asked, stream=number % 2 == 1)

async def main():
    async with app:
        told["ready"] = sorted(sys.modules)
        await chats(4)
        told["chats"] = sorted(sys.modules)
        gc.collect()
        gc.disable()
        await chats(20)
        await asyncio.sleep(0.05)
        told["circles"] = gc.collect()
        gc.enable()
        await ask("POST", "/key/generate", key_alias="weighed")
        told["keys"] = sorted(sys.modules)
        for path in ("/key/list", "/user/list", "/team/list", "/spend/logs", "/global/spend/keys",
                "/global/activity?start_date=2026-11-01&end_date=2026-11-30"):
            await ask("GET", path)
        told["managed"] = sorted(sys.modules)
        await ask("GET", "/openapi.json")
        told["described"] = sorted(sys.modules)

asyncio.run(main())
print(json.dumps(told))
"""

# What nobody needs for chats or management, by what it costs: MB of memory, and time to start.
NEVER = {
    "alembic",
    "cryptography",
    "httpx",
    "jwt",
    "matplotlib",
    "numpy",
    "prometheus_client",
    "psycopg",
    "redis",
    "tiktoken",
    "websockets",
    "llmkit.proxy.data.migrate",
    "llmkit.fronts.generate_content",
    "llmkit.fronts.messages",
    "llmkit.fronts.responses",
    "llmkit.testing",
    "llmkit.wires.anthropic_messages",
    "llmkit.wires.gemini",
    "llmkit.wires.openai_responses",
}
READY = 350
"""Modules of llmkit's when it is ready; there are 333."""
CIRCLES = 20
"""Objects that only the collector finds, of twenty chats; there are none. Their watched lines alone made 59 each."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was seen in one process."""
    place = tmp_path_factory.mktemp("weighed")
    with Simulator() as simulator:
        # Slower than the moment after which a line is watched.
        simulator.fail(*[faults.SlowStart(0.06)] * 24)
        to = {"model": MODEL, "api_base": simulator.base_url, "api_key": "sk-" + "upstream"}
        config = place / "config.json"
        listed = [{"model_name": "fast", "litellm_params": to}]
        config.write_text(json.dumps({"model_list": listed}), encoding="utf-8")
        return _seen(place, config)


def _seen(place: Path, config: Path) -> dict[str, Any]:
    kept = ("PATH", "PYTHONPATH", "HOME", "SYSTEMROOT")
    environ = {name: os.environ[name] for name in kept if name in os.environ}
    path = os.pathsep.join(
        str(Path(one).resolve()) for one in environ.get("PYTHONPATH", "").split(os.pathsep) if one
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(config), MASTER],
        cwd=place,
        env={**environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def heavy(modules: list[str]) -> set[str]:
    """Those of these modules that are not to be there."""
    names = set(modules) | {name.partition(".")[0] for name in modules}
    return names & NEVER


@pytest.mark.parametrize("when", ["ready", "chats", "managed"])
def test_what_a_worker_has_not_loaded(told: dict[str, Any], when: str) -> None:
    """Chats of one format and all of management load none of these."""
    assert heavy(told[when]) == set()


def test_how_much_it_has_loaded(told: dict[str, Any]) -> None:
    """The number of modules, which memory and the start go by."""
    ours = [name for name in told["ready"] if name.startswith("llmkit")]
    assert len(ours) <= READY, sorted(ours)


def test_management_comes_in_parts(told: dict[str, Any]) -> None:
    """FastAPI comes with the first request for any, and each part with its own; the document needs them all."""
    parts = {f"llmkit.proxy.management.{name}" for name in ("teams", "global_spend", "models")}
    assert "fastapi" not in told["chats"]
    assert "fastapi" in told["keys"]
    assert not parts & set(told["keys"])
    assert parts <= set(told["described"])


def test_requests_leave_nothing_for_the_collector(told: dict[str, Any]) -> None:
    """Memory does not grow between its rounds, and these are short."""
    assert told["circles"] <= CIRCLES


def test_who_watches_over_workers_has_nothing_of_the_gateway() -> None:
    """It begins processes, and begins them anew: no server, no database, no models."""
    program = (
        "import json, sys; import llmkit.proxy.__main__; print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout)
    denied = {"asyncio", "pydantic", "sqlalchemy", "ssl", "starlette", "uvicorn", "uvloop", "yaml"}
    assert not denied & set(loaded)
    assert "llmkit.proxy.app" not in loaded
