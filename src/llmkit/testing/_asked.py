"""What a request asks for, whatever its wire: all that the simulated model reads, and nothing of how it was written.

Each wire reads its own requests into this; `_answer` answers it. Pure data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Asked", "Offered", "fingerprint"]


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool that may be called: a function with its JSON schema, or a custom one that takes text."""

    name: str
    kind: Literal["function", "custom"] = "function"
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that its wire let pass."""

    model: str
    digest: str
    """24 hexadecimal digits that stand for the whole request: ids are made of them (see `fingerprint`)."""
    prompt_tokens: int
    text: str = ""
    """The text of the latest user message."""
    attached: Sequence[str] = ()
    """What came with it, one word or two each, such as ``"image"`` or ``"audio clip"``, in order."""
    result: str | None = None
    """The tool result that the conversation ends with, if it ends with one."""
    offered: Sequence[Offered] = ()
    """The tools that the request's choice leaves."""
    mode: Literal["none", "auto", "required"] = "auto"
    parallel: bool = True
    """Whether several tools may be called at once."""
    wants: Literal["text", "object", "schema"] = "text"
    schema: Any = None
    """The schema that the answer must fit, where *wants* is ``"schema"``."""
    reasons: bool = False
    """Whether the model thinks aloud first."""
    count: int = 1
    """How many answers are asked for."""
    stops: Sequence[str] = ()
    limit: int | None = None
    """The most tokens of the answer, reasoning included."""


def fingerprint(body: Any, *salt: object) -> str:
    """24 hexadecimal digits that stand for *body*."""
    text = json.dumps([body, *map(str, salt)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
