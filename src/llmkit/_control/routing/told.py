"""Values out of a file: ``os.environ/NAME`` looked up, and numbers that came as text.

The environment is given. Nothing here knows what a value is for; no value is in a message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import override

from ...errors import ConfigurationError
from .checked import near

__all__ = ["REFERENCE", "Referred", "loose", "resolved"]

REFERENCE: Final = "os.environ/"
_DEEPEST: Final = 100
_WORDS: Final = {"true": True, "false": False}


class Referred(str):
    """A text out of the environment. It may be a key, whatever it is used for: ``repr`` shows where it is from."""

    __slots__ = ("_name",)
    _name: str

    @classmethod
    def of(cls, value: str, name: str) -> Referred:
        """The value of a variable."""
        made = cls(value)
        made._name = name
        return made

    @override
    def __repr__(self) -> str:
        return f"{REFERENCE}{self._name}"


def resolved(value: Any, path: str, environ: Mapping[str, str], depth: int = 0) -> Any:
    """A value with all that the environment says in it, however deep.

    Raises:
        ConfigurationError: a variable is not set; the message says where it was to be read.
    """
    if isinstance(value, str) and value.startswith(REFERENCE):
        return _variable(value.removeprefix(REFERENCE).strip(), path, environ)
    if depth > _DEEPEST:
        # YAML can write what has no end.
        raise ConfigurationError(f"{path[:80]}…: it is nested too deeply")
    if isinstance(value, Mapping):
        return {k: resolved(v, f"{path}.{k}", environ, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        pieces = enumerate(value)
        return [resolved(one, f"{path}[{at}]", environ, depth + 1) for at, one in pieces]
    return value


def _variable(name: str, path: str, environ: Mapping[str, str]) -> str:
    found = environ.get(name)
    if found is None or not found.strip():
        state = "not set" if found is None else "empty"
        hint = near(name, environ) if found is None else ""
        raise ConfigurationError(f"{path}: the environment variable {name!r} is {state}{hint}")
    return Referred.of(found, name)


def loose(value: Any) -> Any:
    """A text that is written as a number, a truth or JSON, as what it means; anything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        found = json.loads(text)
    except ValueError:
        return value
    return found if isinstance(found, int | float | dict | list) else value
