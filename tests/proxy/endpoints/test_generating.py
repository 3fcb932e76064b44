"""Gemini's form, asked by the google-genai SDK over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from llmkit.testing.faults import Cut, Status

from .._kit import MASTER, Served, gateway

TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            description="How the weather is.",
            parameters_json_schema={
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        )
    ]
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all."""
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[genai.Client]:
    """The SDK's client."""
    with genai.Client(
        api_key=MASTER, http_options=types.HttpOptions(base_url=served.origin)
    ) as one:
        yield one


@pytest.mark.parametrize("model", ["gemini", "fast", "claude"])
def test_an_answer(client: genai.Client, model: str) -> None:
    """Whoever answers, it is Gemini's form."""
    answer = client.models.generate_content(model=model, contents="Say hello.")
    assert answer.text
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count


@pytest.mark.parametrize("model", ["gemini", "fast", "claude"])
def test_a_stream_is_the_answer_in_pieces(client: genai.Client, model: str) -> None:
    """The pieces add up."""
    whole = client.models.generate_content(model=model, contents="Say hello.")
    pieces = list(client.models.generate_content_stream(model=model, contents="Say hello."))
    assert "".join(piece.text or "" for piece in pieces) == whole.text
    assert pieces[-1].usage_metadata is not None


@pytest.mark.parametrize("model", ["gemini", "fast", "claude"])
def test_tools(client: genai.Client, model: str) -> None:
    """A tool is called."""
    config = types.GenerateContentConfig(
        tools=[TOOL],
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(
                mode=types.FunctionCallingConfigMode.ANY
            )
        ),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    asked: Any = {"model": model, "contents": "How is the weather in Oslo?", "config": config}
    answer = client.models.generate_content(**asked)
    assert answer.function_calls is not None
    assert answer.function_calls[0].name == "get_weather"
    pieces = client.models.generate_content_stream(**asked)
    calls = [call for piece in pieces for call in piece.function_calls or ()]
    assert [call.args for call in calls] == [answer.function_calls[0].args]


@pytest.mark.parametrize("model", ["gemini", "fast", "claude"])
def test_tokens_are_counted(client: genai.Client, model: str) -> None:
    """By the provider; here, where it counts none."""
    few = client.models.count_tokens(model=model, contents="Hello").total_tokens
    many = client.models.count_tokens(model=model, contents="hello " * 200).total_tokens
    assert few is not None
    assert many is not None
    assert 0 < few < many


def test_async(served: Served) -> None:
    """The async client, streamed and not."""

    async def body() -> None:
        options = types.HttpOptions(base_url=served.origin)
        async with genai.Client(api_key=MASTER, http_options=options).aio as client:
            answer = await client.models.generate_content(model="gemini", contents="Say hello.")
            stream = await client.models.generate_content_stream(
                model="gemini", contents="Say hello."
            )
            pieces = [piece.text or "" async for piece in stream]
            assert "".join(pieces) == answer.text

    asyncio.run(body())


def test_a_list_is_streamed(served: Served) -> None:
    """Without ``alt=sse`` a stream is one list; the key may be in the address."""
    body = {"contents": [{"parts": [{"text": "Say hello."}]}]}
    path = "/v1beta/models/gemini:streamGenerateContent"
    with served.client(None) as client:
        listed = client.post(path, params={"key": MASTER}, json=body).json()
        assert client.post(path, json=body).status_code == 401
    assert len(listed) > 1
    assert all("candidates" in one for one in listed)


def test_what_only_gemini_knows(client: genai.Client, served: Served) -> None:
    """It is sent where a Gemini answers, and refused elsewhere."""
    harm = types.HarmCategory.HARM_CATEGORY_HARASSMENT
    block = types.HarmBlockThreshold.BLOCK_NONE
    config = types.GenerateContentConfig(
        safety_settings=[types.SafetySetting(category=harm, threshold=block)]
    )
    asked: Any = {"contents": "Say hello.", "config": config}
    assert client.models.generate_content(model="gemini", **asked).text
    assert "safetySettings" in served.simulator.requests[-1].json()
    with pytest.raises(errors.ClientError, match="safetySettings is Gemini's own"):
        client.models.generate_content(model="fast", **asked)


def test_errors_are_googles(client: genai.Client, served: Served) -> None:
    """A failure has Google's form; within a stream it is an event."""
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="nobody", contents="Hello")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    served.simulator.fail(Status(400))
    with pytest.raises(errors.ClientError) as caught:
        list(client.models.generate_content_stream(model="gemini", contents="Hello"))
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    served.simulator.fail(Cut(at=900))
    with pytest.raises(errors.APIError, match="broke off"):
        list(client.models.generate_content_stream(model="gemini", contents="Hello"))


def test_an_unknown_action(served: Served) -> None:
    """What models have not here is a 404 that says what they have."""
    with served.client() as client:
        answer = client.post("/v1beta/models/gemini:predict", json={"a": 1})
    assert answer.status_code == 404
    assert "generateContent" in answer.json()["error"]["message"]
