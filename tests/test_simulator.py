"""The simulator, seen through the official SDK and, where that is too polite, a raw socket."""

from __future__ import annotations

import json
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from llmkit.testing import Simulator
from llmkit.testing._schema import instance, shape_fault, strict_fault
from llmkit.testing._tokens import split

if TYPE_CHECKING:
    from collections.abc import Iterator

HELLO = [{"role": "user", "content": "hello there"}]
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer", "minimum": 2},
                "unit": {"enum": ["celsius", "kelvin"]},
            },
            "required": ["city"],
        },
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "get_time"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    """The official SDK, pointed at the simulator (untyped, for tests that send nonsense)."""
    with openai.OpenAI(base_url=sim.base_url, api_key="sk-test", max_retries=0) as sdk:
        yield sdk


def create(client: Any, **params: Any) -> Any:
    """One chat call with defaults."""
    return client.chat.completions.create(**{"model": "offline", "messages": HELLO, **params})


def folded(chunks: list[Any]) -> dict[int, dict[str, Any]]:
    """Content, reasoning, tool calls and finish reason of each choice of a stream."""
    choices: dict[int, dict[str, Any]] = {}
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        into = choices.setdefault(
            choice.index, {"content": "", "reasoning": "", "tools": {}, "finish": None}
        )
        into["content"] += choice.delta.content or ""
        into["reasoning"] += getattr(choice.delta, "reasoning_content", None) or ""
        for tool in choice.delta.tool_calls or ():
            name, arguments = into["tools"].get(tool.index, ("", ""))
            function = tool.function
            into["tools"][tool.index] = (
                name + (function.name or ""),
                arguments + function.arguments,
            )
        into["finish"] = choice.finish_reason or into["finish"]
    return choices


def whole(completion: Any) -> dict[int, dict[str, Any]]:
    """The same of an answer that came in one piece."""
    return {
        choice.index: {
            "content": choice.message.content or "",
            "reasoning": getattr(choice.message, "reasoning_content", ""),
            "tools": {
                i: (tool.function.name, tool.function.arguments)
                for i, tool in enumerate(choice.message.tool_calls or ())
            },
            "finish": choice.finish_reason,
        }
        for choice in completion.choices
    }


def raw(sim: Simulator, data: bytes, *, half_close: bool = False) -> bytes:
    """What comes back for these bytes until the server closes the connection."""
    host, port = sim.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def test_it_says_what_it_is_and_echoes(client: Any) -> None:
    """Nobody can take the answer for a model's, and it shows that the question arrived."""
    answer = create(client)
    assert "simulator" in answer.choices[0].message.content
    assert "hello there" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"


def test_equal_requests_get_equal_bytes(sim: Simulator) -> None:
    """Ids, times and texts depend on the request alone, also on another server."""

    def ask(simulator: Simulator) -> bytes:
        body = json.dumps({"model": "offline", "messages": HELLO}).encode()
        return raw(simulator, post(body)).partition(b"\r\n\r\n")[2]

    with Simulator() as other:
        assert ask(sim) == ask(sim) == ask(other) != b""


def post(body: bytes, *, version: str = "1.1", head: str = "") -> bytes:
    """A chat request, byte by byte."""
    return (
        f"POST /v1/chat/completions HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer k\r\n"
        f"Connection: close\r\n{head or f'Content-Length: {len(body)}'}\r\n\r\n"
    ).encode() + body


