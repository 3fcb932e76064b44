"""Every recorded exchange of embeddings at Cohere and Voyage, and of reranking there and wherever the form is shared.

What an answer must say is read here from the raw body. Each row is asked for in OpenAI's words where it can be.
"""

from __future__ import annotations

import base64
import json
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.types.embedding import EmbeddingModelParams
from llmkit.types.rerank import RerankModelParams

from . import _reader
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from ._reader import Row

# File (without its ending) → the provider that reads it, and the end of its path.
EMBED = {
    "cohere.embed": ("cohere_v1", "/v1/embed"),
    "cohere.embed.v2": ("cohere", "/v2/embed"),
    "voyage.embeddings": ("voyage", "/embeddings"),
}
RERANK = {
    "cohere.rerank": ("cohere_v1", "/v1/rerank"),
    "cohere.rerank.v2": ("cohere", "/v2/rerank"),
    "voyage.rerank": ("voyage", "/rerank"),
    "llamacpp.rerank": ("llamacpp", "/rerank"),
    "openrouter.rerank": ("openrouter", "/rerank"),
    "together.rerank": ("together_ai", "/rerank"),
}
RENAMED = {"output_dimension": "dimensions", "truncate": "truncation", "top_k": "top_n"}
SUBJECTS = ("model", "input", "texts", "images", "query", "documents")
KEY = "a-key-of-ours"


@cache
def _rows() -> dict[str, Row]:
    found = _reader.directory()
    apis = (*EMBED, *RERANK)
    rows = [] if found is None else [row for api in apis for row in _reader.rows(found, api)]
    return {row.id: row for row in rows}


def of(apis: dict[str, Any]) -> list[str]:
    """The rows of these files."""
    return [name for name, row in _rows().items() if row.api in apis] or ["none"]


@pytest.fixture(scope="module")
def replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay(_rows())
    yield server
    server.close()


def params(sent: dict[str, Any], known: Any) -> dict[str, Any]:
    """What a request asks for beside its subject, in our words; what has no word goes as it is."""
    rest = {RENAMED.get(k, k): v for k, v in sent.items() if k not in SUBJECTS}
    return {
        **{k: v for k, v in rest.items() if k in known.__annotations__},
        "extra_body": {k: v for k, v in rest.items() if k not in known.__annotations__},
    }


def asking(row: Row, replay: Replay) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one that fits the answer."""
    provider, _ = (EMBED | RERANK)[row.api]
    sent = row.sent() or {"input": "Hello", "query": "Hello", "documents": ["a", "b"]}
    made = {
        "model": f"{provider}/{sent.get('model') or 'unnamed'}",
        "api_key": KEY,
        "base_url": replay.base_url(row),
    }
    if row.api in RERANK:
        about = {"query": sent["query"], "documents": sent["documents"]}
        return {**made, **about, **params(sent, RerankModelParams)}
    subject = next(sent[name] for name in ("input", "texts", "images") if name in sent)
    return {**made, "input": subject, **params(sent, EmbeddingModelParams)}


def without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what says nothing."""
    return {name: value for name, value in body.items() if value is not None}


def check_request(row: Row, replay: Replay) -> None:
    """One request was sent, equal to the recorded one, at the path of the call."""
    (only,) = replay.take()
    assert only.path.endswith((EMBED | RERANK)[row.api][1])
    sent = row.sent()
    if sent is not None:
        assert only.json() == without_nulls(sent)


def vectors(row: Row) -> list[Any]:
    """The vectors of a raw answer, as they came."""
    body = json.loads(row.body)
    if "data" in body:
        return [item["embedding"] for item in body["data"]]
    found = body["embeddings"]
    return found if isinstance(found, list) else next(iter(found.values()))


def numbers(raw: Any) -> list[float]:
    """A vector as numbers."""
    if not isinstance(raw, str):
        return list(raw)
    data = base64.b64decode(raw)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def check_vectors(row: Row, made: Any) -> None:
    """The answer has the body's vectors, in its order, and its counts."""
    body = json.loads(row.body)
    assert [item.embedding for item in made.data] == vectors(row)
    assert made.vectors == [numbers(vector) for vector in vectors(row)]
    assert [item.index for item in made.data] == list(range(len(made.data)))
    assert made.call.raw == row.body
    if "usage" in body:
        assert made.usage.total_tokens == body["usage"]["total_tokens"]
        assert made.model == body["model"]
        return
    billed = body["meta"]["billed_units"]
    assert made.usage.billed_units == billed
    assert made.usage.prompt_tokens == billed.get("input_tokens")
    assert (made["id"], made["meta"]) == (body["id"], body["meta"])


def check_ranks(row: Row, made: Any) -> None:
    """The answer has the body's results, in its order, and its counts."""
    body = json.loads(row.body)
    told = body.get("results", body.get("data"))
    assert [(r.index, r.relevance_score) for r in made.results] == [
        (item["index"], item["relevance_score"]) for item in told
    ]
    assert [r.document for r in made.results] == [item.get("document") for item in told]
    assert made.call.raw == row.body
    usage = body.get("usage") or {}
    assert made.usage.total_tokens == usage.get("total_tokens")
    assert made.usage.prompt_tokens == usage.get("prompt_tokens")
    units = body.get("meta", {}).get("billed_units", {})
    assert made.usage.search_units == units.get("search_units")
    assert made.meta == body.get("meta")
    if "cost" in usage:
        assert float(made.cost.total) == usage["cost"]


def check_refused(row: Row, error: llmkit.APIError) -> None:
    """The error says what the body says."""
    body = json.loads(row.body)
    assert error.status_code == row.status
    assert error.body == body
    told = body.get("message") or body.get("detail") or body["error"]["message"]
    assert told in error.message
    if "id" in body:
        assert error.request_id == body["id"]


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("name", of(EMBED))
def test_embedding(
    name: str, colour: str, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded embedding, in both colours."""
    row = _rows()[name]
    keywords = asking(row, replay)
    run: dict[str, Any] = {
        "sync": client.embedding,
        "async": lambda **given: runner.run(client.aembedding(**given)),
    }
    try:
        made = run[colour](**keywords)
    except llmkit.APIError as error:
        assert row.status >= 400
        check_refused(row, error)
    else:
        check_vectors(row, made)
    check_request(row, replay)


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("name", of(RERANK))
def test_rerank(
    name: str, colour: str, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded reranking, in both colours."""
    row = _rows()[name]
    keywords = asking(row, replay)
    run: dict[str, Any] = {
        "sync": client.rerank,
        "async": lambda **given: runner.run(client.arerank(**given)),
    }
    try:
        made = run[colour](**keywords)
    except llmkit.APIError as error:
        assert row.status >= 400
        check_refused(row, error)
    else:
        check_ranks(row, made)
    check_request(row, replay)


def test_all_are_there(recordings: Path) -> None:
    """Every file of these kinds is read, but for one that is another provider's own form."""
    apis = set(_reader.apis(recordings))
    assert {api for api in apis if ".rerank" in api} - {"bedrock.rerank"} == set(RERANK)
    assert {api for api in apis if api.startswith(("cohere.embed", "voyage.emb"))} == set(EMBED)
