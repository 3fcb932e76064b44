"""``responses`` and ``messages`` for every provider: natively where its API is that one, over its chat elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import llmkit
from llmkit.testing import Simulator

KEY = "made-" + "up"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}
FLAT = {"type": "function", "name": "get_weather", "parameters": WEATHER}
NATIVE = {"name": "get_weather", "description": "Weather", "input_schema": WEATHER}
MODELS = ("openai", "groq", "anthropic", "gemini")


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client() -> Iterator[llmkit.Client]:
    """A client with a key and nothing else."""
    with llmkit.Client(environ={}, api_key=KEY, num_retries=0) as made:
        yield made


def at(sim: Simulator, provider: str, model: str = "offline") -> dict[str, Any]:
    """A model of a provider, as the simulator serves it."""
    return {"model": f"{provider}/{model}", "base_url": sim.base_url_for(provider)}


@pytest.mark.parametrize("provider", MODELS)
def test_responses(client: llmkit.Client, sim: Simulator, provider: str) -> None:
    """Whoever answers, the answer is a response, whole or in events, counted for its price."""
    answer = client.responses("Hello you", **at(sim, provider), instructions="Be kind.")
    assert "Hello you" in answer.output_text
    assert (answer.object, answer.status) == ("response", "completed")
    assert answer.instructions == "Be kind."
    assert answer.counted().total_tokens == answer.usage.total_tokens > 0
    with client.responses("Hello you", **at(sim, provider), stream=True) as stream:
        events = list(stream)
    assert "".join(event.text for event in events) == stream.response.output_text
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert [event.sequence_number for event in events] == [*range(len(events))]
    assert stream.usage.total_tokens == stream.response.usage.total_tokens > 0


@pytest.mark.parametrize("provider", MODELS)
def test_messages(client: llmkit.Client, sim: Simulator, provider: str) -> None:
    """Whoever answers, the answer is a message, whole or in events in the API's order."""
    asked = [{"role": "user", "content": "Hello you"}]
    answer = client.messages(messages=asked, **at(sim, provider), max_tokens=100, system="Be kind.")
    assert "Hello you" in answer.text
    assert (answer.type, answer.stop_reason) == ("message", "end_turn")
    assert answer.counted().completion_tokens == answer.usage.output_tokens > 0
    with client.messages(
        messages=asked, **at(sim, provider), max_tokens=100, stream=True
    ) as stream:
        events = list(stream)
    assert "".join(event.said for event in events) == stream.response.text
    assert events[0].type == "message_start"
    assert events[-1].type == "message_stop"
    assert stream.usage.completion_tokens == stream.response.usage.output_tokens > 0


@pytest.mark.parametrize("provider", MODELS)
def test_responses_conversation(client: llmkit.Client, sim: Simulator, provider: str) -> None:
    """A call, put back with its result, is answered; streamed or not, whoever the provider is."""
    there = at(sim, provider)
    asked = [{"role": "user", "content": "Use get_weather"}]
    whole = client.responses(asked, **there, tools=[FLAT])
    told = client.responses(asked, **there, tools=[FLAT], stream=True).until_done()
    for answer in (whole, told):
        (call,) = [item for item in answer.output if item.type == "function_call"]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        second = client.responses([*asked, *answer.output, result], **there, tools=[FLAT])
        assert "sunny" in second.output_text


@pytest.mark.parametrize("provider", MODELS)
def test_messages_conversation(client: llmkit.Client, sim: Simulator, provider: str) -> None:
    """A call, put back with its result, is answered; streamed or not, whoever the provider is."""
    there = {**at(sim, provider), "max_tokens": 200, "tools": [NATIVE]}
    asked = [{"role": "user", "content": "Use get_weather"}]
    whole = client.messages(messages=asked, **there)
    told = client.messages(messages=asked, **there, stream=True).until_done()
    for answer in (whole, told):
        assert answer.stop_reason == "tool_use"
        (call,) = [block for block in answer.content if block.type == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        turns = [*asked, answer, {"role": "user", "content": [result]}]
        assert "sunny" in client.messages(messages=turns, **there).text


def test_async(sim: Simulator) -> None:
    """Both calls work asynchronously, whole and in events."""

    async def ask() -> list[str]:
        async with llmkit.Client(environ={}, api_key=KEY) as client:
            there = at(sim, "groq")
            asked = [{"role": "user", "content": "Hello"}]
            response = await client.aresponses("Hello", **there)
            told = await client.aresponses("Hello", **there, stream=True)
            message = await client.amessages(messages=asked, **there, max_tokens=50)
            events = await client.amessages(messages=asked, **there, max_tokens=50, stream=True)
            texts = ["".join([event.text async for event in told])]
            texts.append("".join([event.said async for event in events]))
            return [response.output_text, message.text, *texts]

    assert len(set(asyncio.run(ask()))) == 1


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt"])
def test_what_is_kept_elsewhere_is_refused(
    client: llmkit.Client, sim: Simulator, name: str
) -> None:
    """What only a provider that keeps answers can know is refused before anything is sent."""
    sent = len(sim.requests)
    with pytest.raises(llmkit.UnsupportedParamsError, match=name):
        client.responses("Hello", **at(sim, "anthropic"), **{name: "x"})
    assert len(sim.requests) == sent
    answer = client.responses("Hello", **at(sim, "anthropic"), drop_params=True, **{name: "x"})
    assert (name, "dropped") in [(e.parameter, e.change) for e in answer.call.ledger]


def test_what_is_native_is_refused_elsewhere(client: llmkit.Client, sim: Simulator) -> None:
    """What only Anthropic's API knows is refused by others, and sent where it is allowed."""
    asked = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 50}
    with pytest.raises(llmkit.UnsupportedParamsError, match="container"):
        client.messages(**asked, **at(sim, "groq"), container="c")
    dry = client.dry_run(
        "messages", **asked, **at(sim, "groq"), container="c", allowed_openai_params=["container"]
    )
    assert dry.body["container"] == "c"


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, "minimal"),
        ({"type": "enabled", "budget_tokens": 2000}, "low"),
        ({"type": "enabled", "budget_tokens": 10_000}, "medium"),
        ({"type": "enabled", "budget_tokens": 30_000}, "high"),
        ({"type": "adaptive"}, "medium"),
        ({"type": "disabled"}, None),
    ],
)
def test_thinking_where_there_are_levels(
    client: llmkit.Client, thinking: dict[str, Any], effort: str | None
) -> None:
    """Thinking in tokens is an effort where the provider knows only those, and the ledger says so."""
    dry = client.dry_run(
        "messages",
        model="openai/gpt-5-mini",
        messages=[{"role": "user", "content": "Hello"}],
        thinking=thinking,
    )
    assert dry.body.get("reasoning_effort") == effort
    assert [entry.parameter for entry in dry.ledger] == ["thinking"]


