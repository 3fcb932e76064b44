"""Recorded embeddings by InvokeModel, through the public client and a real socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from . import _bedrock_makers as makers
from ._bedrock_rows import Exchange, exchanges
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    import llmkit

FOUND = [e for e in exchanges("bedrock.invoke") if makers.maker(e) == "embedding"]
ROWS = [pytest.param(e, id=e.id) for e in FOUND] or [pytest.param(None, id="none")]


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay({e.id: e.row for e in FOUND})
    yield server
    server.close()


def asking(exchange: Exchange, base_url: str) -> dict[str, Any]:
    """The recorded request as keywords."""
    body = exchange.row.sent() or {}
    made = {"model": f"bedrock/{exchange.model}", "api_key": "test-key", "base_url": base_url}
    if "texts" in body:
        made |= {"input": body["texts"], "input_type": body["input_type"]}
        return made | {"dimensions": body["output_dimension"], "truncation": body["truncate"]}
    extra = {"normalize": body["normalize"]}
    return {
        **made,
        "input": body["inputText"],
        "dimensions": body["dimensions"],
        "extra_body": extra,
    }


@pytest.mark.parametrize("exchange", ROWS)
def test_request_and_answer(
    exchange: Exchange, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """The request is the recorded one, the vectors and counts are those of the raw body, in both colours."""
    first = client.embedding(**asking(exchange, served.base_url(exchange.row)))
    (sent,) = served.take()
    assert sent.json() == exchange.row.sent()
    assert unquote(sent.path) == "/v1" + unquote(exchange.path)
    second = runner.run(client.aembedding(**asking(exchange, served.base_url(exchange.row))))
    body = json.loads(exchange.row.body)
    vectors = body["embeddings"]["float"] if "embeddings" in body else [body["embedding"]]
    assert first.vectors == second.vectors == vectors
    assert (first.usage and first.usage.prompt_tokens) == body.get("inputTextTokenCount")
