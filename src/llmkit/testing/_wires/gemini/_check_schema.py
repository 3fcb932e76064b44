"""What the simulated Gemini refuses in a schema of its own dialect, and that dialect as JSON Schema.

Pure. Types are upper-case there, null is a flag, counts may be strings, and `enum` is for strings only
(`Schema` of the v1beta reference, read 2026-11-22; the wording is that of answers people report).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["json_schema", "schema_faults"]

Schema = Mapping[str, Any]
_OBJECT_ONLY: Final = ("properties", "required")
_FORMATS: Final = ("enum", "date-time")
# Words that say the same in both dialects, once their names are camel case.
_SAME: Final = (
    "enum", "default", "format", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "required",
    "pattern", "title", "description",
)  # fmt: skip


def schema_faults(schema: Schema, where: str, *, outer: bool = False) -> Iterator[str]:
    """A line for each fault of *schema*, a read `Schema` message that stands at *where*.

    *outer* is for a function's parameters as a whole, which may be none.
    """
    yield from _object_faults(schema, where, may_be_empty=outer)
    kind = schema.get("type")
    if kind == "ARRAY" and "items" not in schema:
        yield f"{where}.items: missing field."
    if "enum" in schema and kind != "STRING":
        yield f"{where}.enum: only allowed for STRING type"
    for index, value in enumerate(schema.get("enum", ())):
        if not value:
            yield f"{where}.enum[{index}]: cannot be empty"
    if kind == "STRING" and schema.get("format", "enum") not in _FORMATS:
        yield f"{where}.format: only 'enum' and 'date-time' are supported for STRING type"
    for path, inner in _inside(schema):
        yield from schema_faults(inner, where + path)


def _object_faults(schema: Schema, where: str, *, may_be_empty: bool) -> Iterator[str]:
    properties = schema.get("properties", {})
    if schema.get("type") != "OBJECT":
        misplaced = (name for name in _OBJECT_ONLY if schema.get(name))
        yield from (f"{where}.{name}: only allowed for OBJECT type" for name in misplaced)
        return
    if not properties and not may_be_empty:
        yield f"{where}.properties: should be non-empty for OBJECT type"
    for index, name in enumerate(schema.get("required", ())):
        if name not in properties:
            yield f"{where}.required[{index}]: property is not defined"


def _inside(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Each schema directly inside *schema*, with the path to it."""
    for name, inner in schema.get("properties", {}).items():
        yield f".properties[{name}]", inner
    for index, inner in enumerate(schema.get("anyOf", ())):
        yield f".any_of[{index}]", inner
    if "items" in schema:
        yield ".items", schema["items"]


def json_schema(schema: Schema) -> dict[str, Any]:
    """*schema*, a read `Schema` message without faults, as JSON Schema; properties in their stated order."""
    made: dict[str, Any] = {name: schema[name] for name in _SAME if name in schema}
    kind = str(schema.get("type", "UNSPECIFIED")).lower()
    if kind != "unspecified":
        made["type"] = [kind, "null"] if schema.get("nullable") else kind
    if "properties" in schema:
        made["properties"] = _ordered(schema)
    if "items" in schema:
        made["items"] = json_schema(schema["items"])
    if "anyOf" in schema:
        made["anyOf"] = [json_schema(branch) for branch in schema["anyOf"]]
    return made


def _ordered(schema: Schema) -> dict[str, Any]:
    properties = schema["properties"]
    first = [name for name in schema.get("propertyOrdering", ()) if name in properties]
    return {name: json_schema(properties[name]) for name in dict.fromkeys([*first, *properties])}
