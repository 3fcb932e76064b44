"""However a call ends, its place is left, once, and it is settled, once: here, and at a store."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from llmkit import errors
from llmkit._operations import Leave, Look
from llmkit.events import CallFinished
from llmkit.router import Router
from llmkit.stores import MemoryStore
from llmkit.testing import Cut

from ..io._colour import Colour, Seen, each_colour
from ._kit import answering, deployment, idle, places, router


class Watched(MemoryStore):
    """A store that keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def perform(self, operation: Any) -> Any:
        self.asked.append(operation)
        return super().perform(operation)

    def running(self, *names: str) -> list[int]:
        """Calls that are in, by what the store says."""
        return [one.running for one in super().perform(Look(names)).health]

    @property
    def left(self) -> int:
        """How often a place was left."""
        return sum(isinstance(one, Leave) for one in self.asked)


def made(store: Watched | None, **how: Any) -> Router:
    """A router with a limit at each deployment, so that every call has a ticket."""
    a, b = deployment("a", order=1, rpm=10_000), deployment("b", order=2, rpm=10_000)
    return router(a, b, store=store, default_max_parallel_requests=3, **how)


async def whole(colour: Colour, one: Router) -> None:
    """An answer."""
    with answering(a="hello", b="never"):
        await colour.call(one, model="g")


async def rerouted(colour: Colour, one: Router) -> None:
    """An answer by another."""
    with answering(a=500, b="hello"):
        await colour.call(one, model="g")


async def failed(colour: Colour, one: Router) -> None:
    """A failure everywhere."""
    with answering(a=500, b=401), pytest.raises(errors.APIError):
        await colour.call(one, model="g")


async def refused(colour: Colour, one: Router) -> None:
    """A prompt that nobody takes."""
    with answering(a=400, b=400), pytest.raises(errors.BadRequestError):
        await colour.call(one, model="g")


async def streamed(colour: Colour, one: Router) -> None:
    """A stream that is read to its end."""
    with answering(a="hello there", b="never"):
        await colour.read(one, model="g")


async def closed(colour: Colour, one: Router) -> None:
    """A stream that is closed early."""
    with answering(a="hello there", b="never"):
        stream = await colour.open(one, model="g")
        assert sum(places(one)) == 1
        await anext(stream)
        await stream.aclose()


async def broken(colour: Colour, one: Router) -> None:
    """A stream that breaks."""
    with (
        answering(a=Cut("hello there", after=2), b="never"),
        pytest.raises(errors.StreamInterruptedError),
    ):
        await colour.read(one, model="g")


async def dropped(colour: Colour, one: Router) -> None:
    """A stream that is let go of."""
    with answering(a="hello there", b="never"):
        stream = await colour.open(one, model="g")
        await anext(stream)
        del stream
        gc.collect()


ENDINGS: list[Callable[..., Any]] = [
    whole, rerouted, failed, refused, streamed, closed, broken, dropped,
]  # fmt: skip
ATTEMPTS = {"rerouted": 2, "failed": 2}


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda one: one.__name__)
@each_colour
async def test_every_place_is_left_once(
    colour: Colour, ending: Callable[..., Any], seen: Seen, *, shared: bool
) -> None:
    """Whatever becomes of a call, it is settled once, and each place that it had is left once."""
    store = Watched() if shared else None
    one = made(store, callbacks=[seen])
    await ending(colour, one)
    # What was dropped is settled by whoever comes next.
    await colour.close(one)
    assert len(seen.of(CallFinished)) == len(one.ledger.settlements) == 1
    assert idle(one)
    if store is not None:
        assert store.running("a", "b") == [0, 0]
        assert store.left == ATTEMPTS.get(ending.__name__, 1)
