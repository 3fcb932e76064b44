"""Every recorded exchange of embeddings in OpenAI's form, through the public client and a real socket.

What an answer must say is read here from the raw body; what is no exchange of this kind is listed with its reason.
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

from . import _azure, _reader
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from ._reader import Row

APIS = {
    "azure.embeddings": "azure",
    "copilot.embeddings": "github_copilot",
    "doubleword.embeddings": "doubleword",
    "llamacpp.embeddings": "llamacpp",
    "mistral.embeddings": "mistral",
    "ollama.openai_embeddings": "openai_like",
    "openai.embeddings": "openai",
    "openrouter.embeddings": "openrouter",
    "perplexity.embeddings": "perplexity",
    "venice.embeddings": "venice",
}
"""File (without its ending) → the provider that reads it."""
NOT_THIS = {"i05441": "a report on usage; only its path ends in the word"}
KEY = "a-key-of-ours"


@cache
def _rows() -> dict[str, Row]:
    found = _reader.directory()
    rows = [] if found is None else [r for api in APIS for r in _reader.rows(found, api)]
    return {row.id: row for row in rows if row.id not in NOT_THIS}


each_row = pytest.mark.parametrize("name", list(_rows()) or ["none"])


@pytest.fixture(scope="module")
def embedding_replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay(_rows())
    yield server
    server.close()


def asking(row: Row, replay: Replay) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one."""
    sent = row.sent() or {"input": "Hello"}
    rest = {k: v for k, v in sent.items() if k not in {"model", "input"}}
    known = EmbeddingModelParams.__annotations__
    made = {
        "model": f"{APIS[row.api]}/{sent.get('model') or 'unnamed'}",
        "input": sent["input"],
        "api_key": KEY,
        "base_url": replay.base_url(row),
        "extra_body": {k: v for k, v in rest.items() if k not in known},
        **{k: v for k, v in rest.items() if k in known},
    }
    return _azure.asking(row, sent, made) if row.api == "azure.embeddings" else made


def told(row: Row) -> dict[str, Any]:
    """What the raw answer says."""
    body: dict[str, Any] = json.loads(row.body)
    return body


def numbers(raw: Any) -> list[float]:
    """A vector as numbers."""
    if not isinstance(raw, str):
        return list(raw)
    data = base64.b64decode(raw)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def check(row: Row, made: Any, sent: list[Any]) -> None:
    """The answer says what the body says, and the request what was recorded."""
    body = told(row)
    assert [item.embedding for item in made.data] == [item["embedding"] for item in body["data"]]
    assert [item.index for item in made.data] == [item["index"] for item in body["data"]]
    if row.api != "perplexity.embeddings":
        assert made.vectors == [numbers(item["embedding"]) for item in body["data"]]
    # Where the answer names no model, it is the one that was asked for.
    assert made.model == body.get("model", made.call.model)
    usage = body.get("usage") or {}
    assert made.usage.prompt_tokens == usage.get("prompt_tokens")
    assert made.usage.total_tokens == usage.get("total_tokens")
    assert made.call.raw == row.body
    if row.api == "azure.embeddings":
        assert _azure.same_address(row, sent[0].path)
    request = row.sent()
    if request is not None:
        # Where the deployment stands in the path, the body names no model.
        arrived = sent[0].json()
        arrived["model"] = arrived["model"] if "model" in request else "unnamed"
        assert {"model": "unnamed", **request} == arrived


@each_row
def test_row(name: str, embedding_replay: Replay, client: llmkit.Client) -> None:
    """A recorded exchange, synchronously."""
    row = _rows()[name]
    if row.status >= 400:
        with pytest.raises(llmkit.APIStatusError) as raised:
            client.embedding(**asking(row, embedding_replay))
        assert raised.value.status_code == row.status
        assert raised.value.body == told(row)
        return
    check(row, client.embedding(**asking(row, embedding_replay)), embedding_replay.take())


@each_row
def test_row_async(
    name: str, embedding_replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded exchange, asynchronously."""
    row = _rows()[name]
    if row.status >= 400:
        with pytest.raises(llmkit.APIStatusError) as raised:
            runner.run(client.aembedding(**asking(row, embedding_replay)))
        assert raised.value.status_code == row.status
        return
    made = runner.run(client.aembedding(**asking(row, embedding_replay)))
    check(row, made, embedding_replay.take())


def test_all_are_there(recordings: Path) -> None:
    """The files of this form are those that are recorded, and what is left out is among them."""
    apis = {a for a in _reader.apis(recordings) if a.endswith("embeddings")}
    others = {"gemini.embeddings", "ollama.embeddings", "vertex.embeddings", "voyage.embeddings"}
    assert apis == {*APIS, *others}
    ids = {row.id for api in APIS for row in _reader.rows(recordings, api)}
    assert set(NOT_THIS) <= ids
