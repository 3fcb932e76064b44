"""Tools, tool_choice, and schemas in both forms."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit.wires.gemini import Gemini

from ._wire import body, changes, ledger, request

OPENAPI = Gemini(json_schema=False)


def function(parameters: Any = None, **more: Any) -> dict[str, Any]:
    """A function as a tool."""
    named = {"name": "f", **({} if parameters is None else {"parameters": parameters}), **more}
    return {"type": "function", "function": named}


def test_functions_and_own_tools() -> None:
    """Functions are declared together; the provider's own tools go by OpenAI's names or as they are."""
    schema = {"type": "object", "properties": {"x": {"type": ["string", "null"]}}}
    tools = [
        {"type": "web_search"},
        function(schema, description="d"),
        {"type": "web_search_preview_2025_03_11"},
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"urlContext": {}},
        {"type": "function", "function": {"name": "g"}},
    ]
    assert body(tools=tools)["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": schema},
                {"name": "g"},
            ]
        },
        {"googleSearch": {}},
        {"googleSearch": {}},
        {"codeExecution": {}},
        {"urlContext": {}},
    ]


def test_search_is_asked_for_once() -> None:
    """``web_search_options`` adds nothing where the tool is there already."""
    tools = [{"type": "google_search"}]
    assert body(tools=tools, web_search_options={})["tools"] == [{"googleSearch": {}}]


def test_older_functions() -> None:
    """OpenAI's older form of tools and choice."""
    made = body(functions=[{"name": "f"}], function_call={"name": "f"})
    assert made["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
    assert made["toolConfig"]["functionCallingConfig"] == {
        "mode": "ANY",
        "allowedFunctionNames": ["f"],
    }


CHOICES: list[tuple[Any, dict[str, Any]]] = [
    ("auto", {"mode": "AUTO"}),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    ("validated", {"mode": "VALIDATED"}),
    (
        {"type": "function", "function": {"name": "f"}},
        {"mode": "ANY", "allowedFunctionNames": ["f"]},
    ),
    (
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function()]}},
        {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
    ),
    (
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function()]}},
        {"mode": "ANY", "allowedFunctionNames": ["f"]},
    ),
]


@pytest.mark.parametrize(("given", "wanted"), CHOICES)
def test_choice(given: Any, wanted: dict[str, Any]) -> None:
    """Each way to choose has its mode."""
    made = body(tools=[function()], tool_choice=given)
    assert made["toolConfig"] == {"functionCallingConfig": wanted}


def test_strict_functions() -> None:
    """Strictness is a mode of the call here, where the caller left the mode open."""
    tools = [function({"type": "object", "properties": {"x": {}}}, strict=True)]
    assert body(tools=tools)["toolConfig"]["functionCallingConfig"] == {"mode": "VALIDATED"}
    assert changes(tools=tools) == [("tools.strict", "emulated")]
    assert (
        body(tools=tools, tool_choice="none")["toolConfig"]["functionCallingConfig"]["mode"]
        == "NONE"
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tools": "f"}, "must be a list"),
    ({"tools": [3]}, "must be a dict"),
    ({"tools": [{"type": "function"}]}, "must have a name"),
    ({"tools": [function("x")]}, "must be a JSON schema"),
    ({"tools": [{"type": "telepathy"}]}, "no tool 'telepathy'"),
    ({"tools": [function()], "tool_choice": "perhaps"}, "tool_choice must be"),
    ({"tools": [function()], "tool_choice": {"type": "function"}}, "names no function"),
]


@pytest.mark.parametrize(("given", "words"), WRONG)
def test_mistakes_are_named(given: dict[str, Any], words: str) -> None:
    """What is wrong with tools is said before anything is sent."""
    with pytest.raises(llmkit.errors.InvalidRequestError, match=words):
        request(**given)


def test_what_is_told() -> None:
    """Cache marks and options that the provider's tools do not have are in the ledger."""
    tools = [
        {**function(), "cache_control": {"type": "ephemeral"}},
        {"type": "web_search", "search_context_size": "low"},
    ]
    assert changes(tools=tools) == [("tools[0].cache_control", "dropped"), ("tools[1]", "dropped")]


# --- schemas in OpenAPI's subset ---------------------------------------------------------------


def converted(schema: Any) -> Any:
    """A property's schema in the subset."""
    parameters = {"type": "object", "properties": {"x": schema}, "$defs": DEFS}
    made = body(tools=[function(parameters)], wire=OPENAPI)
    return made["tools"][0]["functionDeclarations"][0]["parameters"]["properties"]["x"]


