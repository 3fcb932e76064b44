"""Connections after a fault: what lies on them is not the next answer, and those that died are not used."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors
from llmkit.testing import faults

from ..io._colour import Colour
from ._cell import SAID, cell, each_colour_name, each_form, each_wire, limits, run

NEXT: list[Any] = [{"role": "user", "content": "something else"}]
LEFTOVERS: dict[str, faults.Fault] = {
    "rest": faults.Length(-7),
    "last byte": faults.Length(-1),
    "answer": faults.Unasked(),
    "line": faults.Unasked(b"\r\n"),
    "half an answer": faults.Unasked(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"),
}


@each_form
@each_colour_name
@each_wire
@pytest.mark.parametrize("name", LEFTOVERS)
def test_what_lies_behind_an_answer_is_not_the_next_one(
    name: str, wire: str, name_of_colour: str, *, stream: bool
) -> None:
    """Bytes that were not announced are thrown away, with their connection if need be."""
    with cell(wire, Colour(name_of_colour), stream=stream) as made:

        async def body() -> None:
            made.sim.fail(LEFTOVERS[name])
            await made.ask(timeout=limits())
            for _ in range(2):
                met = await made.ask(messages=NEXT, timeout=limits())
                assert met.error is None, repr(met.error)
                assert met.text.endswith("You said: something else")
            await made.open_at_most(1)

        run(made, body)


@pytest.mark.parametrize("fault", [faults.CloseEarly(), faults.Reset("after")], ids=repr)
@each_form
@each_colour_name
def test_a_connection_that_died_idle_is_not_used(
    fault: faults.Fault, name_of_colour: str, *, stream: bool
) -> None:
    """The next call notices before it sends anything, and opens another."""
    with cell("openai", Colour(name_of_colour), stream=stream) as made:

        async def body() -> None:
            made.sim.fail(fault)
            for _ in range(2):
                met = await made.ask(timeout=limits())
                assert met.error is None, repr(met.error)
                assert SAID in met.text
                await made.colour.sleep(0.1)
            assert len(made.sim.requests) == 2
            await made.open_at_most(1)

        run(made, body)


STYLES: dict[str, float | None] = {
    "retry-after": 2.5,
    "retry-after-date": 2.5,
    "retry-after-ms": 2.5,
    "x-ratelimit-reset": 2.5,
    "anthropic-ratelimit-reset": 2.5,
    "epoch": 2.5,
    "epoch-ms": 2.5,
    "body": None,
    "none": None,
}


@each_wire
@pytest.mark.parametrize("style", STYLES)
def test_when_to_come_back(wire: str, style: Any) -> None:
    """Every header style ends up in `retry_after` on every wire, and Google's detail on its own."""
    with cell(wire, Colour("sync"), stream=False) as made:

        async def body() -> None:
            made.sim.fail(faults.RateLimited(2.5, style))
            met = await made.ask()
            assert type(met.error) is errors.RateLimitError
            said = 2.5 if (wire, style) == ("gemini", "body") else STYLES[style]
            got = met.error.retry_after
            # Time has passed since it was said, and instants have whole seconds.
            assert got is None if said is None else got is not None and 2.0 < got < 3.6

        run(made, body)
