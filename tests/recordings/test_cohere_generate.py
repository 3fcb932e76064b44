"""Every recorded exchange of Cohere's text completions, through the public client and a real socket."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from . import _reader
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    import llmkit

    from ._reader import Row

API = "cohere.generate"
NO_MODEL = {
    "i12602": "its request names no model, which llmkit asks for; the rest of it is compared"
}


@cache
def rows() -> dict[str, Row]:
    """All rows by their id."""
    recordings = _reader.directory()
    found = [] if recordings is None else list(_reader.rows(recordings, API))
    return {row.id: row for row in found}


each_row = pytest.mark.parametrize("name", list(rows()) or ["none"])


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay(rows())
    yield server
    server.close()


@each_row
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_row(
    name: str, colour: str, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded exchange: the request is sent equal as JSON, and the answer says what the body says."""
    row = rows()[name]
    sent, told = row.sent() or {}, json.loads(row.body)
    given: dict[str, Any] = {
        "model": f"cohere_v1/{sent['model'] or 'unnamed'}",
        "prompt": sent["prompt"],
        "api_key": "test-key",
        "base_url": served.base_url(row),
    }
    run: dict[str, Any] = {
        "sync": client.text_completion,
        "async": lambda **asked: runner.run(client.atext_completion(**asked)),
    }
    made = run[colour](**given)
    assert [c.text for c in made.choices] == [item["text"] for item in told["generations"]]
    assert made.choices[0].finish_reason == "stop"
    assert made.id == told["id"]
    billed = told["meta"]["billed_units"]
    assert made.usage.prompt_tokens == billed["input_tokens"]
    assert made.usage.completion_tokens == billed["output_tokens"]
    assert made["meta"]["warnings"] == told["meta"]["warnings"]
    (only,) = served.take()
    assert only.path == "/v1/generate"
    assert ("model" in NO_MODEL.get(name, "")) is (sent["model"] == "")
    assert only.json() == {**sent, "model": sent["model"] or "unnamed"}
