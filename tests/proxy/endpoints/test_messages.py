"""Anthropic's Messages, asked by the anthropic SDK over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from llmkit.testing.faults import Cut, Status

from .._kit import MASTER, Served, gateway

HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
TOOL: Any = {
    "name": "get_weather",
    "description": "How the weather is.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all."""
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[anthropic.Anthropic]:
    """The SDK's client."""
    with anthropic.Anthropic(api_key=MASTER, base_url=served.origin, max_retries=0) as one:
        yield one


@pytest.mark.parametrize("model", ["claude", "fast", "gemini"])
def test_an_answer(client: anthropic.Anthropic, model: str) -> None:
    """Whoever answers, it is a message."""
    answer = client.messages.create(model=model, messages=HELLO, max_tokens=50)
    assert answer.type == "message"
    assert answer.content[0].type == "text"
    assert answer.content[0].text
    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("model", ["claude", "fast", "gemini"])
def test_a_stream_is_the_answer_in_pieces(client: anthropic.Anthropic, model: str) -> None:
    """The SDK's own accumulator makes the same message of it."""
    asked: dict[str, Any] = {"model": model, "messages": HELLO, "max_tokens": 50}
    whole = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == final.content[0].text == whole.content[0].text  # type: ignore[union-attr]
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens


@pytest.mark.parametrize("model", ["claude", "fast", "gemini"])
def test_tools(client: anthropic.Anthropic, model: str) -> None:
    """A tool is called, and its result can be answered."""
    asked: dict[str, Any] = {
        "model": model,
        "max_tokens": 200,
        "messages": [{"role": "user", "content": "How is the weather in Oslo?"}],
        "tools": [TOOL],
        "tool_choice": {"type": "any"},
    }
    answer = client.messages.create(**asked)
    used: Any = next(block for block in answer.content if block.type == "tool_use")
    assert used.name == "get_weather"
    with client.messages.stream(**asked) as stream:
        streamed: Any = stream.get_final_message()
    assert [b.input for b in streamed.content if b.type == "tool_use"] == [used.input]
    result = {"type": "tool_result", "tool_use_id": used.id, "content": "Sunny."}
    history = [
        *asked["messages"],
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [result]},
    ]
    last = client.messages.create(model=model, max_tokens=50, messages=history, tools=[TOOL])
    assert last.content


@pytest.mark.parametrize("model", ["claude", "fast", "gemini"])
def test_tokens_are_counted(client: anthropic.Anthropic, model: str) -> None:
    """By the provider; here, where it counts none."""
    few = client.messages.count_tokens(model=model, messages=HELLO).input_tokens
    many = client.messages.count_tokens(
        model=model, messages=[{"role": "user", "content": "hello " * 200}], tools=[TOOL]
    ).input_tokens
    assert 0 < few < many


def test_async(served: Served) -> None:
    """The async client."""

    async def body() -> None:
        async with anthropic.AsyncAnthropic(
            api_key=MASTER, base_url=served.origin, max_retries=0
        ) as client:
            asked: dict[str, Any] = {"model": "claude", "messages": HELLO, "max_tokens": 50}
            answer = await client.messages.create(**asked)
            async with client.messages.stream(**asked) as stream:
                final = await stream.get_final_message()
            assert final.content[0].text == answer.content[0].text  # type: ignore[union-attr]

    asyncio.run(body())


def test_errors_are_anthropics(client: anthropic.Anthropic, served: Served) -> None:
    """A failure has Anthropic's form, and the id that the answer's header names."""
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(model="claude", messages=[], max_tokens=5)
    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert body["request_id"] == caught.value.response.headers["x-request-id"]
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="nobody", messages=HELLO, max_tokens=5)
    with (
        anthropic.Anthropic(api_key="sk-" + "no", base_url=served.origin, max_retries=0) as other,
        pytest.raises(anthropic.AuthenticationError),
    ):
        other.messages.create(model="claude", messages=HELLO, max_tokens=5)


def test_a_failure_before_and_within_a_stream(client: anthropic.Anthropic, served: Served) -> None:
    """Before the first event it is a status, later an event, which the SDK raises."""
    served.simulator.fail(Status(400))
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model="claude", messages=HELLO, max_tokens=50, stream=True)
    served.simulator.fail(Cut(at=700))
    stream = client.messages.create(model="claude", messages=HELLO, max_tokens=50, stream=True)
    assert next(stream).type == "message_start"
    with pytest.raises(anthropic.APIStatusError, match="broke off"):
        list(stream)


def test_what_the_client_opts_into_goes_along(client: anthropic.Anthropic, served: Served) -> None:
    """``anthropic-beta`` is the caller's to say; the user's id is sent, other metadata is not."""
    metadata: Any = {"user_id": "ann", "trace": "t"}
    client.messages.create(
        model="claude",
        messages=HELLO,
        max_tokens=50,
        metadata=metadata,
        extra_headers={"anthropic-beta": "context-management-2025-06-27"},
    )
    sent = served.simulator.requests[-1]
    assert sent.headers["anthropic-beta"] == "context-management-2025-06-27"
    assert sent.json()["metadata"] == {"user_id": "ann"}
