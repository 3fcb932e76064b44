"""OpenAI's Responses, asked by its SDK over a real socket; and whose the answers are that a provider keeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from llmkit.proxy.data.models import Kept
from llmkit.testing import Raw, scripted
from llmkit.testing.faults import Cut, Status

from .._kit import MASTER, Served, gateway
from ..auth._kit import new_key

TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "How the weather is.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
MODELS = ["fast", "claude", "gemini", "openai/gpt-4.1-mini"]


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


@pytest.mark.parametrize("model", MODELS)
def test_an_answer(client: openai.OpenAI, model: str) -> None:
    """Whoever answers, it is a response."""
    answer = client.responses.create(model=model, input="Say hello.")
    assert (answer.object, answer.status) == ("response", "completed")
    assert answer.output_text
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_is_the_answer_in_pieces(client: openai.OpenAI, model: str) -> None:
    """The SDK's own accumulator makes the same of it."""
    whole = client.responses.create(model=model, input="Say hello.")
    with client.responses.stream(model=model, input="Say hello.") as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text == final.output_text == whole.output_text


@pytest.mark.parametrize("model", MODELS)
def test_tools(client: openai.OpenAI, model: str) -> None:
    """A tool is called, and its result can be answered."""
    asked: dict[str, Any] = {"model": model, "tools": [TOOL]}
    question: Any = {"role": "user", "content": "How is the weather in Oslo?"}
    answer = client.responses.create(**asked, input=[question], tool_choice="required")
    call = next(item for item in answer.output if item.type == "function_call")
    assert call.name == "get_weather"
    items: list[Any] = [item.model_dump(exclude_none=True) for item in answer.output]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."}
    last = client.responses.create(**asked, input=[question, *items, result])
    assert last.output_text


def test_async(served: Served) -> None:
    """The async client."""

    async def body() -> None:
        async with openai.AsyncOpenAI(
            api_key=MASTER, base_url=f"{served.origin}/v1", max_retries=0
        ) as client:
            stream = await client.responses.create(model="fast", input="Hello", stream=True)
            kinds = [event.type async for event in stream]
            assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")

    asyncio.run(body())


def test_failures(client: openai.OpenAI, served: Served) -> None:
    """Before the first event it is a status; later the answer is one that failed."""
    served.simulator.fail(Status(400))
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model="fast", input="Hello", stream=True)
    served.simulator.fail(Cut(at=2500))
    *events, last = client.responses.create(model="fast", input="Hello", stream=True)
    assert events[0].type == "response.created"
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.error.code == "server_error"
    assert last.sequence_number == events[-1].sequence_number + 1


def test_tokens_are_counted(client: openai.OpenAI) -> None:
    """Before anything is asked."""
    few = client.responses.input_tokens.count(model="fast", input="Hello").input_tokens
    many = client.responses.input_tokens.count(model="fast", input="hello " * 200).input_tokens
    assert 0 < few < many


STORED: dict[str, Any] = {
    "object": "response",
    "status": "completed",
    "model": "gpt-4o-mini",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
        }
    ],
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["fast", "openai/gpt-4.1-mini"])
def test_answers_that_are_kept(client: openai.OpenAI, model: str, *, stream: bool) -> None:
    """They can be looked up, gone on from, and deleted, at the deployment that has them."""
    asked: dict[str, Any] = {"model": model, "input": "Say hello."}
    if stream:
        with client.responses.stream(**asked) as running:
            made: Any = running.get_final_response()
    else:
        made = client.responses.create(**asked)
    told = {**STORED, "id": made.id}
    items = {"object": "list", "data": [{"type": "message", "id": "m"}], "has_more": False}
    gone = {"id": made.id, "object": "response", "deleted": True}
    with scripted(
        Raw(told), Raw(items), Raw(told), Raw({**told, "id": "resp_2"}), Raw(gone)
    ) as script:
        found = client.responses.retrieve(made.id, include=["reasoning.encrypted_content"])
        assert (found.id, found.output_text) == (made.id, "Hello.")
        assert client.responses.input_items.list(made.id, limit=5).data[0].id == "m"
        assert client.responses.cancel(made.id).id == made.id
        client.responses.create(**asked, previous_response_id=made.id)
        client.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(made.id)
    first, second, third, fourth, last = script.requests
    assert first.path.endswith(f"/responses/{made.id}")
    assert "include" in first.url
    assert "limit=5" in second.url
    assert third.path.endswith("/cancel")
    assert fourth.json()["previous_response_id"] == made.id
    assert last.method == "DELETE"


def test_a_stream_of_what_is_kept(client: openai.OpenAI) -> None:
    """Its events are told again."""
    made = client.responses.create(model="fast", input="Say hello.")
    told = {**STORED, "id": made.id}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": told},
        {"type": "response.completed", "sequence_number": 1, "response": told},
    ]
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
    raw = Raw(body.encode(), headers={"content-type": "text/event-stream"})
    with scripted(raw) as script:
        kinds = [one.type for one in client.responses.retrieve(made.id, stream=True)]
    assert kinds == ["response.created", "response.completed"]
    assert "stream=true" in script.requests[0].url


def test_nobody_gets_anothers(served: Served, client: openai.OpenAI) -> None:
    """What another key asked is not there, whatever is tried; the provider is not asked for it."""
    made = client.responses.create(model="fast", input="A secret.")
    before = len(served.simulator.requests)
    key = new_key(served.gateway.database)
    with openai.OpenAI(api_key=key, base_url=f"{served.origin}/v1", max_retries=0) as other:
        for attempt in (
            lambda: other.responses.retrieve(made.id),
            lambda: other.responses.delete(made.id),
            lambda: other.responses.cancel(made.id),
            lambda: other.responses.input_items.list(made.id),
            lambda: other.responses.create(model="fast", input="?", previous_response_id=made.id),
        ):
            with pytest.raises(openai.NotFoundError):
                attempt()
        own = other.responses.create(model="fast", input="Mine.")
    assert len(served.simulator.requests) == before + 1
    for one in (made, own):
        with scripted(Raw({**STORED, "id": one.id})):
            assert client.responses.retrieve(one.id).id == one.id


def test_an_id_that_is_none(served: Served, client: openai.OpenAI) -> None:
    """What nobody made here is not asked for, whoever asks."""
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_" + "0" * 32)
    with served.client() as raw:
        answer = raw.get("/v1/responses/..%2Ffiles")
    assert answer.status_code == 404


def test_nothing_is_kept_where_that_is_not_wanted(served: Served, client: openai.OpenAI) -> None:
    """Nor where the provider keeps none: its ids are made up."""
    rows = served.gateway.database.run_sync(lambda s: s.query(Kept).count())
    client.responses.create(model="fast", input="Hello", store=False)
    client.responses.create(model="claude", input="Hello")
    assert served.gateway.database.run_sync(lambda s: s.query(Kept).count()) == rows
