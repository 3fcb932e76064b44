"""Raw pyreqwest, as its documentation shows it: a kept client, ``body_json``, ``json()``; a stream's events are parsed.

A streamed body is asked for in its chunks as they come (``streamed_read_buffer_limit(1)``): left at its 64 KiB, the
library hands nothing on before so much has come or all of it, and nobody who shows an answer as it comes wants that.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

from pyreqwest.client import ClientBuilder, SyncClientBuilder

from bench.payload import KEY, MODEL

_HEADERS = {"authorization": f"Bearer {KEY}"}
_TIMEOUT = timedelta(seconds=60)


def _prepare(messages: list[Any], tools: list[Any] | None) -> dict[str, Any]:
    return {"model": MODEL, "messages": messages, **({"tools": tools} if tools else {})}


def _text(answer: Any) -> str:
    return str(answer["choices"][0]["message"]["content"])


class _Lines:
    """The lines of pieces that end anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def of(self, piece: bytes) -> list[bytes]:
        """Those that are whole now."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return lines


def _events(lines: list[bytes]) -> list[Any]:
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]


class Sync:
    """``client.post(url).body_json(…).build().send().json()``."""

    def __init__(self, base_url: str) -> None:
        made = SyncClientBuilder().default_headers(_HEADERS).timeout(_TIMEOUT)
        self._client = made.error_for_status(True).build()
        self._url = f"{base_url}/chat/completions"

    prepare = staticmethod(_prepare)

    def call(self, asked: dict[str, Any]) -> str:
        """One answer."""
        return _text(self._client.post(self._url).body_json(asked).build().send().json())

    def pieces(self, asked: dict[str, Any]) -> Iterator[Any]:
        """The bytes of one answer, each HTTP chunk as it comes."""
        request = self._client.post(self._url).body_json({**asked, "stream": True})
        with request.streamed_read_buffer_limit(1).build_streamed() as response:
            reader = response.body_reader
            while (piece := reader.read_chunk()) is not None:
                yield piece

    def stream(self, asked: dict[str, Any]) -> Iterator[object]:
        """The chunks of one answer, as dicts."""
        lines = _Lines()
        for piece in self.pieces(asked):
            yield from _events(lines.of(bytes(piece)))

    def close(self) -> None:
        """Leave nothing open."""
        self._client.close()


class Async:
    """``await (await client.post(url).body_json(…).build().send()).json()``."""

    def __init__(self, base_url: str) -> None:
        made = ClientBuilder().default_headers(_HEADERS).timeout(_TIMEOUT)
        self._client = made.error_for_status(True).build()
        self._url = f"{base_url}/chat/completions"

    prepare = staticmethod(_prepare)

    async def call(self, asked: dict[str, Any]) -> str:
        """One answer."""
        response = await self._client.post(self._url).body_json(asked).build().send()
        return _text(await response.json())

    async def pieces(self, asked: dict[str, Any]) -> AsyncIterator[Any]:
        """The bytes of one answer, each HTTP chunk as it comes."""
        request = self._client.post(self._url).body_json({**asked, "stream": True})
        async with request.streamed_read_buffer_limit(1).build_streamed() as response:
            reader = response.body_reader
            while (piece := await reader.read_chunk()) is not None:
                yield piece

    async def stream(self, asked: dict[str, Any]) -> AsyncIterator[object]:
        """The chunks of one answer, as dicts."""
        lines = _Lines()
        async for piece in self.pieces(asked):
            for event in _events(lines.of(bytes(piece))):
                yield event

    async def close(self) -> None:
        """Leave nothing open."""
        await self._client.close()
