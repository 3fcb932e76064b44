"""The raw transport of a stream: its bytes as httpx hands them on, with nothing made of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from typing_extensions import override

from bench.contestants import httpx as parsed


class Sync(parsed.Sync):
    """``response.iter_raw()``."""

    @override
    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The bytes of one answer."""
        with self._client.stream("POST", self._url, json={**asked, "stream": True}) as response:
            yield from response.iter_raw()


class Async(parsed.Async):
    """``response.aiter_raw()``."""

    @override
    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The bytes of one answer."""
        body = {**asked, "stream": True}
        async with self._client.stream("POST", self._url, json=body) as response:
            async for piece in response.aiter_raw():
                yield piece
