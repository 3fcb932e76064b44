"""Calls become requests; what changes is listed, and what cannot be said is refused."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit._http import Endpoint
from llmkit.wires.cohere_chat import CohereChat

from ._made import HELLO, TIME, WEATHER, body, built, ledger, sent

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}


def test_a_plain_call() -> None:
    """A model and messages, and nothing that nobody asked for."""
    request = built()
    assert (request.method, request.url) == ("POST", "https://api.test/v2/chat")
    assert request.headers["x-here"] == "yes"
    assert request.headers["accept"] == "application/json"
    assert body() == {"model": "command-test", "messages": HELLO}
    assert not request.adjustments


def test_a_stream_is_asked_for() -> None:
    """A stream is a field of the body, and events are what is accepted."""
    request = built(stream=True, stream_options={"include_usage": True})
    assert request.headers["accept"] == "text/event-stream"
    assert body(stream=True) == {"model": "command-test", "messages": HELLO, "stream": True}


@pytest.mark.parametrize(
    "base",
    [
        "https://h.test",
        "https://h.test/",
        "https://h.test/v1",
        "https://h.test/v2/",
        "https://h.test/v2/chat",
        "https://h.test/v1/rerank",
    ],
)
def test_addresses(base: str) -> None:
    """An address is taken bare, with its version, and whole; its query is kept."""
    assert built(to=Endpoint(base)).url == "https://h.test/v2/chat"
    assert built(to=Endpoint(base + "?a=1", {}, {"b": "2"})).url == "https://h.test/v2/chat?a=1&b=2"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.5}, {"p": 0.5}),
        ({"top_k": 40}, {"k": 40}),
        ({"seed": 7}, {"seed": 7}),
        ({"presence_penalty": 0.5, "frequency_penalty": 1}, {"presence_penalty": 0.5, "frequency_penalty": 1}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"max_completion_tokens": 9}, {"max_tokens": 9}),
        ({"max_completion_tokens": 9, "max_tokens": 9}, {"max_tokens": 9}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
        ({"logprobs": True}, {"logprobs": True}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "enabled"}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 500}},
            {"thinking": {"type": "enabled", "token_budget": 500}},
        ),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
            {"response_format": {"type": "json_object", "json_schema": SCHEMA}},
        ),
        ({"n": 1, "store": False, "logit_bias": {}, "modalities": ["text"]}, {}),
        ({"parallel_tool_calls": True, "tool_choice": "auto", "service_tier": "auto"}, {}),
        ({"tool_choice": "none"}, {"tool_choice": "NONE"}),
    ],
)  # fmt: skip
def test_parameters_without_a_loss(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """A parameter that means the same there is respelled, and nothing is listed."""
    made = body(**given)
    assert {k: v for k, v in made.items() if k not in ("model", "messages")} == expected
    assert not ledger(**given)


@pytest.mark.parametrize(
    ("name", "given", "field", "value", "change"),
    [
        ("temperature", 1.5, "temperature", 1, "clamped"),
        ("temperature", -1, "temperature", 0, "clamped"),
        ("top_p", 1, "p", 0.99, "clamped"),
        ("top_p", 0, "p", 0.01, "clamped"),
        ("top_k", 1000, "k", 500, "clamped"),
        ("presence_penalty", -0.5, "presence_penalty", 0, "clamped"),
        ("frequency_penalty", 2, "frequency_penalty", 1, "clamped"),
        ("reasoning_effort", "low", "thinking", {"type": "enabled", "token_budget": 2048}, "emulated"),
        ("reasoning_effort", "high", "thinking", {"type": "enabled"}, "renamed"),
        ("thinking", {"type": "adaptive"}, "thinking", {"type": "enabled"}, "renamed"),
    ],
)  # fmt: skip
def test_parameters_that_change(name: str, given: Any, field: str, value: Any, change: str) -> None:
    """What is sent otherwise than it was given is in the ledger."""
    assert body(**{name: given})[field] == value
    entry = ledger(**{name: given})[name]
    assert (entry.change, entry.given, entry.sent) == (change, given, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("top_logprobs", 3),
        ("logit_bias", {"1": 2}),
        ("user", "u"),
        ("metadata", {"a": "b"}),
        ("store", True),
        ("verbosity", "low"),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "x"}),
        ("prediction", {"type": "content"}),
        ("web_search_options", {}),
        ("service_tier", "priority"),
        ("prompt_cache_key", "k"),
        ("safety_identifier", "s"),
        ("functions", [{"name": "f"}]),
        ("function_call", "auto"),
        ("parallel_tool_calls", False),
    ],
)
def test_parameters_that_it_does_not_take(name: str, value: Any) -> None:
    """What there is no field for is refused, dropped where that is wished, or sent where that is insisted on."""
    with pytest.raises(llmkit.UnsupportedParamsError, match=name):
        built(**{name: value})
    assert ledger(drop_params=True, **{name: value})[name].change == "dropped"
    if name != "parallel_tool_calls":
        assert body(allowed=frozenset({name}), **{name: value})[name] == value


def test_what_a_host_does_not_take_is_a_field_of_the_wire() -> None:
    """A host that lacks a parameter has it refused."""
    wire = CohereChat(refused=frozenset({"logprobs"}))
    with pytest.raises(llmkit.UnsupportedParamsError, match="logprobs"):
        built(wire=wire, logprobs=True)


def test_thinking_and_effort_are_one_field() -> None:
    """Both together are one too many."""
    with pytest.raises(llmkit.UnsupportedParamsError, match="'thinking' says it"):
        built(thinking={"type": "enabled"}, reasoning_effort="low")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"max_tokens": 1, "max_completion_tokens": 2}, "not both"),
        ({"stop": list("abcdef")}, "6 texts; 5 are taken"),
        ({"temperature": "hot"}, "must be a number"),
        ({"temperature": True}, "must be a number"),
        ({"top_p": float("nan")}, "finite"),
        ({"thinking": "on"}, "must be a dict"),
        ({"reasoning_effort": "enormous"}, "must be none"),
        ({"response_format": "json"}, "response_format must be"),
        ({"response_format": {"type": "json_schema"}}, "response_format must be"),
        ({"response_format": {"type": "grammar"}}, "response_format must be"),
        ({"tools": "all"}, "tools must be a list"),
        ({"tools": ["all"]}, r"tools\[0\] must be a dict"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "functions for tools and no others"),
        ({"tool_choice": "required"}, "there are no tools"),
        ({"tool_choice": "perhaps", "tools": [WEATHER]}, "tool_choice is 'perhaps'"),
        ({"tool_choice": {"function": {"name": "no_such"}}, "tools": [WEATHER]}, "none of the tools"),
        ({"seed": {1}}, "must be a list, not a set"),
    ],
)  # fmt: skip
def test_mistakes(given: dict[str, Any], match: str) -> None:
    """A mistake is told before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError, match=match):
        built(**given)