SHAPES: list[dict[str, Any]] = [
    {},
    {"n": 3},
    {"model": "offline-reasoning"},
    {"model": "offline-reasoning", "max_completion_tokens": 12},
    {"max_tokens": 3},
    {"stop": "offline"},
    {"stop": ["zebra", "simulator"]},
    {"response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "json"}]},
    {"tools": [WEATHER], "tool_choice": "required"},
    {"tools": [WEATHER, CLOCK], "messages": [{"role": "user", "content": "get_time"}], "n": 2},
    {"tools": [WEATHER], "tool_choice": "required", "max_tokens": 4},
]


@pytest.mark.parametrize("params", SHAPES, ids=json.dumps)
def test_a_stream_adds_up_to_the_answer(client: Any, params: dict[str, Any]) -> None:
    """Chunks, folded, are the answer in one piece; so is the usage at their end."""
    answer = create(client, **params)
    chunks = list(create(client, **params, stream=True, stream_options={"include_usage": True}))
    assert folded(chunks) == whole(answer)
    assert chunks[-1].choices == []
    assert chunks[-1].usage == answer.usage
    assert {chunk.usage for chunk in chunks[:-1]} == {None}
    assert len(chunks) > 3


@pytest.mark.parametrize("params", SHAPES, ids=json.dumps)
def test_usage_counts_what_is_there(client: Any, params: dict[str, Any]) -> None:
    """Completion tokens are the tokens of what was said; the total is a sum."""
    answer = create(client, **params)
    said = whole(answer).values()
    texts = [t for c in said for t in (c["content"], c["reasoning"], *sum(c["tools"].values(), ()))]
    assert answer.usage.completion_tokens == sum(len(split(text)) for text in texts)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    reasoning = sum(len(split(c["reasoning"])) for c in said)
    assert answer.usage.completion_tokens_details.reasoning_tokens == reasoning


def test_usage_is_streamed_only_if_asked_for(client: Any) -> None:
    """Without `stream_options` the last chunk is the finishing one."""
    chunks = list(create(client, stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert not any(chunk.usage for chunk in chunks)


def test_a_longer_prompt_counts_more(client: Any) -> None:
    """Prompt tokens grow with text, with parts and with tools."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"role": "user", "content": [{"type": "text", "text": "hello there"}, image]}]
    base = create(client).usage.prompt_tokens
    assert create(client, messages=HELLO * 2).usage.prompt_tokens == 2 * base
    assert create(client, messages=parts).usage.prompt_tokens > base + 80
    assert create(client, tools=[WEATHER]).usage.prompt_tokens > base


def test_limits_cut_the_answer(client: Any) -> None:
    """`max_tokens` ends an answer with `length`, a stop sequence ends it before itself."""
    cut = create(client, max_tokens=2)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 2)
    assert create(client, stop="offline").choices[0].message.content.endswith("llmkit's ")


def test_choices_differ(client: Any) -> None:
    """With `n`, each choice has its index and a text of its own."""
    choices = create(client, n=3).choices
    assert [choice.index for choice in choices] == [0, 1, 2]
    assert len({choice.message.content for choice in choices}) == 3


def test_parts_are_named(client: Any) -> None:
    """What was attached is said, so that a test can see that it arrived."""
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    pdf = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf,x"}}
    sound = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
    content = [{"type": "text", "text": "look"}, image, image, pdf, sound]
    said = create(client, messages=[{"role": "user", "content": content}])
    assert "(with 2 images, 1 file, 1 audio clip)" in said.choices[0].message.content


def test_log_probabilities_cover_the_text(client: Any) -> None:
    """Each token has its probability and as many alternatives as were asked for."""
    choice = create(client, logprobs=True, top_logprobs=2).choices[0]
    assert "".join(t.token for t in choice.logprobs.content) == choice.message.content
    assert {len(token.top_logprobs) for token in choice.logprobs.content} == {2}
    assert all(t.top_logprobs[0].token == t.token for t in choice.logprobs.content)


def test_a_tool_is_called_when_required(client: Any) -> None:
    """The first tool is called with arguments that fit its schema."""
    choice = create(client, tools=[WEATHER, CLOCK], tool_choice="required").choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls
    assert call.function.name == "get_weather"
    expected = {"city": "sample city", "days": 2, "unit": "celsius"}
    assert json.loads(call.function.arguments) == expected


@pytest.mark.parametrize(
    ("choice", "said", "called"),
    [
        ("auto", "hello", []),
        ("auto", "use get_time please", ["get_time"]),
        ("auto", "get_time and get_weather", ["get_weather", "get_time"]),
        ("none", "use get_time please", []),
        ("required", "use get_time please", ["get_time"]),
        ({"type": "function", "function": {"name": "get_time"}}, "hello", ["get_time"]),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_time"}}],
                },
            },
            "get_weather",
            ["get_time"],
        ),
    ],
)
def test_which_tools_are_called(client: Any, choice: Any, said: str, called: list[str]) -> None:
    """The choice rules; within it, what the user mentions."""
    messages = [{"role": "user", "content": said}]
    answer = create(client, messages=messages, tools=[WEATHER, CLOCK], tool_choice=choice)
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == called


def test_parallel_calls_can_be_switched_off(client: Any) -> None:
    """One call an answer if the caller wants one."""
    messages = [{"role": "user", "content": "get_time and get_weather"}]
    tools = {"tools": [WEATHER, CLOCK], "messages": messages}
    assert len(create(client, **tools).choices[0].message.tool_calls) == 2
    single = create(client, **tools, parallel_tool_calls=False)
    assert len(single.choices[0].message.tool_calls) == 1


def test_a_custom_tool_gets_text(client: Any) -> None:
    """A custom tool's call carries free text."""
    tool = {"type": "custom", "custom": {"name": "shell"}}
    choice = create(client, tools=[tool], tool_choice="required").choices[0]
    assert choice.message.tool_calls[0].custom.input == "sample input"


def test_a_tool_loop_ends(client: Any) -> None:
    """After the results comes a text with them in it, also where calling was required."""
    tools = {"tools": [CLOCK], "tool_choice": "required"}
    asked = create(client, **tools).choices[0].message
    result = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "ten past four"}
    messages = [*HELLO, asked.model_dump(exclude_none=True), result]
    answer = create(client, messages=messages, **tools).choices[0]
    assert "ten past four" in answer.message.content
    assert answer.finish_reason == "stop"


class Person(BaseModel):
    """A schema with a list, an option and an own type inside."""

    class Address(BaseModel):
        """An own type."""

        street: str

    name: str
    age: int
    nickname: str | None
    addresses: list[Address]


def test_the_sdk_parses_a_schema_answer(client: Any) -> None:
    """A strict schema made by the official SDK gets an instance that it can parse."""
    answer = client.chat.completions.parse(model="offline", messages=HELLO, response_format=Person)
    parsed = answer.choices[0].message.parsed
    assert parsed.name == "sample name"
    assert parsed.addresses[0].street == "sample street"


def test_json_mode_is_json(client: Any) -> None:
    """JSON mode answers with an object, and wants the word in the messages as the real one does."""
    wanted = {"type": "json_object"}
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        create(client, response_format=wanted)
    messages = [{"role": "user", "content": "in JSON, please"}]
    answer = create(client, response_format=wanted, messages=messages)
    assert "please" in json.loads(answer.choices[0].message.content)["answer"]


def test_a_reasoning_model_reasons(client: Any) -> None:
    """Reasoning stands in its own field, is counted, and can be switched off."""
    answer = create(client, model="offline-reasoning")
    assert answer.choices[0].message.reasoning_content
    assert answer.usage.completion_tokens_details.reasoning_tokens > 3
    quiet = create(client, model="offline-reasoning", reasoning_effort="none")
    assert not hasattr(quiet.choices[0].message, "reasoning_content")


def assistant(**members: Any) -> dict[str, Any]:
    """An assistant message."""
    return {"role": "assistant", **members}


def user(*content: Any) -> list[dict[str, Any]]:
    """Messages that hold one user message of parts."""
    return [{"role": "user", "content": list(content)}]


def function(**members: Any) -> dict[str, Any]:
    """Parameters with one function tool."""
    return {"tools": [{"type": "function", "function": members}]}


def schema_format(schema: Any, **members: Any) -> dict[str, Any]:
    """Parameters that ask for a JSON schema."""
    wanted = {"name": "x", "schema": schema, **members}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "4"}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
PARTIAL = {**OPEN, "required": [], "additionalProperties": False}

# (parameters, `param` of the error, `code` of the error)
BAD: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"model": None}, None, None),
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": "hello"}, "messages", "invalid_type"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": ["hello"]}, "messages[0]", "invalid_type"),
    ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content", "invalid_type"),
    ({"messages": [assistant(content=None)]}, "messages[0].content", "invalid_type"),
    ({"messages": user("x")}, "messages[0].content[0]", "invalid_type"),
    ({"messages": user({})}, "messages[0].content[0].type", "missing_required_parameter"),
    ({"messages": user({"type": "video"})}, "messages[0].content[0]", "invalid_value"),
    (
        {"messages": user({"type": "text"})},
        "messages[0].content[0].text",
        "missing_required_parameter",
    ),
    (
        {"messages": user({"type": "image_url", "image_url": {"url": "ftp://x"}})},
        "messages[0].content[0].image_url",
        "invalid_image_url",
    ),
    (
        {"messages": user({"type": "input_audio", "input_audio": {"data": "", "format": "ogg"}})},
        "messages[0].content[0].input_audio.format",
        "invalid_value",
    ),
    (
        {"messages": user({"type": "file", "file": {"file_data": "x"}})},
        "messages[0].content[0].file.filename",
        "missing_required_parameter",
    ),
    ({"messages": [RESULT]}, "messages.[0].role", None),
    ({"messages": [*HELLO, assistant(tool_calls=[CALL])]}, "messages.[2].role", None),
    ({"messages": [*HELLO, assistant(tool_calls=[CALL]), *HELLO]}, "messages.[2].role", None),
    (
        {"messages": [assistant(tool_calls=[CALL]), {**RESULT, "tool_call_id": "other"}]},
        "messages.[1].role",
        None,
    ),
    (
        {"messages": [{"role": "tool", "content": "4"}]},
        "messages[0].tool_call_id",
        "missing_required_parameter",
    ),
    ({"messages": [assistant(tool_calls=[])]}, "messages[0].content", "invalid_type"),
    (
        {"messages": [assistant(content="x", tool_calls=[])]},
        "messages[0].tool_calls",
        "empty_array",
    ),
    (
        {"messages": [assistant(tool_calls=[{**CALL, "function": {"name": "f"}}]), RESULT]},
        "messages[0].tool_calls[0].function.arguments",
        "missing_required_parameter",
    ),
    (
        {"messages": user({"type": "text", "text": 3})},
        "messages[0].content[0].text",
        "invalid_type",
    ),
    (
        {"messages": user({"type": "file", "file": "a.pdf"})},
        "messages[0].content[0].file",
        "invalid_type",
    ),
    (
        {"messages": user({"type": "image_url", "image_url": "https://example.com"})},
        "messages[0].content[0].image_url",
        "invalid_type",
    ),
    (
        {"messages": user({"type": "image_url", "image_url": {"url": None}})},
        "messages[0].content[0].image_url.url",
        "invalid_type",
    ),
    (
        {"messages": [assistant(content="x", tool_calls={})]},
        "messages[0].tool_calls",
        "invalid_type",
    ),
    (
        {"messages": [assistant(tool_calls=[{**CALL, "type": "shell"}]), RESULT]},
        "messages[0].tool_calls[0].type",
        "invalid_value",
    ),
    (function(name="f", parameters="none"), "tools[0].function.parameters", "invalid_type"),
    (
        {"tools": [CLOCK], "tool_choice": {"type": "any"}},
        "tool_choice.type",
        "invalid_value",
    ),
    (
        {"tools": [CLOCK], "tool_choice": {"type": "function"}},
        "tool_choice.function",
        "missing_required_parameter",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        "response_format.json_schema.schema",
        "missing_required_parameter",
    ),
    ({"extra_body": {"top_k": 3}}, "top_k", "unknown_parameter"),
    ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
    ({"temperature": -1}, "temperature", "decimal_below_min_value"),
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"temperature": True}, "temperature", "invalid_type"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"top_p": 1.1}, "top_p", "decimal_above_max_value"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", "invalid_parameter_combination"),
    ({"stop": list("abcde")}, "stop", "array_above_max_length"),
    ({"stop": [1]}, "stop[0]", "invalid_type"),
    ({"top_logprobs": 2}, "top_logprobs", None),
    ({"tool_choice": "auto"}, "tool_choice", None),
    ({"parallel_tool_calls": True}, "parallel_tool_calls", None),
    ({"reasoning_effort": "extreme"}, "reasoning_effort", "invalid_value"),
    ({"modalities": ["text", "audio"]}, "modalities", "unsupported_value"),
    ({"web_search_options": {}}, "web_search_options", None),
    ({"tools": []}, "tools", "empty_array"),
    ({"tools": [CLOCK] * 129}, "tools", "array_above_max_length"),
    ({"tools": ["clock"]}, "tools[0]", "invalid_type"),
    ({"tools": [{"type": "retrieval"}]}, "tools[0].type", "invalid_value"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    (function(), "tools[0].function.name", "missing_required_parameter"),
    (function(name=3), "tools[0].function.name", "invalid_type"),
    (function(name="get weather"), "tools[0].function.name", "invalid_value"),
    (function(name="x" * 65), "tools[0].function.name", "string_above_max_length"),
    (
        function(name="f", parameters={"type": "string"}),
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        function(name="f", parameters={"type": "object", "properties": []}),
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        function(name="f", strict=True, parameters=OPEN),
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    ({"tools": [CLOCK], "tool_choice": "sometimes"}, "tool_choice", "invalid_value"),
    (
        {"tools": [CLOCK], "tool_choice": {"type": "function", "function": {"name": "other"}}},
        "tool_choice",
        None,
    ),
    ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
    (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    (schema_format(OPEN, strict=True), "response_format", "invalid_json_schema"),
    (schema_format(PARTIAL, strict=True), "response_format", "invalid_json_schema"),
    (schema_format({"anyOf": 3}), "response_format", "invalid_json_schema"),
]


@pytest.mark.parametrize(("params", "param", "code"), BAD, ids=lambda v: json.dumps(v)[:60])
def test_bad_requests_are_refused(
    client: Any, params: dict[str, Any], param: str | None, code: str | None
) -> None:
    """Each mistake gets a 400 that names the parameter, in OpenAI's shape, streaming or not."""
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            create(client, **params, stream=stream)
        body = caught.value.body
        assert isinstance(body, dict)
        assert set(body) == {"message", "type", "param", "code"}
        assert (body["param"], body["code"]) == (param, code)


def test_stream_options_need_a_stream(client: Any) -> None:
    """Options of a stream are refused where none is asked for."""
    with pytest.raises(openai.BadRequestError, match="only allowed when 'stream' is enabled"):
        create(client, stream_options={"include_usage": True})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_an_object_is_refused(sim: Simulator, body: bytes) -> None:
    """Not JSON, too deep or not an object: a 400, never a crash."""
    assert raw(sim, post(body)).startswith(b"HTTP/1.1 400 ")


def test_half_a_character_is_answered(sim: Simulator) -> None:
    """A lone surrogate, which JSON can carry and UTF-8 cannot, does not break the answer."""
    body = b'{"model":"offline","messages":[{"role":"user","content":"\\ud83d"}],"logprobs":true}'
    answer = raw(sim, post(body))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["choices"]


@pytest.mark.parametrize("authorization", ["", "Basic a2V5", "Bearer", "Bearer "])
def test_a_missing_key_is_refused(sim: Simulator, authorization: str) -> None:
    """Without a bearer key: 401, and a text that says how to send one."""
    head = f"GET /v1/models HTTP/1.1\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
    answer = raw(sim, head.encode())
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"Authorization: Bearer" in answer


def test_an_invalid_key_is_refused_and_masked(sim: Simulator) -> None:
    """A key called invalid gets a 401 that shows its ends only."""
    key = "sk-invalid-0123456789abcdef"
    sdk = openai.OpenAI(base_url=sim.base_url, api_key=key, max_retries=0)
    with sdk, pytest.raises(openai.AuthenticationError) as caught:
        sdk.models.list()
    assert caught.value.code == "invalid_api_key"
    assert "sk-i************cdef" in str(caught.value)
    assert key not in str(caught.value)


def test_an_unknown_model_is_not_found(client: Any) -> None:
    """The model `missing-model` does not exist, in a call and in the list."""
    with pytest.raises(openai.NotFoundError) as caught:
        create(client, model="missing-model")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("missing-model")


def test_a_rate_limit_says_when_to_come_back(client: Any) -> None:
    """The model `rate-limited` always answers 429, with both spellings of the delay."""
    with pytest.raises(openai.RateLimitError) as caught:
        create(client, model="rate-limited")
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "1"
    assert caught.value.response.headers["retry-after-ms"] == "1000"


def test_models_are_listed(client: Any) -> None:
    """The list and its single entries agree."""
    listed = list(client.models.list())
    assert [model.id for model in listed] == ["offline", "offline-reasoning"]
    assert client.models.retrieve("offline") == listed[0]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /v1/nowhere", 404),
        ("GET /v1/chat/completions", 405),
        ("POST /v1/models", 405),
        ("DELETE /v1/models", 405),
        ("BREW /v1/models", 501),
    ],
)
def test_other_paths_and_methods_are_refused(sim: Simulator, line: str, status: int) -> None:
    """What is not there answers with OpenAI's error body too."""
    head = f"{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    top, _, body = raw(sim, head.encode()).partition(b"\r\n\r\n")
    assert top.split()[1] == str(status).encode()
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort",
    ],
)
def test_broken_http_is_refused(sim: Simulator, data: bytes) -> None:
    """Bytes that are no request get a 400 in JSON, and the connection ends."""
    answer = raw(sim, data, half_close=True)
    assert b" 400 " in answer.partition(b"\r\n")[0] or answer.startswith(b'{"error"')
    assert b'"error"' in answer


