"""Every fault over calls beside chat: events of an API of their own, bytes of sound, and a call of two requests."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llmkit import errors
from llmkit.testing import faults

from ..io._colour import Colour
from ._cell import (
    SLACK,
    TOTAL,
    Cell,
    Met,
    cell,
    check_no_secret,
    check_settlement,
    is_tls,
    limits,
    run,
)
from ._later import expected
from ._table import TABLE, Outcome

both_colours = pytest.mark.parametrize("name_of_colour", ["sync", "asyncio"])
each_fault = pytest.mark.parametrize("name", faults.ALL)


async def called(made: Cell, name: str, **params: Any) -> Any:
    """One call of a kind, in the cell's colour."""
    if made.colour.is_sync:
        return getattr(made.client, name)(**params)
    return await getattr(made.client, f"a{name}")(**params)


async def every(made: Cell, stream: Any, into: list[Any]) -> None:
    """Read a stream; what came before a failure is kept."""
    if made.colour.is_sync:
        into.extend(stream)
        return
    async for item in stream:
        into.append(item)  # noqa: PERF401 - a comprehension would lose it


async def met(ask: Callable[[Met], Awaitable[None]]) -> Met:
    """What comes of a call; an error of the library's own tree is an outcome, any other is raised."""
    told, begun = Met(), time.monotonic()
    try:
        await ask(told)
    except errors.APIError as error:
        told.error = error
        check_no_secret(error)
    told.seconds = time.monotonic() - begun
    assert told.seconds < TOTAL + SLACK
    return told


def is_as(told: Met, outcome: Outcome) -> None:
    """The error, or the answer, that was expected."""
    error = told.error
    if outcome.error is None:
        assert error is None
        return
    assert type(error) is outcome.error, error
    assert error is not None
    said = (error.status_code, error.retryable, error.sent)
    assert said == (outcome.status, outcome.retryable, outcome.sent), said
    assert not outcome.late or error.message.startswith(f"timed out: {outcome.late} ")


@both_colours
@each_fault
def test_events_of_responses(name: str, name_of_colour: str) -> None:
    """Broken as chat's stream over the same wire is; its reader has each event that came before."""
    outcome = expected(name, "responses", stream=True)

    async def ask(told: Met) -> None:
        params = {"model": "openai/gpt-4o-mini", "input": "hello there", "num_retries": 0}
        opened = await called(made, "responses", stream=True, timeout=limits(outcome), **params)
        try:
            await every(made, opened, told.chunks)
        finally:
            told.answer = opened.response

    async def body() -> None:
        made.sim.fail(TABLE[name].fault)
        told = await met(ask)
        is_as(told, outcome)
        check_settlement(made, outcome)
        assert bool(told.chunks) == (outcome.begun or outcome.error is None)
        if told.answer is not None:
            deltas = "".join(event.text for event in told.chunks)
            assert (told.answer.output_text or deltas) == deltas
        await made.open_at_most(1)

    with cell("openai", Colour(name_of_colour), stream=True, tls=is_tls(name)) as made:
        run(made, body)


@both_colours
@each_fault
def test_sound(name: str, name_of_colour: str) -> None:
    """Bytes, or an error of ours; whatever has come is what the reader has."""
    tight = limits(TABLE[name].meets("openai", stream=True), idle=0.15, total=TOTAL)

    async def ask(told: Met) -> None:
        params = {"model": "openai/gpt-4o-mini-tts", "input": "hello there", "voice": "nova"}
        opened = await called(made, "speech", stream=True, timeout=tight, num_retries=0, **params)
        try:
            await every(made, opened, told.chunks)
        finally:
            told.answer = opened.response

    async def body() -> None:
        made.sim.fail(TABLE[name].fault)
        told = await met(ask)
        (settled,) = made.settlements
        assert (settled.outcome == "completed") == (told.error is None)
        assert settled.cost is not None or settled.cost_reason
        if told.answer is not None:
            assert told.answer.content == b"".join(told.chunks)
        await made.open_at_most(1)

    with cell("openai", Colour(name_of_colour), stream=True, tls=is_tls(name)) as made:
        run(made, body)


@both_colours
@each_fault
def test_second_request_of_two(name: str, name_of_colour: str) -> None:
    """The call fails as one of one request does, and may have been billed for its first."""
    outcome = TABLE[name].meets("", stream=False)
    if is_tls(name):
        # The handshake is over by then: such a request meets a reset.
        outcome = TABLE["reset before"].meets("", stream=False)
    many = ["hello there"] * 101
    params = {"model": "gemini/gemini-embedding-001", "input": many, "num_retries": 0}

    async def ask(told: Met) -> None:
        told.answer = await called(made, "embedding", timeout=limits(outcome), **params)

    async def body() -> None:
        made.sim.fail(None, TABLE[name].fault)
        told = await met(ask)
        is_as(told, outcome)
        (settled,) = made.settlements
        assert (settled.outcome, settled.sent) == (outcome.settled, "yes")
        # Also where the second was refused: the first was not.
        assert settled.cost_status == ("exact" if outcome.error is None else "unknown")
        assert (settled.cost is None) == bool(settled.cost_reason) == (outcome.error is not None)
        assert outcome.error is not None or len(told.answer.vectors) == len(many)
        await made.open_at_most(1)
        again = await called(made, "embedding", **{**params, "num_retries": 2})
        assert len(again.vectors) == len(many)

    with cell("gemini", Colour(name_of_colour), stream=False) as made:
        run(made, body)
