from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from llmkit import errors
from llmkit._control.structured import as_response_format, as_tools, function_tool, parse_answer
from llmkit.types.chat import ChatCompletion


class Unit(Enum):
    C = "c"
    F = "f"


def weather(city: str, unit: Unit = Unit.C, days: list[int] | None = None) -> str:
    """Tell the weather.

    More of it.

    Args:
        city: Where; a town.
        days (list): Which days.
        unit: Of what.
        other: Not a parameter.
    """
    return city


def test_function() -> None:
    """A function's signature and docstring become a tool."""
    made = function_tool(weather)
    assert made["type"] == "function"
    function = made["function"]
    assert (function["name"], function["description"]) == (
        "weather",
        "Tell the weather.\n\nMore of it.",
    )
    schema = function["parameters"]
    assert schema["required"] == ["city"]
    assert schema["properties"]["city"] == {"type": "string", "description": "Where; a town."}
    assert schema["properties"]["days"]["description"] == "Which days."
    assert schema["properties"]["unit"]["default"] == "c"
    assert "other" not in schema["properties"]
    assert schema["$defs"]["Unit"]["enum"] == ["c", "f"]
    assert "title" not in repr(schema)


def test_sphinx_docstring() -> None:
    """Sphinx's form of a docstring is read as well."""

    def add(a: int, b: float = 1.5) -> float:
        """Add.

        :param a: the first
        :param b: the second
        :returns: their sum
        """
        return a + b

    function = function_tool(add)["function"]
    assert function["description"] == "Add."
    assert function["parameters"]["properties"] == {
        "a": {"type": "integer", "description": "the first"},
        "b": {"type": "number", "default": 1.5, "description": "the second"},
    }


def test_function_without_anything() -> None:
    """A function without parameters and docstring is a tool, too; so are methods and callable objects."""

    def nothing() -> None: ...

    class Kit:
        def use(self, what: str) -> None:
            """Use it."""

        def __call__(self, how: bool) -> None: ...  # noqa: FBT001

    assert function_tool(nothing)["function"]["parameters"] == {"type": "object", "properties": {}}
    assert "description" not in function_tool(nothing)["function"]
    assert list(function_tool(Kit().use)["function"]["parameters"]["properties"]) == ["what"]
    assert function_tool(Kit())["function"]["name"] == "Kit"


class Search(BaseModel):
    """Search the shop."""

    query: str = Field(description="what to look for")


def test_classes_and_dicts() -> None:
    """A pydantic class becomes a tool of its name; dicts stay as they are."""
    given = {"type": "custom", "custom": {"name": "x"}}
    made = as_tools((Search, given, weather))
    assert made[0] == {
        "type": "function",
        "function": {
            "name": "Search",
            "description": "Search the shop.",
            "parameters": {
                "description": "Search the shop.",
                "type": "object",
                "properties": {"query": {"type": "string", "description": "what to look for"}},
                "required": ["query"],
            },
        },
    }
    assert made[1] is given
    assert made[2]["function"]["name"] == "weather"


def several(*args: int) -> None:
    """Do."""


def named(**kwargs: int) -> None:
    """Do."""


def positional(a: int, /) -> None:
    """Do."""


def bare(a) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Do."""


def odd(a: Unknown) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Do."""


def exotic(a: type(iter([]))) -> None:  # type: ignore[valid-type]
    """Do."""


@pytest.mark.parametrize(
    ("tool", "why"),
    [
        (several, "which a model cannot give by name"),
        (named, "which a model cannot give by name"),
        (positional, "which a model cannot give by name"),
        (bare, "annotate the parameter 'a'"),
        (exotic, "cannot be described as JSON"),
        (7, r"tools\[0\] must be a dict, a function or a pydantic class, not int"),
        ("x", r"tools\[0\] must be"),
    ],
)
def test_wrong_tools(tool: Any, why: str) -> None:
    """What a model could not call is refused, with what to change."""
    with pytest.raises(errors.InvalidRequestError, match=why):
        as_tools([tool])


@pytest.mark.parametrize("tool", [odd, max])
def test_signatures_that_cannot_be_read(tool: Any) -> None:
    """A signature that Python itself cannot tell is refused like the others."""
    with pytest.raises(errors.InvalidRequestError):
        as_tools([tool])


@pytest.mark.parametrize("tools", ["weather", b"x", {"type": "function"}, 7, iter([])])
def test_tools_that_are_no_list(tools: Any) -> None:
    """Tools are a list."""
    with pytest.raises(errors.InvalidRequestError, match="tools must be a list"):
        as_tools(tools)


