"""What a call becomes: options, formats, thinking, tools, messages, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import llmkit
from llmkit._http import Endpoint
from llmkit.types.chat import Message
from llmkit.wires.ollama_chat import OllamaChat

from ._wire import BASE, HELLO, body, calling, changes, ledger, parse, request, tool_call
from ._wire import line as answer

PNG = base64.b64encode(b"\x89PNG").decode()
ADD: dict[str, Any] = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
}


def test_the_least() -> None:
    """Model, messages and the word that it is not to be streamed; nothing else."""
    made = request()
    assert (made.method, made.url) == ("POST", "http://box.test:11434/api/chat")
    assert body() == {"model": "tiny:1b", "messages": HELLO, "stream": False}
    assert body(stream=True)["stream"] is True
    assert request(stream=True).headers["accept"] == "application/x-ndjson"
    assert ledger(stream=True, stream_options={"include_usage": True}) == []


def test_options() -> None:
    """Parameters of sampling are options, under the server's names; a limit has one place."""
    given = {"temperature": 0, "top_p": 0.5, "top_k": 3, "seed": 1, "presence_penalty": 1.0}
    made = body(**given, frequency_penalty=0.5, max_tokens=9, stop="END")
    expected = {**given, "frequency_penalty": 0.5, "num_predict": 9, "stop": ["END"]}
    assert made["options"] == expected
    assert body(max_completion_tokens=4, max_tokens=4)["options"] == {"num_predict": 4}
    assert body(stop=("a", "b"))["options"] == {"stop": ["a", "b"]}
    with pytest.raises(llmkit.InvalidRequestError, match="not both"):
        request(max_tokens=1, max_completion_tokens=2)
    for stop in (3, ["a", 3], {"a"}):
        with pytest.raises(llmkit.InvalidRequestError, match="stop must be"):
            request(stop=stop)


def test_what_only_the_server_knows() -> None:
    """Its own options go beside ours; what stands beside options is sent as it is."""
    extra = {"options": {"num_ctx": 8192, "min_p": 0.1}, "keep_alive": "5m", "think": "max"}
    made = body(temperature=1, extra=extra)
    assert made["options"] == {"temperature": 1, "num_ctx": 8192, "min_p": 0.1}
    assert (made["keep_alive"], made["think"]) == ("5m", "max")


def test_formats() -> None:
    """Text is what it is, any JSON has a word, a schema is sent itself."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    given = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    assert body(response_format=given)["format"] == schema
    assert body(response_format={"type": "json_object"})["format"] == "json"
    assert body(response_format={"type": "json_schema"})["format"] == "json"
    assert "format" not in body(response_format={"type": "text"})
    with pytest.raises(llmkit.InvalidRequestError, match="response_format"):
        request(response_format={"type": "yaml"})


EFFORTS = [
    ("none", False, []),
    ("minimal", "low", ["clamped"]),
    ("low", "low", []),
    ("medium", "medium", []),
    ("high", "high", []),
    ("xhigh", "max", ["renamed"]),
    ("max", "max", []),
]


@pytest.mark.parametrize(("effort", "think", "changed"), EFFORTS)
def test_efforts(effort: str, think: Any, changed: list[str]) -> None:
    """An effort is the server's level, and what has none there is listed."""
    assert body(reasoning_effort=effort)["think"] == think
    assert [a.change for a in ledger(reasoning_effort=effort)] == changed


def test_thinking() -> None:
    """Thinking is on or off; a budget is dropped, and said to be."""
    assert body(thinking={"type": "enabled"})["think"] is True
    assert body(thinking={"type": "adaptive"})["think"] is True
    assert body(thinking={"type": "disabled"})["think"] is False
    assert changes(thinking={"type": "enabled", "budget_tokens": 9}) == [("thinking", "dropped")]
    assert body(thinking={"type": "disabled"}, reasoning_effort="none")["think"] is False
    with pytest.raises(llmkit.InvalidRequestError, match="not both"):
        request(thinking={"type": "enabled"}, reasoning_effort="low")
    for wrong in ({"thinking": {"type": "much"}}, {"thinking": True}, {"reasoning_effort": "huge"}):
        with pytest.raises(llmkit.InvalidRequestError):
            request(**wrong)


def test_logprobs() -> None:
    """They are asked for by OpenAI's names; none of the alternatives is no parameter."""
    made = body(logprobs=True, top_logprobs=2)
    assert (made["logprobs"], made["top_logprobs"]) == (True, 2)
    assert "top_logprobs" not in body(logprobs=True, top_logprobs=0)


