"""Whether two requests mean the same, and what they differ in: JSON as values, queries in any order, no ids of a call.

Pure. What was hidden when it was recorded stands for anything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_plus

from ..._secret import HIDDEN
from ._secrets import hides_parameter
from ._values import Request

__all__ = ["Ignore", "differences", "ignoring"]

Ignore = Sequence[tuple[str, ...]]
"""Paths of what does not matter in a JSON body."""

# Those that change what is answered. All others say who asks, how, or for which time.
_HEADERS: Final = ("content-type", "anthropic-version", "anthropic-beta", "openai-beta")
_LISTS: Final = frozenset({"anthropic-beta", "openai-beta"})
_URL: Final = re.compile(r"([^:/?#]+://)?(?:[^/?#@]*@)?([^/?#]*)([^?#]*)\??([^#]*)")
_SHOWN: Final = 60
_MISSING: Final = object()


def ignoring(paths: Sequence[str]) -> Ignore:
    """Dotted paths, as a user writes them: "metadata.trace", "messages.*.name"."""
    return [tuple(path.split(".")) for path in paths]


def differences(
    recorded: Request, asked: Request, ignore: Ignore, *, every_header: bool = True
) -> Iterator[str]:
    """What a request asks for that the recorded one did not, a line each; nothing where they mean the same."""
    if recorded.method.upper() != asked.method.upper():
        yield f"method: recorded {recorded.method}, asked {asked.method}"
    yield from _urls(recorded.url, asked.url)
    for name in _HEADERS:
        yield from _header(name, recorded.headers, asked.headers, every_header=every_header)
    yield from _bodies(recorded.body, asked.body, ignore)


def _urls(recorded: str, asked: str) -> Iterator[str]:
    (old, old_query), (new, new_query) = _address(recorded), _address(asked)
    if not _fits(old, new):
        yield f"url: {_both(old, new)}"
    for name in sorted({*old_query, *new_query}):
        pairs = itertools.zip_longest(
            sorted(old_query.get(name, ())), sorted(new_query.get(name, ())), fillvalue=_MISSING
        )
        yield from (f"query.{name}: {_both(a, b)}" for a, b in pairs if not _equal(a, b))


def _address(url: str) -> tuple[str, dict[str, list[str]]]:
    """An address without its user and its credentials."""
    match = _URL.match(url)
    assert match is not None  # noqa: S101 - it matches anything
    scheme, host, path, query = match.groups()
    found: dict[str, list[str]] = {}
    for name, _, value in (pair.partition("=") for pair in query.split("&") if pair):
        if not hides_parameter(name):
            found.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return f"{(scheme or '').lower()}{host.lower()}{path or '/'}", found


def _header(
    name: str, recorded: Mapping[str, str], asked: Mapping[str, str], *, every_header: bool
) -> Iterator[str]:
    if not every_header and name not in recorded:
        return
    old, new = _items(name, recorded.get(name, "")), _items(name, asked.get(name, ""))
    if old != new:
        yield f"header {name}: {_both(', '.join(old), ', '.join(new))}"


def _items(name: str, value: str) -> list[str]:
    if name == "content-type":
        # Without its parameters: a boundary is another one each time.
        return [value.partition(";")[0].strip().lower()]
    items = [item.strip() for item in value.split(",")]
    return sorted(set(items)) if name in _LISTS else items


def _bodies(recorded: Mapping[str, Any], asked: Mapping[str, Any], ignore: Ignore) -> Iterator[str]:
    if set(recorded) != set(asked):
        kinds = [", ".join(sorted(body)) or "nothing" for body in (recorded, asked)]
        yield f"body: recorded {kinds[0]}, asked {kinds[1]}"
        return
    for kind, value in recorded.items():
        yield from _values(_AT.get(kind, "body"), value, asked[kind], ignore)


_AT: Final = {"form": "form", "multipart": "part"}


def _values(at: str, old: Any, new: Any, ignore: Ignore) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            if (name,) not in ignore and ("*",) not in ignore:
                inner = _below(ignore, name)
                a, b = old.get(name, _MISSING), new.get(name, _MISSING)
                yield from _values(f"{at}.{name}", a, b, inner)
    elif isinstance(old, list) and isinstance(new, list):
        for index, (a, b) in enumerate(itertools.zip_longest(old, new, fillvalue=_MISSING)):
            if (str(index),) not in ignore and ("*",) not in ignore:
                yield from _values(f"{at}[{index}]", a, b, _below(ignore, str(index)))
    elif not _equal(old, new):
        yield f"{at}: {_both(old, new)}"


def _below(ignore: Ignore, name: str) -> Ignore:
    return [path[1:] for path in ignore if path[0] in (name, "*")] if ignore else ignore


def _equal(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        return _fits(old, new)
    # 1 is 1.0, but is not true.
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    return bool(old == new)


def _fits(recorded: str, asked: str) -> bool:
    """Whether a text is the recorded one, in which what was hidden stands for anything. Takes linear time."""
    first, *rest = recorded.split(HIDDEN)
    if not rest:
        return recorded == asked
    if not asked.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        found = asked.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return asked.endswith(rest[-1]) and len(asked) - len(rest[-1]) >= at


def _both(old: Any, new: Any) -> str:
    if isinstance(old, str) and isinstance(new, str):
        # Long texts often begin alike.
        same = _common(old, new)
        start = max(0, same - 20) if max(len(old), len(new)) > _SHOWN else 0
        return f"recorded {_text(old, start)}, asked {_text(new, start)}"
    return f"recorded {_shown(old)}, asked {_shown(new)}"


def _common(old: str, new: str) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))


def _text(text: str, start: int) -> str:
    shown = repr(text[start : start + _SHOWN])
    return f"{'…' * (start > 0)}{shown}{'…' * (len(text) > start + _SHOWN)}"


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
