"""Response models and parameters, in OpenAI's form. Those of chat are loaded with it, the others on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .answer import Answer
from .chat import *  # noqa: F403
from .chat import __all__ as _chat
from .params import CallOptions, ChatParams, Effort, ModelParams

if TYPE_CHECKING:
    from .embedding import Embedding, EmbeddingParams, EmbeddingResponse, EmbeddingUsage

# Module to what it is known for here.
_LATER: dict[str, tuple[str, ...]] = {
    "embedding": ("Embedding", "EmbeddingParams", "EmbeddingResponse", "EmbeddingUsage"),
}
_HOMES = {name: module for module, names in _LATER.items() for name in names}

__all__ = [  # noqa: PLE0604
    *_chat,
    "Answer",
    "CallOptions",
    "ChatParams",
    "Effort",
    "Embedding",
    "EmbeddingParams",
    "EmbeddingResponse",
    "EmbeddingUsage",
    "ModelParams",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'llmkit.types' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
