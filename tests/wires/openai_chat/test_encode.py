from __future__ import annotations

import json
import math
from typing import Any

import pytest

from llmkit import errors, providers
from llmkit._call import Adjustment
from llmkit._http import Endpoint
from llmkit.wires.openai_chat import OpenAIChat

from ._given import HOST, USER, body, built, call, ledger, parsed, whole

NO_FORMATS = OpenAIChat(refused=frozenset({"json_schema", "json_object"}))
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


def messages(*given: Any, wire: OpenAIChat | None = None) -> list[Any]:
    """The messages as a host reads them."""
    sent: list[Any] = body(call(list(given)), wire)["messages"]
    return sent


def refusal(
    *given: Any, wire: OpenAIChat | None = None, **params: Any
) -> errors.InvalidRequestError:
    """The error of a call that must not be sent."""
    with pytest.raises(errors.InvalidRequestError) as caught:
        built(call(list(given) or USER, **params), wire)
    assert (caught.value.sent, caught.value.status_code, caught.value.provider) == (
        "no",
        400,
        "acme",
    )
    return caught.value


# --- the request ---------------------------------------------------------------------------------


def test_request() -> None:
    """A call is a POST of JSON below the base URL, with the endpoint's headers and query."""
    to = Endpoint("https://host.test/v1/?a=1", {"x-org": "o"}, {"api-version": "2"})
    made = built(call(temperature=0.5), to=to)
    assert (made.method, made.url) == (
        "POST",
        "https://host.test/v1/chat/completions?a=1&api-version=2",
    )
    assert made.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "x-org": "o",
    }
    assert json.loads(made.body) == {"model": "m1", "messages": list(USER), "temperature": 0.5}
    assert made.adjustments == ()


def test_request_of_a_stream() -> None:
    """A stream asks for events, and for its usage."""
    made = built(call(stream=True))
    assert made.headers["accept"] == "text/event-stream"
    assert json.loads(made.body) == {
        "model": "m1",
        "messages": list(USER),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("asked", "stream", "sent"),
    [
        ({"include_usage": True}, True, {"include_usage": True}),
        ({"include_usage": False}, True, {"include_usage": False}),
        (
            {"include_obfuscation": False},
            True,
            {"include_usage": True, "include_obfuscation": False},
        ),
        ({}, True, {"include_usage": True}),
        (None, True, {"include_usage": True}),
        ({"include_usage": True}, False, None),
    ],
)
def test_stream_options(asked: Any, stream: bool, sent: Any) -> None:  # noqa: FBT001 - a table
    """Usage is asked for unless the caller says no; without a stream there is nothing to ask."""
    assert body(call(stream=stream, stream_options=asked)).get("stream_options") == sent


def test_stream_options_elsewhere() -> None:
    """A host that sends usage anyway is not asked; in ``extra_body`` the caller asks as it likes."""
    wire = OpenAIChat(stream_usage=False)
    asked = {"include_usage": True}
    assert "stream_options" not in body(call(stream=True, stream_options=asked), wire)
    own = call(stream=True, extra_body={"stream_options": {"x": 1}})
    assert body(own)["stream_options"] == {"x": 1}


@pytest.mark.parametrize("stream", [True, False])
def test_stream_options_of_a_wrong_type(stream: bool) -> None:  # noqa: FBT001 - a table
    """Options that are no dict are refused."""
    assert "stream_options" in refusal(params={"stream_options": True}, stream=stream).message


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"include_usage": True}, True),
        ({"include_usage": False}, False),
        ({}, False),
        (None, False),
    ],
)
def test_usage_chunk_only_if_asked_for(asked: Any, wanted: bool) -> None:  # noqa: FBT001 - a table
    """Only who asked for the usage gets the chunk that has it."""
    assert call(stream_options=asked).wants_usage_chunk is wanted


# --- parameters ----------------------------------------------------------------------------------

EVERY = {
    "temperature": 0.0,
    "top_p": 1,
    "top_k": 5,
    "n": 2,
    "stop": ["a", "b"],
    "max_tokens": 7,
    "max_completion_tokens": 8,
    "presence_penalty": -1.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 3,
    "seed": 0,
    "user": "u",
    "tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": {}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "functions": [{"name": "f"}],
    "function_call": "none",
    "response_format": {"type": "json_object"},
    "reasoning_effort": "minimal",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "verbosity": "low",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "prediction": {"type": "content", "content": "x"},
    "web_search_options": {"search_context_size": "low"},
    "service_tier": "flex",
    "store": False,
    "metadata": {"k": "v"},
    "prompt_cache_key": "p",
    "prompt_cache_retention": "24h",
    "safety_identifier": "s",
}


