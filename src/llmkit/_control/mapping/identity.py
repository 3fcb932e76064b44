"""What a row's result is known by in a checkpoint: a digest of the row, the prompt or function, and all parameters.

Two rows are the same only where all of it is; what cannot be written down unambiguously is refused, not guessed.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import inspect
import json
import os
import textwrap
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from enum import Enum
from types import CodeType
from typing import Any, Final
from uuid import UUID

from ...errors import ConfigurationError
from .rows import missing

__all__ = ["NEUTRAL", "digest", "function_name"]

NEUTRAL: Final = frozenset({
    "api_key", "cache", "max_retries", "metadata", "num_retries", "priority", "retry", "stream_timeout", "timeout",
})  # fmt: skip
"""Parameters that change how a call is made, and not what is answered."""


def digest(*parts: Any) -> str:
    """The digest of these values.

    Raises:
        ConfigurationError: one of them cannot be told apart from others.
    """
    text = json.dumps([_said(part) for part in parts], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _said(value: Any) -> Any:
    """A value in JSON, with its kind where JSON has no word for that."""
    if value is None or isinstance(value, str | bool | int):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return ["nan"] if missing(value) else ["float", repr(value)]
    if isinstance(value, Mapping):
        return {"map": [[_said(name), _said(part)] for name, part in _sorted(value)]}
    if isinstance(value, list | tuple):
        return {"list": [_said(part) for part in value]}
    return _rarer(value)


def _sorted(value: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    return sorted(value.items(), key=lambda item: (str(type(item[0])), str(item[0])))


def _rarer(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return ["bytes", hashlib.sha256(value).hexdigest()]
    if isinstance(value, Decimal | date | time | UUID | os.PathLike):
        return [type(value).__name__, str(value)]
    if isinstance(value, set | frozenset):
        return {"set": sorted(json.dumps(_said(part), sort_keys=True) for part in value)}
    if missing(value):
        return ["nan"]
    if isinstance(value, type) and hasattr(value, "model_json_schema"):
        return ["class", value.__qualname__, _said(value.model_json_schema())]
    return _of_object(value)


def _of_object(value: Any) -> Any:
    for name in ("model_dump", "_asdict", "tolist"):
        if callable(read := getattr(value, name, None)) and not isinstance(value, type):
            return [type(value).__qualname__, _said(read())]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        said = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return [type(value).__qualname__, _said(said)]
    if callable(value):
        return ["function", *_function(value)]
    raise ConfigurationError(
        f"with checkpoint= a row and its parameters are plain values, and {type(value).__name__} is none: "
        "give what is in it"
    )


def function_name(function: Any) -> str:
    """What a function is called, with its module."""
    inner = function.func if isinstance(function, functools.partial) else function
    named = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{getattr(named, '__module__', '')}.{named.__qualname__}"


def _function(function: Callable[..., Any]) -> list[Any]:
    """A function's name, and what it says; a comment or another indentation changes nothing."""
    if isinstance(function, functools.partial):
        given = [_said(function.args), _said(function.keywords)]
        return [*_function(function.func), *given]
    inner = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(inner, "__code__"):
        inner = inspect.unwrap(type(function).__call__)
    return [function_name(function), _source(inner), _said(getattr(inner, "__defaults__", None))]


def _source(function: Any) -> str:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    except (OSError, TypeError, SyntaxError):
        # Typed at a prompt, or a lambda amid a line: what it was compiled to.
        code = getattr(function, "__code__", None)
        return "" if code is None else hashlib.sha256(repr(_compiled(code)).encode()).hexdigest()


def _compiled(code: CodeType) -> list[Any]:
    constants = [
        _compiled(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts
    ]
    return [code.co_code.hex(), code.co_names, constants]
