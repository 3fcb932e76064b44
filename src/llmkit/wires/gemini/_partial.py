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
# Limits of what a path may bring into being: a few bytes say "the 99,999th item of the 99,999th".
_MOST_ITEMS = 100_000
_MOST_STEPS = 100
_DIGITS = 9
_Tree = dict[str, Any] | list[Any]


class _Text(list[str]):
    """A text under construction, in pieces."""


class PartialCall:
    """The call under construction; ``more`` until a piece says that nothing follows."""

    def __init__(self, part: Mapping[str, Any]) -> None:
        self._part = {k: v for k, v in part.items() if k not in ("functionCall", "thought")}
        function = part["functionCall"]
        self._head = {k: function[k] for k in ("id", "name") if function.get(k)}
        args = function.get("args")
        self._args: dict[str, Any] = dict(args) if isinstance(args, Mapping) else {}
        self._open: str | None = None
        self._room = _MOST_ITEMS
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
        if 0 < len(steps) <= _MOST_STEPS:
            self._put(steps, _value(piece), grows=self._open == path)
        self._open = path if piece.get("willContinue") else None

    def result(self) -> dict[str, Any]:
        """The call as one part, as if it had come whole."""
        return {**self._part, "functionCall": {**self._head, "args": _whole(self._args)}}

    def _put(self, steps: list[str | int], value: Any, *, grows: bool) -> None:
        *parents, last = steps
        tree: _Tree = self._args
        for step, following in zip(parents, steps[1:], strict=True):
            inner = _get(tree, step)
            if type(inner) not in (dict, list):
                inner = [] if isinstance(following, int) else {}
                self._set(tree, step, inner)
            tree = inner
        before = _get(tree, last)
        if grows and isinstance(before, str | _Text) and isinstance(value, str):
            before = before if isinstance(before, _Text) else _Text([before])
            before.append(value)
            value = before
        self._set(tree, last, value)

    def _set(self, tree: _Tree, step: str | int, value: Any) -> None:
        if isinstance(tree, dict):
            tree[str(step)] = value
        elif isinstance(step, int):
            missing = max(0, step + 1 - len(tree))
            if missing <= self._room:
                self._room -= missing
                tree.extend([None] * missing)
                tree[step] = value


def _step(match: re.Match[str]) -> str | int:
    name, index, *quoted = match.groups()
    if index is not None:
        return int(index[:_DIGITS])
    return name if name is not None else next(q for q in quoted if q is not None)


def _value(piece: Mapping[str, Any]) -> Any:
    names = ("stringValue", "numberValue", "boolValue")
    return next((piece[name] for name in names if name in piece), None)


def _get(tree: Any, step: str | int) -> Any:
    if isinstance(tree, dict):
        return tree.get(str(step))
    return tree[step] if isinstance(step, int) and step < len(tree) else None


def _whole(tree: Any) -> Any:
    """A copy with its texts put together."""
    if isinstance(tree, _Text):
        return "".join(tree)
    if isinstance(tree, dict):
        return {name: _whole(inner) for name, inner in tree.items()}
    return [_whole(inner) for inner in tree] if isinstance(tree, list) else tree
