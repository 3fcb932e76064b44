"""JSON Schema, as far as the simulator needs it: make an instance, check the strict subset.

Pure: the same schema always gives the same instance. Validation of instances does not live here.
`pattern`, `not`, `if` and `dependentSchemas` are not honoured: no instance is searched for.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard

__all__ = ["instance", "shape_fault", "strict_fault"]

Schema = Mapping[str, Any]

# Past this depth only what the schema requires is made; a recursive schema then comes to its end.
_SHALLOW: Final = 5
# A schema that requires itself has no finite instance; it gets null here instead of a full stack.
_DEEPEST: Final = 24
# A schema may ask for a string or an array of any size; a test double need not oblige.
_LARGEST: Final = 1000
# A schema nested deeper than this was made to break something.
_DEEPEST_READ: Final = 64

_FORMATS: Final[Mapping[str, str]] = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "sample@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def instance(schema: Any, name: str = "value") -> Any:
    """An instance of *schema*, always the same one; *name* flavours free strings."""
    root = schema if isinstance(schema, Mapping) else {}
    return _Maker(root).make(schema, name, 0)


class _Maker:
    """Makes instances of one document's schemas; the document is where references point."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._makers: Mapping[str, Callable[[Schema, str, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": _string,
            "number": _number,
            "integer": _number,
            "boolean": lambda *_: True,
            "null": lambda *_: None,
        }

    def make(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return None
        schema = self._resolved(schema, depth)
        for key, pick in (("const", _itself), ("enum", _first), ("default", _itself)):
            if key in schema and schema[key] != []:
                return pick(schema[key])
        return self._makers.get(_type(schema), _string)(schema, name, depth)

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """*schema* with its references, unions and intersections followed until none is left."""
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._target(schema["$ref"]), **rest}
            elif union := schema.get("anyOf") or schema.get("oneOf"):
                rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
                schema = _merged(rest, _branch(union, depth))
            elif "allOf" in schema:
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                schema = _merged(rest, *schema["allOf"])
            else:
                break
        return schema

    def _target(self, reference: Any) -> Schema:
        node: Any = self._root
        for step in str(reference).removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            node = node if not step else node.get(key, {}) if isinstance(node, Mapping) else {}
        # A reference can point at what is no schema and was therefore never looked at.
        return node if _is_object(node) and shape_fault(node) is None else {}

    def _object(self, schema: Schema, name: str, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        wanted = [key for key in properties if depth < _SHALLOW or key in required]
        return {key: self.make(properties[key], key, depth + 1) for key in wanted}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        prefix = schema.get("prefixItems", ())
        made = [self.make(item, name, depth + 1) for item in prefix]
        least = min(schema.get("minItems", 0), _LARGEST)
        wanted = max(least, 1 if depth < _SHALLOW and "items" in schema else 0, len(made))
        wanted = min(wanted, schema.get("maxItems", wanted))
        items = schema.get("items", {})
        return made + [
            self.make(_nth(items, i, schema), name, depth + 1) for i in range(len(made), wanted)
        ]


def _nth(items: Any, index: int, array: Schema) -> Any:
    """The schema of item *index*: with `uniqueItems`, an enum is walked, not repeated."""
    if not (isinstance(items, Mapping) and array.get("uniqueItems") and items.get("enum")):
        return items
    return {"const": items["enum"][index % len(items["enum"])]}


def _is_object(value: Any) -> TypeGuard[Schema]:
    return isinstance(value, Mapping)


def _itself(value: Any) -> Any:
    return value


def _first(values: Any) -> Any:
    return values[0]


def _branch(union: list[Any], depth: int) -> Schema:
    """The first branch that is not null; deep down null, where it is allowed, ends a recursion."""
    null = [branch for branch in union if branch == {"type": "null"}]
    rest = [branch for branch in union if branch not in null]
    chosen = (null + rest if depth >= _SHALLOW else rest + null)[0]
    return chosen if isinstance(chosen, Mapping) else {}


def _merged(*schemas: Any) -> Schema:
    """One schema that asks for what all of *schemas* ask for; the last one wins a conflict."""
    merged: dict[str, Any] = {}
    for schema in filter(_is_object, schemas):
        both = {**merged, **schema}
        if "properties" in merged and "properties" in schema:
            both["properties"] = {**merged["properties"], **schema["properties"]}
        if "required" in merged and "required" in schema:
            both["required"] = [*merged["required"], *schema["required"]]
        merged = both
    return merged


def _type(schema: Schema) -> str:
    declared = schema.get("type")
    if isinstance(declared, list):
        declared = next((kind for kind in declared if kind != "null"), "null")
    if isinstance(declared, str):
        return declared
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _string(schema: Schema, name: str, _depth: int) -> str:
    text = _FORMATS.get(str(schema.get("format")), f"sample {name}")
    text = text.ljust(min(schema.get("minLength", 0), _LARGEST), "x")
    return text[: schema.get("maxLength", len(text))]


def _number(schema: Schema, _name: str, _depth: int) -> int | float:
    """An allowed number; zero where the bounds are beyond what can be calculated with."""
    try:
        return _likely(schema)
    except OverflowError:
        return 0


def _likely(schema: Schema) -> int | float:
    """The first allowed number of a few likely ones, integers before fractions."""
    step = schema.get("multipleOf") or 1
    low = _bound(schema, "minimum", "exclusiveMinimum", -math.inf)
    high = _bound(schema, "maximum", "exclusiveMaximum", math.inf)
    likely = [step]
    if low > -math.inf:
        likely += [math.ceil(low / step) * step, (math.floor(low / step) + 1) * step]
    if high < math.inf:
        likely += [math.floor(high / step) * step, (math.ceil(high / step) - 1) * step]
    likely += [(low + high) / 2] if math.isfinite(low + high) else []
    return next((number for number in likely if _allows(schema, number)), step)


def _bound(schema: Schema, inclusive: str, exclusive: str, default: float) -> float:
    stated = [schema[key] for key in (inclusive, exclusive) if _is_number(schema.get(key))]
    return (max if default < 0 else min)(stated, default=default)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_LIMITS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def _allows(schema: Schema, number: float) -> bool:
    whole = _type(schema) != "integer" or number == int(number)
    stated = [key for key in _LIMITS if _is_number(schema.get(key))]
    return whole and all(_LIMITS[key](number, schema[key]) for key in stated)


def strict_fault(schema: Any, where: tuple[str, ...] = ()) -> str | None:
    """What keeps *schema* out of the strict subset, in OpenAI's words; None if nothing does.

    Strict objects close themselves and require each property
    (https://platform.openai.com/docs/guides/structured-outputs, supported schemas).
    """
    if not isinstance(schema, Mapping):
        return None
    if _type(schema) == "object" and (fault := _object_fault(schema, where)):
        return fault
    deeper = (strict_fault(sub, where + path) for path, sub in _inside(schema))
    return next(filter(None, deeper), None)


def _object_fault(schema: Schema, where: tuple[str, ...]) -> str | None:
    missing = [key for key in schema.get("properties", {}) if key not in schema.get("required", ())]
    if schema.get("additionalProperties") is not False:
        return (
            f"In context={where!r}, 'additionalProperties' is required to be supplied and to "
            "be false."
        )
    if missing:
        return (
            f"In context={where!r}, 'required' is required to be supplied and to be an array "
            f"including every key in properties. Missing '{missing[0]}'."
        )
    return None


def _inside(schema: Schema) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each schema directly inside *schema*, with the path to it."""
    for group in ("properties", "$defs", "definitions"):
        for key, sub in (schema.get(group) or {}).items():
            yield (group, key), sub
    for group in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for index, sub in enumerate(schema.get(group) or ()):
            yield (group, str(index)), sub
    if "items" in schema:
        yield ("items",), schema["items"]


# keyword -> the JSON type that it must have, where this module reads it.
_SHAPES: Final[Mapping[str, tuple[type, ...]]] = {
    "$defs": (dict,),
    "$ref": (str,),
    "allOf": (list,),
    "anyOf": (list,),
    "definitions": (dict,),
    "enum": (list,),
    "maxItems": (int,),
    "maxLength": (int,),
    "minItems": (int,),
    "minLength": (int,),
    "multipleOf": (int, float),
    "oneOf": (list,),
    "prefixItems": (list,),
    "properties": (dict,),
    "required": (list,),
    "type": (str, list),
}


def shape_fault(schema: Any, depth: int = 0) -> str | None:
    """What is not JSON Schema at all about *schema*; None if it can be read."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST_READ:
        return None if isinstance(schema, bool) else f"{str(schema)[:60]!r} is not a schema"
    for keyword, kinds in _SHAPES.items():
        if keyword in schema and not isinstance(schema[keyword], kinds):
            return f"{schema[keyword]!r} is not valid under '{keyword}'"
    deeper = (shape_fault(sub, depth + 1) for _, sub in _inside(schema))
    return next(filter(None, deeper), None)
