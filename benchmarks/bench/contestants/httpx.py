"""Raw httpx: a kept client whose limits are out of the way; answers, and the events of a stream, are parsed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from bench.payload import KEY, MODEL

_OPTIONS: dict[str, Any] = {"headers": {"Authorization": f"Bearer {KEY}"}, "timeout": 60}
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)


def _prepare(messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
    return {"model": MODEL, "messages": messages, **({"tools": tools} if tools else {})}


def _text(answer: Any) -> str:
    return str(answer["choices"][0]["message"]["content"])


def _event(line: str) -> Any:
    return json.loads(line[6:]) if line.startswith("data: {") else None


class Sync:
    """``client.post(url, json=…).json()``."""

    limits = _LIMITS

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(limits=self.limits, **_OPTIONS)
        self._url = f"{base_url}/chat/completions"

    prepare = staticmethod(_prepare)

    def call(self, asked: dict[str, Any]) -> str:
        """One answer."""
        return _text(self._client.post(self._url, json=asked).json())

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The chunks of one answer, as dicts."""
        with self._client.stream("POST", self._url, json={**asked, "stream": True}) as response:
            for line in response.iter_lines():
                if (event := _event(line)) is not None:
                    yield event

    def close(self) -> None:
        """Leave nothing open."""
        self._client.close()


class Async:
    """``(await client.post(url, json=…)).json()``."""

    limits = _LIMITS

    def __init__(self, base_url: str) -> None:
        self._client = httpx.AsyncClient(limits=self.limits, **_OPTIONS)
        self._url = f"{base_url}/chat/completions"

    prepare = staticmethod(_prepare)

    async def call(self, asked: dict[str, Any]) -> str:
        """One answer."""
        return _text((await self._client.post(self._url, json=asked)).json())

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The chunks of one answer, as dicts."""
        body = {**asked, "stream": True}
        async with self._client.stream("POST", self._url, json=body) as response:
            async for line in response.aiter_lines():
                if (event := _event(line)) is not None:
                    yield event

    async def close(self) -> None:
        """Leave nothing open."""
        await self._client.aclose()
