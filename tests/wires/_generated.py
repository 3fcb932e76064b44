"""Values made of an OpenAPI document's schemas, at random but repeatable: optional fields there, absent or null,
fields and words that nobody knows. Texts are marks, so that one can look whether any of them was lost. Tests only.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Maker", "texts"]

_DEEP = 8


class Maker:
    """One value's maker. ``marks``: the texts that it has made up."""

    def __init__(self, document: Mapping[str, Any], seed: int) -> None:
        self._document, self._random = document, random.Random(seed)
        self.marks: set[str] = set()

    def value(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """A value that the schema allows, but for words of an ``enum`` now and then."""
        schema = self._resolved(schema)
        if schema.get("nullable") and self._now_and_then():
            return None
        if choices := schema.get("oneOf") or schema.get("anyOf"):
            return self._chosen(schema, choices, depth)
        if schema.get("allOf"):
            parts = [self.value(part, depth) for part in schema["allOf"]]
            return {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}
        if "const" in schema:
            return schema["const"]
        return self._plain(schema, depth)

    def _chosen(self, schema: Mapping[str, Any], choices: list[Any], depth: int) -> Any:
        choice = self._random.choice(choices)
        made = self.value(choice, depth + 1)
        told = schema.get("discriminator", {})
        names = {ref: name for name, ref in (told.get("mapping") or {}).items()}
        if isinstance(made, dict) and choice.get("$ref") in names:
            made[told["propertyName"]] = names[choice["$ref"]]
        return made

    def _plain(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = schema.get("type")
        kind = self._random.choice(kind) if isinstance(kind, list) else kind
        if "enum" in schema:
            odd = kind == "string" and self._now_and_then()
            return self._mark() if odd else self._random.choice(schema["enum"])
        if kind == "array":
            count = 0 if depth > _DEEP else self._random.choice((0, 1, 1, 2))
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        simple: dict[Any, Any] = {
            "integer": self._random.randrange(1, 9999),
            "number": self._random.randrange(100) / 8,
            "boolean": self._random.random() < 1 / 2,
            "null": None,
        }
        return simple[kind] if kind in simple else self._mark()

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        needed = schema.get("required", ())
        made: dict[str, Any] = {}
        for name, inner in (schema.get("properties") or {}).items():
            if name in needed or (depth <= _DEEP and self._random.random() < 2 / 3):
                made[name] = self.value(inner, depth + 1)
            if name not in needed and self._now_and_then():
                made[name] = None
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and depth <= _DEEP:
            made[self._mark()] = self.value(more, depth + 1)
        return made | ({self._mark(): self._mark()} if self._now_and_then() else {})

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].lstrip("#/").split("/"):
                found = found[step.replace("~1", "/")]
            schema = found
        return schema

    def _mark(self) -> str:
        made = f"mark-{len(self.marks)}-{self._random.randrange(10**6)}"
        self.marks.add(made)
        return made

    def _now_and_then(self) -> bool:
        return self._random.random() < 1 / 8


def texts(value: Any) -> Iterator[str]:
    """All texts in a value, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts(name)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
