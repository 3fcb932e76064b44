from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.catalogue import counting
from llmkit.tokens import CountedTokens, _chat, count
from llmkit.tokens._forms import FORMS

Message = dict[str, Any]

USER: Message = {"role": "user", "content": "Hello!"}
SYSTEM: Message = {"role": "system", "content": "You are a helpful assistant."}
ANSWER: Message = {"role": "assistant", "content": "Hi there!"}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two integers",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
FORECAST = {
    "type": "function",
    "function": {
        "name": "get_forecast",
        "description": "The weather of the next days",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Where"}},
            "required": ["city"],
        },
    },
}
NUMBER = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"answer": {"type": "string"}},
            "required": ["answer"],
            "additionalProperties": False,
        },
    },
}


def call(name: str, arguments: str, number: int = 1) -> Message:
    """One call in a message of the assistant's."""
    return {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def called(*calls: Message) -> Message:
    """A message that calls tools and says nothing."""
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def result(content: str, number: int = 1) -> Message:
    """What a tool answered."""
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": content}


ONE = [USER, called(call("add", '{"a":2,"b":3}')), result("5")]
TWO = [
    USER,
    called(call("add", '{"a": 2, "b": 3}'), call("add", '{"a": 1, "b": 1}', 2)),
    result("5"),
    result("2", 2),
]


def counted(model: str, messages: list[Message], **params: Any) -> CountedTokens:
    """What a model of OpenAI's is counted to be sent."""
    return count(counting("openai", model), messages=messages, **params)


@pytest.mark.parametrize(
    ("model", "messages", "tokens"),
    [
        ("gpt-4o", [USER], 9),
        ("gpt-4.1-mini", [SYSTEM, USER], 19),
        ("gpt-4", [SYSTEM, USER], 19),
        ("gpt-3.5-turbo", [SYSTEM, USER, ANSWER, USER], 32),
        ("gpt-3.5-turbo-0301", [SYSTEM, USER], 21),
        ("gpt-5-chat-latest", [SYSTEM, USER], 19),
        ("o3-mini", [USER], 8),
        ("gpt-5-nano", [USER], 8),
        ("gpt-5-nano", [{**SYSTEM, "role": "developer"}, USER], 18),
        # An answer names its channel.
        ("gpt-5", [USER, ANSWER, USER], 23),
        ("gpt-4o", [USER, ANSWER, USER], 22),
        ("gpt-audio", [USER], 8),
        ("gpt-4o-search-preview", [SYSTEM, USER], 8),
        ("gpt-4o", [], 3),
    ],
)
def test_plain_messages(model: str, messages: list[Message], tokens: int) -> None:
    """What stands around messages differs between families of models."""
    assert repr(counted(model, messages)) == f"CountedTokens({tokens})"


def test_parts_of_text_are_one_text() -> None:
    """However many there are."""
    parts = [{"type": "text", "text": "Hel"}, "lo", {"type": "text", "text": "!"}]
    assert repr(counted("gpt-4o", [{"role": "user", "content": parts}])) == "CountedTokens(9)"


@pytest.mark.parametrize(
    ("model", "messages", "params", "more"),
    [
        ("gpt-4o", [USER], {}, 37),
        ("gpt-4o", [USER], {"tool_choice": "auto"}, 37),
        ("gpt-4o", [USER], {"tool_choice": "required"}, 37),
        ("gpt-4o", [USER], {"tool_choice": {"type": "function", "function": {"name": "add"}}}, 45),
        ("o4-mini", [USER], {}, 38),
        ("o4-mini", [USER], {"tool_choice": {"type": "function", "function": {"name": "add"}}}, 38),
        ("gpt-5", [USER], {}, 119),
        # In the system message the full stop and the empty line after it are one token.
        ("gpt-4o", [SYSTEM, USER], {}, 33),
        ("o4-mini", [SYSTEM, USER], {}, 37),
    ],
)
def test_tools(model: str, messages: list[Message], params: dict[str, Any], more: int) -> None:
    """They are declared in the system message, or in one of their own."""
    with_tools = counted(model, messages, tools=[ADD], **params)
    assert with_tools.exact
    assert with_tools - counted(model, messages) == more


def test_functions_are_tools() -> None:
    """The older parameter says the same to a model."""
    old = counted("gpt-4", [USER], functions=[ADD["function"]], function_call={"name": "add"})
    choice = {"type": "function", "function": {"name": "add"}}
    assert repr(old) == repr(counted("gpt-4", [USER], tools=[ADD], tool_choice=choice))


@pytest.mark.parametrize(
    ("model", "messages", "tokens", "exact"),
    [
        ("gpt-4o", ONE, 34, True),
        ("gpt-5", ONE, 39, True),
        ("gpt-4o", TWO, 75, True),
        ("gpt-5", TWO, 80, True),
        ("gpt-3.5-turbo", TWO, 74, True),
        ("gpt-4o", [*TWO[:2], result("5")], 72, False),
    ],
)
def test_calls_in_the_history(
    model: str, messages: list[Message], tokens: int, *, exact: bool
) -> None:
    """A call is a message with an address; several at once are one call of a tool that makes calls."""
    found = counted(model, messages)
    assert (int(found), found.exact) == (tokens, exact)


@pytest.mark.parametrize(("model", "more"), [("gpt-4o", 28), ("o4-mini", 25), ("gpt-5", 25)])
def test_an_answers_schema(model: str, more: int) -> None:
    """It is shown as JSON, without what every strict schema has."""
    with_schema = counted(model, [USER], response_format=NUMBER)
    assert with_schema.exact
    assert with_schema - counted(model, [USER]) == more


def test_tools_and_a_schema() -> None:
    """Both stand in one message, and the schema's name is not said again."""
    both = counted("gpt-4o", [USER], tools=[ADD], response_format=NUMBER)
    apart = [
        counted("gpt-4o", [USER], tools=[ADD]),
        counted("gpt-4o", [USER], response_format=NUMBER),
    ]
    assert both.exact
    assert both == sum(apart) - 9 - 4 - 3 + 1


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-4o"])
def test_who_relays_a_call_may_show_tools_otherwise(model: str) -> None:
    """Messages are counted exactly all the same."""
    rule = counting("openrouter", f"openai/{model}")
    assert count(rule, messages=[SYSTEM, USER]).exact
    relayed = count(rule, messages=[USER], tools=[ADD])
    assert not relayed.exact
    assert relayed == counted(model, [USER], tools=[ADD])


@pytest.mark.parametrize("kind", ["text", "json_object"])
def test_other_formats_are_not_shown(kind: str) -> None:
    """They constrain the answer, and cost nothing."""
    assert counted("gpt-4o", [USER], response_format={"type": kind}) == 9


UNCERTAIN = [
    ("gpt-4o", [{**USER, "name": "ada"}], {}, "'name'"),
    ("gpt-4o", [{**ANSWER, "refusal": "No."}], {}, "'refusal'"),
    ("gpt-4o", [{**ANSWER, "audio": {"id": "audio_1"}}], {}, "'audio'"),
    ("gpt-4o", [{"role": "critic", "content": "?"}], {}, "the role 'critic'"),
    ("gpt-4o", [{"role": "user", "content": 7}], {}, "counted by its JSON"),
    ("gpt-4o", [{"role": "user", "content": [{"type": "verse"}]}], {}, "a part that is no text"),
    ("gpt-4o", [{**called(call("add", "{}")), "content": "So."}, result("")], {}, "a text beside"),
    ("gpt-4o", [called(call("add", "{}"))], {}, "without their results"),
    ("gpt-4o", [called({"type": "custom", "custom": {"name": "x"}}), result("")], {}, "functions"),
    ("gpt-4o", [called(call("add", '{"a": 1}')), result("")], {}, "compact JSON"),
    ("gpt-4o", [called(call("add", "{")), result("")], {}, ""),
    ("gpt-4o", [USER], {"tools": [ADD], "tool_choice": "none"}, "the choice 'none'"),
    ("gpt-4o", [USER], {"tools": [ADD], "tool_choice": {"type": "allowed_tools"}}, "the choice"),
    ("gpt-4o", [USER], {"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "no function"),
    ("o3-mini", [USER], {"tools": [ADD], "response_format": NUMBER}, "tools and schema"),
    ("gpt-4o", [USER, called(call("a", '{"é":1}'), call("b", "{}"))], {}, "ASCII"),
    ("gpt-4o", [{**ANSWER, "reasoning_content": "Hm. " * 99}], {}, "'reasoning_content'"),
    ("o3-mini", [SYSTEM, USER], {"response_format": NUMBER}, "headed schema"),
    ("gpt-5", [USER], {"tools": [{"type": "function", "function": {"name": "x"}}]}, "description"),
    ("gpt-audio", [USER], {"tools": [ADD]}, "recorded usage"),
    ("o1-mini", [USER], {}, "not known"),
    ("my-deployment", [USER], {}, "o200k_base"),
    ("gpt-35-turbo", [USER], {}, ""),
]


@pytest.mark.parametrize(("model", "messages", "params", "note"), UNCERTAIN)
def test_what_is_not_known_is_said(
    model: str, messages: list[Message], params: dict[str, Any], note: str
) -> None:
    """It is counted all the same, with a note and a bound."""
    provider = "azure" if model.startswith("gpt-35") else "openai"
    found = count(counting(provider, model), messages=messages, **params)
    if note:
        assert not found.exact
        assert any(note in each for each in found.notes), found.notes
    assert found.at_most is not None
    assert 0 < found <= found.at_most


def test_attachments_are_counted_by_their_rule() -> None:
    """They are taken out of the messages first: a picture's bytes are no text."""
    picture = {
        "type": "image_url",
        "image_url": {"url": "https://x.example/1.png", "detail": "low"},
    }
    parts = [{"type": "text", "text": "Hello!"}, picture]
    assert counted("gpt-4o", [{"role": "user", "content": parts}]) == 9 + 85


def test_attachments_of_models_without_an_encoding() -> None:
    """By the same rule, beside the estimate of the texts."""
    picture = {"type": "image_url", "image_url": {"url": "https://x.example/1.png"}}
    rule = counting("anthropic", "claude-haiku-4-5")
    text = {"type": "text", "text": "Hello!"}
    bare = count(rule, messages=[{"role": "user", "content": [text]}])
    assert count(rule, messages=[{"role": "user", "content": [text, picture]}]) > bare + 100


def test_what_is_no_json_is_counted_as_it_looks() -> None:
    """A message holds what Python holds."""
    odd = counted("gpt-4o", [{"role": "user", "content": {"a set"}}])
    assert not odd.exact
    assert odd > 7


NAMES = (
    "type", "name", "function", "description", "parameters", "properties", "required", "items", "enum", "anyOf",
    "$ref", "content", "text", "tool_calls", "id", "arguments", "schema", "json_schema", "title", "minimum",
)  # fmt: skip
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["object", "#/a", "array"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "tool", "other"])},
        optional={"content": ANYTHING, "tool_calls": ANYTHING, "name": ANYTHING},
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=300)
@given(
    model=st.sampled_from(["gpt-4o", "gpt-5", "gpt-audio", "my-deployment"]),
    messages=MESSAGES,
    params=st.fixed_dictionaries(
        {},
        optional={
            "tools": ANYTHING | st.lists(st.fixed_dictionaries({"function": ANYTHING}), max_size=2),
            "functions": ANYTHING,
            "tool_choice": ANYTHING,
            "response_format": st.fixed_dictionaries(
                {"type": st.just("json_schema"), "json_schema": ANYTHING}
            ),
        },
    ),
)
def test_anything_is_counted(model: str, messages: list[Message], params: dict[str, Any]) -> None:
    """Whatever it is made of: what cannot be sent is for the call to refuse."""
    found = counted(model, messages, **params)
    assert found.at_most is None or 0 <= found <= found.at_most


