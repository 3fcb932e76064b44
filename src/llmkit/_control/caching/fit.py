"""Which calls have answers that can be kept, and which answers are whole enough to be. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..._call import Call
from ...types.answer import Answer

__all__ = ["KINDS", "POSSIBLE", "asks", "whole"]

KINDS: Final = frozenset({
    "chat", "embedding", "messages", "moderation", "rerank", "responses", "text_completion", "transcription",
})  # fmt: skip
"""The kinds of call that are kept unless others are named."""
POSSIBLE: Final = KINDS | {"image", "speech"}

_ENDED_WELL: Final = frozenset({"completed", "incomplete"})
"""How a response can have ended whose answer does not change any more."""
_CUT: Final = frozenset({None, "", "error", "content_filter"})
"""Why an answer ended that is not whole: a filter that cut it may let the next one pass."""
_OF_MESSAGES: Final = frozenset({None, "", "pause_turn", "refusal"})
"""The same of messages; ``pause_turn`` goes on."""


def asks(call: Call) -> bool:
    """Whether a call asks a model for an answer, rather than a provider for what it keeps."""
    return call.concerns is None and not call.makes


def whole(kind: str, answer: Answer) -> bool:
    """Whether nothing of an answer is missing, unread, or still to come."""
    if answer.get("malformed") or answer.get("error"):
        return False
    judge = _JUDGES.get(kind)
    return judge is None or judge(answer)


def _choices(answer: Any) -> bool:
    ends = [choice.finish_reason for choice in answer.choices]
    return bool(ends) and _CUT.isdisjoint(ends)


def _texts(answer: Any) -> bool:
    # Some hosts say no reason here.
    return bool(answer.choices) and all(
        not (end := c.get("finish_reason")) or end not in _CUT for c in answer.choices
    )


def _messages(answer: Any) -> bool:
    return answer.stop_reason not in _OF_MESSAGES


def _responses(answer: Any) -> bool:
    why = answer.get("incomplete_details")
    reason = why.get("reason") if hasattr(why, "get") else None
    return answer.status in _ENDED_WELL and reason not in _CUT - {None}


def _vectors(answer: Any) -> bool:
    return bool(answer.data)


def _images(answer: Any) -> bool:
    """A picture's address does not hold for long."""
    return bool(answer.data) and all(one.b64_json is not None for one in answer.data)


_JUDGES: Final[dict[str, Callable[[Any], bool]]] = {
    "chat": _choices,
    "text_completion": _texts,
    "messages": _messages,
    "responses": _responses,
    "embedding": _vectors,
    "image": _images,
}
