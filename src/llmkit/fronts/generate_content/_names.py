"""This API's fields may be written in camel case and in snake case; here they are all in camel case.

Only the API's own objects: what is in ``args``, ``response`` or a schema is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._checks import mapping

__all__ = ["camel"]

_CALLERS = frozenset({
    "args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels",
    "_responseJsonSchema", "responseFormat",
})  # fmt: skip


def camel(given: Any, path: str) -> dict[str, Any]:
    """An object with its fields' names in camel case, at every depth but the caller's own."""
    return {
        name: value if name in _CALLERS else _inner(value)
        for name, value in ((_camel(k), v) for k, v in mapping(given, path).items())
        if value is not None
    }


def _inner(value: Any) -> Any:
    if isinstance(value, Mapping):
        return camel(value, "")
    return [_inner(item) for item in value] if isinstance(value, list | tuple) else value


def _camel(name: str) -> str:
    return re.sub(r"(?<!^)_(\w)", lambda match: match.group(1).upper(), name)
