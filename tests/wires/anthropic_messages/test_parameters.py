"""Every parameter is sent, refused, or listed in the ledger."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit._http import Endpoint
from llmkit.types.params import ModelParams
from llmkit.wires.anthropic_messages import AnthropicMessages

from ._made import BUDGETED, HERE, NEW, OLD, WIRE, body, built, ledger

TOOL: dict[str, Any] = {"type": "function", "function": {"name": "add", "parameters": {"a": 1}}}
REFUSED: dict[str, Any] = {
    "n": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"1": 5},
    "logprobs": True,
    "top_logprobs": 2,
    "seed": 7,
    "prediction": {"type": "content", "content": "x"},
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy"},
    "verbosity": "high",
    "store": True,
    "functions": [{"name": "f"}],
    "function_call": "auto",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "service_tier": "flex",
    "metadata": {"team": "red"},
    "web_search_options": {"search_context_size": "high"},
}
SENT: dict[str, tuple[Any, dict[str, Any]]] = {
    "temperature": (0.5, {"temperature": 0.5}),
    "top_p": (0.9, {"top_p": 0.9}),
    "top_k": (40, {"top_k": 40}),
    "max_tokens": (50, {"max_tokens": 50}),
    "max_completion_tokens": (50, {"max_tokens": 50}),
    "stop": ("END", {"stop_sequences": ["END"]}),
    "user": ("u-1", {"metadata": {"user_id": "u-1"}}),
    "safety_identifier": ("u-1", {"metadata": {"user_id": "u-1"}}),
    "metadata": ({"user_id": "u-1"}, {"metadata": {"user_id": "u-1"}}),
    "service_tier": ("default", {"service_tier": "standard_only"}),
    "thinking": ({"type": "disabled"}, {"thinking": {"type": "disabled"}}),
    "reasoning_effort": ("none", {"thinking": {"type": "disabled"}}),
    "response_format": ({"type": "text"}, {}),
    "stream_options": ({"include_usage": True}, {}),
    "tools": ([], {}),
    "tool_choice": ("auto", {}),
    "parallel_tool_calls": (True, {}),
}
NEUTRAL: dict[str, Any] = {
    "n": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0.0,
    "logit_bias": {},
    "logprobs": False,
    "top_logprobs": 0,
    "store": False,
    "modalities": ["text"],
    "verbosity": "medium",
}
PLAIN = {"model", "messages", "max_tokens"}


def test_no_parameter_is_forgotten() -> None:
    """Each parameter that completion() knows is in one of the tables here."""
    known = {*REFUSED, *SENT, "web_search_options"}
    assert known == set(ModelParams.__annotations__)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What the dialect has no form for is refused before anything is sent, and says what to do."""
    with pytest.raises(llmkit.UnsupportedParamsError, match="drop_params") as caught:
        built(**{name: REFUSED[name]})
    assert str(caught.value.param).partition(".")[0] == name


@pytest.mark.parametrize("name", REFUSED)
def test_dropped(name: str) -> None:
    """With drop_params it is left out, and listed."""
    listed = ledger(**{name: REFUSED[name]}, drop_params=True)
    (entry,) = (a for n, a in listed.items() if n.partition(".")[0] == name)
    assert entry.change == "dropped"
    assert entry.reason
    left = body(**{name: REFUSED[name]}, drop_params=True)
    assert left.keys() - {"tools"} == PLAIN


@pytest.mark.parametrize("name", SENT)
def test_sent(name: str) -> None:
    """What the dialect has a form for is sent in it, and needs no entry in the ledger."""
    value, expected = SENT[name]
    made = body(**{name: value})
    assert {k: v for k, v in made.items() if k not in PLAIN or k in expected} == expected
    assert not ledger(**{name: value})


@pytest.mark.parametrize("name", NEUTRAL)
def test_neutral(name: str) -> None:
    """What asks for nothing is neither sent nor refused."""
    assert body(**{name: NEUTRAL[name]}).keys() == PLAIN
    assert not ledger(**{name: NEUTRAL[name]})


def test_none_is_absent() -> None:
    """A parameter that is None counts as not given."""
    assert body(seed=None, temperature=None).keys() == PLAIN


