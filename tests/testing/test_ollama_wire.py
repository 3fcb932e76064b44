"""The simulated Ollama: what it answers and refuses, to raw requests and to llmkit's own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import llmkit
from llmkit.testing import Simulator
from llmkit.testing._answer import answer
from llmkit.testing._wires import Reply, wire_for
from llmkit.testing._wires.ollama_chat import OllamaChat

HELLO: dict[str, Any] = {
    "model": "offline",
    "messages": [{"role": "user", "content": "hello there"}],
}
SAYS = "This is llmkit's offline simulator, not a model. You said: hello there"
CLOCK: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}


def ask(body: Any, place: str = "chat", method: str = "POST", **headers: str) -> Reply:
    """One request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return OllamaChat().reply(method, f"/api/{place}", headers, data, answer)


def whole(body: Any, place: str = "chat") -> Any:
    """The answer in one piece, which must come."""
    reply = ask({**body, "stream": False}, place)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def streamed(body: Any, place: str = "chat") -> list[Any]:
    """The answer's lines."""
    reply = ask(body, place)
    assert (reply.status, reply.headers) == (200, {"content-type": "application/x-ndjson"})
    assert all(frame.endswith(b"\n") for frame in reply.frames)
    return [json.loads(frame) for frame in reply.frames]


def test_a_plain_answer() -> None:
    """It repeats the question, stops, and counts its tokens; equal requests get equal answers."""
    made = whole(HELLO)
    assert made["message"] == {"role": "assistant", "content": SAYS}
    assert (made["done"], made["done_reason"]) == (True, "stop")
    assert made["prompt_eval_count"] > 0
    assert made["eval_count"] > 0
    assert made == whole(HELLO)


def test_a_stream() -> None:
    """It streams unless it is told not to; only the last line is done, and counts."""
    lines = streamed(HELLO)
    assert "".join(line["message"]["content"] for line in lines) == SAYS
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert ["eval_count" in line for line in lines] == [False] * (len(lines) - 1) + [True]
    counts = ("prompt_eval_count", "eval_count")
    assert [lines[-1][name] for name in counts] == [whole(HELLO)[name] for name in counts]


def test_thinking_tools_formats_and_limits() -> None:
    """It thinks where its name says so, calls tools whole, fits a format, and stops at a limit."""
    thinks = {**HELLO, "model": "offline-reasoning", "think": "low"}
    assert whole(thinks)["message"]["thinking"]
    assert "thinking" not in whole({**thinks, "think": False})["message"]
    wants = {**HELLO, "messages": [{"role": "user", "content": "get_time"}], "tools": [CLOCK]}
    (call,) = whole(wants)["message"]["tool_calls"]
    assert call["function"] == {"index": 0, "name": "get_time", "arguments": {}}
    calls = [line["message"].get("tool_calls", []) for line in streamed(wants)]
    assert [[c["function"] for c in found] for found in calls] == [[call["function"]], []]
    result = [*wants["messages"], {"role": "tool", "tool_name": "get_time", "content": "noon"}]
    assert "noon" in whole({**wants, "messages": result})["message"]["content"]
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert "a" in json.loads(whole({**HELLO, "format": schema})["message"]["content"])
    assert json.loads(whole({**HELLO, "format": "json"})["message"]["content"])
    cut = whole({**HELLO, "options": {"num_predict": 2, "stop": ["zzz"]}})
    assert (cut["done_reason"], cut["eval_count"]) == ("length", 2)
    tops = streamed({**HELLO, "logprobs": True, "top_logprobs": 2})[0]["logprobs"]
    assert len(tops[0]["top_logprobs"]) == 2


def test_other_places() -> None:
    """Completions, embeddings in both forms, models and the version."""
    made = whole({"model": "offline", "prompt": "hello there"}, "generate")
    assert made["response"] == SAYS
    lines = streamed({"model": "offline", "prompt": "hello there"}, "generate")
    assert "".join(line["response"] for line in lines) == SAYS
    vectors = whole({"model": "offline", "input": ["a", "b", "a"], "dimensions": 3}, "embed")
    assert vectors["embeddings"][0] == vectors["embeddings"][2] != vectors["embeddings"][1]
    assert [len(vector) for vector in vectors["embeddings"]] == [3, 3, 3]
    assert len(whole({"model": "offline", "prompt": "a"}, "embeddings")["embedding"]) == 8
    assert len(json.loads(ask(b"", "tags", "GET").body)["models"]) == 2
    assert "version" in json.loads(ask(b"", "version", "GET").body)
    assert whole({"model": "offline"})["done_reason"] == "load"


