"""One way to write a test for three drivers: sync, asyncio and trio. A sync test's coroutine never really waits."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Self

import pytest
import trio

import llmkit

COLOURS = ("sync", "asyncio", "trio")
LOOPS = (*COLOURS, "uvloop")
each_loop = pytest.mark.parametrize("colour", LOOPS, indirect=True)
"""Also on asyncio's other loop, whose connections fail in ways of their own."""
MESSAGES = [{"role": "user", "content": "hi"}]
MODEL = "openai/gpt-4o-mini"
KEY = "test-key-0123456789"


class _SyncStream:
    """A ``Stream`` with an async face."""

    def __init__(self, stream: llmkit.Stream) -> None:
        self.inner = stream

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self.inner)
        except StopIteration:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.inner.__exit__(*error)

    async def aclose(self) -> None:
        self.inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Colour:
    """How to call in this colour."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_sync(self) -> bool:
        return self.name == "sync"

    def run(self, function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
        """Run an async function in this colour."""
        if self.name == "asyncio":
            return asyncio.run(function(*args))
        if self.name == "uvloop":
            with asyncio.Runner(loop_factory=pytest.importorskip("uvloop").new_event_loop) as one:
                return one.run(function(*args))
        if self.name == "trio":
            return trio.run(function, *args)
        return _finished(function(*args))

    async def call(self, client: Any, **params: Any) -> Any:
        """One completion, with defaults."""
        params = {"model": MODEL, "messages": MESSAGES, "num_retries": 0, **params}
        if self.is_sync:
            return client.completion(**params)
        return await client.acompletion(**params)

    async def open(self, client: Any, **params: Any) -> Any:
        """One stream."""
        made = await self.call(client, stream=True, **params)
        return _SyncStream(made) if self.is_sync else made

    async def read(self, client: Any, **params: Any) -> tuple[list[Any], Any]:
        """One stream, read to its end: its chunks and itself."""
        stream = await self.open(client, **params)
        return [chunk async for chunk in stream], stream

    async def ask(self, client: Any, *, stream: bool, **params: Any) -> Any:
        """A completion, streamed or not; its whole answer."""
        if not stream:
            return await self.call(client, **params)
        return (await self.read(client, **params))[1].response

    async def close(self, client: Any) -> None:
        """Close the client's connections here."""
        if self.is_sync:
            client.close()
        else:
            await client.aclose()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        if self.name in {"asyncio", "uvloop"}:
            await asyncio.sleep(seconds)
        elif self.name == "trio":
            await trio.sleep(seconds)
        else:
            time.sleep(seconds)  # noqa: ASYNC251 - there is no loop


def _finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise AssertionError("sync code awaited something")


def each_colour(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a coroutine test a plain one, that its ``colour`` runs."""

    @functools.wraps(test)
    def plain(colour: Colour, **fixtures: Any) -> None:
        async def body() -> None:
            await test(colour=colour, **fixtures)

        colour.run(body)

    plain.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    del plain.__wrapped__  # type: ignore[attr-defined]
    return plain


class Seen(list[Any]):
    """A callback that keeps what it is told."""

    def __call__(self, event: Any) -> None:
        self.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    @property
    def names(self) -> list[str]:
        return [type(event).__name__ for event in self]


async def collect(stream: Any, into: list[Any]) -> None:
    """Read a stream; what came before a failure is kept."""
    async for chunk in stream:
        into.append(chunk)  # noqa: PERF401 - a comprehension would lose it


def text_of(chunks: list[Any]) -> str:
    """What chunks say."""
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