def test_allowed_is_sent() -> None:
    """What the caller knows to be taken is sent as it is."""
    assert body(seed=7, allowed=frozenset({"seed"}))["seed"] == 7
    wire = AnthropicMessages(refused=frozenset({"top_k"}))
    assert body(wire=wire, top_k=3, allowed=frozenset({"top_k"}))["top_k"] == 3


def test_a_host_may_refuse_more() -> None:
    """What a host does not take is refused, written together with others or not."""
    wire = AnthropicMessages(refused=frozenset({"top_k", "reasoning_effort", "tool_choice"}))
    for name, value in (("top_k", 3), ("reasoning_effort", "low"), ("tool_choice", "auto")):
        with pytest.raises(llmkit.UnsupportedParamsError, match=name):
            built(wire=wire, **{name: value})
    dropped = body(wire=wire, reasoning_effort="low", drop_params=True)
    assert dropped.keys() == PLAIN


def test_all_refusals_come_together() -> None:
    """One error names all that must change."""
    with pytest.raises(llmkit.UnsupportedParamsError, match=r"'seed'.*'n' \(it gives one answer"):
        built(seed=1, n=2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_must_be_finite(value: float) -> None:
    """JSON has no word for them."""
    with pytest.raises(llmkit.BadRequestError, match="temperature must be a finite"):
        built(temperature=value)
    with pytest.raises(llmkit.BadRequestError, match=r"stop\[0\].a must be a finite"):
        built(stop=[{"a": value}])


def test_sets_have_no_order() -> None:
    """A set is refused where a list is meant."""
    with pytest.raises(llmkit.BadRequestError, match="sets have no order"):
        built(stop={"a", "b"})


def test_unserializable() -> None:
    """What JSON cannot say is an error of the request."""
    with pytest.raises(llmkit.BadRequestError, match="cannot be written as JSON"):
        built(extra_body={"x": object()})


def test_temperature_is_clamped() -> None:
    """OpenAI's scale ends at 2, this one at 1."""
    assert body(temperature=1.7)["temperature"] == 1
    assert body(temperature=1.7, allowed=frozenset({"temperature"}))["temperature"] == 1.7
    entry = ledger(temperature=1.7)["temperature"]
    assert (entry.change, entry.given, entry.sent) == ("clamped", 1.7, 1)


def test_wrong_temperature_is_the_hosts_to_refuse() -> None:
    """A temperature that is no number is sent as it is."""
    assert body(temperature="hot")["temperature"] == "hot"


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.2), ("top_p", 0.5), ("top_k", 3)])
def test_models_without_sampling(name: str, value: float) -> None:
    """Newer models refuse sampling parameters, so they are refused before they are sent."""
    with pytest.raises(llmkit.UnsupportedParamsError, match="no sampling"):
        built(model=NEW, **{name: value})
    assert name not in body(model=NEW, drop_params=True, **{name: value})
    assert body(model=NEW, allowed=frozenset({name}), **{name: value})[name] == value


def test_default_sampling_on_models_without() -> None:
    """A default changes nothing: it is left out, listed, and no error."""
    assert "temperature" not in body(model=NEW, temperature=1.0)
    assert ledger(model=NEW, temperature=1.0)["temperature"].change == "dropped"


def test_both_limits() -> None:
    """Two names of one parameter may not disagree."""
    assert body(max_tokens=5, max_completion_tokens=5)["max_tokens"] == 5
    with pytest.raises(llmkit.BadRequestError, match="not both"):
        built(max_tokens=5, max_completion_tokens=6)


def test_two_users() -> None:
    """Three names of one field may not disagree."""
    assert body(user="a", safety_identifier="a")["metadata"] == {"user_id": "a"}
    with pytest.raises(llmkit.BadRequestError, match="one field"):
        built(user="a", metadata={"user_id": "b"})


@pytest.mark.parametrize(
    ("model", "limit"), [(BUDGETED, 64000), (NEW, 128000), ("unheard-of", 4096)]
)
def test_max_tokens_by_default(model: str, limit: int) -> None:
    """The mandatory limit is the catalogue's, else a stated default, and always listed."""
    assert body(model=model)["max_tokens"] == limit
    (entry,) = built(model=model).adjustments
    assert (entry.parameter, entry.change, entry.sent) == ("max_tokens", "defaulted", limit)


