"""An event's bytes to a chunk in one step, where nothing of it needs to be mended: most of most hosts' are so.

``read`` says ``None`` wherever ``_decode`` and ``_stream`` would change anything, or their parser might see it
otherwise; then they do it. It knows of each thing that they mend, and mends nothing.
"""

from __future__ import annotations

from ...types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChunkChoice,
    Delta,
    Message,
    ToolCall,
    ToolCallDelta,
)
from ...types.usage import Usage
from .._alike import Alike, learned, place
from ._decode import FINISH, USAGE_ELSEWHERE

__all__ = ["like", "read", "whole"]

_HEAD = frozenset({"id", "object", "created", "model", "choices"})
_WHOLE = frozenset({"id", "object", "model", "choices"})
_CHOICE = frozenset({"index", "delta"})
_ANSWERED = frozenset({"index", "message"})
# OpenAI's and Mistral's padding against traffic analysis: another with each chunk.
_PADDING = ("obfuscation", "p")


def read(data: bytes) -> ChatCompletionChunk | None:
    """The chunk, or ``None`` where it has to be looked at piece by piece."""
    try:
        # Strictly: what has the type it should have is the same however it is read.
        chunk = ChatCompletionChunk.__pydantic_validator__.validate_json(data, strict=True)
    except ValueError:
        return None
    given: ChatCompletionChunk = chunk
    return given if _is_plain(given) else None


def whole(data: bytes) -> ChatCompletion | None:
    """The answer, or ``None`` where it has to be looked at piece by piece."""
    try:
        answer = ChatCompletion.__pydantic_validator__.validate_json(data, strict=True)
    except ValueError:
        return None
    given: ChatCompletion = answer
    return given if _is_plain_answer(given) else None


def _is_plain_answer(answer: ChatCompletion) -> bool:
    if not answer.__pydantic_fields_set__ >= _WHOLE or answer.object != "chat.completion":
        return False
    extra = answer.__pydantic_extra__
    if extra and extra.get("error"):
        return False
    for choice in answer.choices:
        if not choice.__pydantic_fields_set__ >= _ANSWERED or choice.finish_reason in FINISH:
            return False
        if not _says_plainly(choice.message):
            return False
    return answer.usage is None or _is_told(answer.usage)


def _is_plain(chunk: ChatCompletionChunk) -> bool:
    if not chunk.__pydantic_fields_set__ >= _HEAD or chunk.object != "chat.completion.chunk":
        return False
    extra = chunk.__pydantic_extra__
    if chunk.created is None or (extra and (extra.get("error") or "x_groq" in extra)):
        return False
    for choice in chunk.choices:
        if not choice.__pydantic_fields_set__ >= _CHOICE or choice.finish_reason in FINISH:
            return False
        if (choice.__pydantic_extra__ and _is_odd(choice)) or not _says_plainly(choice.delta):
            return False
    return chunk.usage is None or _is_told(chunk.usage)


def _is_odd(choice: ChunkChoice) -> bool:
    extra = choice.__pydantic_extra__ or {}
    return "message" in extra or "usage" in extra


def _says_plainly(delta: Delta | Message) -> bool:
    if delta.function_call is not None or delta.audio is not None:
        return False
    extra = delta.__pydantic_extra__
    # Elsewhere told reasoning is copied to where ours is.
    if extra and (extra.get("reasoning") is not None or extra.get("reasoning_details")):
        return False
    return delta.tool_calls is None or all(map(_calls_plainly, delta.tool_calls))


def _calls_plainly(call: ToolCallDelta | ToolCall) -> bool:
    return call.custom is None and (
        call.type is not None or "type" not in call.__pydantic_fields_set__
    )


def _is_told(usage: Usage) -> bool:
    """Whether all counts are where they should be; those that llmkit has in a second place are put there."""
    extra = usage.__pydantic_extra__
    if extra and not USAGE_ELSEWHERE.isdisjoint(extra):
        return False
    if usage.cache_read_input_tokens is not None or usage.total_tokens is None:
        return False
    details = usage.prompt_tokens_details
    if details is None:
        return True
    if details.cache_write_tokens is not None:
        return False
    if "cached_tokens" in details.__pydantic_fields_set__:
        usage.__dict__["cache_read_input_tokens"] = details.cached_tokens
        usage.__pydantic_fields_set__.add("cache_read_input_tokens")
    return True


def like(data: bytes, chunk: ChatCompletionChunk) -> Alike | None:
    """What is to be known of events that differ from this one in a text; ``None`` where it has none."""
    path = place(chunk)
    if path is None:
        return None
    extra = chunk.__pydantic_extra__ or {}
    padding = next((name for name in _PADDING if isinstance(extra.get(name), str)), None)
    return learned(data, path, chunk, path, padding=padding)
