"""Every recorded embedding of Ollama, in its three forms, through the public client and a real socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from . import _gemini_rows
from ._ollama_chat import exchanges
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    import llmkit

# File to where its base URL ends on a server.
APIS = {
    "ollama.embed": "",
    "ollama.embeddings": "/api/embeddings",
    "ollama.openai_embeddings": "/v1",
}
PATHS = {
    "ollama.embed": "/api/embed",
    "ollama.embeddings": "/api/embeddings",
    "ollama.openai_embeddings": "/v1/embeddings",
}
Exchange = _gemini_rows.Exchange


def _rows() -> list[Any]:
    found = [exchange for api in APIS for exchange in exchanges(api)]
    return [pytest.param(e, id=e.id) for e in found] or [pytest.param(None, id="none")]


@pytest.fixture(scope="module")
def replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay({e.id: e.row for api in APIS for e in exchanges(api)})
    yield server
    server.close()


def asking(exchange: Exchange) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one where there is none."""
    sent = exchange.row.sent() or {"model": exchange.row.model, "input": "a"}
    given = {"model": f"ollama/{sent['model']}", "input": sent.get("input", sent.get("prompt"))}
    return given | ({"extra_body": {"options": sent["options"]}} if sent.get("options") else {})


def address(replay: Replay, exchange: Exchange) -> str:
    """Where a row is the answer, in its form."""
    return replay.base_url(exchange.row).removesuffix("/v1") + APIS[exchange.row.api]


@pytest.mark.parametrize("exchange", _rows())
def test_answer(
    exchange: Exchange, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """The vectors, in their order, and the counts are the raw body's, in both colours."""
    raw = json.loads(exchange.row.body)
    wanted = raw.get("embeddings") or [item["embedding"] for item in raw.get("data", [raw])]
    read = raw.get("prompt_eval_count", (raw.get("usage") or {}).get("prompt_tokens"))
    whole = client.embedding(**asking(exchange), base_url=address(replay, exchange))
    call = client.aembedding(**asking(exchange), base_url=address(replay, exchange))
    for answer in (whole, runner.run(call)):
        assert answer.vectors == wanted
        assert (answer.usage and answer.usage.prompt_tokens) == read
        assert answer.model == raw.get("model", exchange.row.model)


@pytest.mark.parametrize("exchange", _rows())
def test_request(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """A recorded request, rebuilt as a call, is sent out equal as JSON."""
    sent = exchange.row.sent()
    if sent is None:
        pytest.skip("only the answer was recorded")
    client.embedding(**asking(exchange), base_url=address(replay, exchange))
    (only,) = replay.take()
    assert only.path == PATHS[exchange.row.api]
    assert only.json() == {k: v for k, v in sent.items() if v not in (None, {})}
