"""Bugs that other libraries had around streams, on every wire; by their numbers at BerriAI/litellm or as named."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

import llmkit
from llmkit.errors import APITimeoutError

from ._colour import MESSAGES, Colour, each_colour
from ._server import HOLD, Server, chunked, stream_head


def sse(*events: tuple[str, Any]) -> bytes:
    """Events of a stream, with their names where they have one."""
    named = [
        (f"event: {name}\n" if name else "") + f"data: {json.dumps(d)}\n\n" for name, d in events
    ]
    return chunked("".join(named).encode())


STARTED = {"input_tokens": 1000, "output_tokens": 1}
BEGINNINGS: dict[str, tuple[str, bytes]] = {
    "openai": (
        "openai/gpt-4o-mini",
        sse(("", {"choices": [{"index": 0, "delta": {"content": "Once upon a time"}}]})),
    ),
    "anthropic": (
        "anthropic/claude-sonnet-4-5",
        sse(
            ("message_start", {"type": "message_start", "message": {"id": "m", "usage": STARTED}}),
            (
                "content_block_start",
                {
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {"type": "text", "text": ""},
                },
            ),
            (
                "content_block_delta",
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "text_delta", "text": "Once upon a time"},
                },
            ),
        ),
    ),
    "gemini": (
        "gemini/gemini-2.5-flash",
        sse(
            (
                "",
                {
                    "candidates": [
                        {"content": {"role": "model", "parts": [{"text": "Once upon a time"}]}}
                    ]
                },
            )
        ),
    ),
}
each_wire = pytest.mark.parametrize("wire", BEGINNINGS)


async def begun(colour: Colour, server: Server, client: Any, wire: str) -> Any:
    """A stream that has said something and then says nothing more."""
    model, beginning = BEGINNINGS[wire]
    server.script([stream_head(), beginning, HOLD])
    return await colour.open(client, model=model)


async def first_text(stream: Any) -> str:
    """Read up to the first text."""
    while True:
        chunk = await anext(stream)
        if chunk.choices and chunk.choices[0].delta.content:
            return str(chunk.choices[0].delta.content)


@each_wire
@each_colour
async def test_17364_closing_a_stream_closes_the_upstream(
    colour: Colour, server: Server, client: Any, wire: str
) -> None:
    """#17364: when the reader leaves, the provider is told at once, on whichever wire."""
    stream = await begun(colour, server, client, wire)
    assert await first_text(stream) == "Once upon a time"
    await stream.aclose()
    assert server.peers[-1].gone.wait(2)


@each_wire
@each_colour
async def test_13245_35958_a_stream_that_is_left_is_accounted_for(
    colour: Colour, server: Server, client: Any, wire: str
) -> None:
    """#13245, #35958: what a stream has cost until it was left is settled once, and said to be estimated."""
    stream = await begun(colour, server, client, wire)
    await first_text(stream)
    await stream.aclose()
    (settled,) = client.ledger.settlements
    assert (settled.outcome, settled.usage_source, settled.sent) == ("closed", "estimated", "yes")
    assert settled.cost_status == "estimated"
    assert settled.cost > Decimal(0)
    assert settled.completion_tokens == 4
    if wire == "anthropic":
        assert settled.prompt_tokens == STARTED["input_tokens"]


@pytest.mark.parametrize("model", ["ollama/llama3", *(model for model, _ in BEGINNINGS.values())])
@each_colour
async def test_8333_every_provider_keeps_the_timeout(
    colour: Colour, server: Server, client: Any, model: str
) -> None:
    """#8333: a provider that never answers holds nobody longer than the timeout."""
    server.script([HOLD])
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        await colour.call(client, model=model, timeout=0.3)
    assert time.monotonic() - began < 3


def test_aisuite_255_async_is_not_sync_on_threads(server: Server) -> None:
    """andrewyng/aisuite#255: async calls run on the caller's loop; a hundred at once start no thread."""
    started: list[str] = []
    start = threading.Thread.start

    def watched(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    async def ask() -> list[Any]:
        async with llmkit.Client(api_key="k", base_url=server.url) as client:
            calls: list[Callable[[], Any]] = [
                lambda: client.acompletion("openai/gpt-4o-mini", MESSAGES) for _ in range(100)
            ]
            return await asyncio.gather(*(call() for call in calls))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", watched)
        answers = asyncio.run(ask())
    assert len(answers) == 100
    assert [name for name in started if name.startswith(("llmkit", "asyncio", "ThreadPool"))] == []