def test_every_parameter_is_sent() -> None:
    """Where a host refuses nothing, every parameter goes out as given; false and 0 are values, ``None`` is none."""
    assert body(call(params={**EVERY, "stream": None})) == {
        "model": "m1",
        "messages": list(USER),
        **EVERY,
    }
    assert ledger(call(params=EVERY)) == []


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_parameter_is_refused(name: str) -> None:
    """What a host does not take is refused by name, dropped with an entry, or sent on demand."""
    wire = OpenAIChat(refused=frozenset({name}))
    value = EVERY[name]
    error = refusal(wire=wire, **{name: value})
    assert isinstance(error, errors.UnsupportedParamsError)
    assert (error.param, f"'{name}'" in error.message) == (name, True)
    dropping = call(params={name: value}, drop_params=True)
    assert name not in body(dropping, wire)
    assert ledger(dropping, wire) == [(name, "dropped", value, None)]
    allowed = call(params={name: value}, allowed=frozenset({name}))
    assert body(allowed, wire)[name] == value
    assert ledger(allowed, wire) == []


def test_all_that_is_refused_is_named() -> None:
    """One error names all parameters that a host does not take."""
    error = refusal(wire=OpenAIChat(refused=frozenset({"top_k", "seed"})), top_k=1, n=1, seed=2)
    assert "'top_k', 'seed'" in error.message
    assert "drop_params" in error.message


def test_renamed_parameters() -> None:
    """A host's own name for the same thing is written quietly; both names at once are refused."""
    wire = OpenAIChat(renamed={"max_tokens": "max_completion_tokens"})
    assert body(call(max_tokens=5), wire)["max_completion_tokens"] == 5
    assert ledger(call(max_tokens=5), wire) == []
    both = refusal(wire=wire, max_tokens=5, max_completion_tokens=6)
    assert "not both" in both.message
    assert body(call(max_tokens=5, max_completion_tokens=None), wire)["max_completion_tokens"] == 5


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"temperature": math.nan}, "temperature"),
        ({"top_p": math.inf}, "top_p"),
        ({"stop": {"a", "b"}}, "stop"),
        ({"stop": frozenset({"a"})}, "stop"),
        ({"logit_bias": {"1": -math.inf}}, "logit_bias.1"),
        ({"modalities": ["text", {"x"}]}, "modalities[1]"),
        ({"metadata": {"a": ({"b": math.nan},)}}, "metadata.a[0].b"),
    ],
)
def test_what_json_cannot_say(params: dict[str, Any], path: str) -> None:
    """NaN, infinities and sets are refused with their place, at any depth, before they turn into something else."""
    error = refusal(params=params)
    assert error.message.startswith(f"{path} must be")


@pytest.mark.parametrize("n", ["several", "2", [2], 1.5, True])
def test_n(n: Any) -> None:
    """How many answers is a whole number, by which the end of a stream is found."""
    assert refusal(n=n).message.startswith("n must be a whole number")


@pytest.mark.parametrize("value", [object(), b"\xff", "\ud800"])
def test_what_cannot_be_written(value: Any) -> None:
    """A value that has no JSON, lone surrogates included, is refused wherever it stands."""
    assert "written as JSON" in refusal(user=value).message
    assert "written as JSON" in refusal({"role": "user", "content": value}).message
    assert "written as JSON" in refusal(extra_body={"x": value}).message


def test_circle() -> None:
    """A structure that contains itself is refused."""
    circle: dict[str, Any] = {}
    circle["again"] = circle
    assert "written as JSON" in refusal(extra_body=circle).message


def test_extra_body() -> None:
    """Extra fields go in as they are: mappings are merged one level deep, anything else replaces."""
    asked = call(
        temperature=1,
        metadata={"a": "1", "b": "2"},
        extra_body={"temperature": 0, "metadata": {"b": "3"}, "host_field": [None]},
    )
    sent = body(asked)
    assert (sent["temperature"], sent["metadata"], sent["host_field"]) == (
        0,
        {"a": "1", "b": "3"},
        [None],
    )
    assert ledger(asked) == []


def test_extra_body_passes_what_is_refused() -> None:
    """``extra_body`` is the door for what the table refuses."""
    wire = OpenAIChat(refused=frozenset({"top_k"}))
    assert body(call(extra_body={"top_k": 4}), wire)["top_k"] == 4


