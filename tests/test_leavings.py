"""A call leaves nothing for the garbage collector: no cycle holds what it was made of, on either transport."""

from __future__ import annotations

import asyncio
import collections
import gc
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import llmkit

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))

from bench import processes  # noqa: E402 - programs, not installed: found by the line above
from bench.payload import KEY, SMALL  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = 20
TRANSPORTS = ["httpx", "reqwest"]
MODEL = "openai/gpt-4o-mini"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the benchmarks' server answers."""
    with processes.serving(None) as server:
        yield f"http://127.0.0.1:{server.port}/v1"


@contextmanager
def unreachable() -> Iterator[collections.Counter[str]]:
    """What only the collector can free, of what the block has left: kinds of objects and their number."""
    found: collections.Counter[str] = collections.Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(type(one).__qualname__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def of_every_call(found: collections.Counter[str]) -> dict[str, int]:
    """What there is one of for each call, at least."""
    return {name: count for name, count in found.items() if count >= CALLS}


def test_a_cycle_is_found() -> None:
    """The instrument sees what it is for."""

    class Knot:
        itself: Knot

    with unreachable() as found:
        for _ in range(CALLS + 1):
            knot = Knot()
            knot.itself = knot
    assert of_every_call(found).keys() >= {"test_a_cycle_is_found.<locals>.Knot"}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_sync_call_leaves_nothing(transport: str, url: str, *, streamed: bool) -> None:
    """A call whose answer has been read to its end is gone with it."""
    with llmkit.Client(api_key=KEY, base_url=url, transport=transport) as client:

        def ask() -> None:
            if not streamed:
                client.completion(MODEL, messages=SMALL)
                return
            with client.completion(MODEL, messages=SMALL, stream=True) as stream:
                assert len(list(stream)) > 100

        ask()
        with unreachable() as found:
            for _ in range(CALLS):
                ask()
    assert of_every_call(found) == {}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_async_call_leaves_nothing(transport: str, url: str, *, streamed: bool) -> None:
    """Neither does an awaited one."""

    async def main() -> collections.Counter[str]:
        async with llmkit.Client(api_key=KEY, base_url=url, transport=transport) as client:

            async def ask() -> None:
                if not streamed:
                    await client.acompletion(MODEL, messages=SMALL)
                    return
                async with await client.acompletion(MODEL, messages=SMALL, stream=True) as stream:
                    assert len([chunk async for chunk in stream]) > 100

            await ask()
            with unreachable() as found:
                for _ in range(CALLS):
                    await ask()
            return found

    assert of_every_call(asyncio.run(main())) == {}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_that_is_left_leaves_nothing(transport: str, url: str) -> None:
    """One that is closed before its end, too."""
    with llmkit.Client(api_key=KEY, base_url=url, transport=transport) as client:

        def ask() -> None:
            with client.completion(MODEL, messages=SMALL, stream=True) as stream:
                next(iter(stream))

        ask()
        with unreachable() as found:
            for _ in range(CALLS):
                ask()
    assert of_every_call(found) == {}
