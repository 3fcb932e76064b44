"""``litellm.types.utils``: the answers, under the path that LiteLLM's programs import them from."""

from __future__ import annotations

import importlib
from typing import Any

from typing_extensions import TypedDict

from .._answers import (
    ChatCompletionDeltaToolCall,
    ChatCompletionMessageToolCall,
    Choices,
    CompletionTokensDetailsWrapper,
    Delta,
    Embedding,
    EmbeddingResponse,
    Function,
    ImageObject,
    ImageResponse,
    Message,
    ModelResponse,
    ModelResponseStream,
    PromptTokensDetailsWrapper,
    StreamingChoices,
    TextChoices,
    TextCompletionResponse,
    TranscriptionResponse,
    Usage,
)
from .._hooks import CallTypes

__all__ = [
    "CallTypes",
    "ChatCompletionDeltaToolCall",
    "ChatCompletionMessageToolCall",
    "Choices",
    "CompletionTokensDetailsWrapper",
    "Delta",
    "Embedding",
    "EmbeddingResponse",
    "Function",
    "GenericStreamingChunk",
    "ImageObject",
    "ImageResponse",
    "Message",
    "ModelResponse",
    "ModelResponseStream",
    "PromptTokensDetailsWrapper",
    "StandardLoggingPayload",
    "StreamingChoices",
    "TextChoices",
    "TextCompletionResponse",
    "TranscriptionResponse",
    "Usage",
]

StandardLoggingPayload = dict[str, Any]
"""What a logger finds as ``kwargs["standard_logging_object"]``."""


class GenericStreamingChunk(TypedDict, total=False):
    """A piece of a custom provider's answer."""

    text: str
    tool_use: Any
    is_finished: bool
    finish_reason: str
    usage: Any
    index: int
    provider_specific_fields: dict[str, Any] | None


def __getattr__(name: str) -> Any:
    """Whatever else the package has, such as ``LlmProviders``."""
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(importlib.import_module("llmkit.compat.litellm"), name)
