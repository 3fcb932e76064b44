"""The JSON Schemas that the simulated API can make a grammar of, and what it says of the others.

Pure. Sources: https://platform.claude.com/docs/en/build-with-claude/structured-outputs (limitations), read
2026-11-22, and answers of the real API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["grammar_fault"]

_BOUNDS: Final = frozenset(
    {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"}
)
_UNSUPPORTED: Final[Mapping[str, frozenset[str]]] = {
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "string": frozenset({"maxLength", "minLength"}),
    "array": frozenset({"maxItems", "uniqueItems"}),
    "object": frozenset({"maxProperties", "minProperties"}),
}
_MOST_OPTIONAL: Final = 24
_MOST_UNIONS: Final = 16
_NAMED: Final = ("properties", "$defs", "definitions")
_LISTED: Final = ("anyOf", "oneOf", "allOf", "prefixItems")


def grammar_fault(*schemas: Any) -> str | None:
    """What keeps *schemas* from being one grammar; None if nothing does.

    They are those of one request: some limits hold for all of them together.
    """
    found = [each for schema in schemas for each in _all(schema)]
    faults = (_fault(each) or _reference_fault(each) for each in found)
    return next(filter(None, faults), None) or _too_many(found)


def _all(schema: Any) -> Iterator[Mapping[str, Any]]:
    """*schema* and all inside it; a boolean stands for nothing and is left out."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for group in _NAMED:
        for inner in (schema.get(group) or {}).values():
            yield from _all(inner)
    for group in _LISTED:
        for inner in schema.get(group) or ():
            yield from _all(inner)
    yield from _all(schema.get("items"))


def _kinds(schema: Mapping[str, Any]) -> Sequence[Any]:
    kinds = schema.get("type", ())
    return (kinds,) if isinstance(kinds, str) else kinds


def _fault(schema: Mapping[str, Any]) -> str | None:
    for kind in _kinds(schema):
        named = sorted(_UNSUPPORTED.get(str(kind), frozenset()) & schema.keys())
        if len(named) > 1:
            return f"For '{kind}' type, properties {', '.join(named)} are not supported"
        if named:
            return f"For '{kind}' type, property '{named[0]}' is not supported"
        if kind == "array" and schema.get("minItems", 0) not in (0, 1):
            return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        if kind == "object" and (fault := _object_fault(schema)):
            return fault
    return None


def _object_fault(schema: Mapping[str, Any]) -> str | None:
    if schema.get("additionalProperties") is not False:
        return "For 'object' type, 'additionalProperties' must be explicitly set to false"
    if any(isinstance(inner, bool) for inner in (schema.get("properties") or {}).values()):
        return "For 'object' type, property 'properties' is not supported"
    return None


def _reference_fault(schema: Mapping[str, Any]) -> str | None:
    reference = schema.get("$ref", "#")
    return (
        None if reference.startswith("#") else f"External reference '{reference}' is not supported"
    )


def _too_many(found: Sequence[Mapping[str, Any]]) -> str | None:
    unions = sum(1 for each in found if "anyOf" in each or isinstance(each.get("type"), list))
    if unions > _MOST_UNIONS:
        return (
            f"Schemas contains too many parameters with union types ({unions} parameters with type "
            "arrays or anyOf). This causes exponential compilation cost. Reduce the number of nullable "
            f"or union-typed parameters (limit: {_MOST_UNIONS} parameters with unions)."
        )
    optional = sum(len((each.get("properties") or {}).keys() - _required(each)) for each in found)
    if optional > _MOST_OPTIONAL:
        return (
            f"Schemas contains too many optional parameters ({optional}), which would make grammar "
            "compilation inefficient. Reduce the number of optional parameters in your tool schemas "
            f"(limit: {_MOST_OPTIONAL})."
        )
    return None


def _required(schema: Mapping[str, Any]) -> set[str]:
    return {name for name in schema.get("required", ()) if isinstance(name, str)}
