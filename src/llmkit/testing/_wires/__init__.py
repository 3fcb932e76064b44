"""Every wire that the simulator speaks, the most particular first: the last one serves what the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ._wire import Reply, Say, Wire
from .anthropic_messages import AnthropicMessages
from .gemini import Gemini
from .mistral_chat import MistralChat
from .openai_chat import OpenAIChat
from .openai_embeddings import OpenAIEmbeddings

__all__ = ["WIRES", "Reply", "Say", "Wire", "wire_for"]

WIRES: Final[Sequence[Wire]] = (
    # Below a root of its own, whatever follows it.
    MistralChat(),
    AnthropicMessages(),
    Gemini(),
    OpenAIEmbeddings(),
    OpenAIChat(),
)


def wire_for(path: str, headers: Mapping[str, str]) -> Wire:
    """The wire that serves a request; *headers* have lower-case names."""
    return next(wire for wire in WIRES if wire.serves(path, headers))