def test_too_many_stops_are_clamped_where_dropping_is_wished() -> None:
    """The first five are sent, and the rest is listed."""
    assert body(stop=list("abcdef"), drop_params=True)["stop_sequences"] == list("abcde")
    assert ledger(stop=list("abcdef"), drop_params=True)["stop"].change == "clamped"


def test_tools() -> None:
    """Functions go as they are; one without parameters gets the empty ones that are demanded."""
    made = body(tools=[WEATHER, TIME])
    assert made["tools"][0] == WEATHER
    empty = {"type": "object", "properties": {}}
    assert made["tools"][1]["function"] == {"name": "get_time", "parameters": empty}
    assert "tools" not in body(tools=[])


def test_marks_for_a_cache_are_dropped() -> None:
    """A tool, a part, or a message that is marked for a cache loses the mark, and the ledger says so."""
    mark = {"type": "ephemeral"}
    part = {"type": "text", "text": "Hi", "cache_control": mark}
    messages = [{"role": "user", "content": [part]}]
    given = {"tools": [{**WEATHER, "cache_control": mark}]}
    assert body(messages, **given)["messages"][0]["content"] == [{"type": "text", "text": "Hi"}]
    assert body(messages, **given)["tools"] == [WEATHER]
    listed = ledger(messages, **given)
    assert set(listed) == {"messages[0].content[0].cache_control", "tools[0].cache_control"}


