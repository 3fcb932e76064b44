"""Each way in which a call can end before its provider said what was used, under each policy, in each colour."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from llmkit.errors import APIError
from llmkit.testing import FakeLago

from ..io._colour import COLOURS, Colour, each_colour
from ..io._server import HOLD, RESET, event, hello, piece, streamed
from ._lagos import SUBSCRIPTION
from ._recorded import COST
from .test_calls_lago import World, world

HALF = streamed(piece("Hel"), HOLD, end=False)
SLOWLY = streamed(piece("Hel"), 0.05, *hello()[1:])
BREAKS = streamed(piece("Hel"), RESET, end=False)
FAILS = streamed(piece("Hel"), event({"error": {"message": "no", "type": "server_error"}}))
POLICIES = ("estimate", "hold", "drain")


@pytest.fixture
def colour(request: pytest.FixtureRequest) -> Colour:
    """A driver."""
    return Colour(request.param)


async def _closed(colour: Colour, made: World) -> None:
    stream = await colour.open(made.client)
    await anext(stream)
    await stream.aclose()


async def _fails(colour: Colour, made: World) -> None:
    async def read(stream: Any) -> None:
        async with stream:
            await anext(stream)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read(await colour.open(made.client))


async def _dropped(colour: Colour, made: World) -> None:
    stream = await colour.open(made.client)
    await anext(stream)
    del stream
    gc.collect()


async def _broken(colour: Colour, made: World) -> None:
    with pytest.raises(APIError):
        await colour.read(made.client)


async def _cancelled(colour: Colour, made: World) -> None:
    with anyio.CancelScope() as scope:
        async with await colour.open(made.client) as stream:
            async for _ in stream:
                scope.deadline = anyio.current_time() + 0.05
    assert scope.cancelled_caught


async def _unanswered(colour: Colour, made: World) -> None:
    with pytest.raises(APIError):
        await colour.call(made.client, timeout=0.3)


End = Callable[[Colour, World], Awaitable[None]]
WAYS: dict[str, tuple[End, Any, Any]] = {
    "closed": (_closed, HALF, SLOWLY),
    "its reader fails": (_fails, HALF, SLOWLY),
    "dropped": (_dropped, HALF, None),
    "cancelled": (_cancelled, HALF, None),
    "broken": (_broken, BREAKS, None),
    "an error within": (_broken, FAILS, None),
    "no answer": (_unanswered, (HOLD,), None),
}
"""How it ends, what the provider sends, and what it sends where it can be read on."""


CASES = [
    (way, colour)
    for way in WAYS
    for colour in COLOURS
    # Nothing cancels a thread.
    if (way, colour) != ("cancelled", "sync")
]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("way", "colour"), CASES, indirect=["colour"])
@each_colour
async def test_one_event_or_none(colour: Colour, tmp_path: Path, way: str, policy: str) -> None:
    """Billed once, flagged as a guess; or held, and nothing sent; or read on and billed by the provider's count."""
    end, half, whole = WAYS[way]
    drains = policy == "drain" and whole is not None
    with (
        FakeLago() as fake,
        world(fake, tmp_path, whole if drains else half, broken=policy) as made,
    ):
        fake.furnish(SUBSCRIPTION)
        await end(colour, made)
        await colour.close(made.client)
        (bill,) = made.bills()
        # The ledger leaves open what no answer cost; its prompt is billed for.
        assert way == "no answer" or bill.usd == made.client.ledger.settlements[0].cost
        assert bill.usd > 0
        assert bill.state == ("held" if policy == "hold" else "queued")
        assert [sent.properties.get("estimated") for sent in made.delivered()] == (
            [] if policy == "hold" else [None if drains else "true"]
        )
        assert fake.units(SUBSCRIPTION) == (0 if policy == "hold" else bill.units)
        assert bill.usd == COST or not drains
