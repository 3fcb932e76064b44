"""The simulated Responses API: what it answers llmkit's own client and the official SDK, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit.testing import Simulator
from llmkit.testing._wires.openai_responses import OpenAIResponses

KEY = "made-" + "up"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
NOTE = {"type": "custom", "name": "take_note"}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[llmkit.Client]:
    """A client of llmkit, pointed at the simulator."""
    address = sim.base_url_for("openai")
    with llmkit.Client(environ={}, api_key=KEY, base_url=address, num_retries=0) as made:
        yield made


class City(BaseModel):
    """A place."""

    name: str
    inhabitants: int


def test_answer(client: llmkit.Client) -> None:
    """A call is answered natively: typed items, text, counts."""
    answer = client.responses("Hello there", "openai/offline", max_output_tokens=50)
    assert "Hello there" in answer.output_text
    assert answer.status == "completed"
    assert answer.output[0].content[0]["type"] == "output_text"
    assert answer["usage"]["input_tokens"] == answer.usage.input_tokens > 0
    assert answer.counted().completion_tokens == answer.usage.output_tokens
    assert answer.call.kind == "responses"
    assert "Hello there" in answer._repr_markdown_()


def test_answer_async_and_streamed(client: llmkit.Client) -> None:
    """Asynchronously and in a stream the same is said, and the stream settles once."""

    async def ask() -> tuple[str, str]:
        async with llmkit.Client(environ={}, api_key=KEY, base_url=client_url(client)) as other:
            answer = await other.aresponses("Hello", "openai/offline")
            stream = await other.aresponses("Hello", "openai/offline", stream=True)
            return answer.output_text, "".join([event.text async for event in stream])

    whole, told = asyncio.run(ask())
    assert whole == told
    with client.responses("Hello", "openai/offline", stream=True) as stream:
        events = list(stream)
    assert "".join(event.text for event in events) == whole == stream.response.output_text
    assert [event.sequence_number for event in events] == [*range(len(events))]
    assert events[-1].type == "response.completed"
    assert stream.usage.total_tokens == stream.response.usage.total_tokens


def client_url(client: llmkit.Client) -> str:
    """Where a client calls."""
    return str(client._defaults["base_url"])


def test_reasoning_calls_and_results(client: llmkit.Client) -> None:
    """Reasoning and calls come as items, go back as they came, and the result is answered."""
    tools = [WEATHER, NOTE]
    asked = "Use get_weather and take_note"
    first = client.responses(
        asked, "openai/offline-reasoning", tools=tools, include=["reasoning.encrypted_content"]
    )
    kinds = [item.type for item in first.output]
    assert kinds == ["reasoning", "function_call", "custom_tool_call"]
    assert first.output[0].encrypted_content
    results = [
        {"type": f"{item.type}_output", "call_id": item.call_id, "output": "42"}
        for item in first.output[1:]
    ]
    history = [{"role": "user", "content": asked}, *first.output, *results]
    second = client.responses(history, "openai/offline-reasoning", tools=tools)
    assert "The tool answered: 42" in second.output_text
    streamed = client.responses(asked, "openai/offline-reasoning", tools=tools, stream=True)
    assert [item.type for item in streamed.until_done().output] == kinds


def test_parsed(client: llmkit.Client) -> None:
    """A class given as ``text_format`` is what the answer is an instance of."""
    answer = client.responses("A city?", "openai/offline", text_format=City)
    assert isinstance(answer.parsed, City)
    with pytest.raises(llmkit.InvalidRequestError, match="text_format must be a class"):
        client.responses("A city?", "openai/offline", text_format={"type": "object"})


def test_official_sdk(sim: Simulator) -> None:
    """The official SDK reads the same answers, whole and streamed."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(api_key=KEY, base_url=sim.base_url) as theirs:
        answer = theirs.responses.create(model="offline", input="Hello")
        with theirs.responses.stream(model="offline", input="Hello") as stream:
            streamed = stream.get_final_response()
    assert answer.output_text == streamed.output_text != ""