@pytest.mark.parametrize(("flags", "listed"), [((True, True), False), ((True, False), True)])
def test_strictness_is_the_request_s(flags: tuple[bool, bool], *, listed: bool) -> None:
    """Strict functions make the request strict; where only some were, the ledger says so."""
    tools = [
        {**tool, "function": {**tool["function"], "strict": flag}}
        for tool, flag in zip((WEATHER, TIME), flags, strict=True)
    ]
    made = body(tools=tools)
    assert made["strict_tools"] is True
    assert "strict" not in made["tools"][0]["function"]
    assert bool(ledger(tools=tools)) is listed
    assert body(tools=tools, extra_body={"strict_tools": False})["strict_tools"] is False


@pytest.mark.parametrize(
    ("choice", "word", "names", "listed"),
    [
        ("required", "REQUIRED", ["get_weather", "get_time"], False),
        ("REQUIRED", "REQUIRED", ["get_weather", "get_time"], False),
        ("none", "NONE", ["get_weather", "get_time"], False),
        ({"type": "function", "function": {"name": "get_time"}}, "REQUIRED", ["get_time"], True),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TIME]}},
            None,
            ["get_time"],
            True,
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TIME, WEATHER]}},
            "REQUIRED",
            ["get_weather", "get_time"],
            False,
        ),
    ],
)  # fmt: skip
def test_the_choice_of_tools(
    choice: Any, word: str | None, names: list[str], *, listed: bool
) -> None:
    """One tool is demanded by sending only it."""
    given = {"tools": [WEATHER, TIME], "tool_choice": choice}
    made = body(**given)
    assert made.get("tool_choice") == word
    assert [tool["function"]["name"] for tool in made["tools"]] == names
    assert ("tool_choice" in ledger(**given)) is listed


def test_a_format_beside_tools_is_asked_for_in_words() -> None:
    """A response format is not taken together with tools: a system message has the schema."""
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    made = body(tools=[WEATHER], response_format=wanted)
    assert "response_format" not in made
    assert made["messages"][-1]["role"] == "system"
    assert '"name"' in made["messages"][-1]["content"]
    assert ledger(tools=[WEATHER], response_format=wanted)["response_format"].change == "emulated"
    bare = body(tools=[WEATHER], response_format={"type": "json_object"})
    assert "schema" not in bare["messages"][-1]["content"]


def test_the_caller_s_own_fields() -> None:
    """What has no name of OpenAI's goes through as it is, and wins."""
    documents = [{"id": "d", "data": {"text": "t"}}]
    own = {"documents": documents, "safety_mode": "STRICT", "temperature": 0.1}
    made = body(temperature=0.9, extra_body=own)
    assert (made["documents"], made["safety_mode"], made["temperature"]) == (
        documents,
        "STRICT",
        0.1,
    )


CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "index": 0, "function": {"name": "f", "arguments": '{"a":1}'}}
    ],
}  # fmt: skip
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"role": "user", "content": ["Hi"]}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "https://i.test/x.png"}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://i.test/x.png"}}]},
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:…", "detail": "low"}}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:…", "detail": "low"}}]},
        ),
        (CALLED, {"role": "assistant", "tool_calls": [CALL]}),
        (
            {**CALLED, "reasoning_content": "First f."},
            {"role": "assistant", "tool_plan": "First f.", "tool_calls": [CALL]},
        ),
        (
            {**CALLED, "tool_plan": "Mine.", "citations": [{"start": 0}]},
            {"role": "assistant", "tool_plan": "Mine.", "tool_calls": [CALL], "citations": [{"start": 0}]},
        ),
        (
            {
                **CALLED,
                "reasoning_content": "Hm.Plan.",
                "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}],
                "provider_specific_fields": {"tool_plan": "Plan."},
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm."}],
                "tool_plan": "Plan.",
                "tool_calls": [CALL],
            },
        ),
        (
            {
                "role": "assistant",
                "content": "Yes.",
                "thinking_blocks": [{"type": "thinking", "thinking": "Hm."}],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."}],
            },
        ),
        (
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}], "thinking_blocks": []},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]},
        ),
        ({"role": "assistant", "refusal": "No."}, {"role": "assistant", "content": "No."}),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
        ),
    ],
)  # fmt: skip
def test_messages(given: Any, expected: Any) -> None:
    """A message is sent in the dialect's form, without what only answers have."""
    assert sent(given) == [expected]
    assert not ledger([given])