REFUSED: list[tuple[Any, int, str]] = [
    (b"", 400, "missing request body"),
    (b"{", 400, "invalid character"),
    ([], 400, "cannot unmarshal"),
    ({"messages": []}, 400, "model is required"),
    ({**HELLO, "model": "missing-model"}, 404, "model 'missing-model' not found"),
    ({**HELLO, "model": "rate-limited"}, 429, "rate limit exceeded"),
    ({**HELLO, "stream": "yes"}, 400, "Request.stream"),
    ({**HELLO, "top_logprobs": True}, 400, "Request.top_logprobs"),
    ({**HELLO, "top_logprobs": 21}, 400, "between 0 and 20"),
    ({**HELLO, "think": True}, 400, "does not support thinking"),
    ({**HELLO, "think": "huge"}, 400, "invalid think value"),
    ({**HELLO, "options": {"top_k": "3"}}, 400, "must be of type integer"),
    ({**HELLO, "options": {"temperature": "3"}}, 400, "must be of type float32"),
    ({**HELLO, "options": {"stop": "END"}}, 400, "must be of type array"),
    ({**HELLO, "messages": ["hello"]}, 400, "messages"),
    ({**HELLO, "messages": [{"role": "robot"}]}, 400, "invalid role"),
    ({**HELLO, "messages": [{"role": "user", "content": []}]}, 400, "Message.content"),
    ({**HELLO, "messages": [{"role": "user", "images": ["http://x"]}]}, 400, "illegal base64"),
    ({**HELLO, "messages": [{"role": "assistant", "tool_calls": [{}]}]}, 400, "ToolCall.function"),
    (
        {
            **HELLO,
            "messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}],
        },
        400,
        "ToolCallFunction.arguments",
    ),
    ({**HELLO, "tools": [3]}, 400, "tools.function"),
]


@pytest.mark.parametrize(("body", "status", "words"), REFUSED)
def test_what_is_refused(body: Any, status: int, words: str) -> None:
    """What the real server cannot read, and what a model cannot do, is refused in its words."""
    reply = ask(body)
    assert reply.status == status
    assert words in json.loads(reply.body)["error"]


def test_what_is_refused_elsewhere() -> None:
    """Wrong keys, methods and inputs have their own refusals; a body that is too deep has one, too."""
    assert ask(HELLO, authorization="Bearer invalid").status == 401
    assert ask(HELLO, method="GET").status == 405
    assert ask({"model": "offline", "input": [1]}, "embed").status == 400
    raw = {"model": "offline", "prompt": "x", "raw": True, "system": "y"}
    assert ask(raw, "generate").status == 400
    assert ask(b"[" * 200_000).status == 400


def test_it_serves_its_own() -> None:
    """Its paths are its own, under any prefix; others are other wires'."""
    for path in ("/api/chat", "/own/api/tags?x=1", "/api/embed/"):
        assert wire_for(path, {}).name == "ollama_chat"
    for path in ("/v1/chat/completions", "/api/pull", "/v1/messages"):
        assert wire_for(path, {}).name != "ollama_chat"


@pytest.fixture(scope="module")
def client() -> Iterator[llmkit.Client]:
    """A client of llmkit, pointed at a running simulator."""
    with Simulator() as sim:
        base = sim.base_url_for("ollama")
        with llmkit.Client(environ={}, base_url=base, num_retries=0) as made:
            yield made


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_talks_to_it(client: llmkit.Client, *, stream: bool) -> None:
    """A real call passes through it in both colours, streamed and whole, and is counted."""
    messages = HELLO["messages"]

    async def asked() -> Any:
        async with llmkit.Client(environ={}, base_url=client._defaults["base_url"]) as other:
            made = await other.acompletion("ollama/offline", messages, stream=stream)
            return await made.until_done() if stream else made

    made = client.completion("ollama/offline", messages, stream=stream)
    for whole in (made.until_done() if stream else made, asyncio.run(asked())):
        assert whole.choices[0].message.content == SAYS
        assert whole.usage is not None
        assert whole.usage.completion_tokens


def test_a_client_embeds(client: llmkit.Client) -> None:
    """An embedding passes through it, too."""
    made = client.embedding("ollama/offline", ["a", "b"], dimensions=4)
    assert [len(vector) for vector in made.vectors] == [4, 4]
    with pytest.raises(llmkit.NotFoundError):
        client.embedding("ollama/missing-model", "a")
