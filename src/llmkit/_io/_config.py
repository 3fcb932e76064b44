"""Reading a configuration's files: YAML, JSON, TOML, and what they include. What is in them is ``_control.routing``'s.

Nothing that stands in a file is in a message: it may be a key.
"""

from __future__ import annotations

import json
import logging
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..errors import ConfigurationError

__all__ = ["Config", "read_config", "tell"]

_log = logging.getLogger("llmkit")
_INCLUDE: Final = "include"
_MOST: Final = 100
"""Files that one configuration is made of."""


class Config(NamedTuple):
    """What files say, all in one."""

    sections: dict[str, Any]
    notes: tuple[tuple[str, str], ...]
    """(key, why) of what two of them say differently."""


def read_config(path: str | os.PathLike[str]) -> Config:
    """Read a file and those that it includes: ``.json``, ``.toml``, and all others as YAML.

    As with LiteLLM, lists of an included file are added, and its values go before those of the file that includes
    it; sections are laid over each other key by key. What no longer holds is noted.

    Raises:
        ConfigurationError: a file is missing, or is not what it should be.
    """
    first = Path(path).absolute()
    sections: dict[str, Any] = {}
    notes: list[tuple[str, str]] = []
    seen: set[Path] = set()
    for file, content in _files(first, first, seen):
        _lay(sections, content, "", file.name, notes)
    return Config(sections, tuple(notes))


def tell(report: Any, path: object) -> None:
    """Say in the log what of a configuration is not honoured."""
    if report:
        rows = "; ".join(map(str, report))
        _log.warning("%s: %d keys are not honoured: %s", path, len(report), rows)


def _files(file: Path, asked: Path, seen: set[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A file's content, and then that of each which it includes; none is read twice."""
    if (real := file.resolve()) in seen:
        return
    if len(seen) >= _MOST:
        raise ConfigurationError(f"{asked} includes more than {_MOST} files")
    seen.add(real)
    content = _read(file)
    included = content.pop(_INCLUDE, None) or ()
    listed = [included] if isinstance(included, str) else included
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
        raise ConfigurationError(f"{file}: include is a list of paths")
    yield file, content
    for one in listed:
        yield from _files(file.parent / one, asked, seen)


def _lay(
    below: dict[str, Any],
    content: Mapping[str, Any],
    path: str,
    file: str,
    notes: list[tuple[str, str]],
) -> None:
    for name, value in content.items():
        there, where = below.get(name), f"{path}{name}"
        if isinstance(there, dict) and isinstance(value, dict) and not path:
            _lay(there, value, f"{where}.", file, notes)
        elif isinstance(there, list) and isinstance(value, list):
            below[name] = [*there, *value]
        else:
            if there is not None and there != value:
                notes.append((where, f"it is said in two files: what {file} says holds"))
            below[name] = value


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(f"there is no file {file}") from None
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ConfigurationError(f"{file} cannot be read: {why}") from None
    try:
        content = _FORMS.get(file.suffix.lower(), _yaml)(text, file)
    except RecursionError:
        raise ConfigurationError(f"{file} is nested too deeply") from None
    if content is None:
        raise ConfigurationError(f"{file} is empty")
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ConfigurationError(f"{file}: a configuration is a mapping of sections")
    return content


def _json(text: str, file: Path) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once) if text.strip() else None
    except _TwiceError as error:
        raise ConfigurationError(f"{file}: {error}") from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{file} is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from None


class _TwiceError(Exception):
    """A key that is there twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwiceError(f"{twice!r} is there twice")
    return found


def _toml(text: str, file: Path) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Its message may quote the file, but not where it says the place.
        place = str(error).rpartition(" (at ")[2].rstrip(")")
        raise ConfigurationError(f"{file} is no TOML: see {place}") from None


def _yaml(text: str, file: Path) -> Any:
    try:
        import yaml  # noqa: PLC0415 - an extra, and only for files in YAML
    except ImportError:
        raise ConfigurationError(
            f"{file}: reading YAML needs PyYAML: pip install 'llmkit[yaml]', or write the file in JSON or TOML"
        ) from None
    try:
        if (twice := _twice(yaml.compose(text, Loader=yaml.SafeLoader))) is not None:
            raise ConfigurationError(f"{file}: {twice}")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f": see line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(f"{file} is no YAML{place}") from None


def _twice(node: Any) -> str | None:
    """Which key is there twice; YAML's reader would take the last and say nothing."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen or not isinstance(getattr(one, "value", None), list):
            continue
        seen.add(id(one))
        names: set[str] = set()
        for part in one.value:
            key, value = part if isinstance(part, tuple) else (None, part)
            waiting.append(value)
            name = getattr(key, "value", None)
            if isinstance(name, str) and name != "<<" and name in names:
                return f"{name!r} is there twice, again in line {key.start_mark.line + 1}"
            names |= {name} if isinstance(name, str) else set()
    return None


_FORMS: Final[Mapping[str, Callable[[str, Path], Any]]] = {".json": _json, ".toml": _toml}
