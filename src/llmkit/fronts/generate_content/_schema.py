"""Schemas in Gemini's form of OpenAPI (``"type": "OBJECT"``, ``nullable``) as JSON Schema. Others go through.

Source: ``Schema`` of the v1beta reference, https://ai.google.dev/api/caching#Schema, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...wires._numbers import whole

__all__ = ["json_schema"]

# Some clients write enums as numbers.
_TYPES = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object"}
_MANY = ("properties", "$defs", "defs")
_ONE = ("items", "additionalProperties")
_LISTS = ("anyOf", "prefixItems")
_NUMBERS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_OWN = frozenset({"nullable", "propertyOrdering", "example"})
_SPELLED = {
    "any_of": "anyOf",
    "prefix_items": "prefixItems",
    "property_ordering": "propertyOrdering",
    "additional_properties": "additionalProperties",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
}


def json_schema(given: Any) -> Any:
    """The schema as JSON Schema."""
    if not isinstance(given, Mapping):
        return given
    given = {_SPELLED.get(name, name): value for name, value in given.items()}
    made = {name: _part(name, value) for name, value in given.items() if name not in _OWN}
    if "example" in given:
        made["examples"] = [given["example"]]
    _order(made, given.get("propertyOrdering"))
    kind = made.get("type")
    if given.get("nullable") and isinstance(kind, str):
        made["type"] = [kind, "null"]
    return made


def _order(made: dict[str, Any], names: Any) -> None:
    """Properties stand in the order that is asked for: JSON Schema has no other way to say it."""
    properties = made.get("properties")
    if isinstance(names, list) and isinstance(properties, dict):
        first = {name: properties[name] for name in map(str, names) if name in properties}
        made["properties"] = first | properties


def _part(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, int) and value in _TYPES:
        return _TYPES[value]
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in _MANY and isinstance(value, Mapping):
        return {key: json_schema(inner) for key, inner in value.items()}
    if name in _ONE:
        return json_schema(value)
    if name in _LISTS and isinstance(value, list):
        return [json_schema(inner) for inner in value]
    # Numbers of 64 bits are texts in this API's JSON.
    number = whole(value) if name in _NUMBERS and isinstance(value, str) else None
    return value if number is None else number
