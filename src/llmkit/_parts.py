"""A content that comes in parts: its text, its thinking, and pieces of parts put together as a stream brings them.

Two forms of thinking are known: ``{"type": "thinking", "thinking": [{"type": "text", …}]}`` and
``{"type": "reasoning", "summary": [{"type": "summary_text", "text", "signature"}]}``. No provider's knowledge
beyond these; parts of other types are carried along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["PIECEMEAL", "joined", "merge", "merge_parts", "text_of", "text_parts", "thoughts_of"]

# Unknown texts that hosts send piecemeal; every other unknown field's last value counts.
PIECEMEAL = frozenset({"reasoning", "text", "summary", "data", "thinking"})
_INSIDE = {"thinking": "thinking", "reasoning": "summary"}
_GROWING = ("text", "summary_text", *_INSIDE)  # no set: a type may be anything


def text_of(parts: Sequence[Any]) -> str:
    """What is said in these parts, thinking left out."""
    plain = (p if isinstance(p, str) else _plain(p) for p in parts)
    return "".join(plain)


def _plain(part: Any) -> str:
    if not isinstance(part, Mapping) or part.get("type", "text") != "text":
        return ""
    return _texts(part.get("text"))


def thoughts_of(parts: Sequence[Any]) -> list[dict[str, Any]]:
    """The thinking in these parts as blocks: each a text, with its signature where it has one."""
    return [_block(part) for part in parts if isinstance(part, Mapping) and _field(part)]


def _field(part: Mapping[str, Any]) -> str | None:
    kind = part.get("type")
    return _INSIDE.get(kind) if isinstance(kind, str) else None


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    inner = part.get(_field(part) or "")
    block = {"type": "thinking", "thinking": _texts(inner)}
    signature = next(_signatures(part, inner), None)
    return block if signature is None else {**block, "signature": signature}


def _signatures(part: Mapping[str, Any], inner: Any) -> Iterator[str]:
    for place in (part, *(inner if isinstance(inner, list) else ())):
        found = place.get("signature") if isinstance(place, Mapping) else None
        if isinstance(found, str) and found:
            yield found


def _texts(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _texts(value.get("text"))
    return "".join(map(_texts, value)) if isinstance(value, list) else ""


class _Pieces(list[str]):
    """A text under construction, among the other values of a block."""


def merge(
    into: dict[str, Any], piece: Mapping[str, Any], growing: frozenset[str]
) -> dict[str, Any]:
    """Add a piece to a block: texts in ``growing`` are continued, of anything else the last value counts."""
    for name, value in piece.items():
        old = into.get(name)
        if isinstance(value, str) and name in growing and isinstance(old, str | _Pieces):
            pieces = into[name] = old if isinstance(old, _Pieces) else _Pieces([old])
            pieces.append(value)
        elif value is not None or name not in into:
            into[name] = value
    return into


def joined(value: Any) -> Any:
    """A copy of a block with its texts put together."""
    if isinstance(value, _Pieces):
        return "".join(value)
    if isinstance(value, dict):
        return {name: joined(inner) for name, inner in value.items()}
    return [joined(inner) for inner in value] if isinstance(value, list) else value


def text_parts(text: str) -> list[Any]:
    """A text as parts; an empty one has none."""
    return [{"type": "text", "text": text}] if text else []


def merge_parts(parts: list[Any], pieces: Sequence[Any]) -> None:
    """Add pieces of a content in parts: a piece continues the last part, where that is of its type."""
    for piece in pieces:
        part = {"type": "text", "text": piece} if isinstance(piece, str) else piece
        if not isinstance(part, dict):
            parts.append(part)
        elif parts and part.get("type") in _GROWING and _same_type(parts[-1], part):
            _merge_part(parts[-1], part)
        else:
            parts.append(_merge_part({}, part))


def _same_type(part: Any, piece: dict[str, Any]) -> bool:
    return isinstance(part, dict) and part.get("type") == piece.get("type")


def _merge_part(into: dict[str, Any], piece: dict[str, Any]) -> dict[str, Any]:
    # An empty signature is one that has not come yet, or came before.
    said = {k: v for k, v in piece.items() if k != "signature" or v or k not in into}
    name = _field(piece)
    inner = piece.get(name) if name else None
    if name is None or not isinstance(inner, list):
        return merge(into, said, PIECEMEAL)
    if type(into.get(name)) is not list:
        into[name] = []
    merge_parts(into[name], inner)
    return merge(into, {k: v for k, v in said.items() if k != name}, PIECEMEAL)
