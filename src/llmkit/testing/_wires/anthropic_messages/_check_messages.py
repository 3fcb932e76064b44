"""What the simulated API refuses in a conversation: roles, empty texts, and calls without their results.

Pure. The shapes of messages and blocks were checked before, in `_blocks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ._blocks import CONTENT
from ._refusal import Refusal, invalid
from ._shape import Check, list_of, record, text
from ._signature import signature
from ._terms import Terms, traits_of
from ._turns import Turn, turns

__all__ = ["MESSAGES", "check_messages"]

_ROLES: Final = ("user", "assistant", "system")
# Type of block -> the only role that may write it.
_WRITTEN_BY: Final[Mapping[str, str]] = {
    "tool_use": "assistant",
    "tool_result": "user",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
}


def _role(value: Any, where: str) -> None:
    text(value, where)
    if value not in _ROLES:
        raise Refusal(
            400,
            f'messages: Unexpected role "{value}". Allowed roles are "user" or "assistant".',
        )


_MESSAGE: Final[Mapping[str, Check]] = {"role": _role, "content": CONTENT}
MESSAGES: Final = list_of(record(_MESSAGE, ("role", "content")))
"""The shape of `messages`."""


def check_messages(body: Mapping[str, Any], terms: Terms) -> None:
    """Raise the `Refusal` that the conversation deserves; return if it is fine."""
    if not body["messages"]:
        raise invalid("messages", "at least one message is required")
    conversation = turns(body["messages"])
    _check_system_turns(conversation, body["model"])
    _check_empty(body["messages"])
    for turn in conversation:
        _check_writers(turn)
        _check_texts(turn)
        _check_signatures(turn)
    _check_ends(conversation[-1])
    _check_pairs(conversation)
    if terms.is_newest:
        _check_newest(conversation)


def _check_system_turns(conversation: Sequence[Turn], model: str) -> None:
    system = [turn for turn in conversation if turn.role == "system"]
    if system and not traits_of(model).system_turns:
        raise Refusal(400, "role 'system' is not supported on this model")
    for turn in system:
        for where, block in turn.blocks:
            if block["type"] != "text":
                raise invalid(where, "`system` messages hold `text` blocks only")


def _check_empty(messages: Sequence[Mapping[str, Any]]) -> None:
    for index, message in enumerate(messages):
        is_prefill = index == len(messages) - 1 and message["role"] == "assistant"
        if not message["content"] and not is_prefill:
            raise invalid(
                f"messages.{index}",
                "all messages must have non-empty content except for the optional final assistant message",
            )


def _check_writers(turn: Turn) -> None:
    for _, block in turn.of(*_WRITTEN_BY):
        role = _WRITTEN_BY[block["type"]]
        if turn.role != role:
            raise invalid(
                f"messages.{turn.index}",
                f"`{block['type']}` blocks can only be in `{role}` messages",
            )


def _check_texts(turn: Turn) -> None:
    for _, block in turn.of("text"):
        check_text(block["text"], "messages")


def check_text(value: str, where: str) -> None:
    """Raise the `Refusal` of a text block that says nothing."""
    if not value:
        raise invalid(where, "text content blocks must be non-empty")
    if not value.strip():
        raise invalid(where, "text content blocks must contain non-whitespace text")


def _check_signatures(turn: Turn) -> None:
    for where, block in turn.of("thinking"):
        if block["signature"] != signature(block["thinking"]):
            raise invalid(where, "Invalid `signature` in `thinking` block")


def _check_ends(last: Turn) -> None:
    """The beginning of an answer, where one is given, ends in a word."""
    if last.role != "assistant" or not last.blocks:
        return
    final = last.blocks[-1][1]
    if final["type"] == "text" and final["text"] != final["text"].rstrip():
        raise invalid("messages", "final assistant content cannot end with trailing whitespace")


def _check_pairs(conversation: Sequence[Turn]) -> None:
    """Each call has its result at the beginning of the next turn, and each result has its call."""
    used: set[str] = set()
    for before, turn, after in _neighbours(conversation):
        calls = _ids(before, "tool_use", "id")
        _check_results(turn, calls)
        own = _ids(turn, "tool_use", "id")
        if len(set(own)) < len(own) or not used.isdisjoint(own):
            raise invalid("messages", "`tool_use` ids must be unique")
        used.update(own)
        answered = _leading_results(after)
        missing = [each for each in own if each not in answered]
        if missing:
            raise invalid(
                f"messages.{turn.index}",
                "`tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` "
                "block in the next message.",
            )


def _neighbours(conversation: Sequence[Turn]) -> Iterator[tuple[Turn | None, Turn, Turn | None]]:
    around = [None, *conversation, None]
    for index, turn in enumerate(conversation):
        yield around[index], turn, around[index + 2]


def _ids(turn: Turn | None, kind: str, name: str) -> list[str]:
    return [] if turn is None else [block[name] for _, block in turn.of(kind)]


def _leading_results(turn: Turn | None) -> set[str]:
    """The calls whose results come before anything else in *turn*."""
    found: set[str] = set()
    for _, block in turn.blocks if turn is not None else ():
        if block["type"] != "tool_result":
            break
        found.add(block["tool_use_id"])
    return found


def _check_results(turn: Turn, calls: Sequence[str]) -> None:
    seen: set[str] = set()
    for where, block in turn.of("tool_result"):
        call = block["tool_use_id"]
        if call not in calls:
            raise invalid(
                where,
                f"unexpected `tool_use_id` found in `tool_result` blocks: {call}. Each `tool_result` "
                "block must have a corresponding `tool_use` block in the previous message.",
            )
        if call in seen:
            raise invalid(
                where,
                "each tool_use must have a single result. Found multiple `tool_result` blocks with "
                f"id: {call}",
            )
        seen.add(call)


def _check_newest(conversation: Sequence[Turn]) -> None:
    """What the version of 2026-10-21 no longer takes in messages."""
    for turn in conversation:
        for where, block in turn.blocks:
            kind = block["type"]
            if kind == "document" and turn.role == "assistant":
                raise invalid(where, "`document` blocks are not permitted in `assistant` messages")
            if kind == "text" and turn.role == "user" and block.get("citations"):
                raise invalid(f"{where}.text.citations", "Extra inputs are not permitted")
