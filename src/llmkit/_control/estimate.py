"""What a call used, guessed from its texts: for answers that broke off before they said. Always flagged.

A quarter of the bytes. Nothing is tokenised here: it happens while a caller waits, or at the collector's hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._call import Call
from .._fold import Fold
from ..types.answer import Answer
from ..types.usage import Usage

__all__ = ["estimate_tokens", "estimated"]

_BYTES_PER_TOKEN = 4
# What calls are about, and what goes along with it.
_SUBJECTS = ("messages", "input", "prompt")
_BESIDE = ("system", "instructions")


def estimated(answer: Answer, call: Call | None, fold: Fold | None) -> Usage | None:
    """Tokens of an answer that does not tell all of them; ``None`` for one that is no text, or goes on elsewhere."""
    wrote = answer.wrote()
    if wrote is None or (call is not None and call.params.get("background")):
        return None
    # Some providers tell at the start of a stream what the prompt used: then only the rest is a guess.
    size = fold.text_size() if fold is not None else _size(wrote)
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
    if call is None:
        return None
    about = [getattr(call, name, None) for name in _SUBJECTS]
    return [*about, *(call.params.get(name) for name in _BESIDE)]


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