def test_changes_made_before_are_listed_first() -> None:
    """The ledger begins with what was changed before the wire saw the call."""
    earlier = Adjustment("tools", "moved", 1, 2, "a reason")
    wire = OpenAIChat(refused=frozenset({"seed"}))
    made = built(call(seed=1, drop_params=True, adjustments=(earlier,)), wire).adjustments
    assert [a.parameter for a in made] == ["tools", "seed"]


# --- response_format -----------------------------------------------------------------------------

SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True},
}
OBJECT = {"type": "json_object"}
PROMPT = "Answer with one JSON object and nothing else."
FITTING = PROMPT + ' It must fit this JSON schema: {"type":"object"}'


@pytest.mark.parametrize("asked", [SCHEMA, OBJECT, {"type": "text"}])
def test_native_format(asked: Any) -> None:
    """A format that the host knows is sent as given."""
    assert body(call(response_format=asked))["response_format"] == asked


@pytest.mark.parametrize(
    ("refused", "asked", "sent", "instruction"),
    [
        ({"json_schema"}, SCHEMA, OBJECT, FITTING),
        ({"json_schema"}, OBJECT, OBJECT, None),
        ({"json_schema", "json_object"}, SCHEMA, None, FITTING),
        ({"json_schema", "json_object"}, OBJECT, None, PROMPT),
        ({"json_object"}, OBJECT, None, PROMPT),
        ({"json_schema"}, {"type": "json_schema"}, OBJECT, PROMPT),
        ({"json_schema"}, {"type": "json_schema", "json_schema": "x"}, OBJECT, PROMPT),
    ],
)
def test_emulated_format(refused: set[str], asked: Any, sent: Any, instruction: str | None) -> None:
    """A format that the host has not is emulated by the next best one and a message, and the ledger says so."""
    wire = OpenAIChat(refused=frozenset(refused))
    made = body(call(response_format=asked), wire)
    assert made.get("response_format") == sent
    said = [] if instruction is None else [{"role": "system", "content": instruction}]
    assert made["messages"] == [*USER, *said]
    entries = [] if instruction is None else [("response_format", "emulated", asked, sent)]
    assert ledger(call(response_format=asked), wire) == entries


@pytest.mark.parametrize("wrong", ["json", {}, {"type": None}, {"type": ["json_object"]}, [], 3])
def test_format_of_a_wrong_type(wrong: Any) -> None:
    """A format without a type is refused."""
    assert "response_format must be" in refusal(response_format=wrong).message


def test_refused_format_parameter() -> None:
    """A host that refuses the parameter itself drops it like any other, and gets no instruction."""
    wire = OpenAIChat(refused=frozenset({"response_format"}))
    asked = call(response_format=SCHEMA, drop_params=True)
    assert body(asked, wire) == {"model": "m1", "messages": list(USER)}


# --- messages ------------------------------------------------------------------------------------


def test_roles_and_turns() -> None:
    """A conversation with every role and a tool's result goes out as given."""
    talk = [
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": "no poems", "name": "d"},
        {"role": "user", "content": "weather?"},
        CALLED,
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
        {"role": "assistant", "content": "Rain."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "and"}, {"type": "text", "text": "now?"}],
        },
        {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": "{}"}},
        {"role": "function", "name": "g", "content": "dry"},
    ]
    assert messages(*talk) == talk
    assert ledger(call(talk)) == []


def test_messages_are_not_touched() -> None:
    """The caller's messages are neither copied into nor changed."""
    part = {
        "type": "image_url",
        "image_url": "https://i.test/a.png",
        "cache_control": {"type": "ephemeral"},
    }
    talk = [
        {"role": "user", "content": [part]},
        {**CALLED, "refusal": None, "audio": {"id": "x", "data": "y"}},
    ]
    before = json.dumps(talk)
    built(call(talk), OpenAIChat(refused=frozenset({"cache_control"}), history=()))
    assert json.dumps(talk) == before


def test_developer_where_it_is_unknown() -> None:
    """The role becomes "system", and the ledger says so."""
    wire = OpenAIChat(refused=frozenset({"developer"}))
    given = {"role": "developer", "content": "x", "name": "d"}
    assert messages(given, wire=wire) == [{"role": "system", "content": "x", "name": "d"}]
    assert ledger(call([given]), wire) == [("messages[0].role", "renamed", "developer", "system")]


