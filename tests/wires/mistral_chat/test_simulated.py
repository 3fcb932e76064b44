"""The simulator as Mistral's server: real calls pass through it in both colours, and it refuses what Mistral does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import llmkit
from llmkit.testing import Simulator
from llmkit.testing.faults import Status

from .. import _openapi

KEY = "k-" + "0123456789"
HI: list[Any] = [{"role": "user", "content": "Say hello."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """One simulator for all."""
    with Simulator() as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[llmkit.Client]:
    """A client of Mistral's API there."""
    base = simulator.base_url_for("mistral")
    with llmkit.Client(environ={}, api_key=KEY, base_url=base, num_retries=0) as made:
        yield made


def test_its_address_is_its_own(simulator: Simulator) -> None:
    """It is below a root of its own, for its paths are OpenAI's."""
    assert simulator.base_url_for("mistral") == f"{simulator.origin}/mistral/v1"
    assert simulator.base_url_for("codestral") == f"{simulator.origin}/mistral/v1"
    assert simulator.base_url_for("groq") == f"{simulator.origin}/openai/v1"


def test_a_call_and_its_stream(client: llmkit.Client) -> None:
    """A call is answered whole and streamed alike, with its usage; Mistral's own parameters are taken."""
    more: dict[str, Any] = {
        "seed": 7,
        "max_completion_tokens": 500,
        "extra_body": {"safe_prompt": True},
    }
    whole = client.completion("mistral/offline", HI, **more)
    assert "Say hello." in whole.text
    with client.completion("mistral/offline", HI, stream=True, **more) as stream:
        assert "".join(chunk.text for chunk in stream) == whole.text
    assert whole.usage is not None
    assert stream.usage is not None
    assert whole.usage.total_tokens == stream.usage.total_tokens


def test_async(simulator: Simulator) -> None:
    """The same in async code."""

    async def ask() -> tuple[str, str]:
        base = simulator.base_url_for("mistral")
        async with llmkit.Client(environ={}, api_key=KEY, base_url=base) as client:
            whole = await client.acompletion("mistral/offline", HI)
            stream = await client.acompletion("mistral/offline", HI, stream=True)
            return whole.text, "".join([chunk.text async for chunk in stream])

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_and_tools_go_round(client: llmkit.Client, *, stream: bool) -> None:
    """Thinking comes as parts and goes back so; ids of calls are nine characters, other providers' as well."""
    made: Any = client.completion("mistral/offline-reasoning", HI, stream=stream)
    answer = made.collect() if hasattr(made, "collect") else made
    if stream:
        list(made)
        answer = made.response
    message = answer.choices[0].message
    assert message.reasoning_content
    assert message.thinking_blocks
    assert message["content_parts"][0]["type"] == "thinking"
    again = client.completion("mistral/offline", [*HI, message, *HI])
    assert again.text
    called = client.completion("mistral/offline", HI, tools=[WEATHER], tool_choice="required")
    (call,) = called.choices[0].message.tool_calls or ()
    assert len(str(call.id)) == 9
    foreign = {**call.to_dict(), "id": "toolu_01AbCdEfGh"}
    history = [
        *HI,
        {"role": "assistant", "content": None, "tool_calls": [foreign]},
        {"role": "tool", "tool_call_id": "toolu_01AbCdEfGh", "content": "sunny"},
    ]
    assert client.completion("mistral/offline", history, tools=[WEATHER]).text


def test_what_an_assistant_has_begun(client: llmkit.Client) -> None:
    """An answer that comes last is taken, for it is marked; unmarked it is refused, as Mistral does."""
    begun = {"role": "assistant", "content": "{"}
    assert client.completion("mistral/offline", [*HI, begun]).text
    with pytest.raises(llmkit.BadRequestError, match="Expected last role") as caught:
        client.completion("mistral/offline", [*HI, {**begun, "prefix": False}])
    assert caught.value.code == "3230"


def post(
    simulator: Simulator, body: Any, path: str = "/chat/completions", key: str = KEY
) -> httpx.Response:
    """One raw request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.post(simulator.base_url_for("mistral") + path, content=raw, headers=headers)


CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"model": "m", "messages": HI, "seed": 1}, 422, "extra_forbidden"),
        ({"model": "m", "messages": [{**HI[0], "name": "Ann"}]}, 422, "extra_forbidden"),
        (
            {"model": "m", "messages": [{"role": "developer", "content": "x"}]},
            422,
            "union_tag_invalid",
        ),
        ({"model": "m", "messages": []}, 422, "missing"),
        ({"messages": HI}, 422, "missing"),
        ([], 422, "dict_type"),
        (b"{", 422, "no JSON"),
        ({"model": "m", "messages": [*HI, CALLED]}, 400, "length of 9"),
        ({"model": "m", "messages": HI, "temperature": "hot"}, 400, "temperature"),
        ({"model": "missing-model", "messages": HI}, 404, "missing-model"),
    ],
)
def test_what_is_refused(simulator: Simulator, body: Any, status: int, said: str) -> None:
    """A request that Mistral would refuse is refused, in its form."""
    answer = post(simulator, body)
    assert answer.status_code == status
    assert said in answer.text
    assert answer.json().get("object", "error") == "error"


def test_other_refusals(simulator: Simulator) -> None:
    """Keys, methods and places that are not there."""
    body = {"model": "m", "messages": HI}
    for key in ("", "invalid-key"):
        assert post(simulator, body, key=key).json() == {"detail": "Invalid API Key"}
    assert post(simulator, body, "/fim").status_code == 404
    assert httpx.get(simulator.base_url_for("mistral") + "/chat/completions").status_code == 405


@pytest.mark.parametrize("status", [429, 500, 503])
def test_failures_are_in_its_form(simulator: Simulator, client: llmkit.Client, status: int) -> None:
    """A fault of the simulator's is told as Mistral would."""
    simulator.fail(Status(status))
    with pytest.raises(llmkit.APIStatusError) as caught:
        client.completion("mistral/offline", HI)
    assert caught.value.status_code == status
    assert caught.value.body["object"] == "error"


def test_answers_fit_the_schema(simulator: Simulator) -> None:
    """What the simulator says is what Mistral's own document describes."""
    spec = _openapi.document("mistral/openapi.yaml")
    for model in ("offline", "offline-reasoning"):
        body = {"model": model, "messages": HI}
        answer = post(simulator, body).json()
        # The document wants a "data" that it does not describe, and that no answer has.
        assert _openapi.faults(spec, "ChatCompletionResponse", answer) == ["$.data is missing"]
