"""The simulator's own tokens: runs of at most eight characters, so that counts can be foretold.

No real tokenizer is used: the simulator needs counts that are the same everywhere, not true ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["count_prompt", "split"]

_TOKEN: Final = re.compile(r"\s?\S{1,8}|\s+")
# What a non-text part counts as; flat, as some models bill an image.
_PART_TOKENS: Final[Mapping[str, int]] = {"image_url": 85, "input_audio": 50, "file": 200}
_PER_MESSAGE: Final = 3


def split(text: str) -> list[str]:
    """*text* as tokens; joined, they give it back."""
    return _TOKEN.findall(text)


def count_prompt(body: Mapping[str, Any]) -> int:
    """The prompt tokens of a checked request: three a message, its text and parts, the tools."""
    messages = sum(_PER_MESSAGE + _count(message) for message in body["messages"])
    return messages + _count(body.get("tools") or [])


def _count(value: Any) -> int:
    """The tokens of every string in *value*; a part that is not text counts a flat number."""
    if isinstance(value, str):
        return len(split(value))
    if isinstance(value, Mapping):
        flat = _PART_TOKENS.get(str(value.get("type")))
        return flat if flat is not None else sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list) else 0