def test_a_huge_body_is_refused_unread(sim: Simulator) -> None:
    """A length that nobody means is refused before anything is read."""
    data = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"
    assert raw(sim, data).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_request_is_read(sim: Simulator) -> None:
    """A client may send its body in chunks."""
    body = json.dumps({"model": "offline", "messages": HELLO}).encode()
    pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
    chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    assert raw(sim, post(chunks, head="Transfer-Encoding: chunked")).startswith(b"HTTP/1.1 200 ")
    assert sim.requests[0].json()["messages"] == HELLO


def test_http_1_0_gets_a_stream_without_chunks(sim: Simulator) -> None:
    """An old client reads events until the connection ends."""
    body = json.dumps({"model": "offline", "messages": HELLO, "stream": True}).encode()
    head, _, events = raw(sim, post(body, version="1.0")).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert events.startswith(b"data: {")
    assert events.endswith(b"data: [DONE]\n\n")


def test_requests_are_recorded(sim: Simulator, client: Any) -> None:
    """A test can see what was sent; the key is in the headers, but in no repr."""
    create(client, temperature=0.5)
    (request,) = sim.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.json() == {"model": "offline", "messages": HELLO, "temperature": 0.5}
    assert "sk-test" not in repr(request)


def test_connections_are_kept(sim: Simulator) -> None:
    """One connection serves one request after the other, streams included."""
    body = json.dumps({"model": "offline", "messages": HELLO, "stream": True}).encode()
    keep = post(body).replace(b"Connection: close\r\n", b"")
    answer = raw(sim, keep + keep + post(body))
    assert answer.count(b"HTTP/1.1 200 ") == answer.count(b"[DONE]") == 3


