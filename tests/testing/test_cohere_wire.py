"""The simulated Cohere: chat, embeddings and reranking, by hand-made requests and through a client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import llmkit
from llmkit.testing import Simulator
from llmkit.testing._answer import answer
from llmkit.testing._wires import wire_for
from llmkit.testing._wires.cohere_chat import CohereChat
from llmkit.testing._wires.cohere_chat_v1 import CohereChatV1
from llmkit.testing._wires.cohere_embed import CohereEmbed
from llmkit.testing._wires.cohere_generate import CohereGenerate
from llmkit.testing._wires.rerank import Rerank

HEADERS = {"authorization": "Bearer test-key"}
HELLO = [{"role": "user", "content": "hello there"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CALLED = {
    "role": "assistant",
    "tool_plan": "I will.",
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    ],
}
DOCUMENT = {"type": "document", "document": {"data": {"city": "Rome"}}}


def posted(wire: Any, path: str, body: Any, headers: Any = None, method: str = "POST") -> Any:
    """Status and body of a reply, without a socket."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = wire.reply(method, path, HEADERS if headers is None else headers, raw, answer)
    return reply.status, (json.loads(reply.body) if reply.body else reply.frames)


def chat(**changes: Any) -> Any:
    """The chat's reply to a request that is fine but for *changes*; ... leaves one out."""
    body = {"model": "offline", "messages": HELLO, **changes}
    given = {name: value for name, value in body.items() if value is not ...}
    return posted(CohereChat(), "/v2/chat", given)


def test_paths() -> None:
    """Each path is its wire's, whatever stands before it."""
    for path, name in (
        ("/v2/chat", "cohere_chat"),
        ("/proxy/v2/chat?x=1", "cohere_chat"),
        ("/v2/embed", "cohere_embed"),
        ("/v1/embed/", "cohere_embed"),
        ("/v1/rerank", "rerank"),
        ("/v2/rerank", "rerank"),
        ("/v1/chat/completions", "openai_chat"),
    ):
        assert wire_for(path, {}).name == name


def test_a_plain_answer() -> None:
    """The answer has what real ones have: id, message, reason, and both counts of tokens."""
    status, made = chat()
    assert status == 200
    assert made["finish_reason"] == "COMPLETE"
    assert made["message"]["role"] == "assistant"
    assert "hello there" in made["message"]["content"][0]["text"]
    usage = made["usage"]
    assert (
        usage["tokens"]["input_tokens"]
        == usage["billed_units"]["input_tokens"] + usage["cached_tokens"]
    )
    assert chat() == (status, made)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"max_tokens": 1}, "MAX_TOKENS"),
        ({"stop_sequences": ["simulator"]}, "STOP_SEQUENCE"),
        ({"tools": [TOOL], "tool_choice": "REQUIRED"}, "TOOL_CALL"),
        ({"tools": [TOOL], "tool_choice": "NONE"}, "COMPLETE"),
        ({"messages": [*HELLO, CALLED, {"role": "tool", "tool_call_id": "c1", "content": [DOCUMENT]}]}, "COMPLETE"),
        ({"response_format": {"type": "json_object"}}, "COMPLETE"),
        ({"response_format": {"type": "json_object", "json_schema": {"type": "object"}}}, "COMPLETE"),
        ({"thinking": {"type": "enabled"}}, "COMPLETE"),
        ({"documents": ["Rome"], "safety_mode": "STRICT", "citation_options": {}}, "COMPLETE"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "COMPLETE"),
    ],
)  # fmt: skip
def test_what_it_takes(changes: Any, reason: str) -> None:
    """What the real one takes is taken; streams and whole answers end alike."""
    status, made = chat(**changes)
    assert (status, made["finish_reason"]) == (200, reason)
    status, frames = chat(**changes, stream=True)
    assert frames[-1] == b"data: [DONE]\n\n"
    last = json.loads(frames[-2].decode().partition("data: ")[2])
    assert last["delta"]["finish_reason"] == reason