def test_a_text_is_counted_with_nothing_around_it() -> None:
    """One or several; an unknown deployment's is an estimate, at most its bytes."""
    assert (
        repr(count(counting("openai", "text-embedding-3-small"), text="Hello!"))
        == "CountedTokens(2)"
    )
    assert repr(count(counting("openai", "gpt-4o"), text=["Hello!", "Hi"])) == "CountedTokens(3)"
    assumed = count(counting("openai", "my-deployment"), text="Hello!")
    assert (int(assumed), assumed.exact, assumed.at_most) == (2, False, 6)
    estimated = count(counting("anthropic", "claude-haiku-4-5"), text="Hello!")
    assert not estimated.exact


def test_a_long_run_in_a_message_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a text's count says is said of the conversation."""
    loose = CountedTokens(5, exact=False, at_most=9, notes=("loose",))
    monkeypatch.setattr(_chat, "count_text", lambda encoding, text: loose)
    assert counted("gpt-4o", [{**USER, "content": "x" * 1000}]).notes == ("loose",)


def test_every_rule_names_a_form_that_is_there_or_none() -> None:
    """``openai-o1-mini`` and ``harmony`` are known by name and not by number."""
    names = {
        counting("openai", model).get("chat")
        for model in ("gpt-4o", "gpt-3.5-turbo-0301", "o3", "gpt-5", "gpt-audio", "gpt-4o-search")
    }
    assert names <= set(FORMS)
