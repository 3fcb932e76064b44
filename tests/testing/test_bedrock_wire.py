"""The simulated Bedrock: calls through it in both colours, signed and with a key, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import llmkit
from llmkit import errors
from llmkit.testing import Simulator
from llmkit.testing._wires.bedrock_converse import BedrockConverse
from llmkit.testing._wires.sagemaker import SageMaker
from llmkit.testing.faults import ALL, ErrorInside, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

CLAUDE, NOVA = "bedrock/us.anthropic.claude-sonnet-4-6", "bedrock/us.amazon.nova-2-lite-v1:0"
SIGNED = {
    "aws_access_key_id": "AKIDEXAMPLE",
    "aws_secret_access_key": "a-" + "secret-0123456789",
    "aws_region_name": "us-east-1",
}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """One simulator for all tests of this module."""
    with Simulator() as running:
        yield running


@pytest.fixture
def client(sim: Simulator) -> Iterator[llmkit.Client]:
    """A client of it that signs."""
    with llmkit.Client(environ={}, base_url=sim.base_url_for("bedrock"), num_retries=0) as made:
        yield made


def said(text: str) -> list[dict[str, Any]]:
    """A question."""
    return [{"role": "user", "content": text}]


def test_signed_calls_in_both_colours(sim: Simulator, client: llmkit.Client) -> None:
    """A signed call is answered, whole and streamed, with usage; the token of temporary keys goes along."""
    whole = client.completion(NOVA, said("hello"), **SIGNED)
    assert "You said: hello" in whole.text
    assert "AWS4-HMAC-SHA256" in sim.requests[-1].headers["authorization"]
    with client.completion(NOVA, said("hello"), stream=True, **SIGNED) as stream:
        assert "".join(chunk.text for chunk in stream) == whole.text
    assert stream.response.usage == whole.usage

    async def ask() -> str:
        base = sim.base_url_for("bedrock")
        async with llmkit.Client(environ={}, base_url=base) as other:
            temporary = {**SIGNED, "aws_session_token": "session-token-0123"}
            opened = await other.acompletion(NOVA, said("hello"), stream=True, **temporary)
            return "".join([chunk.text async for chunk in opened])

    assert asyncio.run(ask()) == whole.text
    assert sim.requests[-1].headers["x-amz-security-token"] == "session-token-0123"


def test_an_agents_turns(client: llmkit.Client) -> None:
    """A tool is called, its result goes back with signed reasoning, and is answered."""
    asked: list[Any] = said("use get_weather")
    options: dict[str, Any] = {**SIGNED, "tools": [TOOL], "reasoning_effort": "low"}
    for stream in (False, True):
        first: Any = client.completion(CLAUDE, asked, stream=stream, **options)
        first = first.until_done() if stream else first
        message = first.choices[0].message
        (call,) = message.tool_calls or ()
        assert call.function.name == "get_weather"
        assert message.thinking_blocks
        results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        last = client.completion(CLAUDE, [*asked, message, *results], **options)
        assert "The tool answered: sunny" in last.text


def test_structured_answers(client: llmkit.Client) -> None:
    """A native schema and an emulated one are both filled."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    for model in (CLAUDE, NOVA):
        answer = client.completion(model, said("x"), response_format=form, **SIGNED)
        assert isinstance(json.loads(answer.text)["n"], int)


def test_media_and_limits(client: llmkit.Client) -> None:
    """Media are seen, stops and limits kept."""
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,YQ==", "filename": "a.txt"}},
    ]
    asked = [{"role": "system", "content": "s"}, {"role": "user", "content": parts}]
    assert "(with 1 image, 1 document)" in client.completion(NOVA, asked, **SIGNED).text
    short = client.completion(NOVA, said("x"), max_tokens=2, **SIGNED)
    assert short.choices[0].finish_reason == "length"
    cut = client.completion(NOVA, said("x"), stop="offline", **SIGNED)
    assert (cut.choices[0].finish_reason, cut.choices[0]["stop_reason"]) == (
        "stop",
        "stop_sequence",
    )
    tools = client.completion(
        NOVA, said("x"), tools=[TOOL], tool_choice="required", max_tokens=3, stream=True, **SIGNED
    ).until_done()
    assert tools.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("model", "options", "kind"),
    [
        ("bedrock/missing-model", SIGNED, errors.BadRequestError),
        ("bedrock/rate-limited", SIGNED, errors.RateLimitError),
        (NOVA, {"api_key": "invalid-key-0123"}, errors.AuthenticationError),
        (NOVA, {"extra_headers": {"authorization": "Basic x"}}, errors.AuthenticationError),
    ],
)
def test_refusals(
    client: llmkit.Client, model: str, options: dict[str, Any], kind: type[errors.APIError]
) -> None:
    """What the service refuses, the simulator does, in its form."""
    with pytest.raises(errors.APIError) as caught:
        client.completion(model, said("x"), **options)
    assert type(caught.value) is kind
    assert caught.value.request_id
    assert caught.value.code


