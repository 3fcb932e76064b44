"""``litellm.types.llms.openai``: names for annotations. Messages and tools are plain dicts, here as there."""

from __future__ import annotations

from typing import Any

from ..._answers import HttpxBinaryResponseContent

__all__ = [
    "AllMessageValues",
    "ChatCompletionAssistantMessage",
    "ChatCompletionAssistantToolCall",
    "ChatCompletionDeveloperMessage",
    "ChatCompletionFunctionMessage",
    "ChatCompletionImageObject",
    "ChatCompletionImageUrlObject",
    "ChatCompletionSystemMessage",
    "ChatCompletionTextObject",
    "ChatCompletionToolCallChunk",
    "ChatCompletionToolCallFunctionChunk",
    "ChatCompletionToolMessage",
    "ChatCompletionToolParam",
    "ChatCompletionToolParamFunctionChunk",
    "ChatCompletionUserMessage",
    "HttpxBinaryResponseContent",
    "OpenAIMessageContent",
]

AllMessageValues = dict[str, Any]
ChatCompletionAssistantMessage = dict[str, Any]
ChatCompletionAssistantToolCall = dict[str, Any]
ChatCompletionDeveloperMessage = dict[str, Any]
ChatCompletionFunctionMessage = dict[str, Any]
ChatCompletionImageObject = dict[str, Any]
ChatCompletionImageUrlObject = dict[str, Any]
ChatCompletionSystemMessage = dict[str, Any]
ChatCompletionTextObject = dict[str, Any]
ChatCompletionToolCallChunk = dict[str, Any]
ChatCompletionToolCallFunctionChunk = dict[str, Any]
ChatCompletionToolMessage = dict[str, Any]
ChatCompletionToolParam = dict[str, Any]
ChatCompletionToolParamFunctionChunk = dict[str, Any]
ChatCompletionUserMessage = dict[str, Any]
OpenAIMessageContent = str | list[dict[str, Any]]