def test_results_of_tools() -> None:
    """A result belongs to a call before it; texts, parts and documents are what it may be."""
    document = {"type": "document", "document": {"id": "1", "data": {"a": "b"}}}
    results = [
        {"role": "tool", "tool_call_id": "c1", "content": content}
        for content in ("sunny", [document], None)
    ]
    found = sent(CALLED, *results)[1:]
    assert [message["content"] for message in found] == ["sunny", [document], ""]
    assert {message["tool_call_id"] for message in found} == {"c1"}


def test_developers_are_the_system() -> None:
    """The newer role is not known there."""
    said = [{"role": "developer", "content": "Be brief."}, *HELLO]
    assert body(said)["messages"][0] == {"role": "system", "content": "Be brief."}
    assert ledger(said)["messages[0].role"].change == "renamed"


def test_what_messages_cannot_say_is_listed() -> None:
    """Names, others' signed thinking, and turns that say nothing are left out, and listed."""
    said = [
        {"role": "user", "name": "Ann", "content": "Hi"},
        {"role": "assistant", "content": ""},
        {
            "role": "assistant",
            "content": "Yes.",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}],
        },
        {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."},
    ]
    yes = {"role": "assistant", "content": "Yes."}
    assert body(said)["messages"] == [{"role": "user", "content": "Hi"}, yes, yes]
    listed = ledger(said)
    assert {entry.change for entry in listed.values()} == {"dropped"}
    assert list(listed) == [
        "messages[0].name",
        "messages[1]",
        "messages[2].reasoning_content",
        "messages[3].reasoning_content",
    ]


CALLED: dict[str, Any] = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
}


def test_a_result_that_is_an_error() -> None:
    """That a tool failed can be told in words only: the mark is left out, and listed."""
    result = {"role": "tool", "tool_call_id": "c1", "content": "boom", "is_error": True}
    sent_on = {"role": "tool", "tool_call_id": "c1", "content": "boom"}
    assert body([CALLED, result])["messages"][1] == sent_on
    listed = ledger([CALLED, result])
    assert [(name, entry.change) for name, entry in listed.items()] == [
        ("messages[1].is_error", "dropped")
    ]


@pytest.mark.parametrize(
    ("messages", "match"),
    [
        (
            [
                CALLED,
                {"role": "tool", "tool_call_id": "c1", "content": [{"type": "image_url"}]},
            ],
            "texts and documents",
        ),
        ("Hi", "messages must be a list"),
        ([3], r"messages\[0\] must be a dict"),
        ([{"role": "robot", "content": ""}], "must be one of"),
        ([{"role": "user"}], "must be a text or a list of parts"),
        ([{"role": "user", "content": [3]}], "must be a dict with a type"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "takes no 'input_audio' parts"),
        ([{"role": "user", "content": [{"type": "file"}]}], "'documents'"),
        ([{"role": "tool", "content": "x"}], "tool_call_id must be a text"),
        ([{"role": "tool", "tool_call_id": "c9", "content": "x"}], "which no assistant message"),
        ([{"role": "assistant", "content": "x", "audio": {"id": "a"}}], "hears nothing"),
        ([{"role": "assistant", "content": "x", "function_call": {"name": "f"}}], "use tool_calls"),
        ([{"role": "assistant", "tool_calls": "f"}], "must be a list"),
        ([{"role": "assistant", "tool_calls": [{"id": "c"}]}], "a function of name and arguments"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"arguments": "{"}}]}],
            "must be JSON text",
        ),
    ],
)
def test_mistakes_in_messages(messages: Any, match: str) -> None:
    """A mistake in the messages is told, with its place."""
    with pytest.raises(llmkit.InvalidRequestError, match=match):
        built(messages)


def test_arguments_may_be_an_object() -> None:
    """Arguments given as an object are written as the JSON text that is demanded."""
    made = sent(
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}],
        }
    )
    assert made[0]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'