def test_max_tokens_exceed_the_budget() -> None:
    """A default that thinking would use up is raised by as much as it thinks."""
    thinking = {"type": "enabled", "budget_tokens": 10000}
    assert body(model="unheard-of", thinking=thinking)["max_tokens"] == 14096
    assert body(model="unheard-of", extra_body={"thinking": thinking})["max_tokens"] == 14096
    assert body(model="unheard-of", extra_body={"max_tokens": 7})["max_tokens"] == 7


def test_extra_body_is_merged() -> None:
    """Two mappings are merged, anything else is replaced."""
    config = {"output_config": {"task_budget": {"type": "tokens", "total": 20000}}}
    made = body(model=NEW, reasoning_effort="high", extra_body=config)
    assert made["output_config"] == {"effort": "high", **config["output_config"]}
    assert body(top_k=1, extra_body={"top_k": 2})["top_k"] == 2


# --- thinking ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effort", "budget"),
    [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16384), ("max", 32768)],
)
def test_effort_by_budget(effort: str, budget: int) -> None:
    """A model that takes only numbers gets one, and the ledger says which."""
    made = body(reasoning_effort=effort)
    assert made["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert made["max_tokens"] > budget
    entry = ledger(reasoning_effort=effort)["reasoning_effort"]
    assert (entry.change, entry.given, entry.sent) == ("emulated", effort, made["thinking"])


def test_budget_stays_below_max_tokens() -> None:
    """What may be thought is less than what may be written."""
    made = body(reasoning_effort="high", max_tokens=5000)
    assert made["thinking"]["budget_tokens"] == 4999
    with pytest.raises(llmkit.UnsupportedParamsError, match="1024 tokens at least"):
        built(reasoning_effort="high", max_tokens=1024)


@pytest.mark.parametrize(
    ("model", "effort", "level", "change"),
    [
        (NEW, "high", "high", None),
        (NEW, "xhigh", "xhigh", None),
        (NEW, "minimal", "low", "clamped"),
        ("claude-opus-4-6", "max", "max", None),
        ("claude-opus-4-6", "xhigh", "high", "clamped"),
        ("claude-fable-5", "low", "low", None),
        ("somebody-elses", "medium", "medium", None),
    ],
)
def test_effort_by_level(model: str, effort: str, level: str, change: str | None) -> None:
    """A model with levels gets the one asked for, or the nearest that is not above it."""
    made = body(model=model, reasoning_effort=effort)
    assert made["thinking"] == {"type": "adaptive"}
    assert made["output_config"] == {"effort": level}
    entry = ledger(model=model, reasoning_effort=effort).get("reasoning_effort")
    assert (entry and entry.change) == change


def test_no_effort() -> None:
    """Thinking is turned off where it can be, and where there is any."""
    assert body(model=NEW, reasoning_effort="none")["thinking"] == {"type": "disabled"}
    assert "thinking" not in body(model="claude-3-haiku-20240307", reasoning_effort="none")
    with pytest.raises(llmkit.UnsupportedParamsError, match="always thinks"):
        built(model="claude-opus-5-5", reasoning_effort="none")


def test_models_that_do_not_think() -> None:
    """Effort is refused there."""
    with pytest.raises(llmkit.UnsupportedParamsError, match="does not think"):
        built(model="claude-3-5-haiku-latest", reasoning_effort="low")


def test_unknown_effort() -> None:
    """A word that nobody knows is a mistake."""
    with pytest.raises(llmkit.BadRequestError, match="must be none, minimal"):
        built(reasoning_effort="enormous")


def test_thinking_goes_before_effort() -> None:
    """With both, the caller's own configuration is kept; a level says more, a budget would contradict."""
    shown = {"type": "adaptive", "display": "summarized"}
    made = body(model=NEW, thinking=shown, reasoning_effort="low")
    assert made["thinking"] == shown
    assert made["output_config"] == {"effort": "low"}
    with pytest.raises(llmkit.UnsupportedParamsError, match="'thinking' says it"):
        built(thinking={"type": "enabled", "budget_tokens": 2000}, reasoning_effort="low")


@pytest.mark.parametrize(
    ("model", "filled"),
    [
        (NEW, {"type": "adaptive"}),
        (BUDGETED, {"type": "enabled", "budget_tokens": 8192}),
    ],
)
def test_thinking_without_a_budget(model: str, filled: dict[str, Any]) -> None:
    """Thinking that is only turned on, as others spell it, is told how much."""
    assert body(model=model, thinking={"type": "enabled"})["thinking"] == filled
    assert ledger(model=model, thinking={"type": "enabled"})["thinking"].change == "defaulted"


# --- tools ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "add"}}, {"type": "tool", "name": "add"}),
        ({"type": "tool", "name": "add"}, {"type": "tool", "name": "add"}),
    ],
)
def test_tool_choice(given: Any, choice: dict[str, Any]) -> None:
    """OpenAI's choices have a form each; the dialect's own are taken, too."""
    assert body(tools=[TOOL], tool_choice=given)["tool_choice"] == choice


