"""A conversation as the API takes it: neighbours of one role are one turn, and a string is one block of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Turn", "turns"]


@dataclass(frozen=True, slots=True)
class Turn:
    """All that one role says until another one speaks."""

    role: str
    index: int
    """Where it begins in `messages`."""
    blocks: list[tuple[str, Mapping[str, Any]]]
    """Each block, and the place that it has in the request."""

    def of(self, *kinds: str) -> list[tuple[str, Mapping[str, Any]]]:
        """The blocks of these types, with their places."""
        return [(where, block) for where, block in self.blocks if block["type"] in kinds]


def turns(messages: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """The turns of *messages*, whose shapes were checked before."""
    made: list[Turn] = []
    for index, message in enumerate(messages):
        blocks = _blocks(message["content"], f"messages.{index}.content")
        last = made[-1] if made else None
        if last is not None and last.role == message["role"]:
            last.blocks.extend(blocks)
        else:
            made.append(Turn(message["role"], index, blocks))
    return made


def _blocks(content: Any, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    if isinstance(content, str):
        return [(where, {"type": "text", "text": content})] if content else []
    return [(f"{where}.{index}", block) for index, block in enumerate(content)]