NEUTRAL: dict[str, Any] = {
    "n": 1,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "store": False,
    "modalities": ["text"],
    "service_tier": "auto",
    "logit_bias": {},
    "verbosity": "medium",
    "tools": [],
    "user": None,
}


@pytest.mark.parametrize("name", NEUTRAL)
def test_what_asks_for_nothing(name: str) -> None:
    """A parameter at the server's own behaviour is neither sent nor listed nor refused."""
    assert body(**{name: NEUTRAL[name]}) == body()
    assert ledger(**{name: NEUTRAL[name]}) == []


REFUSED: dict[str, Any] = {
    "n": 2,
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "user": "me",
    "logit_bias": {"1": 2},
    "functions": [{"name": "f"}],
    "function_call": "auto",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy"},
    "prediction": {"type": "content"},
    "web_search_options": {},
    "service_tier": "flex",
    "store": True,
    "metadata": {"a": "b"},
    "safety_identifier": "x",
    "verbosity": "low",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    """What the server has no field for is refused, or dropped and listed where the caller wants that."""
    with pytest.raises(llmkit.UnsupportedParamsError, match=f"'{name}'"):
        request(**{name: REFUSED[name]})
    assert body(drop=True, **{name: REFUSED[name]}) == body()
    assert changes(drop=True, **{name: REFUSED[name]}) == [(name, "dropped")]


def test_allowed_is_sent() -> None:
    """A parameter that the caller insists on goes as it is."""
    assert body(user="me", allowed=frozenset({"user"}))["user"] == "me"


def test_values_that_json_cannot_say() -> None:
    """A number that is none is refused before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError, match="finite"):
        request(temperature=float("nan"))
    with pytest.raises(llmkit.InvalidRequestError, match="JSON"):
        request(extra={"x": object()})


def test_tools() -> None:
    """Functions go as they are, with an empty schema where they have none; marks are dropped and listed."""
    bare = {
        "type": "function",
        "function": {"name": "now", "strict": True},
        "cache_control": {"type": "x"},
    }
    made = body(tools=[ADD, bare])["tools"]
    assert made[0] == ADD
    assert made[1]["function"] == {
        "name": "now",
        "parameters": {"type": "object", "properties": {}},
    }
    assert changes(tools=[bare]) == [
        ("tools[0].cache_control", "dropped"),
        ("tools[0].function.strict", "dropped"),
    ]


def test_tools_that_are_none() -> None:
    """The provider's own tools do not exist there; what is no tool at all is a mistake."""
    with pytest.raises(llmkit.UnsupportedParamsError, match="web_search"):
        request(tools=[{"type": "web_search"}])
    assert body(tools=[{"type": "web_search"}, ADD], drop=True)["tools"] == [ADD]
    for wrong in ("add", ["add"], [{"type": "function"}], [{"type": "function", "function": {}}]):
        with pytest.raises(llmkit.InvalidRequestError):
            request(tools=wrong)


def test_no_tools_wanted() -> None:
    """Tools that may not be called are left out, and that is said."""
    assert body(tools=[ADD], tool_choice="none") == body()
    assert changes(tools=[ADD], tool_choice="none") == [("tool_choice", "emulated")]


def test_parts() -> None:
    """Texts are joined, pictures stand beside them as bare base64."""
    url = f"data:image/png;base64,{PNG}"
    parts = ["a", {"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": url}}]
    parts.append({"type": "image_url", "image_url": "data:image/png,%89PNG"})
    (made,) = body([{"role": "user", "content": parts}])["messages"]
    assert made == {"role": "user", "content": "a\nb", "images": [PNG, PNG]}


def test_marks_on_parts() -> None:
    """What a part has beyond text and picture is dropped, and said to be."""
    image = {"url": f"data:image/png;base64,{PNG}", "detail": "high"}
    parts = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": image},
    ]
    assert changes([{"role": "user", "content": parts, "name": "me"}]) == [
        ("messages[0].name", "dropped"),
        ("messages[0].content[0].cache_control", "dropped"),
        ("messages[0].content[1].image_url.detail", "dropped"),
    ]


WRONG: list[Any] = [
    "hello",
    ["hello"],
    [{"role": "robot", "content": "x"}],
    [{"role": "user"}],
    [{"role": "user", "content": 3}],
    [{"role": "user", "content": [3]}],
    [{"role": "user", "content": [{"type": "text"}]}],
    [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}],
    [{"role": "user", "content": [{"type": "image_url"}]}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": "https://x.test/a.png"}]}],
    [{"role": "assistant", "tool_calls": "add"}],
    [{"role": "assistant", "tool_calls": [3]}],
    [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}],
    [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]}],
    [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 3}}]}],
    [{"role": "tool", "tool_call_id": "call_1", "content": "5"}],
]


