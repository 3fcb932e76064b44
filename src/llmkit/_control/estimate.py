"""What a call used, guessed from its texts: for answers that broke off before they said. Always flagged.

A quarter of the bytes. Nothing is tokenised here: it happens while a caller waits, or at the collector's hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._call import Call, ChatCall
from .._calls import MessagesCall, ResponsesCall, TextCall
from .._fold import Fold
from ..types.answer import Answer
from ..types.chat import ChatCompletion, Choice
from ..types.messages import MessageResponse
from ..types.responses import Response
from ..types.text import TextCompletion
from ..types.usage import Usage

__all__ = ["estimate_tokens", "estimated"]

_BYTES_PER_TOKEN = 4


def estimated(answer: Answer, call: Call | None, fold: Fold | None) -> Usage | None:
    """Tokens of an answer that does not tell all of them; ``None`` for one that is no text, or goes on elsewhere."""
    size = _written(answer, fold)
    if size is None or (call is not None and call.params.get("background")):
        return None
    # Some providers tell at the start of a stream what the prompt used: then only the rest is a guess.
    told = answer.counted() or Usage()
    prompt = told.prompt_tokens
    if prompt is None:
        prompt = estimate_tokens(_asked(call))
    # A count that ran along counts what cannot be seen, too.
    completion = max(told.completion_tokens or 0, -(-size // _BYTES_PER_TOKEN))
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return told.model_copy(update={**counts, "total_tokens": prompt + completion})


def _asked(call: Call | None) -> Any:
    """What a call is about, as far as it is text."""
    if isinstance(call, ChatCall | MessagesCall):
        return [call.messages, call.params.get("system")]
    if isinstance(call, ResponsesCall):
        return [call.input, call.params.get("instructions")]
    return call.prompt if isinstance(call, TextCall) else None


def _written(answer: Answer, fold: Fold | None) -> int | None:
    """Bytes that the model wrote; ``None`` for answers that are no text."""
    if isinstance(answer, ChatCompletion):
        return fold.text_size() if fold else sum(map(_choice_size, answer.choices))
    if isinstance(answer, TextCompletion):
        return _size([choice.text for choice in answer.choices])
    if isinstance(answer, Response):
        return _size(answer.output)
    return _size(answer.content) if isinstance(answer, MessageResponse) else None


def _choice_size(choice: Choice) -> int:
    """Bytes that the model wrote for one choice."""
    message = choice.message
    calls = [call.function.arguments for call in message.tool_calls or () if call.function]
    texts = (message.content, message.reasoning_content, message.refusal, *calls)
    return sum(_size(text) for text in texts)


def estimate_tokens(messages: Any) -> int:
    """A rough count of the tokens of messages: a quarter of their bytes. Always flagged as an estimate."""
    return -(-_size(messages) // _BYTES_PER_TOKEN)


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return sum(_size(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(_size(item) for item in value)
    if hasattr(value, "model_dump"):
        return _size(value.model_dump(exclude_none=True))
    return 0