# --- response_format -----------------------------------------------------------------------------


class Step(BaseModel):
    kind: Literal["a", "b"]
    note: str | None = None


class Plan(BaseModel):
    steps: list[Step]
    best: Step = Field(default_factory=lambda: Step(kind="a"))


def test_closed_class() -> None:
    """A class whose objects are all described is strict: all required, nothing else, no defaults."""
    made, wanted, changed = as_response_format(Plan)
    assert (wanted, changed) == (Plan, ())
    described = made["json_schema"]
    assert (made["type"], described["name"], described["strict"]) == ("json_schema", "Plan", True)
    schema = described["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["steps", "best"], False)
    step = schema["$defs"]["Step"]
    assert (step["required"], step["additionalProperties"]) == (["kind", "note"], False)
    assert "default" not in step["properties"]["note"]


class Free(BaseModel):
    data: dict[str, Any]


class Anything(BaseModel):
    value: Any


@dataclass
class Pair:
    left: int
    right: tuple[int, str]


@pytest.mark.parametrize(("given", "strict"), [(Free, False), (Anything, False), (Pair, True)])
def test_free_form_class(given: type, strict: bool) -> None:  # noqa: FBT001 - a table
    """A class with free-form parts is not strict, and the ledger says so; dataclasses work as well."""
    made, wanted, changed = as_response_format(given)
    assert wanted is given
    assert made["json_schema"]["strict"] is strict
    entries = [(a.parameter, a.change, a.given, a.sent) for a in changed]
    assert entries == (
        [] if strict else [("response_format.strict", "defaulted", given.__name__, False)]
    )


@pytest.mark.parametrize("given", [{"type": "json_object"}, None, "x"])
def test_formats_that_are_no_class(given: Any) -> None:
    """What is no class stays as it is."""
    assert as_response_format(given) == (given, None, ())


class Opaque:
    """A class that pydantic cannot describe."""


def test_class_that_cannot_be_described() -> None:
    """A class without a schema is refused like any wrong parameter."""
    with pytest.raises(errors.InvalidRequestError):
        as_response_format(Opaque)


def answer(*contents: str | None, finish: str = "stop", **message: Any) -> ChatCompletion:
    """An answer with these choices."""
    choices = [
        {"index": i, "message": {"content": content, **message}, "finish_reason": finish}
        for i, content in enumerate(contents)
    ]
    return ChatCompletion.model_validate({"id": "a", "model": "m", "choices": choices})


@pytest.mark.parametrize(
    "text",
    ['{"kind": "a"}', ' {"kind":"a"}\n', '```json\n{"kind": "a"}\n```', '```\n{"kind": "a"}```  '],
)
def test_parsing(text: str) -> None:
    """JSON becomes an instance, also within a fence; each choice has its own."""
    made = answer(text, '{"kind": "b", "note": "n"}')
    parse_answer(made, Step)
    assert made.parsed == Step(kind="a")
    assert made.choices[1].message.parsed == Step(kind="b", note="n")


def test_nothing_to_parse() -> None:
    """A refusal, a tool call and an empty answer have no instance, and are no error."""
    for made in (answer("no JSON", refusal="I will not"), answer(None), answer("")):
        parse_answer(made, Step)
        assert made.parsed is None


@pytest.mark.parametrize(
    ("text", "finish", "why"),
    [
        ("no JSON", "stop", "the answer does not fit Step: answer: Invalid JSON"),
        ('{"kind": "c"}', "stop", "kind: Input should be 'a' or 'b'"),
        ('{"kind": ', "length", r"it was cut off: raise max_tokens"),
    ],
)
def test_answers_that_do_not_fit(text: str, finish: str, why: str) -> None:
    """An answer that does not fit is a typed error that has it, and says where."""
    made = answer(text, finish=finish)
    with pytest.raises(errors.JSONSchemaValidationError, match=why) as caught:
        parse_answer(made, Step)
    error = caught.value
    assert error.completion is made
    assert (error.status_code, error.sent, error.model, error.retryable) == (200, "yes", "m", False)


def test_dataclasses_are_parsed() -> None:
    """An answer can be read as any type that pydantic knows."""
    made = answer('{"left": 1, "right": [2, "x"]}')
    parse_answer(made, Pair)
    assert made.parsed == Pair(1, (2, "x"))