@pytest.mark.parametrize(
    ("changes", "status", "match"),
    [
        ({"model": ...}, 400, "model is required"),
        ({"model": "missing-model"}, 404, "not found"),
        ({"model": "rate-limited"}, 429, "Trial key"),
        ({"messages": []}, 400, "at least one"),
        ({"messages": "x"}, 400, "type"),
        ({"top_p": 0.5}, 422, "not a valid field"),
        ({"stream": 1}, 400, "type"),
        ({"max_tokens": True}, 400, "type"),
        ({"temperature": 1.5}, 400, "between 0 and 1"),
        ({"p": 1}, 400, "between"),
        ({"tool_choice": "auto"}, 400, "must be one of"),
        ({"stop_sequences": list("abcdef")}, 400, "at most 5"),
        ({"messages": ["x"]}, 400, "valid role"),
        ({"messages": [{"role": "developer", "content": "x"}]}, 400, "valid role"),
        ({"messages": [{"role": "user", "content": ""}]}, 400, "content is required"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, 400, "parts of types"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}, 400, "tool_calls"),
        ({"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}, 400, "tool_call_id"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "name and parameters"),
        ({"tool_choice": "REQUIRED"}, 400, "needs tools"),
        ({"response_format": {"type": "json_schema"}}, 400, "text or json_object"),
        ({"response_format": {"type": "json_object"}, "tools": [TOOL]}, 400, "together with tools"),
    ],
)  # fmt: skip
def test_what_it_refuses(changes: Any, status: int, match: str) -> None:
    """What the real one refuses is refused, in its form."""
    found, made = chat(**changes)
    assert found == status
    assert set(made) == {"id", "message"}
    assert match in made["message"]


@pytest.mark.parametrize(
    ("wire", "path"),
    [(CohereChat(), "/v2/chat"), (CohereEmbed(), "/v2/embed"), (Rerank(), "/v2/rerank")],
)
def test_the_door(wire: Any, path: str) -> None:
    """Keys, methods and bodies are looked at first; faults have the same form."""
    assert posted(wire, path, {}, headers={})[0] == 401
    status, made = posted(wire, path, {}, headers={"authorization": "Bearer invalid-key"})
    assert (status, "Incorrect API key" in made["message"]) == (401, True)
    assert posted(wire, path, {}, method="GET")[0] == 405
    assert posted(wire, path, b"{")[0] == 400
    assert posted(wire, path, [])[0] == 400
    assert posted(wire, path, b'{"model":"m","messages":' + b"[" * 100_000)[0] == 400
    failure = wire.failure(503, "overloaded")
    assert (failure.status, json.loads(failure.body)["message"]) == (503, "overloaded")
    assert b"overloaded" in wire.failure_frame(503, "overloaded")


@pytest.mark.parametrize(
    ("path", "changes", "match"),
    [
        ("/v2/embed", {"input_type": None}, "input_type"),
        ("/v2/embed", {"texts": None}, "at least one"),
        ("/v2/embed", {"texts": []}, "at least one"),
        ("/v2/embed", {"texts": ["a"] * 97}, "at most 96"),
        ("/v2/embed", {"embedding_types": ["int3"]}, "unknown embedding type"),
        ("/v2/rerank", {"query": 3}, "query"),
        ("/v2/rerank", {"documents": []}, "documents"),
        ("/v2/rerank", {"documents": [{"a": "b"}]}, "list of strings"),
    ],
)
def test_what_the_others_refuse(path: str, changes: Any, match: str) -> None:
    """Embeddings and reranking refuse what the real ones do."""
    fine = {
        "model": "m",
        "texts": ["a"],
        "input_type": "search_query",
        "query": "q",
        "documents": ["a"],
    }
    wire = wire_for(path, {})
    status, made = posted(wire, path, {**fine, **changes})
    assert status in (400, 422)
    assert match in made["message"]
    assert posted(wire, path, fine)[0] == 200


def test_formats_of_vectors() -> None:
    """Each format that is asked for is there, as many as there are inputs."""
    kinds = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    body = {"model": "m", "texts": ["a", "b"], "input_type": "search_query"}
    _, made = posted(CohereEmbed(), "/v2/embed", {**body, "embedding_types": kinds})
    assert list(made["embeddings"]) == kinds
    assert all(len(listed) == 2 for listed in made["embeddings"].values())
    assert all(-128 <= n <= 127 for n in made["embeddings"]["binary"][0])
    assert made["response_type"] == "embeddings_by_type"
    _, bare = posted(CohereEmbed(), "/v1/embed", body)
    assert bare["response_type"] == "embeddings_floats"
    assert len(bare["embeddings"]) == 2
    _, seen = posted(CohereEmbed(), "/v2/embed", {**body, "texts": None, "images": ["data:"]})
    assert seen["meta"]["billed_units"] == {"images": 1}
    _, mixed = posted(
        CohereEmbed(), "/v2/embed", {**body, "texts": None, "inputs": [{"content": []}]}
    )
    assert len(mixed["embeddings"]["float"]) == 1


QUESTIONS: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "Say hello."}]},
    {"messages": [{"role": "user", "content": "Use get_weather."}], "tools": [TOOL]},
    {"messages": HELLO, "reasoning_effort": "high"},
    {"messages": HELLO, "logprobs": True, "stop": ["simulator"]},
    {"messages": HELLO, "response_format": {"type": "json_object"}},
    {"messages": HELLO, "tools": [TOOL], "tool_choice": "required"},
]


