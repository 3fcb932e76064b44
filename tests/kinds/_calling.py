"""A client of a simulator, for the tests of kinds of call, and one call in both colours."""

from __future__ import annotations

from typing import Any

import anyio

import llmkit
from llmkit.testing import Simulator

KEY = "test-key-" + "0123456789"


def both(simulator: Simulator, whose: str, function: str, /, **arguments: Any) -> Any:
    """Make a call in both colours against the simulator; they must agree. Streams come as (events, whole)."""
    options = {"api_key": KEY, "base_url": simulator.base_url_for(whose)}

    async def other() -> Any:
        async with llmkit.Client(**options) as client:
            made = await getattr(client, f"a{function}")(**arguments)
            if not hasattr(made, "__aiter__"):
                return made
            return [event async for event in made], made.response

    with llmkit.Client(**options) as client:
        made = getattr(client, function)(**arguments)
        if hasattr(made, "__next__"):
            made = list(made), made.response
        assert plain(anyio.run(other)) == plain(made)
    return made


def plain(made: Any) -> Any:
    """What was answered, without how it came about."""
    if isinstance(made, list | tuple):
        return [plain(one) for one in made]
    return made.model_dump() if hasattr(made, "model_dump") else made