def test_chat_by_responses(client: llmkit.Client) -> None:
    """``openai/responses/…`` is a chat by way of this API: text, reasoning, calls, results, streams."""
    model = "openai/responses/offline-reasoning"
    tools = [{"type": "function", "function": {k: v for k, v in WEATHER.items() if k != "type"}}]
    messages: list[Any] = [{"role": "user", "content": "Use get_weather"}]
    answer = client.completion(model, messages, tools=tools, reasoning_effort="low")
    message = answer.choices[0].message
    assert message.reasoning_content
    assert message.tool_calls[0].function.name == "get_weather"
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    second = client.completion(model, [*messages, message, result], tools=tools)
    assert "sunny" in second.text
    stream = client.completion(model, messages, tools=tools, reasoning_effort="low", stream=True)
    folded = stream.until_done()
    told = folded.choices[0].message
    assert told.reasoning_content == message.reasoning_content
    assert told.tool_calls[0].function == message.tool_calls[0].function
    assert folded.usage == answer.usage
    assert [entry.parameter for entry in answer.call.ledger] == ["store"]


def test_fits_in_the_limit(client: llmkit.Client) -> None:
    """An answer that is cut off is ``incomplete``, as a chat's ``length``."""
    answer = client.responses("Hello " * 30, "openai/offline", max_output_tokens=16)
    assert (answer.status, answer.incomplete_details) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    chat = client.completion(
        "openai/responses/offline", [{"role": "user", "content": "Hello " * 30}], max_tokens=16
    )
    assert chat.choices[0].finish_reason == "length"


def refused(**body: Any) -> dict[str, Any]:
    """The error that the simulator answers a body with."""
    reply = OpenAIResponses().reply(
        "POST",
        "/v1/responses",
        {"authorization": f"Bearer {KEY}"},
        json.dumps({"model": "offline", "input": "Hello", **body}).encode(),
        lambda asked: pytest.fail("it should have been refused"),
    )
    assert reply.status == 400
    error: dict[str, Any] = json.loads(reply.body)["error"]
    return error


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"messages": []}, "messages", "unknown_parameter"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"max_output_tokens": 1}, "max_output_tokens", "integer_below_min_value"),
        ({"top_p": 2}, "top_p", "integer_above_max_value"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "previous_response_not_found"),
        ({"input": [7]}, "input[0]", "invalid_type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0]", "invalid_value"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content", "invalid_type"),
        (
            {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
            "input[0].content[0]",
            "invalid_value",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "input[0].content[0].text",
            "missing_required_parameter",
        ),
        (
            {"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
            "input[0].call_id",
            "missing_required_parameter",
        ),
        (
            {"input": [{"type": "function_call_output", "output": "x"}]},
            "input[0].call_id",
            "missing_required_parameter",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
            "input",
            None,
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            "tools[0].name",
            "missing_required_parameter",
        ),
        ({"tools": [{"name": "f"}]}, "tools[0].type", "missing_required_parameter"),
        ({"text": {"format": {"type": "xml"}}}, "text.format", "invalid_value"),
        (
            {"text": {"format": {"type": "json_schema", "name": "x"}}},
            "text.format.schema",
            "missing_required_parameter",
        ),
    ],
)
def test_refusals(body: dict[str, Any], param: str, code: str | None) -> None:
    """What the real API refuses, the simulator refuses, naming the parameter."""
    error = refused(**body)
    assert (error["param"], error["code"]) == (param, code)


def test_other_failures(client: llmkit.Client, sim: Simulator) -> None:
    """Keys, models, methods, kept answers and broken bodies are refused in OpenAI's form."""
    with pytest.raises(llmkit.NotFoundError):
        client.responses("Hello", "openai/missing-model")
    with pytest.raises(llmkit.NotFoundError, match="resp_1"):
        client.get_responses("resp_1")
    with pytest.raises(llmkit.AuthenticationError):
        client.responses("Hello", "openai/offline", api_key="invalid-" + "key")
    wire, key = OpenAIResponses(), {"authorization": f"Bearer {KEY}"}
    say: Any = None
    assert wire.reply("GET", "/v1/responses", key, b"", say).status == 405
    assert wire.reply("POST", "/v1/responses", key, b"[]", say).status == 400
    assert wire.reply("POST", "/v1/responses", key, b"[" * 100_000, say).status == 400
    assert json.loads(wire.failure(503, "down").body)["error"]["type"] == "server_error"
    assert b'"type": "error"' in wire.failure_frame(500, "broken")