def test_faults(sim: Simulator, client: llmkit.Client) -> None:
    """A fault before the answer, and one in the middle of a stream, are the service's errors."""
    sim.fail(Status(503))
    with pytest.raises(errors.ServiceUnavailableError):
        client.completion(NOVA, said("x"), **SIGNED)
    sim.fail(ErrorInside(429))
    with pytest.raises(errors.RateLimitError) as caught:
        client.completion(NOVA, said("x"), stream=True, **SIGNED)
    assert caught.value.code == "ThrottlingException"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        ({}, "messages is required"),
        ({"messages": {}}, "messages must be a list"),
        ({"messages": []}, "must start with a user message"),
        ({"messages": ["x"]}, "messages.0 must be an object"),
        (
            {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]},
            "must start with a user",
        ),
        ({"messages": [{"role": "user", "content": []}]}, "is empty"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "exactly one member"),
        ({"messages": [{"role": "user", "content": [{"text": ""}]}]}, "is blank"),
        ({"messages": [{"role": "user", "content": [{"text": 3}]}]}, "of the type string"),
        (
            {"messages": [{"role": "user", "content": [{"hologram": 3}]}]},
            "unknown member 'hologram'",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": []}}]}
                ]
            },
            "no toolUse has the id",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"text": "x"}]},
                    {"role": "robot", "content": [{"text": "x"}]},
                ]
            },
            "role must be",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"text": "x"}]},
                    {
                        "role": "assistant",
                        "content": [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}],
                    },
                ]
            },
            "toolConfig field must be defined",
        ),
        (
            {
                "messages": [{"role": "user", "content": [{"text": "x"}]}],
                "inferenceConfig": {"maxTokens": True},
            },
            "of the type number",
        ),
        (
            {
                "messages": [{"role": "user", "content": [{"text": "x"}]}],
                "toolConfig": {"tools": []},
            },
            "at least one tool",
        ),
    ],
)
def test_bodies_that_are_refused(sim: Simulator, body: Any, says: str) -> None:
    """A body that the service would not take is a 400 that says why."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = httpx.post(
        f"{sim.origin}/model/m/converse", content=raw, headers={"authorization": "Bearer k"}
    )
    assert answer.status_code == 400
    assert says in answer.text + answer.headers["x-amzn-errortype"]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        (
            "count-tokens",
            {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "a b"}]}]}}},
            200,
            "inputTokens",
        ),
        ("count-tokens", {"input": {}}, 400, "must have converse"),
        ("invoke", {"inputText": "a"}, 200, "inputTextTokenCount"),
        ("invoke", {"inputText": "a", "dimensions": -1}, 400, "dimensions"),
        ("invoke", {"texts": ["a"]}, 400, "input_type"),
        ("invoke", {"prompt": "a"}, 400, "inputText"),
        ("invoke-with-response-stream", {"inputText": "a"}, 400, "unsupported for streaming"),
    ],
)
def test_other_methods(sim: Simulator, path: str, body: Any, status: int, says: str) -> None:
    """Counting and embedding answer in their forms, and refuse in the service's."""
    signed = {"authorization": "Bearer key"}
    answer = httpx.post(f"{sim.origin}/model/m/{path}", json=body, headers=signed)
    assert (answer.status_code, says in answer.text) == (status, True)


def test_without_credentials_and_other_verbs(sim: Simulator) -> None:
    """Nobody without credentials is answered, and nothing is there to be got."""
    assert httpx.post(f"{sim.origin}/model/m/converse", json={}).status_code == 403
    signed = {"authorization": "Bearer key"}
    assert httpx.get(f"{sim.origin}/model/m/converse", headers=signed).status_code == 404


