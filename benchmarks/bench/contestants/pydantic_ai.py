"""pydantic-ai without an agent: ``direct.model_request`` on an OpenAI model; its messages are made beforehand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from pydantic_ai import direct
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition

from bench.payload import KEY, MODEL


def _message(message: dict[str, Any]) -> Any:
    content = message["content"]
    if message["role"] == "assistant":
        return ModelResponse(parts=[TextPart(content)])
    part = UserPromptPart if message["role"] == "user" else SystemPromptPart
    return ModelRequest(parts=[part(content)])


def _tool(function: dict[str, Any]) -> Any:
    name, schema = function["name"], function["parameters"]
    return ToolDefinition(
        name=name, description=function["description"], parameters_json_schema=schema
    )


class _Asking:
    def __init__(self, base_url: str) -> None:
        provider = OpenAIProvider(base_url=base_url, api_key=KEY)
        self._model = OpenAIChatModel(MODEL, provider=provider)

    def prepare(self, messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
        """Its own messages and tool definitions."""
        defined = [_tool(tool["function"]) for tool in tools or ()]
        parameters = ModelRequestParameters(function_tools=defined)
        made = [_message(message) for message in messages]
        return {"messages": made, "model_request_parameters": parameters}


class Sync(_Asking):
    """``direct.model_request_sync``."""

    def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return direct.model_request_sync(self._model, **asked).parts[0].content

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The events of one answer."""
        with direct.model_request_stream_sync(self._model, **asked) as stream:
            yield from stream

    def close(self) -> None:
        """There is nothing to close."""


class Async(_Asking):
    """``direct.model_request``."""

    async def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return (await direct.model_request(self._model, **asked)).parts[0].content

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The events of one answer."""
        async with direct.model_request_stream(self._model, **asked) as stream:
            async for event in stream:
                yield event

    async def close(self) -> None:
        """There is nothing to close."""