async def ask_async(base_url: str) -> str:
    """One streamed answer through the SDK's async client."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key="k", max_retries=0) as sdk:
        messages: Any = HELLO
        stream = await sdk.chat.completions.create(model="offline", messages=messages, stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in stream])


@pytest.mark.asyncio
async def test_it_serves_async_clients(sim: Simulator) -> None:
    """The server has threads of its own, so the loop that asks is free to listen."""
    assert "hello there" in await ask_async(sim.base_url)


def test_many_at_once_get_their_own_answers(sim: Simulator, client: Any) -> None:
    """Concurrent callers do not see each other's texts."""

    def ask(number: int) -> bool:
        messages = [{"role": "user", "content": f"number {number}."}]
        chunks = create(client, messages=messages, stream=True)
        return f"number {number}." in "".join(c.choices[0].delta.content or "" for c in chunks)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(64)))
    assert len(sim.requests) == 64


def simulator_threads() -> set[threading.Thread]:
    """Threads alive now."""
    return set(threading.enumerate())


def test_nothing_is_left_after_stop() -> None:
    """Threads, connections (idle and busy) and the port are gone when `stop` returns."""
    before = simulator_threads()
    simulator = Simulator().start()
    host, port = simulator.base_url.removeprefix("http://").removesuffix("/v1").split(":")
    idle = socket.create_connection((host, int(port)), timeout=10)
    busy = socket.create_connection((host, int(port)), timeout=10)
    with idle, busy:
        busy.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
        raw(simulator, post(b"{}"))
        simulator.stop()
        assert simulator_threads() == before
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=10)


