"""Chunks taken apart into what they say, one piece at a time, so that each front only has to tell it in its own way.

Only the first choice is told where a format knows one answer; which it is, the front says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..types.chat import ChatCompletionChunk, ChunkChoice, Delta, ToolCallDelta

__all__ = ["Piece", "extra_of", "first", "pieces", "plain"]

_OWN = frozenset({"provider_specific_fields", "malformed"})


class Piece(NamedTuple):
    """One thing said.

    ``kind``: ``thought``, ``block`` (of thinking, whole), ``text``, ``refusal``, ``note`` (an annotation),
    ``image``, ``audio``, ``call`` (it begins), ``arguments``, ``kept`` (fields that ride along), ``end``.
    ``place``: which call.
    """

    kind: str
    value: Any
    place: int = 0


def pieces(choice: ChunkChoice) -> Iterator[Piece]:
    """What one choice of a chunk says, in the order in which it is to be told."""
    delta = choice.delta
    if delta.reasoning_content:
        yield Piece("thought", delta.reasoning_content)
    for block in delta.thinking_blocks or ():
        yield Piece("block", block)
    if delta.content:
        yield Piece("text", delta.content)
    for note in delta.annotations or ():
        yield Piece("note", note)
    if delta.refusal:
        yield Piece("refusal", delta.refusal)
    yield from _media(delta)
    for call in delta.tool_calls or ():
        yield from _call(call)
    if kept := _kept(delta):
        yield Piece("kept", kept)
    if choice.finish_reason is not None:
        yield Piece("end", choice.finish_reason)


def _media(delta: Delta) -> Iterator[Piece]:
    for image in delta.images or ():
        yield Piece("image", image)
    if delta.audio is not None:
        yield Piece("audio", delta.audio.to_dict())


def _call(call: ToolCallDelta) -> Iterator[Piece]:
    inner = call.custom if call.custom is not None else plain(call.function)
    name = (inner or {}).get("name")
    if call.id is not None or name:
        kind = "custom" if call.custom is not None else "function"
        begun = {"id": call.id, "type": kind, "name": name}
        signed = call.get("provider_specific_fields")
        yield Piece("call", begun | ({"signed": signed} if signed else {}), call.index)
    written = (inner or {}).get("input" if call.custom is not None else "arguments")
    if written and isinstance(written, str):
        yield Piece("arguments", written, call.index)


def _kept(delta: Delta) -> dict[str, Any]:
    beside = delta.get("provider_specific_fields")
    return dict(beside) if isinstance(beside, Mapping) else {}


def plain(model: Any) -> dict[str, Any] | None:
    """A part of an answer as a dict; ``None`` for nothing."""
    return None if model is None else model.to_dict()


def extra_of(model: Any) -> dict[str, Any]:
    """The fields of a part of an answer that chat's form does not have."""
    extra = model.__pydantic_extra__ or {}
    return {name: value for name, value in extra.items() if name not in _OWN and value is not None}


def first(chunk: ChatCompletionChunk) -> ChunkChoice | None:
    """The first choice's part of a chunk, if it has one."""
    return next((choice for choice in chunk.choices if choice.index == 0), None)
