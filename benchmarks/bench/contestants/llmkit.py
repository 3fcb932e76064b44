"""llmkit over httpx, with a kept client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import llmkit
from bench.payload import KEY, MODEL, SMALL

_MODEL = f"openai/{MODEL}"


def _prepare(messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
    return {"messages": messages, **({"tools": tools} if tools else {})}


def _expect(transport: str, found: str) -> None:
    if found != transport:
        raise RuntimeError(f"the call went over {found}, not {transport}")


class Sync:
    """``Client.completion``."""

    transport = "httpx"

    def __init__(self, base_url: str) -> None:
        self._client = llmkit.Client(base_url=base_url, api_key=KEY, transport=self.transport)

    prepare = staticmethod(_prepare)

    def check(self) -> None:
        """See that its calls take the transport that they are measured for."""
        answer = self._client.completion(_MODEL, messages=SMALL)
        _expect(self.transport, answer.call.transport)

    def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return self._client.completion(_MODEL, **asked).choices[0].message.content

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The chunks of one answer."""
        with self._client.completion(_MODEL, stream=True, **asked) as stream:
            yield from stream

    def close(self) -> None:
        """Leave nothing open."""
        self._client.close()


class Async:
    """``Client.acompletion``."""

    transport = "httpx"

    def __init__(self, base_url: str) -> None:
        self._client = llmkit.Client(base_url=base_url, api_key=KEY, transport=self.transport)

    prepare = staticmethod(_prepare)

    async def check(self) -> None:
        """See that its calls take the transport that they are measured for."""
        answer = await self._client.acompletion(_MODEL, messages=SMALL)
        _expect(self.transport, answer.call.transport)

    async def call(self, asked: dict[str, Any]) -> Any:
        """One answer."""
        return (await self._client.acompletion(_MODEL, **asked)).choices[0].message.content

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The chunks of one answer."""
        async with await self._client.acompletion(_MODEL, stream=True, **asked) as stream:
            async for chunk in stream:
                yield chunk

    async def close(self) -> None:
        """Leave nothing open."""
        await self._client.aclose()