def test_stop_breaks_a_stream_that_nobody_reads() -> None:
    """A client that stops reading cannot keep the server from ending."""
    before = simulator_threads()
    with Simulator() as simulator:
        host, port = simulator.base_url.removeprefix("http://").removesuffix("/v1").split(":")
        body = json.dumps({"model": "m", "messages": HELLO, "n": 128, "stream": True}).encode()
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.connect((host, int(port)))
        client.sendall(post(body) * 8)
        assert client.recv(1)
    with client:
        assert simulator_threads() == before


def test_starting_and_stopping() -> None:
    """It has no address unless it runs, is not started twice, stops twice, and starts again."""
    simulator = Simulator()
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.base_url
    with simulator, pytest.raises(RuntimeError, match="already running"):
        simulator.start()
    simulator.stop()
    with simulator, openai.OpenAI(base_url=simulator.base_url, api_key="k") as sdk:
        assert list(sdk.models.list())


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, None),
        ({}, "sample value"),
        ({"const": 3}, 3),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "integer", "default": 7}, 7),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "null"}, None),
        ({"type": "string", "format": "date"}, "2025-01-01"),
        ({"type": "string", "minLength": 15}, "sample valuexxx"),
        ({"type": "string", "maxLength": 3}, "sam"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, 0.25),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, 0.25),
        ({"type": "integer", "multipleOf": 4, "minimum": 5}, 8),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "items": {"enum": [1, 2]}, "minItems": 2, "uniqueItems": True}, [1, 2]),
        ({"type": "array", "items": {}, "maxItems": 0}, []),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}]}, [1, 2]),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"oneOf": [{"const": "x"}]}, "x"),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
            {"a": 1, "b": 2},
        ),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 4}}}, 4),
        ({"$ref": "#/$defs/none"}, "sample value"),
    ],
    ids=str,
)
def test_an_instance_of_a_schema(schema: Any, expected: Any) -> None:
    """Each keyword is honoured; what a schema leaves open is filled the same way each time."""
    assert instance(schema) == expected