def dumped(completion: Any) -> dict[str, Any]:
    """What a whole answer and a folded one have in common, in one form."""
    made: dict[str, Any] = json.loads(completion.model_dump_json())
    for call in made["choices"][0]["message"].get("tool_calls") or ():
        call.pop("index", None)
    return made


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_real_client_in_both_colours(question: dict[str, Any]) -> None:
    """Whole, streamed and folded, sync and async: one answer."""
    with Simulator() as sim:
        where = {"api_key": "test-key", "base_url": sim.base_url_for("cohere")}

        async def ask() -> tuple[Any, Any]:
            async with llmkit.Client(**where) as client:
                whole = await client.acompletion("cohere/m", **question)
                stream = await client.acompletion("cohere/m", stream=True, **question)
                async for _ in stream:
                    pass
                return whole, stream.response

        with llmkit.Client(**where) as client:
            whole = client.completion("cohere/m", **question)
            with client.completion("cohere/m", stream=True, **question) as stream:
                list(stream)
        found = [whole, stream.response, *asyncio.run(ask())]
    # The events bear the id of a request of their own.
    forms = [{**dumped(each), "id": ""} for each in found]
    assert forms[0]["choices"] == forms[2]["choices"]
    assert forms[1]["choices"] == forms[3]["choices"]
    ids = json.dumps([forms[0]["choices"], forms[1]["choices"]])
    assert "error" not in ids
    streamed, plain = (form["choices"][0]["message"] for form in (forms[1], forms[0]))
    for name in ("content", "reasoning_content", "thinking_blocks"):
        assert streamed.get(name) == plain.get(name)
    assert forms[0]["usage"] == forms[1]["usage"]
    assert forms[0]["choices"][0]["finish_reason"] == forms[1]["choices"][0]["finish_reason"]


# --- the first version --------------------------------------------------------------------------

FIRST_TOOL = {
    "name": "get_weather",
    "description": "Outside.",
    "parameter_definitions": {"city": {"type": "str", "required": True}, "odd": 3},
}


def first(**changes: Any) -> Any:
    """The first chat's reply to a request that is fine but for *changes*."""
    given = {"model": "offline", "message": "hello there", **changes}
    return posted(CohereChatV1(), "/v1/chat", given)


def test_the_first_version_answers() -> None:
    """The answer has what real ones have, and the stream ends with it."""
    status, made = first()
    assert status == 200
    assert "hello there" in made["text"]
    assert made["finish_reason"] == "COMPLETE"
    assert made["chat_history"] == [{"role": "USER", "message": "hello there"}]
    _, frames = first(stream=True)
    events = [json.loads(frame) for frame in frames]
    assert [events[0]["event_type"], events[-1]["event_type"]] == ["stream-start", "stream-end"]
    assert "".join(event.get("text", "") for event in events) == made["text"]
    assert events[-1]["response"]["text"] == made["text"]
    _, called = first(message="Use get_weather.", tools=[FIRST_TOOL])
    assert called["tool_calls"][0]["name"] == "get_weather"
    _, short = first(message="Use get_weather.", tools=[FIRST_TOOL], max_tokens=3)
    assert short["finish_reason"] == "MAX_TOKENS"
    _, cut = first(message="Use get_weather.", tools=[FIRST_TOOL], max_tokens=4)
    assert cut["finish_reason"] == "MAX_TOKENS"
    _, stopped = first(stop_sequences=["simulator"])
    assert stopped["finish_reason"] == "STOP_SEQUENCE"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"message": None}, "message must be a string"),
        ({"message": ""}, "at least 1 token"),
        ({"chat_history": 3}, "list of objects"),
        ({"chat_history": [{"role": "ROBOT"}]}, "valid role"),
        ({"temperature": 3}, "between"),
        ({"messages": []}, ""),
    ],
)
def test_what_the_first_version_refuses(changes: Any, match: str) -> None:
    """What is wrong is refused, in the same form."""
    status, made = first(**changes)
    if match:
        assert (status, match in made["message"]) == (400, True)
    else:
        assert status == 200


