"""Sinks by name: ``callbacks=["sqlite:calls.db", "otel"]``. A built-in one, one that was registered, an entry point.

A package of somebody else's declares a sink in the group ``llmkit.telemetry``: a function (a class) that is called
without arguments, or with what stands behind the colon, and returns a callback.
"""

from __future__ import annotations

import difflib
import importlib
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from ..errors import ConfigurationError

__all__ = ["register_sink", "sink"]

_GROUP: Final = "llmkit.telemetry"
_BUILT_IN: Final[Mapping[str, tuple[str, str]]] = {
    "jsonl": ("_jsonl", "JSONL"),
    "langfuse": ("_langfuse", "Langfuse"),
    "otel": ("_otel", "OpenTelemetry"),
    "prometheus": ("_prometheus", "Prometheus"),
    "sqlite": ("_sqlite", "SQLiteLog"),
}
_ALIASES: Final[Mapping[str, str]] = {
    "opentelemetry": "otel",
    "json": "jsonl",
    "sqlite3": "sqlite",
    "langfuse_otel": "langfuse",
}
_PATHS: Final[Mapping[str, str]] = {"jsonl": "calls.jsonl", "sqlite": "calls.db"}
"""Sinks that write to a path, with one for an example."""

_made: dict[str, Any] = {}
_registered: dict[str, Callable[..., Any]] = {}
_lock = threading.RLock()


def sink(name: str) -> Any:
    """The sink of a name: ``otel``, ``prometheus``, ``langfuse``, ``jsonl:PATH``, ``sqlite:PATH``, or somebody else's.

    The same name gives the same sink, so that clients can share it.

    Raises:
        ConfigurationError: there is none; the message names near misses, and how others are had. Or what the sink
            itself raises: a path in no folder, a library that is not installed.
    """
    kind, colon, argument = name.partition(":")
    kind = kind.strip().lower().replace("-", "_")
    kind = _ALIASES.get(kind, kind)
    if colon and not argument:
        raise ConfigurationError(f"{name!r} says no path behind its colon")
    with _lock:
        key = f"{kind}:{argument}"
        if key not in _made:
            _made[key] = _make(kind, argument)
        return _made[key]


def register_sink(name: str, make: Callable[..., Any]) -> None:
    """Have ``callbacks=["name"]`` mean what ``make()`` returns, ``"name:argument"`` what ``make(argument)`` does.

    Raises:
        ConfigurationError: the name is a built-in sink's, or ``make`` is no function.
    """
    if name in _BUILT_IN or name in _ALIASES:
        raise ConfigurationError(f"{name!r} is a built-in sink; choose another name")
    if not callable(make):
        raise ConfigurationError(f"make is a function that returns a sink, not {make!r:.80}")
    with _lock:
        _registered[name] = make
        for key in [key for key in _made if key.partition(":")[0] == name]:
            del _made[key]


def _make(kind: str, argument: str) -> Any:
    if kind in _PATHS and not argument:
        raise ConfigurationError(f'{kind!r} needs a path: callbacks=["{kind}:{_PATHS[kind]}"]')
    if kind in _BUILT_IN and kind not in _PATHS and argument:
        raise ConfigurationError(f"{kind!r} takes nothing behind a colon; make it in code instead")
    made = _found(kind)
    result = made(argument) if argument else made()
    if not callable(result):
        raise ConfigurationError(f"the sink {kind!r} is no function of one event: {result!r:.80}")
    return result


def _found(kind: str) -> Callable[..., Any]:
    if kind in _BUILT_IN:
        module, name = _BUILT_IN[kind]
        found: Callable[..., Any] = getattr(
            importlib.import_module(f".{module}", __package__), name
        )
        return found
    if kind in _registered:
        return _registered[kind]
    entry = _entries().get(kind)
    if entry is None:
        raise _unknown(kind)
    made = entry.load()
    if not callable(made):
        raise ConfigurationError(
            f"the entry point {kind!r} of {_GROUP} cannot be called: {entry.value}"
        )
    return made  # type: ignore[no-any-return]


def _entries() -> dict[str, EntryPoint]:
    return {entry.name.replace("-", "_"): entry for entry in entry_points(group=_GROUP)}


def _unknown(kind: str) -> ConfigurationError:
    names = sorted({*_BUILT_IN, *_ALIASES, *_registered, *_entries()})
    near = difflib.get_close_matches(kind, names, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return ConfigurationError(
        f"no sink is called {kind!r:.80}{hint} There are {', '.join(sorted(_BUILT_IN))}; others come with packages "
        f"that declare them in the group {_GROUP!r}, or by register_sink(…)"
    )
