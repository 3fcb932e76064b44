"""LiteLLM: its functions, which keep clients of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import litellm

from bench.payload import KEY, MODEL


class _Asking:
    def __init__(self, base_url: str) -> None:
        self._options = {"model": f"openai/{MODEL}", "api_base": base_url, "api_key": KEY}

    def prepare(self, messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
        """What the functions take."""
        return {**self._options, "messages": messages, **({"tools": tools} if tools else {})}


class Sync(_Asking):
    """``litellm.completion``."""

    def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return litellm.completion(**asked).choices[0].message.content

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The chunks of one answer."""
        yield from litellm.completion(**asked, stream=True)

    def close(self) -> None:
        """There is nothing to close."""


class Async(_Asking):
    """``litellm.acompletion``."""

    async def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return (await litellm.acompletion(**asked)).choices[0].message.content

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The chunks of one answer."""
        async for chunk in await litellm.acompletion(**asked, stream=True):
            yield chunk

    async def close(self) -> None:
        """There is nothing to close."""