DEFS = {
    "Cat": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    "Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}},
    "a/b": {"type": "integer"},
}
CAT = {"type": "OBJECT", "properties": {"name": {"type": "STRING"}}, "required": ["name"]}
SCHEMAS: list[tuple[Any, Any]] = [
    ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
    ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
    ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
    (
        {"type": ["string", "integer", "null"]},
        {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}], "nullable": True},
    ),
    ({"type": "null"}, {"type": "NULL"}),
    ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
    ({"const": None}, {"type": "NULL"}),
    ({"enum": ["a", None]}, {"type": "STRING", "nullable": True, "enum": ["a"]}),
    ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "enum": ["1", "2"]}),
    ({"enum": [True, False]}, {"type": "BOOLEAN", "enum": ["true", "false"]}),
    ({"enum": ["a", 1]}, {"enum": ["a", "1"]}),
    ({"$ref": "#/$defs/Cat"}, CAT),
    ({"$ref": "#/$defs/Cat", "description": "d"}, {"description": "d", **CAT}),
    ({"$ref": "#/$defs/a~1b"}, {"type": "INTEGER"}),
    ({"anyOf": [{"$ref": "#/$defs/Cat"}, {"type": "null"}]}, {**CAT, "nullable": True}),
    (
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
    ),
    (
        {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
        {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": True},
    ),
    (
        {
            "allOf": [{"$ref": "#/$defs/Cat"}],
            "properties": {"age": {"type": "integer"}},
            "required": ["age"],
        },
        {
            "type": "OBJECT",
            "properties": {"name": {"type": "STRING"}, "age": {"type": "INTEGER"}},
            "required": ["name", "age"],
        },
    ),
    (
        {"type": "array", "items": {"type": "string"}},
        {"type": "ARRAY", "items": {"type": "STRING"}},
    ),
    ({"type": "array"}, {"type": "ARRAY", "items": {}}),
    (True, {}),
]


@pytest.mark.parametrize(("schema", "wanted"), SCHEMAS)
def test_schemas(schema: Any, wanted: Any) -> None:
    """References are put in place, unions and null and const have their words."""
    assert converted(schema) == wanted


LOST: list[tuple[Any, Any, str]] = [
    ({"type": "string", "not": {"const": "a"}}, {"type": "STRING"}, "x.not"),
    ({"type": "integer", "multipleOf": 2}, {"type": "INTEGER"}, "x.multipleOf"),
    (False, {}, "x"),
    ({"$ref": "#/$defs/Nobody"}, {"type": "OBJECT"}, "x"),
    (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"type": "OBJECT", "properties": {"a": {}}},
        "x.additionalProperties",
    ),
    (
        {"$ref": "#/$defs/Tree"},
        {"type": "OBJECT", "properties": {"left": {"type": "OBJECT"}}},
        "x.left",
    ),
    (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}},
        "x.prefixItems",
    ),
    (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}]},
        {"type": "ARRAY", "items": {"type": "STRING"}},
        "x.prefixItems",
    ),
]


@pytest.mark.parametrize(("schema", "wanted", "path"), LOST)
def test_what_schemas_cannot_say(schema: Any, wanted: Any, path: str) -> None:
    """What the subset has no word for is left out, and the ledger says where."""
    assert converted(schema) == wanted
    parameters = {"type": "object", "properties": {"x": schema}, "$defs": DEFS}
    entries = ledger(tools=[function(parameters)], wire=OPENAPI)
    assert [(e.parameter, e.change) for e in entries] == [
        (f"tools[0].function.parameters.{path}", "dropped")
    ]


def test_numbers_among_enums_are_told() -> None:
    """Enums are texts in the subset: numbers become texts, and the ledger says so."""
    tools = [function({"type": "object", "properties": {"x": {"enum": [1]}}})]
    assert changes(tools=tools, wire=OPENAPI) == [
        ("tools[0].function.parameters.x.enum", "renamed")
    ]


def test_functions_without_parameters() -> None:
    """An object without properties is refused there, so it is left out."""
    tools = [function({"type": "object", "properties": {}})]
    assert body(tools=tools, wire=OPENAPI)["tools"] == [{"functionDeclarations": [{"name": "f"}]}]


def test_response_schema() -> None:
    """A response's schema has the same two forms."""
    schema = {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}}
    given = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    made = body(response_format=given, wire=OPENAPI)["generationConfig"]
    assert made == {
        "responseMimeType": "application/json",
        "responseSchema": {
            "type": "OBJECT",
            "properties": {"a": {"type": "INTEGER", "nullable": True}},
        },
    }
