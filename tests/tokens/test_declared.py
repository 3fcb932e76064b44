from __future__ import annotations

from typing import Any

import pytest

from llmkit.tokens._declared import declared_schema, declared_tools


def shown(properties: dict[str, Any], **more: Any) -> tuple[str, tuple[str, ...]]:
    """A function's parameters as they are shown, and what is not certain."""
    schema = {"type": "object", "properties": properties, **more}
    found = declared_tools([{"name": "f", "parameters": schema}])
    text = found.text.partition("type f = (")[2].partition(") => any;")[0]
    return text, found.notes


def test_a_namespace() -> None:
    """Descriptions stand above, a line for each of theirs."""
    found = declared_tools(
        [{"name": "ping"}, {"name": "add", "description": "Adds.\n\n    Slowly.", "parameters": {}}]
    )
    assert found.text == (
        "# Tools\n\n## functions\n\nnamespace functions {\n\ntype ping = () => any;\n\n"
        "// Adds.\n//\n// Slowly.\ntype add = () => any;\n\n} // namespace functions"
    )
    assert found.notes == ()


@pytest.mark.parametrize(
    ("properties", "more", "text"),
    [
        ({"a": {"type": "integer"}}, {}, "_: { a?: number }"),
        (
            {"a": {"type": "string"}, "b": {"type": "boolean"}},
            {"required": ["b"]},
            "_: { a?: string, b: boolean }",
        ),
        ({"a": {"type": "string", "enum": ["x", "y"]}}, {}, '_: { a?: "x" | "y" }'),
        ({"a": {"type": "array", "items": {"type": "number"}}}, {}, "_: { a?: number[] }"),
        (
            {"a": {"type": "string", "description": "An A"}, "b": {"type": "null"}},
            {},
            "_: {\n// An A\na?: string,\nb?: null,\n}",
        ),
        (
            {"a": {"type": "string", "title": "A", "description": "An A"}},
            {},
            "_: {\n// A\n// An A\na?: string,\n}",
        ),
        (
            {"a": {"type": "object", "properties": {"b": {"type": "boolean"}}}},
            {"additionalProperties": False},
            "_: { a?: { b?: boolean } }",
        ),
    ],
)
def test_what_is_certain(properties: dict[str, Any], more: dict[str, Any], text: str) -> None:
    """On one line where nothing has a comment, else on a line each."""
    assert shown(properties, **more) == (text, ())


DEEP: dict[str, Any] = {"type": "object", "properties": {"b": {"type": "number", "title": "B"}}}


@pytest.mark.parametrize(
    ("schema", "text", "unseen"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 2}, "{\na?: number, // minimum: 1, maximum: 2\n}", "minimum"),
        ({"type": "string", "default": None}, "{\n// default: null\na?: string,\n}", "default"),
        (DEEP, "{ a?: {\n// B\nb?: number,\n} }", "a comment inside"),
        ({"type": "array", "items": DEEP}, "{ a?: {\n// B\nb?: number,\n}[] }", "an array of"),
        ({"type": "array"}, "{ a?: any[] }", "an array of"),
        ({"type": ["string", "null"]}, "{ a?: string | null }", "a choice of types"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "{ a?: string | null }", "anyOf"),
        ({"enum": [1, "x"]}, '{ a?: 1 | "x" }', "an enum"),
        ({"type": "object"}, "{ a?: object }", "an object without"),
        ({"type": "file"}, "{ a?: any }", "without a type"),
        ({"type": {"a": 1}}, "{ a?: any }", "without a type"),
        (True, "{ a?: any }", "without a type"),
        ({"$ref": "#/$defs/x"}, "{\n// X\na?: number,\n}", "$ref"),
        ({"$ref": "#/$defs/nowhere"}, "{ a?: any }", "$ref"),
        ({"type": "string", "description": "a\nb"}, "{\n// a\n// b\na?: string,\n}", "several lines"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_written_alike_and_said(schema: Any, text: str, unseen: str) -> None:
    """No recording shows these, or one alone."""
    found, notes = shown({"a": schema}, **{"$defs": {"x": {"type": "integer", "title": "X"}}})
    assert found == "_: " + text
    assert any(unseen in note for note in notes)


def test_a_schema_that_refers_to_itself_ends() -> None:
    """At a depth that nobody writes by hand."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    text, notes = shown({"first": {"$ref": "#/$defs/node"}}, **{"$defs": {"node": node}})
    assert "any" in text
    assert len(text) < 2000
    assert notes
    loop: dict[str, Any] = {"type": "array"}
    loop["items"] = loop
    assert shown({"a": loop})[0].count("[]") < 100


def test_references_do_not_multiply_without_end() -> None:
    """Thirty definitions that each refer to the next one twice would be a billion types."""
    two = {
        f"n{i}": {
            "type": "object",
            "properties": {name: {"$ref": f"#/$defs/n{i + 1}"} for name in "ab"},
        }
        for i in range(30)
    }
    text, notes = shown({"a": {"$ref": "#/$defs/n0"}}, **{"$defs": two})
    assert len(text) < 300_000
    assert any("very large" in note for note in notes)


def test_a_schema_that_is_no_json_is_counted_as_it_looks() -> None:
    """It cannot be sent either, but that is the call's to say."""
    found = declared_schema("x", None, {"type": {"a"}})
    assert "{'type': {'a'}}" in found.text
    assert found.notes


def test_a_schema_of_the_answer() -> None:
    """Compact JSON in ASCII, without what strict schemas always have; properties of such names stay."""
    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {"required": {"type": "array", "items": {"type": "string", "title": "é"}}},
        "required": ["required"],
        "additionalProperties": False,
    }
    found = declared_schema("answer", "What it is", schema)
    assert found.text == (
        "# Response Formats\n\n## answer\n\n// What it is\n"
        '{"type":"object","properties":{"required":{"type":"array","items":{"type":"string","title":"\\u00e9"}}}}'
    )
    assert found.notes == ()


def test_properties_that_may_be_absent_are_said() -> None:
    """In recorded schemas all were required, or none."""
    inner = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]}
    assert declared_schema("x", None, {"type": "array", "items": inner}).notes
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"items": [deep]}
    assert declared_schema("x", None, deep).notes
