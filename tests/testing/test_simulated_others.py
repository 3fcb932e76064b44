"""The simulator's answers beside chat: what it refuses, as the real servers do, and what it makes up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit.testing._answer import answer
from llmkit.testing._wires import wire_for

KEY = "test-key-" + "0123456789"
OPENAI = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
ANTHROPIC = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
GEMINI = {"x-goog-api-key": KEY}
FORM = {**OPENAI, "content-type": "multipart/form-data; boundary=x"}
EMPTY_FORM = b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n--x--\r\n'
FILE_FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nHi\r\n--x--\r\n'
)


def asked(method: str, path: str, headers: dict[str, str], body: Any = b"") -> tuple[int, Any]:
    """Status and JSON of one answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = wire_for(path, headers).reply(method, path, headers, raw, answer)
    return reply.status, json.loads(reply.body) if reply.body.startswith(b"{") else reply.body


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/v1/moderations", {}, {"input": "x"}, 401),
        ("POST", "/v1/moderations", OPENAI, {}, 400),
        ("POST", "/v1/moderations", OPENAI, b"{half", 400),
        ("POST", "/v1/moderations", OPENAI, [1], 400),
        ("POST", "/v1/moderations", OPENAI, {"input": {"a": 1}}, 400),
        ("POST", "/v1/moderations", OPENAI, {"input": "x", "model": "missing-model"}, 404),
        ("GET", "/v1/moderations", OPENAI, b"", 404),
        ("POST", "/v1/completions", OPENAI, {"prompt": "x"}, 400),
        ("POST", "/v1/completions", OPENAI, {"model": "m"}, 400),
        ("POST", "/v1/completions", OPENAI, {"model": "rate-limited", "prompt": "x"}, 429),
        ("POST", "/v1/images/generations", OPENAI, {"model": "m"}, 400),
        ("POST", "/v1/images/edits", FORM, EMPTY_FORM, 400),
        ("POST", "/v1/files", FORM, EMPTY_FORM, 400),
        ("POST", "/v1/files", FORM, FILE_FORM, 400),
        ("GET", "/v1/files/missing", OPENAI, b"", 404),
        ("POST", "/v1/batches", OPENAI, {"endpoint": "/v1/embeddings"}, 400),
        ("GET", "/v1/batches/missing", OPENAI, b"", 404),
        ("GET", "/v1/files/f", {"anthropic-version": "2023-06-01"}, b"", 401),
        ("POST", "/v1/files", ANTHROPIC, b"", 400),
        ("GET", "/v1/files/missing", ANTHROPIC, b"", 404),
        ("PATCH", "/v1/files/f", ANTHROPIC, b"", 404),
        ("POST", "/v1/messages/batches", ANTHROPIC, {}, 400),
        ("GET", "/v1/messages/batches/missing", ANTHROPIC, b"", 404),
        ("GET", "/v1beta/files/f", {}, b"", 403),
        ("GET", "/v1beta/files/missing", GEMINI, b"", 403),
        ("PATCH", "/v1beta/files/f", GEMINI, b"", 404),
        ("POST", "/v1beta/cachedContents", GEMINI, {}, 400),
        ("DELETE", "/v1beta/cachedContents/missing", GEMINI, b"", 403),
        ("POST", "/v1beta/models/m:batchEmbedContents", GEMINI, {}, 400),
    ],
)
def test_refusals(method: str, path: str, headers: dict[str, str], body: Any, status: int) -> None:
    """What the real servers refuse is refused, in their form."""
    told, said = asked(method, path, headers, body)
    assert told == status
    assert said["error"]["message"]


def test_prompts_of_all_kinds_are_continued() -> None:
    """A text, several, and token ids each get their answers, and a limit ends them."""
    for prompt, count in (("One", 1), (["One", "Two"], 2), ([1, 2], 1)):
        status, said = asked("POST", "/v1/completions", OPENAI, {"model": "m", "prompt": prompt})
        assert status == 200
        assert len(said["choices"]) == count
    ask = {"model": "m", "prompt": "One", "max_tokens": 1}
    _, said = asked("POST", "/v1/completions", OPENAI, ask)
    assert said["choices"][0]["finish_reason"] == "length"


def test_embeddings_are_made_of_their_texts() -> None:
    """Equal texts have equal vectors, as long as they are asked to be."""
    content = {"parts": [{"text": "x"}]}
    ask = {"requests": [{"content": content}, {"content": content, "outputDimensionality": 3}]}
    _, said = asked("POST", "/v1beta/models/m:batchEmbedContents", GEMINI, ask)
    assert [len(one["values"]) for one in said["embeddings"]] == [8, 3]


def test_failures_are_the_providers_own() -> None:
    """A fault to be simulated comes in each API's form."""
    for path, headers, where in (
        ("/v1/files", OPENAI, "type"),
        ("/v1/files", ANTHROPIC, "type"),
        ("/v1beta/files", GEMINI, "status"),
    ):
        wire = wire_for(path, headers)
        assert json.loads(wire.failure(503, "No.").body)["error"][where]
        assert b"No." in wire.failure_frame(503, "No.")