def test_parallel_calls() -> None:
    """One at a time is said in the choice; several are the default."""
    one = {"type": "auto", "disable_parallel_tool_use": True}
    assert body(tools=[TOOL], parallel_tool_calls=False)["tool_choice"] == one
    made = body(tools=[TOOL], parallel_tool_calls=False, tool_choice="required")
    assert made["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    none = body(tools=[TOOL], parallel_tool_calls=False, tool_choice="none")
    assert none["tool_choice"] == {"type": "none"}
    assert "tool_choice" not in body(tools=[TOOL], parallel_tool_calls=True)


def test_choice_without_tools() -> None:
    """Without tools there is nothing to choose; demanding one is a mistake."""
    assert "tool_choice" not in body(tool_choice="auto", parallel_tool_calls=False)
    with pytest.raises(llmkit.BadRequestError, match="there are no tools"):
        built(tool_choice="required")


@pytest.mark.parametrize("given", ["sometimes", 3, {"type": "function"}, {"type": "allowed_tools"}])
def test_unknown_choice(given: Any) -> None:
    """A choice that cannot be said is a mistake."""
    with pytest.raises(llmkit.BadRequestError, match="tool_choice is"):
        built(tools=[TOOL], tool_choice=given)


def test_tools() -> None:
    """A function keeps all it says; what is beside it goes along."""
    function = {"name": "add", "description": "Adds", "parameters": {"type": "object"}}
    tool = {"type": "function", "function": {**function, "strict": True, "defer_loading": True}}
    mark = {"type": "ephemeral", "ttl": "1h"}
    (made,) = body(tools=[{**tool, "cache_control": mark}])["tools"]
    assert made == {
        "name": "add",
        "description": "Adds",
        "input_schema": {"type": "object"},
        "strict": True,
        "defer_loading": True,
        "cache_control": mark,
    }


def test_tool_without_parameters() -> None:
    """The dialect demands a schema."""
    (made,) = body(tools=[{"type": "function", "function": {"name": "now"}}])["tools"]
    assert made == {"name": "now", "input_schema": {"type": "object", "properties": {}}}


def test_native_tools_go_through() -> None:
    """Server tools, and tools in the dialect's own form, are sent as given."""
    native = [{"type": "code_execution_20260120", "name": "code_execution"}, {"name": "x"}]
    assert body(tools=native)["tools"] == native


def test_strict_on_models_without() -> None:
    """A promise that the model cannot keep is refused; no promise needs none."""
    strict = {"type": "function", "function": {"name": "add", "strict": True}}
    with pytest.raises(llmkit.UnsupportedParamsError, match=r"tools\[0\].function.strict"):
        built(model=OLD, tools=[strict])
    assert "strict" not in body(model=OLD, tools=[strict], drop_params=True)["tools"][0]
    strict["function"] = {"name": "add", "strict": False}
    assert body(model=OLD, tools=[strict])["tools"][0]["strict"] is False


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ("add", "must be a list"),
        (["add"], "must be a dict"),
        ([{"type": "custom", "custom": {"name": "x"}}], "free text"),
    ],
)
def test_wrong_tools(tools: Any, said: str) -> None:
    """Mistakes are named."""
    with pytest.raises(llmkit.BadRequestError, match=said):
        built(tools=tools)


