"""The bare forwarder: Starlette and pyreqwest, nothing in between. What a gateway in Python cannot go below by much.

usage: python -m bench.forwarder PORT UPSTREAM [live]   (UPSTREAM: an address up to ``/v1``)

``live``: a stream's events are handed on as they come, as a gateway's readers want them. Without it pyreqwest holds
them back until it has 64 KiB, or all.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from pyreqwest.client import Client, ClientBuilder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


def made(upstream: str, *, live: bool = False) -> Starlette:
    """The application."""
    place: dict[str, Client] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with ClientBuilder().build() as place["client"]:
            yield

    async def chat(request: Request) -> Response:
        body = await request.body()
        asked = place["client"].post(f"{upstream}/chat/completions").body_bytes(body)
        asked = asked.header("content-type", "application/json")
        if b'"stream":true' in body or b'"stream": true' in body:
            if live:
                asked = asked.streamed_read_buffer_limit(1)
            return StreamingResponse(_pieces(asked), media_type="text/event-stream")
        answer = await asked.build().send()
        return Response(bytes(await answer.bytes()), answer.status, media_type="application/json")

    async def health(_: Request) -> Response:
        return PlainTextResponse("well")

    paths = Route("/v1/chat/completions", chat, methods=["POST"]), Route("/health", health)
    return Starlette(routes=paths, lifespan=lifespan)


async def _pieces(asked: Any) -> AsyncIterator[bytes]:
    async with asked.build_streamed() as answer:
        while (piece := await answer.body_reader.read_chunk()) is not None:
            yield bytes(piece)


def main(port: str, upstream: str, live: str = "") -> None:
    """Serve, with what the gateway is served with."""
    uvicorn.run(
        made(upstream, live=bool(live)), port=int(port), log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
