"""An answer broken at each of its bytes: what came before is read, and nothing is taken for the rest."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import llmkit
from llmkit import errors
from llmkit.testing import faults
from llmkit.testing._answer import Answer, Choice
from llmkit.testing._asked import Asked

from ..io._colour import Colour
from ._cell import FULL, Cell, Met, cell, each_colour_name, each_form, each_wire, limits, run
from ._places import Ends, told
from ._table import WIRES

TEXT = "Well, hello to you"
# Outside of the long run, some of the bytes and of the sizes, others for each test.
SOME = 12


def say(asked: Asked) -> Answer:
    """A short answer: it is read a thousand times."""
    return Answer((Choice(0, TEXT, "", (), "stop"),), asked.prompt_tokens)


def some(everything: range, seed: str) -> Iterator[int]:
    """All of it in the long run; else a few, and both ends."""
    if FULL:
        return iter(everything)
    few = random.Random(seed).sample(everything, min(SOME, len(everything)))
    return iter(sorted({everything[0], everything[-1], *few}))


@each_form
@each_colour_name
@each_wire
@pytest.mark.parametrize("how", ["cut", "reset"])
def test_broken_at_every_byte(how: str, wire: str, name_of_colour: str, *, stream: bool) -> None:
    """A typed error with what came, or the answer if it was whole; on one client, one settlement each."""
    ledger = llmkit.MemoryLedger(keep=10_000)
    with cell(wire, Colour(name_of_colour), stream=stream, say=say, ledger=ledger) as made:

        async def body() -> None:
            whole = Ends("cut", 1 << 20)
            made.sim.fail(whole)
            await made.ask(timeout=limits())
            size, calls = len(whole.sent), 1
            assert size > len(TEXT)
            for at in some(range(-1, size), f"{how} {wire}"):
                fault = Ends(how, at, reading_time=0.005)
                made.sim.fail(fault)
                met = await made.ask(timeout=limits())
                calls += 1
                assert len(made.sim.requests) == calls, (fault, met)
                judge(made, met, fault)
            assert len(made.settlements) == calls
            await made.open_at_most(1)

        run(made, body)


def judge(made: Cell, met: Met, fault: Ends) -> None:
    """What the caller has is what was sent in whole events, and an error unless that is all of it."""
    if not made.stream:
        assert type(met.error) is errors.APIConnectionError, fault
        return
    assert met.text == told(made.wire, fault.sent), fault
    if met.error is None:
        assert met.answer.choices[0].message.content == TEXT
        assert met.answer.choices[0].finish_reason == "stop"
        assert made.wire != "gemini", fault
    elif met.chunks:
        assert type(met.error) is errors.StreamInterruptedError, fault
        assert (met.error.partial.choices[0].message.content or "") == met.text
    else:
        assert type(met.error) is errors.APIConnectionError, fault
    assert met.error is None or met.error.sent == "yes"


@each_form
@each_colour_name
@each_wire
def test_split_at_every_size(wire: str, name_of_colour: str, *, stream: bool) -> None:
    """Pieces of any size are the same answer."""
    with cell(wire, Colour(name_of_colour), stream=stream, say=say) as made:

        async def body() -> None:
            for size in some(range(1, 65), wire):
                made.sim.fail(faults.Split(size))
                met = await made.ask(timeout=limits())
                assert met.error is None, size
                assert met.text == TEXT
            assert made.settlements[-1].usage_source == "reported"
            assert {s.completion_tokens for s in made.settlements} == {
                made.settlements[0].completion_tokens
            }

        run(made, body)


def test_the_oracle_is_right() -> None:
    """What is told by all of a stream's bytes is its text, whatever the wire."""
    for wire in WIRES:
        with cell(wire, Colour("sync"), stream=True, say=say) as made:

            async def body(made: Cell = made) -> None:
                whole = Ends("cut", 1 << 20)
                made.sim.fail(whole)
                await made.ask(timeout=limits())
                assert told(made.wire, whole.sent) == TEXT
                assert told(made.wire, whole.sent[: len(whole.sent) // 2]) != TEXT

            run(made, body)