def test_web_search() -> None:
    """Searching is a server tool, beside the caller's own."""
    place = {"type": "approximate", "approximate": {"country": "DE", "city": "Jena"}}
    options = {"user_location": place, "search_context_size": "medium", "max_uses": 2}
    made = body(tools=[TOOL], web_search_options=options)["tools"]
    assert made[1] == {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": 2,
        "user_location": {"type": "approximate", "country": "DE", "city": "Jena"},
    }
    assert [tool["name"] for tool in made] == ["add", "web_search"]
    assert [t["name"] for t in body(web_search_options={}, tools=[TOOL])["tools"]] == [
        "add",
        "web_search",
    ]
    with pytest.raises(llmkit.BadRequestError, match="must be a dict"):
        built(web_search_options="yes")


# --- response_format --------------------------------------------------------------------------

CLOSED = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def schema_format(schema: Any) -> dict[str, Any]:
    """A schema as OpenAI asks for it."""
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}


def test_native_schema() -> None:
    """A model with structured outputs gets the schema."""
    made = body(response_format=schema_format(CLOSED))
    assert made["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert not ledger(response_format=schema_format(CLOSED))


def test_constraints_are_moved() -> None:
    """What the grammar cannot hold is told in words, and the caller's schema is not touched."""
    inner = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2}
    inner["description"] = "Sizes"
    schema = {"properties": {"a": inner, "b": {"anyOf": [{"type": "string", "maxLength": 3}]}}}
    before = str(schema)
    sent = body(response_format=schema_format(schema))["output_config"]["format"]["schema"]
    assert str(schema) == before
    assert sent == {
        "properties": {
            "a": {
                "type": "array",
                "items": {"type": "integer", "description": "(minimum: 1)"},
                "description": "Sizes\n\n(minItems: 2)",
            },
            "b": {"anyOf": [{"type": "string", "description": "(maxLength: 3)"}]},
        },
        "additionalProperties": False,
    }
    entries = built(response_format=schema_format(schema)).adjustments[:2]
    assert [entry.change for entry in entries] == ["moved", "defaulted"]
    assert entries[0].given == [
        "schema.properties.a.items.minimum",
        "schema.properties.a.minItems",
        "schema.properties.b.anyOf[0].maxLength",
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "array", "items": {"type": "object", "properties": {}}},
    ],
)
def test_open_schemas_are_emulated(schema: Any) -> None:
    """A grammar needs every property's name; without, a tool takes the answer."""
    made = body(response_format=schema_format(schema))
    assert made["tools"][0]["input_schema"] == schema
    assert made["tool_choice"]["name"] == made["tools"][0]["name"]
    assert made["tool_choice"]["disable_parallel_tool_use"] is True
    assert ledger(response_format=schema_format(schema))["response_format"].change == "emulated"


@pytest.mark.parametrize(
    "beside",
    [
        {"tools": [TOOL]},
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        {"reasoning_effort": "low"},
        {"web_search_options": {}},
        {"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2000}}},
    ],
)
def test_emulation_by_instruction(beside: dict[str, Any]) -> None:
    """Where no tool can be demanded, the schema is told in words."""
    made = body(model=OLD, response_format=schema_format(CLOSED), **beside)
    assert "It must fit this JSON schema" in made["system"]
    assert made.get("tools", []) == [] or "answer_in_json" not in str(made["tools"])
    entry = ledger(model=OLD, response_format=schema_format(CLOSED), **beside)["response_format"]
    assert entry.change == "emulated"


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Be brief.", "Be brief.\n\nAnswer with one"),
        ([{"type": "text", "text": "Be brief."}], "Answer with one"),
    ],
)
def test_any_json(system: Any, expected: str) -> None:
    """Just any JSON is asked for in words, after the system's own."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "Hi"}]
    made = body(messages, response_format={"type": "json_object"})["system"]
    text = made if isinstance(made, str) else made[-1]["text"]
    assert text.startswith(expected)
    entry = ledger(messages, response_format={"type": "json_object"})["response_format"]
    assert entry.change == "emulated"


@pytest.mark.parametrize("given", [{"type": "xml"}, "json", {"type": "json_schema"}])
def test_wrong_format(given: Any) -> None:
    """Mistakes are named."""
    with pytest.raises(llmkit.BadRequestError, match="response_format"):
        built(response_format=given)


def test_schema_may_say_true() -> None:
    """A part of a schema that is no object is left as it is."""
    schema = {"type": "object", "properties": {"a": True}, "additionalProperties": False}
    made = body(response_format=schema_format(schema))
    assert made["output_config"]["format"]["schema"] == schema


# --- address and headers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://h.test", "https://h.test/v1/messages"),
        ("https://h.test/", "https://h.test/v1/messages"),
        ("https://h.test/v1", "https://h.test/v1/messages"),
        ("https://h.test/v1/", "https://h.test/v1/messages"),
        ("https://h.test/anthropic", "https://h.test/anthropic/v1/messages"),
        ("https://h.test/v1/messages", "https://h.test/v1/messages"),
        ("https://h.test/v1?a=b", "https://h.test/v1/messages?a=b"),
    ],
)
def test_address(base: str, url: str) -> None:
    """People give the address with its version and without."""
    assert built(to=Endpoint(base)).url == url


def test_address_with_query() -> None:
    """A host's query goes along."""
    url = built(to=Endpoint("https://h.test", query={"api-version": "1"})).url
    assert url == "https://h.test/v1/messages?api-version=1"


