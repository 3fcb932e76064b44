"""JSON schemas for structured outputs: what the grammar cannot hold is moved into the description, and told.

Source of what it holds: https://platform.claude.com/docs/en/build-with-claude/structured-outputs (limitations), and
what the official SDK moves; read 2026-11-22. The caller's schema is never changed: a part that must change is copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._json import dump_text

__all__ = ["Lost", "fitted", "is_open"]

_UNSUPPORTED = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
    }
)
_NAMED = ("properties", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "not")


@dataclass(slots=True)
class Lost:
    """What became of a schema: paths of constraints that were moved, and of objects that were closed."""

    moved: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def is_open(schema: Any) -> bool:
    """Whether the schema has objects whose properties are not all named: no grammar can be made of them."""
    if not isinstance(schema, Mapping):
        return False
    if schema.get("additionalProperties") not in (None, False):
        return True
    if schema.get("type") == "object" and not schema.get("properties"):
        return True
    return any(is_open(part) for part in _parts(schema))


def _parts(schema: Mapping[str, Any]) -> list[Any]:
    found = [schema[name] for name in _SINGLE if name in schema]
    for name in _NAMED:
        if isinstance(schema.get(name), Mapping):
            found += schema[name].values()
    for name in _LISTED:
        if isinstance(schema.get(name), list):
            found += schema[name]
    return found


def fitted(schema: Any, path: str, lost: Lost) -> Any:
    """The schema as the grammar can hold it; ``lost`` gets the paths of what it cannot."""
    if not isinstance(schema, Mapping):
        return schema
    made = {name: _inner(name, value, path, lost) for name, value in schema.items()}
    beyond = {name: value for name, value in schema.items() if _is_beyond(name, value)}
    for name in beyond:
        del made[name]
        lost.moved.append(f"{path}.{name}")
    if beyond:
        made["description"] = _told(schema.get("description"), beyond)
    if "properties" in made and "additionalProperties" not in made:
        made["additionalProperties"] = False
        lost.closed.append(path)
    return made


def _is_beyond(name: str, value: Any) -> bool:
    return name in _UNSUPPORTED or (name == "minItems" and value not in (0, 1))


def _inner(name: str, value: Any, path: str, lost: Lost) -> Any:
    below = f"{path}.{name}"
    if name in _NAMED and isinstance(value, Mapping):
        return {key: fitted(part, f"{below}.{key}", lost) for key, part in value.items()}
    if name in _LISTED and isinstance(value, list):
        return [fitted(part, f"{below}[{i}]", lost) for i, part in enumerate(value)]
    return fitted(value, below, lost) if name in _SINGLE else value


def _told(description: Any, beyond: Mapping[str, Any]) -> str:
    rules = ", ".join(f"{name}: {dump_text(value)}" for name, value in beyond.items())
    return f"{description}\n\n({rules})" if description else f"({rules})"