@pytest.mark.parametrize("given", ["hi", b"hi", {"role": "user"}, None, 7, iter([])])
def test_messages_that_are_no_list(given: Any) -> None:
    """Messages that are no list are refused."""
    with pytest.raises(errors.InvalidRequestError, match="messages must be a list"):
        built(call(given))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("hi", "messages[1] must be a dict"),
        (None, "messages[1] must be a dict"),
        ({}, "messages[1].role is None"),
        ({"role": "model", "content": ""}, "messages[1].role is 'model'"),
        ({"role": ["user"], "content": ""}, "messages[1].role is ['user']"),
        ({"role": "user"}, "messages[1].content is missing"),
        ({"role": "developer"}, "messages[1].content is missing"),
        ({"role": "user", "content": [7]}, "messages[1].content[0] must be a dict"),
        ({"role": "assistant", "tool_calls": 3}, "messages[1].tool_calls must be a list"),
        ({"role": "assistant", "tool_calls": "abc"}, "messages[1].tool_calls must be a list"),
        ({"role": "assistant", "tool_calls": ["abc"]}, "messages[1].tool_calls[0] must be a dict"),
        (
            {"role": "assistant", "tool_calls": [{"function": "f"}]},
            "messages[1].tool_calls[0].function must be",
        ),
        (
            {"role": "tool", "content": "x", "tool_call_id": "a"},
            "messages[1] is the result of tool call 'a'",
        ),
        ({"role": "tool", "content": "x"}, "messages[1] is the result of tool call None"),
        (
            {"role": "tool", "content": "x", "tool_call_id": ["a"]},
            "messages[1].tool_call_id must be a text",
        ),
    ],
)
def test_wrong_messages(given: Any, why: str) -> None:
    """A message that no host could take is refused, with its place and what to change."""
    assert refusal(*USER, given).message.startswith(why)


@pytest.mark.parametrize("arguments", ["{half", {"a": 1}, {}, [], 3, "not json"])
def test_arguments_that_are_no_json_text(arguments: Any) -> None:
    """Arguments must be JSON text when they are sent back."""
    wrong = {
        "role": "assistant",
        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": arguments}}],
    }
    assert "arguments must be JSON text" in refusal(wrong).message


@pytest.mark.parametrize("arguments", ["{}", "", None, '{"a": "\\ud83d"}', " {} "])
def test_arguments_that_may_be_sent(arguments: Any) -> None:
    """Empty arguments, and whatever a model wrote that is JSON, go back as they are."""
    fine = {
        "role": "assistant",
        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": arguments}}],
    }
    assert messages(fine) == [fine]


def test_tool_result_without_an_id() -> None:
    """Some hosts give calls no ids: their results may follow any call."""
    called = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
    }
    talk = [called, {"role": "tool", "content": "x"}]
    assert messages(*talk) == talk


def test_tool_result_of_another_call() -> None:
    """A result must name a call that came before it, not one that comes later."""
    late = {"role": "tool", "content": "x", "tool_call_id": "b"}
    assert "which no assistant message before it" in refusal(CALLED, late).message
    early = {"role": "tool", "content": "x", "tool_call_id": "a"}
    assert "messages[0]" in refusal(early, CALLED).message


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://i.test/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        },
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://v.test/a.mp4"}},
        {"type": "something_new", "x": 1},
        {"no": "type"},
        {"type": ["odd"]},
    ],
)
def test_parts(part: Any) -> None:
    """Parts go out as given, also those that are not known here."""
    talk = {"role": "user", "content": [part]}
    assert messages(talk) == [talk]


def test_short_forms_of_parts() -> None:
    """A plain string is a text; an image's URL may stand by itself, as some hosts want it."""
    image = {"type": "image_url", "image_url": "data:image/png;base64,AA"}
    given = {"role": "user", "content": ("a", image)}
    assert messages(given)[0]["content"] == [{"type": "text", "text": "a"}, image]


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_refused_parts(kind: str) -> None:
    """A part that the host cannot take is refused by place and type."""
    wire = OpenAIChat(refused=frozenset({kind}))
    error = refusal({"role": "user", "content": ["a", {"type": kind, kind: {}}]}, wire=wire)
    assert error.message.startswith(f"messages[0].content[1]: acme takes no '{kind}' parts")


