"""any-llm, in the form that its documentation advises for many calls: a kept ``AnyLLM``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import any_llm

from bench.payload import KEY, MODEL


class _Asking:
    def __init__(self, base_url: str) -> None:
        self._client: Any = any_llm.AnyLLM.create("openai", api_key=KEY, api_base=base_url)

    def prepare(self, messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
        """What its calls take."""
        return {"model": MODEL, "messages": messages, **({"tools": tools} if tools else {})}


class Sync(_Asking):
    """``AnyLLM.completion``."""

    def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return self._client.completion(**asked).choices[0].message.content

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The chunks of one answer."""
        yield from self._client.completion(**asked, stream=True)

    def close(self) -> None:
        """There is nothing to close."""


class Async(_Asking):
    """``AnyLLM.acompletion``."""

    async def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return (await self._client.acompletion(**asked)).choices[0].message.content

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The chunks of one answer."""
        async for chunk in await self._client.acompletion(**asked, stream=True):
            yield chunk

    async def close(self) -> None:
        """There is nothing to close."""