def test_stream() -> None:
    """A stream is asked for in the body and in the headers, and its options are llmkit's own affair."""
    made = built(stream=True, stream_options={"include_usage": True})
    assert made.headers["accept"] == "text/event-stream"
    assert b'"stream":true' in made.body
    assert b"stream_options" not in made.body


PART = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
UPLOAD = [{"role": "user", "content": [PART]}]
BETAS: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"messages": UPLOAD}, "files-api-2025-04-14"),
    (
        {"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]},
        "files-api-2025-04-14",
    ),
    ({"extra_body": {"mcp_servers": [{"name": "a"}]}}, "mcp-client-2025-04-04"),
    (
        {
            "extra_body": {"mcp_servers": [{"name": "a"}]},
            "tools": [{"type": "mcp_toolset", "mcp_server_name": "a"}],
        },
        "mcp-client-2025-11-20",
    ),
    (
        {"extra_body": {"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}}},
        "context-management-2025-06-27",
    ),
    (
        {"extra_body": {"context_management": {"edits": [{"type": "compact_20260112"}]}}},
        "compact-2026-01-12",
    ),
    ({"extra_body": {"context_management": {}}}, None),
    ({"extra_body": {"context_management": {"edits": None}}}, None),
    ({"extra_body": {"output_config": {"task_budget": {}}}}, "task-budgets-2026-03-13"),
    ({"extra_body": {"output_config": {"effort": "low"}}}, None),
    ({"extra_body": {"output_format": {}}}, None),
    ({"extra_body": {"output_format": {"type": "x"}}}, "structured-outputs-2025-11-13"),
    (
        {"extra_body": {"container": {"skills": [{"skill_id": "xlsx"}]}}},
        "code-execution-2025-08-25,skills-2025-10-02",
    ),
    ({"extra_body": {"container": "container_1"}}, None),
    ({"extra_body": {"speed": "fast"}}, "fast-mode-2026-02-01"),
    ({"extra_body": {"fallbacks": [{"model": "m"}]}}, "server-side-fallback-2026-07-01"),
    ({"tools": [{"type": "computer_20251124", "name": "computer"}]}, "computer-use-2025-11-24"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, None),
]


@pytest.mark.parametrize(("fields", "beta"), BETAS)
def test_beta_headers(fields: dict[str, Any], beta: str | None) -> None:
    """A feature in beta brings its name along; what has left beta needs none."""
    made = built(fields.get("messages"), **{k: v for k, v in fields.items() if k != "messages"})
    assert made.headers.get("anthropic-beta") == beta
    assert made.headers["anthropic-version"] == "2023-06-01"


def test_the_wire_knows_no_model() -> None:
    """What differs by model is the provider's data: without it every model is new."""
    made = body(wire=AnthropicMessages(), model="claude-3-haiku", temperature=0.1)
    assert made["temperature"] == 0.1
    assert WIRE.traits("claude-3-haiku-20240307").thinking == "none"
    assert HERE.base_url.startswith("https")
