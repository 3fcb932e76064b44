"""What a request costs the gateway's loop, counted and not timed: the same on any machine."""

from __future__ import annotations

import asyncio
import collections
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit.proxy.operation import telemetry

from ._kit import MASTER, called

CALLS = 376
"""Calls of llmkit's functions for a chat with a key, a rate limit, a budget and a line of the log, resumptions
included; of the event loop's thread alone."""
OURS = f"{Path(llmkit.__file__).parent}{os.sep}"
TESTING = f"{OURS}testing"
ASKED = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20}


@contextmanager
def counting() -> Iterator[collections.Counter[str]]:
    """Counts calls of Python functions in this thread; what is resumed is called."""
    found: collections.Counter[str] = collections.Counter()

    def heard(frame: Any, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        # What keeps tests from the network hears of each connection, once any test has had it.
        if event == "call" and name.startswith(OURS) and not name.startswith(TESTING):
            found[f"{name[len(OURS) :]}:{frame.f_code.co_name}"] += 1

    sys.setprofile(heard)
    try:
        yield found
    finally:
        sys.setprofile(None)


async def asked(app: Any, key: str) -> list[Any]:
    """A chat, and all that is told of it."""
    body, told = json.dumps(ASKED).encode(), []
    headers = [
        (b"host", b"gateway"),
        (b"authorization", f"Bearer {key}".encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers,
             "query_string": b"", "client": ("127.0.0.1", 1)}  # fmt: skip

    left = [{"type": "http.request", "body": body}]

    async def receive() -> Any:
        return left.pop() if left else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        told.append(message)

    # As the server asks it.
    await app.answered(scope, receive, send)
    return told


def test_a_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is too much, the failure says where it is. Nobody listens to OpenTelemetry."""
    monkeypatch.setattr(telemetry, "listened_to", lambda: False)

    async def work() -> list[collections.Counter[str]]:
        async with called(tmp_path, MASTER, transport="reqwest") as gateway:
            limits = {"rpm_limit": 100_000, "max_budget": 1000}
            made = (await gateway.http.post("/key/generate", json=limits)).json()["key"]
            for _ in range(5):
                start, _ = await asked(gateway.app, made)
                assert start["status"] == 200
            counted = []
            for _ in range(20):
                with counting() as found:
                    await asked(gateway.app, made)
                counted.append(found)
            return counted

    # Some find their answer there before they wait for it, and some are looked after, as they took long.
    counted = sorted(asyncio.run(work()), key=lambda one: sum(one.values()))
    found = counted[len(counted) // 2]
    by_file: collections.Counter[str] = collections.Counter()
    for name, count in found.items():
        by_file[name.partition(":")[0]] += count
    assert sum(found.values()) <= CALLS, by_file.most_common(40)
