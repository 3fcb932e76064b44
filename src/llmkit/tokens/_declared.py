"""Tools and schemas as OpenAI shows them to a model: functions as TypeScript, the answer's schema as JSON.

The look of it is public in part (https://github.com/openai/harmony, src/encoding.rs, read 2026-11-22); the rest was
worked out from recorded usage: objects without comments stand on one line, titles and descriptions are comments
above. What no recording shows is written alike, and said to be uncertain. Counting belongs in ``_chat``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

__all__ = ["Declared", "declared_schema", "declared_tools"]

Schema = Mapping[str, Any]

_PLAIN_TYPES: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
# Keywords whose effect on the count recordings show (or show to be none).
_SEEN: Final = frozenset({
    "type", "description", "title", "enum", "properties", "required", "items", "additionalProperties",
    "$schema", "$defs",
})  # fmt: skip
_LIMITS: Final = ("minimum", "maximum")
_DEEPEST: Final = 32
_MOST: Final = 5000  # references can multiply: what a stranger's schema comes to has an end
_UNSEEN: Final = "how {} in a schema is shown to the model is not known"


class Declared(NamedTuple):
    """A text, and what is not certain about it."""

    text: str
    notes: tuple[str, ...]


def declared_tools(functions: Sequence[Mapping[str, Any]]) -> Declared:
    """The section that declares functions."""
    writer = _Writer()
    rows = [row for function in functions for row in writer.function(function)]
    text = "# Tools\n\n## functions\n\nnamespace functions {\n\n" + "".join(rows)
    return Declared(text + "} // namespace functions", tuple(dict.fromkeys(writer.notes)))


def declared_schema(name: str, description: str | None, schema: Schema) -> Declared:
    """The section that declares the answer's format: its JSON, without what a strict schema always has."""
    notes = [] if _all_or_none(schema) else [_UNSEEN.format("a property that may be absent")]
    try:
        written = json.dumps(_bare(schema), separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        written = repr(schema)
        notes.append(_UNSEEN.format("what is no JSON"))
    said = f"// {description}\n" if description else ""
    return Declared(f"# Response Formats\n\n## {name}\n\n{said}{written}", tuple(notes))


_DROPPED: Final = frozenset({"additionalProperties", "required", "$schema"})
_NAMED: Final = frozenset({"properties", "$defs", "definitions"})


def _bare(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        return value
    if isinstance(value, list | tuple):
        return [_bare(item, depth + 1) for item in value]
    if not isinstance(value, Mapping):
        return value
    bare = {}
    for key, inner in value.items():
        if key in _NAMED and isinstance(inner, Mapping):
            bare[key] = {name: _bare(under, depth + 1) for name, under in inner.items()}
        elif key not in _DROPPED:
            bare[key] = _bare(inner, depth + 1)
    return bare


def _all_or_none(schema: Any, depth: int = 0) -> bool:
    """Whether every object requires all of its properties, or none."""
    if depth > _DEEPEST:
        return False
    if isinstance(schema, list | tuple):
        return all(_all_or_none(item, depth + 1) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    required, properties = schema.get("required"), schema.get("properties")
    if (
        isinstance(required, list | tuple)
        and required
        and len(required) != len(_mapping(properties))
    ):
        return False
    return all(_all_or_none(inner, depth + 1) for inner in schema.values())


class _Writer:
    """Writes functions, and notes what it has no evidence for."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._left = _MOST
        self._root: Schema = {}

    def function(self, function: Mapping[str, Any]) -> Iterator[str]:
        yield _comment(function.get("description"))
        self._root = _mapping(function.get("parameters"))
        self._unseen(set(self._root) - _SEEN | {"title", "description"} & set(self._root))
        taken = ""
        if _mapping(self._root.get("properties")):
            taken = "_: " + self._above(self._root) + self._object(self._root, 0)
        yield f"type {function.get('name', '')} = ({taken}) => any;\n\n"

    def _object(self, schema: Schema, depth: int) -> str:
        """On one line where no property has a comment, else a line for each."""
        required = schema.get("required")
        needed = required if isinstance(required, list | tuple) else ()
        rows = []
        for name, given in _mapping(schema["properties"]).items():
            found = self._resolved(_mapping(given))
            mark = "" if name in needed else "?"
            row = f"{name}{mark}: {self._type(found, depth)}"
            rows.append((self._above(found), row, _beside(found)))
        if not any(above or beside for above, _, beside in rows):
            return "{ " + ", ".join(row for _, row, _ in rows) + " }"
        if depth:
            self._note("a comment inside a nested object")
        return "{\n" + "".join(f"{above}{row},{beside}\n" for above, row, beside in rows) + "}"

    def _above(self, schema: Schema) -> str:
        """Title, description and default of a property, as comments."""
        described = schema.get("description")
        if isinstance(described, str) and "\n" in described:
            self._note("a description of several lines")
        lines = [_comment(schema.get("title")), _comment(described)]
        if "default" in schema:
            lines.append(f"// default: {_shown(schema['default'])}\n")
        return "".join(lines)

    def _type(self, schema: Schema, depth: int) -> str:
        self._unseen(set(schema) - _SEEN)
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            self._note("a very large or deep type")
            return "any"
        if isinstance(schema.get("enum"), list | tuple):
            return self._options(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if isinstance(schema.get(key), list | tuple):
                inner = (self._resolved(_mapping(option)) for option in schema[key])
                return " | ".join(self._type(option, depth + 1) for option in inner)
        kinds = schema.get("type")
        if isinstance(kinds, list | tuple):
            self._note("a choice of types")
            return " | ".join(self._one({**schema, "type": kind}, depth) for kind in kinds)
        return self._one(schema, depth)

    def _one(self, schema: Schema, depth: int) -> str:
        kind = schema.get("type")
        if kind == "array":
            items = self._resolved(_mapping(schema.get("items")))
            if _mapping(items.get("properties")) or not isinstance(items.get("type"), str):
                self._note("an array of anything but plain values")
            return self._type(items, depth + 1) + "[]"
        if kind == "object":
            if _mapping(schema.get("properties")):
                return self._object(schema, depth + 1)
            self._note("an object without properties")
            return "object"
        if not isinstance(kind, str) or kind not in _PLAIN_TYPES:
            self._note("a property without a type")
            return "any"
        return _PLAIN_TYPES[kind]

    def _options(self, options: Sequence[Any]) -> str:
        if not all(isinstance(option, str) for option in options):
            self._note("an enum of other things than strings")
        return " | ".join(json.dumps(option, ensure_ascii=False, default=str) for option in options)

    def _resolved(self, schema: Schema) -> Schema:
        """What a ``$ref`` into the same schema points at."""
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        self._note("$ref")
        found: Any = self._root
        for step in reference.split("/")[1:]:
            found = _mapping(found).get(step)
        return {key: value for key, value in _mapping(found).items() if key != "$ref"}

    def _unseen(self, keys: set[str]) -> None:
        for key in sorted(keys):
            self._note(key)

    def _note(self, what: str) -> None:
        self.notes.append(_UNSEEN.format(what))


def _comment(text: Any) -> str:
    if not isinstance(text, str) or not text:
        return ""
    lines = (f"// {line.strip()}".rstrip() for line in text.split("\n"))
    return "".join(f"{line}\n" for line in lines)


def _beside(schema: Schema) -> str:
    """Limits of a property, as a comment after it."""
    limits = [f"{key}: {_shown(schema[key])}" for key in _LIMITS if key in schema]
    return f" // {', '.join(limits)}" if limits else ""


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)


def _mapping(value: Any) -> Schema:
    return value if isinstance(value, Mapping) else {}