def test_native_messages(client: llmkit.Client) -> None:
    """A native call goes as it is, with what the API demands and the names of beta features."""
    turns = [
        {
            "role": "user",
            "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": ""},
                {"type": "redacted_thinking", "data": "bGxta2l0LjE6e30="},
                {"type": "text", "text": "Yes"},
            ],
        },
        {"role": "user", "content": "And?"},
    ]
    dry = client.dry_run(
        "messages",
        model="anthropic/claude-haiku-4-5",
        messages=turns,
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
    )
    assert dry.body["messages"][1]["content"] == [{"type": "text", "text": "Yes"}]
    assert dry.body["max_tokens"] > 0
    assert "files-api" in dry.headers["anthropic-beta"]
    assert "context-management" in dry.headers["anthropic-beta"]
    changes = [(entry.parameter, entry.change) for entry in dry.ledger]
    assert changes == [("messages[1].content", "dropped"), ("max_tokens", "defaulted")]
    with pytest.raises(llmkit.InvalidRequestError, match="must be a list"):
        client.messages("anthropic/claude-haiku-4-5", "Hello")  # type: ignore[arg-type]
    with pytest.raises(llmkit.InvalidRequestError, match="not empty"):
        client.messages("anthropic/claude-haiku-4-5", [])


def test_kept_answers(client: llmkit.Client) -> None:
    """Calls about kept answers go to their addresses, and an id that is none is refused."""
    made = client.dry_run("get_responses", response_id="resp/1", include=["a", "b"])
    assert (made.method, made.body) == ("GET", None) or made.method == "GET"
    assert (
        made.url == "https://api.openai.com/v1/responses/resp%2F1?include%5B%5D=a&include%5B%5D=b"
    )
    deleted = client.dry_run("delete_responses", response_id="resp_1")
    assert (deleted.method, deleted.url[-7:]) == ("DELETE", "/resp_1")
    assert client.dry_run("cancel_responses", response_id="r").url.endswith("/r/cancel")
    listed = client.dry_run("list_input_items", response_id="r", limit=5)
    assert listed.url.endswith("/r/input_items?limit=5")
    with pytest.raises(llmkit.ConfigurationError, match="response_id"):
        client.get_responses(" ")


def test_a_kept_answer_is_streamed() -> None:
    """The events of a kept answer come in both colours, and its tokens are not priced a second time."""
    answer = {"id": "resp_1", "status": "completed", "model": "gpt-5-mini", "output": []}
    answer |= {"usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}
    event = {"type": "response.completed", "sequence_number": 7, "response": answer}
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url}")
        said = f"data: {json.dumps(event)}\n\n".encode()
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=said)

    async def waiting() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answers)) as theirs:
            ours = llmkit.Client(environ={}, api_key=KEY, http_client=theirs)
            stream = await ours.aget_responses("resp_1", stream=True, starting_after=6)
            return [one.to_dict() async for one in stream], stream.response

    with httpx.Client(transport=httpx.MockTransport(answers)) as theirs:
        ours = llmkit.Client(environ={}, api_key=KEY, http_client=theirs)
        stream = ours.get_responses("resp_1", stream=True, starting_after=6)
        made = [one.to_dict() for one in stream], stream.response
    for events, whole in (made, asyncio.run(waiting())):
        assert events == [event]
        assert whole.to_dict() == answer
        assert (whole.counted(), whole.cost.total, whole.cost.status) == (None, 0, "none")
    where = "https://api.openai.com/v1/responses/resp_1?starting_after=6&stream=true"
    assert asked == [f"GET {where}"] * 2


def test_module_functions(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module's functions ask by the default client."""
    there = {**at(sim, "groq"), "api_key": KEY}
    asked = [{"role": "user", "content": "Hello"}]
    whole = llmkit.responses("Hello", **there)
    assert whole.output_text == asyncio.run(llmkit.aresponses("Hello", **there)).output_text
    said = llmkit.messages(messages=asked, max_tokens=50, **there)
    other = asyncio.run(llmkit.amessages(messages=asked, max_tokens=50, **there))
    assert said.text == other.text == whole.output_text
    about = {"api_key": KEY, "base_url": sim.base_url}
    calls: list[Any] = [
        llmkit.get_responses, llmkit.delete_responses, llmkit.cancel_responses, llmkit.list_input_items,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(llmkit.NotFoundError):
            call("resp_1", **about)
    waiting: list[Any] = [
        llmkit.aget_responses, llmkit.adelete_responses, llmkit.acancel_responses, llmkit.alist_input_items,
    ]  # fmt: skip
    for call in waiting:
        with pytest.raises(llmkit.NotFoundError):
            asyncio.run(call("resp_1", **about))