@pytest.mark.parametrize("messages", WRONG)
def test_messages_that_are_none(messages: Any) -> None:
    """A mistake in a message is told before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError):
        request(messages)


def test_roles() -> None:
    """A developer is a system there, and that is listed; the other roles keep their names."""
    given = [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}]
    assert [m["role"] for m in body([*given, *HELLO])["messages"]] == ["system", "system", "user"]
    assert changes(given) == [("messages[1].role", "renamed")]


def test_calls_and_results() -> None:
    """Arguments are objects there, a result has its function's name and the provider's own id."""
    call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"x":2}'}}
    result = {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "5"}]}
    made = body([*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}, result])
    assert made["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [tool_call(id="call_1")]},
        {"role": "tool", "content": "5", "tool_name": "add", "tool_call_id": "call_1"},
    ]


def test_results_without_ids() -> None:
    """A result may be told by its function's name, or by nothing where there is but one."""
    called = {"role": "assistant", "tool_calls": [{"function": {"name": "add", "arguments": {}}}]}
    named = {"role": "tool", "name": "add", "content": "5"}
    bare = {"role": "function", "content": "6"}
    made = body([called, named, bare])["messages"]
    assert made[1:] == [
        {"role": "tool", "content": "5", "tool_name": "add"},
        {"role": "tool", "content": "6"},
    ]


def test_an_answer_goes_back() -> None:
    """An answer, as an object, a dict or a dump, goes back with thoughts, pictures and calls; made ids stay here."""
    said = {"thinking": "Hm", "images": [PNG], "tool_calls": [tool_call()]}
    message = parse(answer("Yes", done=True, said=said)).choices[0].message
    wanted = {
        "role": "assistant",
        "content": "Yes",
        "thinking": "Hm",
        "images": [PNG],
        "tool_calls": [tool_call()],
    }
    (call,) = message.tool_calls or ()
    result = {"role": "tool", "tool_call_id": call.id, "content": "5"}
    for again in (message, message.model_dump(), message.to_dict()):
        made = body([*HELLO, again, result])["messages"]
        assert made[1:] == [wanted, {"role": "tool", "content": "5", "tool_name": "add"}]


def test_what_messages_cannot_say_is_listed() -> None:
    """Signatures, encrypted thoughts, marks and failures are left out, and listed; an older call is a call."""
    blocks = [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
    ]
    older = {"role": "assistant", "function_call": {"name": "add", "arguments": '{"x":2}'}}
    given = [
        {"role": "user", "content": "a", "cache_control": {"type": "ephemeral"}},
        {"role": "assistant", "content": "b", "thinking_blocks": blocks},
        older,
        {"role": "function", "name": "add", "content": "boom", "is_error": True},
    ]
    assert changes(given) == [
        ("messages[0].cache_control", "dropped"),
        ("messages[1].thinking_blocks", "dropped"),
        ("messages[3].is_error", "dropped"),
    ]
    made = body(given)["messages"]
    assert made[1]["thinking"] == "Hm"
    assert made[2]["tool_calls"] == [tool_call()]
    assert made[3] == {"role": "tool", "content": "boom", "tool_name": "add"}


def test_other_providers_answers_go_back() -> None:
    """Thoughts in blocks are text there, a refusal is what was said, sound is dropped and listed."""
    blocks = [{"type": "thinking", "thinking": "H"}, {"type": "thinking", "thinking": "m"}]
    given = {"role": "assistant", "refusal": "No", "thinking_blocks": blocks, "audio": {"id": "a"}}
    assert body([given])["messages"] == [
        {"role": "assistant", "content": "No", "thinking": "Hm"},
    ]
    assert changes([given]) == [("messages[0].audio", "dropped")]
    assert body([{"role": "assistant", "content": "", "thinking_blocks": 3}])["messages"] == [
        {"role": "assistant", "content": ""}
    ]
    assert body([Message(content="Hi")])["messages"] == [{"role": "assistant", "content": "Hi"}]


def test_the_openai_form() -> None:
    """An address that ends in /v1 is spoken to in OpenAI's form."""
    made = OllamaChat().build(calling(max_completion_tokens=3), Endpoint(f"{BASE.base_url}/v1/"))
    assert made.url == "http://box.test:11434/v1/chat/completions"
    assert b'"max_tokens":3' in made.body


def test_reads_no_urls() -> None:
    """Every address must be fetched before: the server takes bytes."""
    assert not OllamaChat().reads_url("https://x.test/a.png")
