"""Vertex AI's recorded embeddings, through the public client and a real socket: paths, bodies, vectors, counts."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from . import _gemini_requests as requests
from . import _reader
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    import llmkit

    from ._reader import Row

APIS = ("vertex.predict", "vertex.embedContent", "vertex.embeddings")
_PATH = re.compile(
    r"/v1\w*/projects/([^/]+)/locations/([^/]+)/publishers/google/models/([^/:]+):\w+"
)
KEY = "test-" + "key-123"


@cache
def _rows() -> dict[str, Row]:
    found = _reader.directory()
    rows = [] if found is None else [r for api in APIS for r in _reader.rows(found, api)]
    return {row.id: row for row in rows}


each_row = pytest.mark.parametrize("name", list(_rows()) or ["none"])


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay(_rows())
    yield server
    server.close()


def asking(row: Row, served: Replay) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one."""
    made: dict[str, Any] = {"api_key": KEY, "base_url": served.base_url(row)}
    sent, found = row.sent(), _PATH.fullmatch(row.path)
    if sent is None or found is None:
        texts = ["a", "b"]
        return {**made, "model": "vertex_ai/text-embedding-005", "input": texts}
    made |= {
        "model": f"vertex_ai/{found[3]}",
        "vertex_project": found[1],
        "vertex_location": found[2],
    }
    if "content" in sent:
        (part,) = sent["content"]["parts"]
        return {**made, "input": part["text"]}
    instances = sent["instances"]
    made |= {"task": task} if (task := instances[0].get("task_type")) else {}
    size = sent.get("parameters", {}).get("outputDimensionality")
    return {**made, "input": [one["content"] for one in instances]} | (
        {"dimensions": size} if size else {}
    )


def check(row: Row, made: Any, sent: Any) -> None:
    """Fail unless the answer says what the body says, and the request what was recorded."""
    body = json.loads(row.body)
    found = [one["embeddings"] for one in body.get("predictions", ())] or [body["embedding"]]
    assert made.vectors == [one["values"] for one in found]
    assert [item.index for item in made.data] == list(range(len(found)))
    counts = [one["statistics"]["token_count"] for one in found if "statistics" in one]
    told = sum(counts) if counts else body["usageMetadata"]["promptTokenCount"]
    assert made.usage.prompt_tokens == made.usage.total_tokens == told
    assert made.get("metadata") == body.get("metadata")
    assert made.get("usageMetadata") == body.get("usageMetadata")
    if row.request is not None:
        assert sent.json() == row.sent()
        assert unquote(sent.path) == row.path


@each_row
def test_row(name: str, served: Replay, client: llmkit.Client) -> None:
    """A recorded exchange, synchronously."""
    row = _rows()[name]
    made = client.embedding(**asking(row, served))
    (sent,) = served.take()
    check(row, made, sent)


@each_row
def test_row_async(
    name: str, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded exchange, asynchronously."""
    row = _rows()[name]
    made = runner.run(client.aembedding(**asking(row, served)))
    (sent,) = served.take()
    check(row, made, sent)


# --- counts and caches -----------------------------------------------------------------------------

OTHERS = ("vertex.countTokens", "vertex.cachedContents")
_PLACE = re.compile(r"/v1\w*/projects/([^/]+)/locations/([^/]+)/.*")


@cache
def _others() -> dict[str, Row]:
    found = _reader.directory()
    rows = [] if found is None else [r for api in OTHERS for r in _reader.rows(found, api)]
    return {row.id: row for row in rows}


@pytest.fixture(scope="module")
def others_served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies of counts and caches."""
    server = Replay(_others())
    yield server
    server.close()


def other(row: Row, served: Replay) -> tuple[str, dict[str, Any]]:
    """The function, and the recorded request as its keywords."""
    place = _PLACE.fullmatch(row.path)
    assert place is not None
    made: dict[str, Any] = {"api_key": KEY, "base_url": served.base_url(row)}
    made |= {"vertex_project": place[1], "vertex_location": place[2]}
    sent = row.sent()
    if sent is None:
        name = row.path.partition("/projects")[2]
        return "delete_cache", {
            **made,
            "custom_llm_provider": "vertex_ai",
            "name": f"projects{name}",
        }
    model = (sent.get("model") or row.path.partition(":")[0]).rpartition("/")[2]
    kept = ("contents", "systemInstruction", "tools")
    body = requests.canonical({k: v for k, v in sent.items() if k in kept})
    made |= requests.as_call(body, model) | {"model": f"vertex_ai/{model}"}
    if "ttl" in sent:
        return "create_cache", {**made, "ttl": sent["ttl"]} | (
            {"display_name": sent["displayName"]} if "displayName" in sent else {}
        )
    return "count_tokens", made


def check_other(row: Row, function: str, made: Any, sent: Any) -> None:
    """Fail unless path, body and answer are those that were recorded."""
    assert unquote(sent.path) == row.path
    body, asked = json.loads(row.body), row.sent()
    if function == "delete_cache":
        assert (sent.method, made.id) == ("DELETE", "projects" + row.path.partition("/projects")[2])
        return
    assert asked is not None
    assert requests.canonical(sent.json()) == requests.canonical(asked)
    if function == "count_tokens":
        assert made.input_tokens == body["totalTokens"]
        assert made.details == body["promptTokensDetails"]
        return
    assert sent.json()["model"] == asked["model"]
    assert (made.id, made.total_tokens) == (body["name"], body["usageMetadata"]["totalTokenCount"])


@pytest.mark.parametrize("name", list(_others()) or ["none"])
def test_other(
    name: str, others_served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded count or cache, in both colours."""
    row = _others()[name]
    function, keywords = other(row, others_served)
    made = getattr(client, function)(**keywords)
    (sent,) = others_served.take()
    check_other(row, function, made, sent)
    again = runner.run(getattr(client, f"a{function}")(**keywords))
    (sent,) = others_served.take()
    check_other(row, function, again, sent)