@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 503, 599])
def test_failures_have_names(status: int) -> None:
    """Each status has the exception that goes with it, in a body and in a stream."""
    wire = BedrockConverse()
    reply = wire.failure(status, "told")
    assert reply.headers["x-amzn-errortype"].partition(":")[0].endswith("Exception")
    assert b"told" in reply.body
    frame = wire.failure_frame(status, "told")
    assert b"exception-type" in frame
    assert b"told" in frame


def test_deep_bodies() -> None:
    """A body that is nested beyond measure is refused, and nothing breaks."""
    deep = b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    reply = BedrockConverse().reply(
        "POST",
        "/model/m/converse",
        {"authorization": "Bearer k"},
        deep,
        lambda asked: None,  # type: ignore[arg-type, return-value]
    )
    assert reply.status == 400


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", [n for n in ALL if not n.startswith("tls")])
def test_every_fault_has_an_end(sim: Simulator, name: str, *, stream: bool) -> None:
    """Whatever goes wrong, a call ends with its answer or an error of ours, and is settled once."""
    soon = llmkit.Timeouts(connect=1, first_token=0.15, idle=0.15, total=0.3)
    sim.fail(ALL[name])
    options: dict[str, Any] = {"base_url": sim.base_url_for("bedrock"), "timeout": soon, **SIGNED}
    with llmkit.Client(environ={}, num_retries=0) as client:
        try:
            answer: Any = client.completion(NOVA, said("hello"), stream=stream, **options)
            text = "".join(chunk.text for chunk in answer) if stream else answer.text
        except errors.APIError:
            pass
        else:
            assert "You said: hello" in text
        assert len(client.ledger.settlements) == 1


def test_sagemakers_endpoints(sim: Simulator) -> None:
    """An endpoint chats, whole and streamed, continues texts, and refuses as the service does."""
    options: dict[str, Any] = {"base_url": sim.base_url_for("sagemaker"), **SIGNED}
    with llmkit.Client(environ={}, num_retries=0) as client:
        whole = client.completion("sagemaker/my-endpoint", said("hello"), **options)
        assert "You said: hello" in whole.text
        opened = client.completion("sagemaker/my-endpoint", said("hello"), stream=True, **options)
        assert "".join(chunk.text for chunk in opened) == whole.text
        text = client.text_completion("Once", "sagemaker/my-endpoint", max_tokens=3, **options)
        assert text.text
        with pytest.raises(errors.APIStatusError) as caught:
            client.completion("sagemaker/e", said("x"), temperature=9, **options)
        assert (caught.value.status_code, caught.value.code) == (424, "ModelError")
        with pytest.raises(errors.AuthenticationError):
            client.completion("sagemaker/e", said("x"), api_key="invalid-key-0123", **options)
        sim.fail(ErrorInside(429, after=1))
        broken = client.completion("sagemaker/e", said("x"), stream=True, **options)
        with pytest.raises(errors.RateLimitError):
            list(broken)
        sim.fail(Status(503))
        with pytest.raises(errors.ServiceUnavailableError):
            client.completion("sagemaker/e", said("x"), **options)
    signed = {"authorization": "Bearer key"}
    assert httpx.get(f"{sim.origin}/endpoints/e/invocations", headers=signed).status_code == 404


def test_deep_bodies_of_endpoints() -> None:
    """A body that is nested beyond measure is refused, and nothing breaks."""
    deep = b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    shown = {"authorization": "Bearer k"}
    reply = SageMaker().reply("POST", "/endpoints/e/invocations", shown, deep, lambda asked: None)  # type: ignore[arg-type, return-value]
    assert reply.status == 400


def test_other_calls_through_the_simulator(sim: Simulator, client: llmkit.Client) -> None:
    """Tokens are counted in both colours."""
    counted = client.count_tokens(NOVA, said("one two three"), **SIGNED)
    assert counted.input_tokens == 6

    async def ask() -> int | None:
        async with llmkit.Client(environ={}, base_url=sim.base_url_for("bedrock")) as other:
            return (await other.acount_tokens(NOVA, said("one two three"), **SIGNED)).input_tokens

    assert asyncio.run(ask()) == counted.input_tokens
