"""A validator of JSON values by an OpenAPI document's schemas, as far as providers' documents use them. Tests only.

``LLMKIT_SPECS`` names the directory of documents; without it, tests that need one are skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_ROOT = os.environ.get("LLMKIT_SPECS")  # tests themselves see no environment

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@cache
def document(name: str) -> Mapping[str, Any]:
    """A document by its path below the directory; skips the test where there is none."""
    path = Path(_ROOT or "") / name
    if not _ROOT or not path.is_file():
        pytest.skip("no specifications: LLMKIT_SPECS must name the directory that holds them")
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read: Mapping[str, Any] = yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 - it is a safe one
    return read


def faults(spec: Mapping[str, Any], schema: Mapping[str, Any] | str, value: Any) -> list[str]:
    """What is wrong with a value, by a schema or the name of one; nothing, if it fits."""
    if isinstance(schema, str):
        schema = spec["components"]["schemas"][schema]
    return list(_faults(spec, schema, value, "$"))


def _faults(
    spec: Mapping[str, Any], schema: Mapping[str, Any], value: Any, at: str
) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        yield from _faults(spec, spec["components"]["schemas"][name], value, at)
        return
    if value is None and schema.get("nullable"):
        return
    for part in schema.get("allOf", ()):
        yield from _faults(spec, part, value, at)
    yield from _chosen(spec, schema, value, at)
    yield from _scalar(schema, value, at)
    if isinstance(value, dict):
        yield from _object(spec, schema, value, at)
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield from _faults(spec, schema["items"], item, f"{at}[{i}]")


def _chosen(
    spec: Mapping[str, Any], schema: Mapping[str, Any], value: Any, at: str
) -> Iterator[str]:
    choices = schema.get("oneOf") or schema.get("anyOf")
    named = schema.get("discriminator", {})
    if named.get("mapping") and isinstance(value, dict):
        name = named["mapping"].get(value.get(named["propertyName"]))
        choices = [{"$ref": name}] if name else []
    if choices is None:
        return
    tried = [list(_faults(spec, choice, value, at)) for choice in choices]
    if all(tried) or not tried:
        yield min(tried, key=len)[0] if tried else f"{at} is of no known kind"


def _scalar(schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    kinds = schema.get("type") or ()
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    fitting = [
        k
        for k in kinds
        if isinstance(value, _KINDS[k]) and (k == "boolean") >= isinstance(value, bool)
    ]
    if kinds and not fitting:
        yield f"{at} is {value!r:.80}, not {kinds}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r:.80}, not of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at} is {value!r:.80}, not {schema['const']!r}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at} is {value}, out of range"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at} is {value!r:.80}, which {schema['pattern']!r} does not fit"


def _object(
    spec: Mapping[str, Any], schema: Mapping[str, Any], value: dict[str, Any], at: str
) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}.{name} is missing"
    for name, inner in value.items():
        if name in known:
            yield from _faults(spec, known[name], inner, f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{at}.{name} is unknown"
