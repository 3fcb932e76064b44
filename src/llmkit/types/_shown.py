"""How values look in a repr: what nobody reads there (vectors, base64, hundreds of entries) is told by its size.

For the eye alone: nothing here is what a program reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from typing_extensions import override

__all__ = ["plural", "shown"]

_NUMBERS, _FIRST_NUMBERS = 8, 3
_ITEMS, _FIRST_ITEMS = 20, 10
_TEXT, _START = 200, 24


class _Shown:
    """Something whose repr is this text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @override
    def __repr__(self) -> str:
        return self._text


def shown(value: Any) -> Any:
    """The value, or something with a short repr in its place. Texts that can be read are never cut."""
    if isinstance(value, str):
        return _encoded(value) if len(value) > _TEXT and _unreadable(value) else value
    if isinstance(value, bytes):
        return _Shown(f"<{len(value):,} bytes>") if len(value) > _TEXT else value
    if isinstance(value, list):
        return _listed(value)
    return {k: shown(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def plural(count: int, name: str) -> str:
    """A count with its noun, such as ``1 vector`` and ``2 vectors``."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def _unreadable(text: str) -> bool:
    """Whether nobody reads it: base64 has no gaps. An address is to be clicked."""
    return not text.startswith(("http://", "https://")) and not any(map(str.isspace, text))


def _encoded(text: str) -> _Shown:
    return _Shown(f"<{text[:_START]}… {len(text):,} characters>")


def _listed(values: list[Any]) -> Any:
    if len(values) > _NUMBERS and all(isinstance(value, int | float) for value in values):
        return _begun(values[:_FIRST_NUMBERS], f"{len(values):,} numbers")
    items = [shown(value) for value in values[: _ITEMS if len(values) <= _ITEMS else _FIRST_ITEMS]]
    left = len(values) - len(items)
    return _begun(items, f"{left:,} more") if left else items


def _begun(values: Iterable[Any], rest: str) -> _Shown:
    return _Shown(f"[{', '.join(map(repr, values))}, … {rest}]")