def test_cache_control() -> None:
    """Cache marks on parts and tools are sent; where the host takes none, they are dropped and listed."""
    mark = {"type": "ephemeral", "ttl": "1h"}
    part = {"type": "text", "text": "long", "cache_control": mark}
    tool = {"type": "function", "function": {"name": "f"}, "cache_control": mark}
    asked = call([{"role": "user", "content": [part]}], tools=[tool])
    assert body(asked)["messages"][0]["content"] == [part]
    assert body(asked)["tools"] == [tool]
    wire = OpenAIChat(refused=frozenset({"cache_control"}))
    assert body(asked, wire)["messages"][0]["content"] == [{"type": "text", "text": "long"}]
    assert body(asked, wire)["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert ledger(asked, wire) == [
        ("messages[0].content[0].cache_control", "dropped", mark, None),
        ("tools[0].cache_control", "dropped", mark, None),
    ]


# --- an answer goes back -------------------------------------------------------------------------


def spoken(name: str) -> Any:
    """The message of a fixture's answer."""
    return parsed(whole(name)).choices[0].message


def wire_of(provider: str) -> OpenAIChat:
    """A provider's wire."""
    wire = providers.get(provider).chat
    assert isinstance(wire, OpenAIChat)
    return wire


FORMS = pytest.mark.parametrize(
    "form",
    [lambda m: m, lambda m: m.model_dump(), lambda m: m.to_dict()],
    ids=["model", "dump", "dict"],
)


@FORMS
@pytest.mark.parametrize(
    ("name", "provider", "field"),
    [
        ("deepseek", "deepseek", {"reasoning_content": "Six by nine."}),
        ("groq", "groq", {"reasoning": "Easy."}),
        (
            "openrouter",
            "openrouter",
            {
                "reasoning_details": [
                    {
                        "type": "reasoning.text",
                        "text": "Let me think.",
                        "format": "anthropic-claude-v1",
                        "index": 0,
                        "signature": "c2ln",
                    }
                ],
                "reasoning": "Let me think.",
            },
        ),
    ],
)
def test_reasoning_goes_back_to_its_host(name: str, provider: str, field: Any, form: Any) -> None:
    """A message sent back to its host carries its reasoning in the fields that the host has."""
    message = spoken(name)
    sent = messages(form(message), wire=wire_of(provider))
    assert sent == [{"role": "assistant", "content": message.content, **field}]
    assert ledger(call([form(message)]), wire_of(provider)) == []


@FORMS
def test_parts_go_back_to_their_host(form: Any) -> None:
    """Content that came in parts goes back in parts, thinking included."""
    (sent,) = messages(form(spoken("mistral")), wire=wire_of("mistral"))
    assert sent == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Two and two."}]},
            {"type": "text", "text": "Four."},
        ],
        "prefix": True,
    }


@FORMS
@pytest.mark.parametrize(
    ("name", "provider", "field"),
    [
        ("deepseek", "groq", {"reasoning": "Six by nine."}),
        ("groq", "deepseek", {"reasoning_content": "Easy."}),
        ("openrouter", "moonshot", {"reasoning_content": "Let me think."}),
        ("deepseek", "openrouter", {"reasoning": "Six by nine."}),
        ("mistral", "deepseek", {"reasoning_content": "Two and two."}),
    ],
)
def test_reasoning_is_translated(name: str, provider: str, field: Any, form: Any) -> None:
    """Another host gets the same text under its own name."""
    message = spoken(name)
    assert messages(form(message), wire=wire_of(provider)) == [
        {"role": "assistant", "content": message.content, **field}
    ]


@FORMS
def test_reasoning_that_nobody_takes_is_listed(form: Any) -> None:
    """A host that takes no reasoning gets none, and the ledger says so."""
    given = form(spoken("deepseek"))
    assert messages(given, wire=wire_of("openai")) == [{"role": "assistant", "content": "42"}]
    dropped = ("messages[0].reasoning_content", "dropped", "Six by nine.", None)
    assert ledger(call([given]), wire_of("openai")) == [dropped]


def test_thinking_blocks_that_nobody_takes_are_listed() -> None:
    """Signed thinking has no place on this wire."""
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    given = {"role": "assistant", "content": "a", "thinking_blocks": blocks}
    assert messages(given) == [{"role": "assistant", "content": "a"}]
    assert ledger(call([given])) == [("messages[0].thinking_blocks", "dropped", blocks, None)]
    told = {**given, "reasoning_content": "hm"}
    assert messages(told) == [{"role": "assistant", "content": "a", "reasoning_content": "hm"}]
    assert ledger(call([told])) == []


def test_unknown_hosts_get_all_fields() -> None:
    """Where nobody knows what a host takes back, all is sent as it came."""
    given = {
        "role": "assistant",
        "content": "a",
        "reasoning": "r",
        "reasoning_details": [{"text": "r"}],
        "x": 1,
    }
    assert messages(given) == [given]


