"""Chats, texts and embeddings, asked by the openai SDK over a real socket."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from llmkit.testing.faults import Status

from .._kit import MASTER, Served, gateway

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "How the weather is.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all."""
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    """The SDK's client."""
    with openai.OpenAI(api_key=MASTER, base_url=f"{served.origin}/v1", max_retries=0) as one:
        yield one


@pytest.mark.parametrize("model", ["fast", "claude", "gemini", "openai/gpt-4.1-mini"])
def test_an_answer(client: openai.OpenAI, model: str) -> None:
    """Whoever answers, it is a chat completion with what was used."""
    answer = client.chat.completions.create(model=model, messages=HELLO, max_tokens=50)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize("model", ["fast", "claude", "gemini"])
def test_a_stream_is_the_answer_in_pieces(client: openai.OpenAI, model: str) -> None:
    """The pieces add up; what was used comes last, for those who asked for it."""
    asked: dict[str, Any] = {"model": model, "messages": HELLO, "max_tokens": 50}
    whole = client.chat.completions.create(**asked).choices[0].message.content
    with client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert text == whole
    assert chunks[-1].usage is not None
    assert all(one.object == "chat.completion.chunk" for one in chunks)
    silent = list(client.chat.completions.create(**asked, stream=True))
    assert all(one.choices for one in silent)


@pytest.mark.parametrize("model", ["fast", "claude", "gemini"])
def test_tools(client: openai.OpenAI, model: str) -> None:
    """A tool is called, whole and in pieces, and its result can be answered."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "How is the weather in Oslo?"}],
        "tools": [TOOL],
        "tool_choice": "required",
    }
    message = client.chat.completions.create(**asked).choices[0].message
    assert message.tool_calls is not None
    call: Any = message.tool_calls[0]
    assert call.function.name == "get_weather"
    with client.chat.completions.stream(**asked) as stream:
        streamed: Any = stream.get_final_completion().choices[0].message
    arguments = [json.loads(one.function.arguments) for one in (streamed.tool_calls[0], call)]
    assert arguments[0] == arguments[1] != {}
    result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny."}
    history = [*asked["messages"], message.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(model=model, messages=history, tools=[TOOL])
    assert answer.choices[0].message.content


def test_async(served: Served) -> None:
    """The async client, several at once, streamed and not."""

    async def one(client: openai.AsyncOpenAI) -> str:
        stream = await client.chat.completions.create(model="fast", messages=HELLO, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        answer = await client.chat.completions.create(model="fast", messages=HELLO)
        assert answer.choices[0].message.content == "".join(pieces)
        return "".join(pieces)

    async def body() -> None:
        base = f"{served.origin}/v1"
        async with openai.AsyncOpenAI(api_key=MASTER, base_url=base, max_retries=0) as client:
            assert len(set(await asyncio.gather(*[one(client) for _ in range(8)]))) == 1

    asyncio.run(body())


def test_azures_client(served: Served) -> None:
    """The model is in the address, and the key in a header of its own."""
    with openai.AzureOpenAI(
        api_key=MASTER, azure_endpoint=served.origin, api_version="2024-10-21"
    ) as client:
        answer = client.chat.completions.create(model="fast", messages=HELLO)
    assert answer.choices[0].message.content


@pytest.mark.parametrize("path", ["/chat/completions", "/engines/fast/chat/completions"])
def test_other_paths(served: Served, path: str) -> None:
    """The same at all of them; what the address says goes before the body."""
    body = {"model": "fast", "messages": HELLO}
    with served.client() as client:
        assert client.post(path, json=body).json()["object"] == "chat.completion"


def test_text_completions(client: openai.OpenAI) -> None:
    """A text is continued, whole and in pieces."""
    asked: Any = {"model": "openai/gpt-3.5-turbo-instruct", "prompt": "Once", "max_tokens": 20}
    whole = client.completions.create(**asked)
    assert whole.object == "text_completion"
    pieces = [one.choices[0].text for one in client.completions.create(**asked, stream=True)]
    assert "".join(pieces) == whole.choices[0].text != ""


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "vectors"])
def test_embeddings(client: openai.OpenAI, model: str) -> None:
    """The SDK asks for base64 of everybody: who has only numbers is asked for those, and they are packed."""
    packed = client.embeddings.create(model=model, input=["a", "b"])
    plain = client.embeddings.create(model=model, input=["a", "b"], encoding_format="float")
    assert len(packed.data) == 2
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, rel=1e-6)


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "vectors"])
def test_base64_is_what_is_sent(served: Served, model: str) -> None:
    """OpenAI's SDK for Node can read nothing else."""
    body = {"model": model, "input": "a", "encoding_format": "base64"}
    with served.client() as client:
        answer = client.post("/v1/embeddings", json=body).json()
    assert isinstance(answer["data"][0]["embedding"], str)


MISTAKES: list[tuple[dict[str, Any], str | None, str]] = [
    ({"messages": HELLO}, "model", "model is missing"),
    ({"model": "fast"}, "messages", "messages"),
    ({"model": "fast", "messages": []}, "messages", "messages"),
    ({"model": "fast", "messages": HELLO, "stream": "yes"}, "stream", "true or false"),
    ({"model": "fast", "messages": HELLO, "timeout": -1}, "timeout", "seconds"),
    ({"model": "fast", "messages": HELLO, "num_retries": 99}, "num_retries", "from 0 to 10"),
    ({"model": "fast", "messages": HELLO, "tags": [1]}, "tags", "text"),
    ({"model": "fast", "messages": HELLO, "metadata": 1}, "metadata", "object"),
]


@pytest.mark.parametrize(("body", "param", "text"), MISTAKES)
def test_mistakes(served: Served, body: dict[str, Any], param: str | None, text: str) -> None:
    """A mistake is a 400 that names the field; nobody is asked."""
    before = len(served.simulator.requests)
    with served.client() as client:
        answer = client.post("/v1/chat/completions", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param)
    assert text in error["message"]
    assert len(served.simulator.requests) == before


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"[]", "a list"),
        (b'"x"', "a text"),
        (gzip.compress(b"{}", mtime=0), "compressed"),
    ],
)
def test_bodies_that_are_none(served: Served, body: bytes, text: str) -> None:
    """What is no JSON object is a 400 that says so."""
    with served.client() as client:
        answer = client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert text in answer.json()["error"]["message"]


def test_an_unknown_model(client: openai.OpenAI) -> None:
    """It is a 404 that says where the models are listed."""
    with pytest.raises(openai.NotFoundError, match="/v1/models"):
        client.chat.completions.create(model="nobody", messages=HELLO)


def test_no_key(served: Served) -> None:
    """Who shows none is told how."""
    with served.client(None) as client:
        answer = client.post("/v1/chat/completions", json={"model": "fast", "messages": HELLO})
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "auth_error"


def test_a_provider_that_fails(served: Served, client: openai.OpenAI) -> None:
    """Its failure is the answer's status, before the first piece also of a stream."""
    for stream in (False, True):
        served.simulator.fail(Status(400))
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="careful", messages=HELLO, stream=stream)


def test_a_body_that_is_too_large(tmp_path: Path) -> None:
    """It is refused, and nobody is asked."""
    with gateway(tmp_path, max_body=1000) as small, small.client() as client:
        body = {"model": "fast", "messages": [{"role": "user", "content": "x" * 2000}]}
        answer: httpx.Response = client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 413
        assert not small.simulator.requests
