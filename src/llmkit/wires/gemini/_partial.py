"""A function call whose arguments come piecemeal, each piece with a path into them.

Sources: ``PartialArg`` of google-genai 3.4.0 and recorded traffic, read 2026-11-22: ``partialArgs`` are
``{"jsonPath": "$.a[0].b", "stringValue" | "numberValue" | "boolValue" | "nullValue", "willContinue"}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["PartialCall"]

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\[(?:'([^']*)'|"([^"]*)")\]""")
_MOST_ITEMS = 100_000


class PartialCall:
    """The call under construction; ``more`` until a piece says that nothing follows."""

    def __init__(self, part: Mapping[str, Any]) -> None:
        self._part = {k: v for k, v in part.items() if k not in ("functionCall", "thought")}
        function = part["functionCall"]
        self._head = {k: function[k] for k in ("id", "name") if function.get(k)}
        args = function.get("args")
        self._args: dict[str, Any] = dict(args) if isinstance(args, Mapping) else {}
        self._open: str | None = None
        self.more = True
        self.add(part)

    def add(self, part: Mapping[str, Any]) -> None:
        """Take the next piece."""
        function = part["functionCall"]
        if part.get("thoughtSignature"):
            self._part["thoughtSignature"] = part["thoughtSignature"]
        pieces = function.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, Mapping):
                self._piece(piece)
        self.more = bool(function.get("willContinue"))

    def _piece(self, piece: Mapping[str, Any]) -> None:
        path = str(piece.get("jsonPath") or "")
        steps = [_step(match) for match in _STEP.finditer(path)]
        if steps:
            _put(self._args, steps, _value(piece), grows=self._open == path)
        self._open = path if piece.get("willContinue") else None

    def result(self) -> dict[str, Any]:
        """The call as one part, as if it had come whole."""
        return {**self._part, "functionCall": {**self._head, "args": self._args}}


def _step(match: re.Match[str]) -> str | int:
    name, index, *quoted = match.groups()
    if index is not None:
        return int(index)
    return name if name is not None else next(q for q in quoted if q is not None)


def _value(piece: Mapping[str, Any]) -> Any:
    names = ("stringValue", "numberValue", "boolValue")
    return next((piece[name] for name in names if name in piece), None)


def _put(tree: Any, steps: list[str | int], value: Any, *, grows: bool) -> None:
    *parents, last = steps
    for step, following in zip(parents, steps[1:], strict=True):
        inner = _get(tree, step)
        if not isinstance(inner, dict | list):
            inner = [] if isinstance(following, int) else {}
            _set(tree, step, inner)
        tree = inner
    before = _get(tree, last)
    if grows and isinstance(before, str) and isinstance(value, str):
        value = before + value
    _set(tree, last, value)


def _get(tree: Any, step: str | int) -> Any:
    if isinstance(tree, dict):
        return tree.get(step)
    return tree[step] if isinstance(step, int) and step < len(tree) else None


def _set(tree: Any, step: str | int, value: Any) -> None:
    if isinstance(tree, dict):
        tree[step] = value
    elif isinstance(step, int) and step < _MOST_ITEMS:
        tree.extend([None] * (step + 1 - len(tree)))
        tree[step] = value