@FORMS
def test_tool_calls_go_back(form: Any) -> None:
    """Tool calls go back with names, ids and arguments, and nothing that was null."""
    message = spoken("tools")
    (sent, result) = messages(
        form(message), {"role": "tool", "tool_call_id": "call_b", "content": "sun"}
    )
    calls = json.loads(whole("tools"))["choices"][0]["message"]["tool_calls"]
    assert sent == {"role": "assistant", "content": None, "tool_calls": calls}
    assert result["tool_call_id"] == "call_b"


@FORMS
def test_custom_calls_and_refusals_go_back(form: Any) -> None:
    """A custom tool's call and a refusal go back as they came."""
    (custom,) = messages(form(spoken("custom_tool")))
    assert custom["tool_calls"] == [
        {"id": "call_c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1;"}}
    ]
    (refused,) = messages(form(spoken("refusal")))
    assert refused == {"role": "assistant", "content": None, "refusal": "I cannot help."}


@FORMS
def test_audio_goes_back_by_its_id(form: Any) -> None:
    """Spoken output is referred to, not sent again."""
    (sent,) = messages(form(spoken("audio")))
    assert sent == {"role": "assistant", "content": None, "audio": {"id": "audio_1"}}


def test_nulls_and_parsed_stay_here() -> None:
    """``parsed`` is ours, and what is null says nothing."""
    given = {"role": "assistant", "content": "a", "parsed": {"x": 1}, "refusal": None}
    assert messages(given) == [{"role": "assistant", "content": "a"}]


def test_tool_call_models_within_a_dict() -> None:
    """A dict that holds call models of an answer is taken as well."""
    given = {"role": "assistant", "content": None, "tool_calls": spoken("tools").tool_calls}
    (sent,) = messages(given)
    assert [c["id"] for c in sent["tool_calls"]] == ["call_a", "call_b"]
    assert sent["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Paris"}'}


def test_models_of_the_openai_package() -> None:
    """A message model of the openai package is taken like our own."""
    from openai.types.chat import ChatCompletionMessage

    theirs = ChatCompletionMessage(role="assistant", content="a", refusal=None)
    assert messages(theirs) == [{"role": "assistant", "content": "a"}]


def test_refused_formats_do_not_refuse_parts() -> None:
    """What a table refuses is refused where it was meant."""
    wire = OpenAIChat(refused=frozenset({"thinking"}))
    part = {"type": "thinking", "thinking": "hm"}
    assert messages({"role": "user", "content": [part]}, wire=wire)[0]["content"] == [part]
    assert body(call(response_format=OBJECT), NO_FORMATS)["model"] == "m1"
    assert HOST.base_url == "https://host.test/v1"


def test_what_only_another_form_says_of_a_result() -> None:
    """A result's ``is_error`` and mark for the cache, which other forms have, are left out and listed."""
    call_made = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    marked = {"type": "ephemeral"}
    result = {"role": "tool", "tool_call_id": "c1", "content": "no", "is_error": True}
    given = [
        *USER,
        {"role": "assistant", "tool_calls": [call_made]},
        {**result, "cache_control": marked},
    ]
    wire = OpenAIChat(refused=frozenset({"cache_control"}))
    made = built(call(given), wire)
    sent = json.loads(made.body)["messages"][-1]
    assert sent == {"role": "tool", "tool_call_id": "c1", "content": "no"}
    assert [entry.parameter for entry in made.adjustments] == [
        "messages[2].is_error",
        "messages[2].cache_control",
    ]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_tokens": 5, "temperature": 0.5, "stop": "a", "seed": 7, "user": "ann"},
        {"max_tokens": 5, "max_completion_tokens": 6},
        {"stop": ["a", "b"], "top_p": 1},
        {"temperature": None, "n": 2},
    ],
)
@pytest.mark.parametrize(
    "wire", [OpenAIChat(), OpenAIChat(renamed={"max_tokens": "max_completion_tokens"})]
)
def test_plain_parameters_are_written_in_one_step(
    params: dict[str, Any], wire: OpenAIChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the same request as by looking at each, or with the same refusal."""

    def made() -> Any:
        try:
            return body(call(**params), wire)
        except errors.InvalidRequestError as error:
            return error.message

    at_once = made()
    monkeypatch.setattr("llmkit.wires.openai_chat._encode._plainly", lambda *_: None)
    assert made() == at_once
