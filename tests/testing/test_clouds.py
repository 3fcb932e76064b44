"""The simulator's faces of Azure and Vertex AI: what they refuse, before the wire and in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit.testing._answer import answer
from llmkit.testing._wires import wire_for

DATED = "?api-version=2024-10-21"
CHAT = f"/openai/deployments/gpt-4o/chat/completions{DATED}"
HI: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
KEY = {"api-key": "a-key-123"}
TOKEN = {"authorization": "Bearer a-token-123"}
CLAUDE = "/v1/projects/p/locations/global/publishers/anthropic/models/{}:{}"
VERSION = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 50}
GOOGLE = "/v1/projects/p/locations/global/publishers/google/models/{}:{}"


def asked(path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    """Status and body of an answer."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = wire_for(path, headers).reply("POST", path, headers, sent, answer)
    return reply.status, json.loads(reply.body) if reply.body else reply.frames


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (CHAT, {}, 401, "401"),
        (CHAT, {"api-key": "invalid-key"}, 401, "401"),
        (CHAT, {"authorization": "Basic x"}, 401, "401"),
        (CHAT.partition("?")[0], KEY, 404, "404"),
        (CHAT.replace("2024-10-21", "yesterday"), KEY, 404, "404"),
        (f"/openai/files{DATED[:-3]}", KEY, 404, "404"),
        (CHAT.replace("gpt-4o", "missing-model"), TOKEN, 404, "DeploymentNotFound"),
    ],
)
def test_azure_refuses(path: str, headers: dict[str, str], status: int, code: str) -> None:
    """A key that is wrong, a version that is missing and a deployment that is none are refused in Azure's form."""
    told, body = asked(path, HI, headers)
    assert (told, body["error"]["code"]) == (status, code)


def test_azure_names_the_model() -> None:
    """The deployment is the model, whatever the body says; a body that is none is the wire's to refuse."""
    assert asked(CHAT, {**HI, "model": "other"}, KEY)[1]["model"] == "gpt-4o"
    assert asked(CHAT, b"no json", KEY)[0] == 400
    assert asked(CHAT, [], KEY)[0] == 400


def test_azure_embeds() -> None:
    """Every other wire is met there, too, and only a chat has what the filter saw."""
    path = CHAT.replace("chat/completions", "embeddings")
    status, body = asked(path, {"input": "a"}, TOKEN)
    assert (status, body["model"]) == (200, "gpt-4o")
    assert "prompt_filter_results" not in body


def test_azure_fails_as_its_wire() -> None:
    """A failure is written as the wire writes it; whose request it is, is told by path and headers."""
    wire, plain = wire_for(CHAT, KEY), wire_for("/v1/chat/completions", TOKEN)
    assert wire.name == plain.name
    assert wire.failure(503, "x") == plain.failure(503, "x")
    assert wire.failure_frame(503, "x") == plain.failure_frame(503, "x")
    assert wire.serves(CHAT, KEY)
    assert not wire.serves("/v1/chat/completions", TOKEN)


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [
        ("rawPredict", b"no json", "JSON"),
        ("rawPredict", [], "JSON"),
        ("rawPredict", HI, "anthropic_version"),
        ("rawPredict", {**HI, **VERSION, "stream": True}, "stream"),
        ("streamRawPredict", {**HI, **VERSION}, "stream"),
        ("rawPredict", {**HI, **VERSION, "model": "claude"}, "model"),
    ],
)
def test_claude_on_vertex_refuses(method: str, body: Any, said: str) -> None:
    """A body without the version, with a model, or that does not fit its path is refused."""
    status, told = asked(CLAUDE.format("claude-haiku-4-5", method), body, TOKEN)
    assert status == 400
    assert said in told["error"]["message"]


def test_claude_on_vertex() -> None:
    """Counting has a path of its own, betas are in the body, and a token is needed."""
    status, told = asked(
        CLAUDE.format("count-tokens", "rawPredict"),
        {**HI, "anthropic_version": "vertex-2023-10-16", "model": "claude-haiku-4-5"},
        TOKEN,
    )
    assert (status, set(told)) == (200, {"input_tokens"})
    path = CLAUDE.format("claude-haiku-4-5", "rawPredict")
    beta = {"anthropic_beta": ["context-management-2025-06-27"]}
    managed = {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}
    assert asked(path, {**HI, **VERSION, **managed}, TOKEN)[0] == 400
    assert asked(path, {**HI, **VERSION, **managed, **beta}, TOKEN)[0] == 200
    assert asked(path, {**HI, **VERSION}, {"x-api-key": "k"})[0] == 401


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("predict", b"no json"),
        ("predict", {}),
        ("predict", {"instances": [{"content": ""}]}),
        ("predict", {"instances": [7]}),
        ("predict", {"instances": [{"content": "a"}] * 251}),
        ("embedContent", {}),
        ("embedContent", {"content": {"parts": [7]}}),
    ],
)
def test_vectors_refused(method: str, body: Any) -> None:
    """What holds no text, or too many, is refused."""
    status, told = asked(GOOGLE.format("text-embedding-005", method), body, TOKEN)
    assert (status, told["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_single_texts() -> None:
    """One model takes one text a request."""
    body = {"instances": [{"content": "a"}] * 2}
    assert asked(GOOGLE.format("gemini-embedding-001", "predict"), body, TOKEN)[0] == 400
    assert asked(GOOGLE.format("text-embedding-005", "predict"), body, TOKEN)[0] == 200