def test_a_recursive_schema_ends() -> None:
    """A tree stops growing where its schema lets it, and one that has no end becomes null."""
    node = {"type": "object", "required": ["next"], "properties": {"next": {}}}
    node["properties"] = {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}
    assert json.dumps(instance(node)).endswith('{"next": null}}}}}')
    endless = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}
    assert "null" in json.dumps(instance(endless))


KEYWORDS = [
    *("type", "properties", "items", "anyOf", "allOf", "$ref", "enum", "required", "minimum"),
    *("minLength", "maxItems", "multipleOf", "prefixItems", "uniqueItems", "default", "$defs"),
]
WORDS = ["object", "array", "string", "number", "#", "#/items", "#/enum/0"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYWORDS) | st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_no_schema_crashes_it(schema: Any) -> None:
    """Whatever is sent as a schema is found unreadable or gets an instance that JSON can write."""
    if shape_fault(schema) is None:
        strict_fault(schema)
        json.dumps(instance(schema))


@settings(deadline=None)
@given(st.text())
def test_tokens_join_to_the_text(text: str) -> None:
    """Nothing is lost or made up where a text is cut for streaming."""
    assert "".join(split(text)) == text


def test_a_body_that_is_nested_too_deeply_is_refused(sim: Simulator) -> None:
    """What Python cannot walk through is refused like anything else; the connection is not dropped.

    From 3.12 on only Python's own frames count towards the limit, and this much is walked through.
    """
    deep = b"[" * 980 + b"]" * 980
    body = (
        b'{"model":"m","messages":[{"role":"user","content":"a"}],"metadata":{"a":' + deep + b"}}"
    )
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer k\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    top, _, answer = raw(sim, head + body).partition(b"\r\n\r\n")
    status, said = top.split()[1], json.loads(answer)
    if sys.version_info >= (3, 12) and status == b"200":
        assert said["choices"]
    else:
        assert status == b"400"
        assert said["error"]["type"] == "invalid_request_error"
