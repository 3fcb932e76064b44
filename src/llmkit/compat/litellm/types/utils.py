"""``litellm.types.utils``: the answers, under the path that LiteLLM's programs import them from."""

from __future__ import annotations

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
    ImageResponse,
    Message,
    ModelResponse,
    ModelResponseStream,
    PromptTokensDetailsWrapper,
    StreamingChoices,
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
    "ImageResponse",
    "Message",
    "ModelResponse",
    "ModelResponseStream",
    "PromptTokensDetailsWrapper",
    "StandardLoggingPayload",
    "StreamingChoices",
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
