"""The openai SDK, with a kept client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai

from bench.payload import KEY, MODEL


def _prepare(messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
    return {"model": MODEL, "messages": messages, **({"tools": tools} if tools else {})}


class Sync:
    """``client.chat.completions.create``."""

    def __init__(self, base_url: str) -> None:
        self._client = openai.OpenAI(base_url=base_url, api_key=KEY)

    prepare = staticmethod(_prepare)

    def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return self._client.chat.completions.create(**asked).choices[0].message.content

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The chunks of one answer."""
        yield from self._client.chat.completions.create(**asked, stream=True)

    def close(self) -> None:
        """Leave nothing open."""
        self._client.close()


class Async:
    """The same of ``AsyncOpenAI``."""

    def __init__(self, base_url: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=KEY)

    prepare = staticmethod(_prepare)

    async def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return (await self._client.chat.completions.create(**asked)).choices[0].message.content

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The chunks of one answer."""
        async for chunk in await self._client.chat.completions.create(**asked, stream=True):
            yield chunk

    async def close(self) -> None:
        """Leave nothing open."""
        await self._client.close()
