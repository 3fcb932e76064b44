"""A billing object before a fake Lago, bills for it, and flows of it in every colour."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import trio

from llmkit.billing import LagoBilling

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmkit.testing import FakeLago

COLOURS = ("sync", "asyncio", "trio")
SUBSCRIPTION = "sub_1"
USD = "0.0042"
UNITS = 4200
"""What that is in coins."""


def billing(fake: FakeLago, **options: Any) -> LagoBilling:
    """A billing object that nobody is asked for entitlements by, unless something else is said."""
    return LagoBilling(fake.api_url, fake.api_key, **{"entitlement": None, **options})


def report(lago: LagoBilling, count: int = 1, name: str = "call") -> None:
    """So many bills of one size."""
    for number in range(count):
        lago.report_usage(USD, subscription=SUBSCRIPTION, id=f"{name}-{number}")


def in_colour(colour: str, lago: LagoBilling, method: str, *arguments: Any, **named: Any) -> Any:
    """Call a method as its colour has it."""
    if colour == "sync":
        return getattr(lago, method)(*arguments, **named)

    async def run() -> Any:
        return await getattr(lago, f"a{method}")(*arguments, **named)

    return asyncio.run(run()) if colour == "asyncio" else trio.run(run)


def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def posted(fake: FakeLago) -> int:
    """How many requests tried to deliver."""
    return sum(request.path == "/api/v1/events/batch" for request in fake.requests)
