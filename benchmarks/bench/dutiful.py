"""The forwarder with a gateway's duties done by hand: the least that they cost, with this ledger and this server.

The key is looked up by its hash, the body is read, a hold is taken in SQLite and settled together with the call's
settlement, the answer's usage is read, and a line is logged. Nothing is routed, priced, checked or retried: amounts
are constants, and a failure is a failure.

usage: python -m bench.dutiful PORT UPSTREAM   (UPSTREAM: an address up to ``/v1``)
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import uvicorn
from pyreqwest.client import Client, ClientBuilder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.payload import KEY
from llmkit._json import dump_text, load
from llmkit._operations import Attribution, Claim, Reserve, SettleHold, Window
from llmkit._settlements import Settlement
from llmkit.stores import SQLiteStore

_ALL = (0, 2**53 - 1)
_ACCOUNTS = (
    ("requests:1m:key=1", 1000, "1"),
    ("usd:total:key=1", 0, "0.01"),
    ("tokens:1m:key=1", 1000, "16000"),
)
_CLAIMS = tuple(
    Claim(account, Window(width, _ALL), Decimal(amount), Decimal(10**9))
    for account, width, amount in _ACCOUNTS
)
_WHOSE = Attribution(("global", "key=1"), "openai", "gpt-4o-mini", "")
_HASH = hashlib.sha256(KEY.encode()).hexdigest()


def made(upstream: str) -> Starlette:
    """The application; the ledger is a file where it is started."""
    place: dict[str, Client] = {}
    store = SQLiteStore("dutiful.db")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with ClientBuilder().build() as place["client"]:
            yield
        await store.aclose()

    async def chat(request: Request) -> Response:
        began = time.time()
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if hashlib.sha256(shown.encode()).hexdigest() != _HASH:
            return Response(status_code=401)
        body = await request.body()
        load(body)
        call = f"call_{os.urandom(16).hex()}"
        await store.aperform(Reserve(call, _CLAIMS, 1_800_000, Decimal("0.01"), _WHOSE))
        asked = place["client"].post(f"{upstream}/chat/completions").body_bytes(body)
        answer = await asked.header("content-type", "application/json").build().send()
        data = bytes(await answer.bytes())
        await _settled(store, call, began, load(data)["usage"])
        line = {"time": began, "path": request.url.path, "status": answer.status, "call": call}
        sys.stderr.write(dump_text(line) + "\n")
        return Response(data, answer.status, media_type="application/json")

    async def health(_: Request) -> Response:
        return PlainTextResponse("well")

    paths = Route("/v1/chat/completions", chat, methods=["POST"]), Route("/health", health)
    return Starlette(routes=paths, lifespan=lifespan)


async def _settled(store: SQLiteStore, call: str, began: float, usage: dict[str, Any]) -> None:
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    cost = Decimal(prompt) * Decimal("0.00000015") + Decimal(completion) * Decimal("0.0000006")
    amounts = Decimal(1), cost, Decimal(prompt + completion)
    settlement = Settlement(
        call_id=call, outcome="completed", provider="openai", model="gpt-4o-mini", stream=False, sent="yes",
        attempts=1, started=began, seconds=time.time() - began, prompt_tokens=prompt, completion_tokens=completion,
        usage_source="reported", cost=cost, cost_status="exact", cost_reason=None, error=None, request_id=None,
        metadata={},
    )  # fmt: skip
    await store.aperform(
        SettleHold(call, "settle", amounts, cost, prompt, completion, settlement=settlement)
    )


def main(port: str, upstream: str) -> None:
    """Serve, with what the gateway is served with."""
    uvicorn.run(made(upstream), port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