def test_the_first_version_s_door() -> None:
    """Its path is its own, its failures come as the others' do."""
    wire = CohereChatV1()
    assert wire.serves("/proxy/v1/chat?x=1", {})
    assert not wire.serves("/v1/chat/completions", {})
    assert json.loads(wire.failure(503, "overloaded").body)["message"] == "overloaded"
    for status, reason in ((503, "ERROR"), (504, "TIMEOUT")):
        assert json.loads(wire.failure_frame(status, "no"))["finish_reason"] == reason


def test_a_conversation_with_the_first_version() -> None:
    """A call of a tool, its result, and the words after it, in both forms."""
    with Simulator() as sim:
        where = {"api_key": "test-key", "base_url": sim.base_url_for("cohere_v1")}
        with llmkit.Client(**where) as client:
            asked: list[Any] = [{"role": "user", "content": "Use get_weather."}]
            made = client.completion("cohere_v1/m", asked, tools=[TOOL])
            (call,) = made.choices[0].message.tool_calls
            assert call.function.name == "get_weather"
            result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
            asked += [made.choices[0].message, result]
            for stream in (False, True):
                told: Any = client.completion("cohere_v1/m", asked, tools=[TOOL], stream=stream)
                text = "".join(chunk.text for chunk in told) if stream else told.text
                assert "The tool answered" in text
                assert "sunny" in text


# --- texts to be continued ----------------------------------------------------------------------


def test_texts_are_continued() -> None:
    """A client's call passes through it in both colours, whole and streamed, as often as is asked for."""
    with Simulator() as sim:
        where = {"api_key": "test-key", "base_url": sim.base_url_for("cohere_v1")}

        async def ask() -> tuple[Any, Any]:
            async with llmkit.Client(**where) as client:
                whole = await client.atext_completion("Once upon", "cohere_v1/m", n=2)
                stream = await client.atext_completion("Once upon", "cohere_v1/m", n=2, stream=True)
                async for _ in stream:
                    pass
                return whole, stream.response

        with llmkit.Client(**where) as client:
            whole = client.text_completion("Once upon", "cohere_v1/m", n=2)
            with client.text_completion("Once upon", "cohere_v1/m", n=2, stream=True) as stream:
                list(stream)
        found = [whole, stream.response, *asyncio.run(ask())]
    assert "Once upon" in whole.text
    assert len(whole.choices) == 2
    assert whole.usage.completion_tokens > 0
    for other in found[1:]:
        assert [c.text for c in other.choices] == [c.text for c in whole.choices]
        assert other.usage == whole.usage


def test_what_no_text_is() -> None:
    """No prompt, too many texts: refused; failures come as the others' do."""
    wire = CohereGenerate()
    fine = {"model": "m", "prompt": "Once"}
    status, made = posted(wire, "/v1/generate", {**fine, "max_tokens": 1})
    assert (status, made["generations"][0]["finish_reason"]) == (200, "MAX_TOKENS")
    for changes in (
        {"prompt": ""},
        {"prompt": 3},
        {"num_generations": 6},
        {"num_generations": "x"},
    ):
        status, made = posted(wire, "/v1/generate", {**fine, **changes})
        assert (status, set(made)) == (400, {"id", "message"})
    assert wire_for("/v1/generate", {}).name == "cohere_generate"
    assert json.loads(wire.failure(503, "no").body)["message"] == "no"
    assert json.loads(wire.failure_frame(503, "no"))["err"] == "no"
