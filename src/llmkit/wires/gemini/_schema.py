"""JSON Schema to the OpenAPI subset that ``Schema`` is, for hosts without the full form. Lossless where possible.

Source: ``Schema`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22. References are put in place, unions
become ``anyOf``, ``null`` becomes ``nullable``, ``const`` an ``enum`` of one; what has no field is in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._params import Ledger

__all__ = ["Converter"]

_SAME = (
    "title", "description", "default", "example", "minimum", "maximum", "minItems", "maxItems", "minLength",
    "maxLength", "minProperties", "maxProperties", "pattern", "format", "required", "propertyOrdering",
    "nullable",
)  # fmt: skip
# Not worth a word: they say nothing of what is allowed, or only what holds anyway.
_SILENT = frozenset(
    {
        "$schema",
        "$id",
        "$defs",
        "definitions",
        "$comment",
        "examples",
        "additionalProperties",
        "strict",
    }
)
_DEEPEST = 24
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "BOOLEAN"), (str, "STRING"), (int, "INTEGER"), (float, "NUMBER"),
)  # fmt: skip


class Converter:
    """One schema's conversion; what is lost goes to the ledger under ``path``."""

    def __init__(self, ledger: Ledger, path: str, root: Mapping[str, Any]) -> None:
        self._ledger, self._path, self._root = ledger, path, root

    def convert(self) -> dict[str, Any]:
        """The schema in OpenAPI's subset."""
        return self._schema(self._root, self._path, ())

    def _schema(self, given: Any, path: str, within: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            if given is not True:
                self._lose(path, given, "a schema that allows nothing has no form there")
            return {}
        if "$ref" in given:
            return self._referred(given, path, within)
        if isinstance(given.get("allOf"), list) and given["allOf"]:
            rest = {k: v for k, v in given.items() if k != "allOf"}
            return self._all_of([*given["allOf"], rest], path, within)
        made = {name: given[name] for name in _SAME if name in given}
        made |= self._typed(given, path, within)
        made |= self._inner(given, path, within)
        self._note_lost(given, path)
        return made

    def _referred(
        self, given: Mapping[str, Any], path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        ref = str(given["$ref"])
        target = self._target(ref)
        rest = {k: v for k, v in given.items() if k != "$ref"}
        if ref in within or len(within) > _DEEPEST or target is None:
            why = "the schema refers to itself, or to nothing, which has no form there"
            self._lose(path, ref, why)
            return {"type": "OBJECT", **{k: v for k, v in rest.items() if k in _SAME}}
        return self._schema({**target, **rest}, path, (*within, ref))

    def _target(self, ref: str) -> Mapping[str, Any] | None:
        found: Any = self._root
        for step in ref.removeprefix("#").strip("/").split("/") if ref != "#" else ():
            step = step.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - RFC 6901
            found = found.get(step) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else None

    def _typed(
        self, given: Mapping[str, Any], path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        """Type, enum and unions: together they say what kind of value it is."""
        kinds = given.get("type")
        kinds = list(kinds) if isinstance(kinds, list | tuple) else [kinds] if kinds else []
        null = "null" in kinds or "NULL" in kinds
        kinds = [str(kind).upper() for kind in kinds if str(kind).lower() != "null"]
        made: dict[str, Any] = {"nullable": True} if null else {}
        if not kinds and null:
            return {"type": "NULL"}
        if len(kinds) == 1:
            made["type"] = kinds[0]
        elif kinds:
            made["anyOf"] = [self._schema({"type": kind}, path, within) for kind in kinds]
        return made | self._values(given, path) | self._union(given, path, within)

    def _values(self, given: Mapping[str, Any], path: str) -> dict[str, Any]:
        values = [given["const"]] if "const" in given else given.get("enum")
        if not isinstance(values, list | tuple):
            return {}
        made: dict[str, Any] = {"nullable": True} if None in values else {}
        kept = [value for value in values if value is not None]
        if not kept:
            return {"type": "NULL"}
        if not all(isinstance(value, str) for value in kept):
            # enum is a list of texts there, for any type.
            self._ledger.adjust(
                f"{path}.enum", "renamed", kept, [str(v) for v in kept], "texts only"
            )
        kind = next((k for t, k in _KINDS if all(isinstance(v, t) for v in kept)), None)
        return {**({"type": kind} if kind else {}), **made, "enum": [_text(v) for v in kept]}

    def _union(
        self, given: Mapping[str, Any], path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        options = given.get("anyOf") or given.get("oneOf")
        if not isinstance(options, list | tuple):
            return {}
        null = [o for o in options if isinstance(o, Mapping) and o.get("type") == "null"]
        made = [self._schema(o, f"{path}.anyOf", within) for o in options if o not in null]
        if len(made) == 1:
            return made[0] | ({"nullable": True} if null else {})
        return {"anyOf": made, **({"nullable": True} if null else {})}

    def _all_of(self, parts: list[Any], path: str, within: tuple[str, ...]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in parts:
            made = self._schema(part, path, within)
            merged["properties"] = merged.get("properties", {}) | made.pop("properties", {})
            merged["required"] = [*merged.get("required", []), *made.pop("required", [])]
            merged |= made
        return {name: value for name, value in merged.items() if value not in ({}, [])}

    def _inner(
        self, given: Mapping[str, Any], path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        made: dict[str, Any] = {}
        properties = given.get("properties")
        if isinstance(properties, Mapping):
            made["properties"] = {
                name: self._schema(inner, f"{path}.{name}", within)
                for name, inner in properties.items()
            }
        if "items" in given:
            made["items"] = self._schema(given["items"], f"{path}.items", within)
        elif str(given.get("type")).upper() == "ARRAY":
            made["items"] = self._any_of_prefix(given, path, within)
        return made

    def _any_of_prefix(
        self, given: Mapping[str, Any], path: str, within: tuple[str, ...]
    ) -> dict[str, Any]:
        """An array must say what its items are; a tuple's come in any order then."""
        prefix = [
            self._schema(item, f"{path}.items", within) for item in given.get("prefixItems") or ()
        ]
        unique = [item for i, item in enumerate(prefix) if item not in prefix[:i]]
        return unique[0] if len(unique) == 1 else {"anyOf": unique} if unique else {}

    def _note_lost(self, given: Mapping[str, Any], path: str) -> None:
        said = {
            *_SAME,
            *_SILENT,
            "type",
            "enum",
            "const",
            "anyOf",
            "oneOf",
            "allOf",
            "properties",
            "items",
        }
        for name in given:
            if name not in said:
                self._lose(
                    f"{path}.{name}", given[name], "the provider's schemas have no such word"
                )
        extra = given.get("additionalProperties")
        if extra is True or (isinstance(extra, Mapping) and extra):
            self._lose(f"{path}.additionalProperties", extra, "every property has a name there")

    def _lose(self, path: str, given: Any, why: str) -> None:
        self._ledger.adjust(path, "dropped", given, None, why)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
