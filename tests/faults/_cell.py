"""One call that meets one fault: a simulator, a client of it, and everything that is asked afterwards."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import pickle
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

import llmkit
from llmkit import RetryPolicy, Timeouts, errors
from llmkit._settlements import Settlement
from llmkit.events import CallFinished, CallStarted
from llmkit.testing import Simulator, faults
from llmkit.testing._answer import Answer, answer
from llmkit.testing._asked import Asked

from ..io._colour import COLOURS, Colour, collect, text_of
from ._table import KEY, TABLE, WIRES, Outcome

FULL = bool(os.environ.get("LLMKIT_FULL"))
MODELS = {
    "openai": "openai/gpt-4o-mini",
    "anthropic": "anthropic/claude-haiku-4-5",
    "gemini": "gemini/gemini-2.5-flash",
    "ollama": "ollama/llama3.2",
    "cohere": "cohere/command-a-03-2025",
    "bedrock": "bedrock/us.anthropic.claude-sonnet-4-6",
    "responses": "openai/responses/gpt-4o-mini",
}
HELLO = [{"role": "user", "content": "hello there"}]
SAID = "You said: hello there"
LIMIT = 0.15
TOTAL = 0.25
AMPLE = 8.0
SLACK = 1.5  # a busy machine's, not the library's
CERTIFICATE = Path(__file__).parents[1] / "io" / "self_signed.pem"

each_wire = pytest.mark.parametrize("wire", WIRES)
each_colour_name = pytest.mark.parametrize("name_of_colour", COLOURS)
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def spread(*axes: Sequence[Any], full: bool = FULL) -> list[tuple[Any, ...]]:
    """Each combination of the axes in one colour, or with LLMKIT_FULL in all of them.

    The colours go round along every axis: any value of an axis of three or more, beside given others, meets all three.
    """
    places = itertools.product(*(range(len(axis)) for axis in axes))
    chosen = ((p, range(len(COLOURS)) if full else [sum(p) % len(COLOURS)]) for p in places)
    return [
        (*(axis[at] for axis, at in zip(axes, place, strict=True)), COLOURS[colour])
        for place, colours in chosen
        for colour in colours
    ]


@dataclass(slots=True)
class Met:
    """What came of one call."""

    chunks: list[Any] = field(default_factory=list)
    seconds: float = 0.0
    answer: Any = None
    error: errors.APIError | None = None

    @property
    def text(self) -> str:
        """What the reader has got."""
        if self.chunks:
            return text_of(self.chunks)
        return str(self.answer.choices[0].message.content) if self.answer else ""


@dataclass(slots=True)
class Cell:
    """A simulator and a client of one of its wires, in one colour and form."""

    wire: str
    colour: Colour
    stream: bool
    sim: Simulator
    client: Any
    seen: list[Any]

    async def ask(self, **params: Any) -> Met:
        """One call; an error of the library's own tree is an outcome, any other is raised."""
        met, begun = Met(), time.monotonic()
        params = {"model": MODELS[self.wire], "messages": HELLO, **params}
        try:
            if self.stream:
                opened = await self.colour.open(self.client, **params)
                try:
                    await collect(opened, met.chunks)
                finally:
                    met.answer = opened.response
            else:
                met.answer = await self.colour.call(self.client, **params)
        except errors.APIError as error:
            met.error = error
        met.seconds = time.monotonic() - begun
        return met

    @property
    def settlements(self) -> tuple[Settlement, ...]:
        """What was settled, oldest first."""
        return tuple(self.client.ledger.settlements)

    async def open_at_most(self, most: int) -> None:
        """Wait until no more connections than these are open: the simulator sees an end a little later."""
        await self._eventually(lambda: self.sim.connections_open <= most)
        assert self.sim.connections_open <= most

    async def received(self, requests: int) -> None:
        """Wait until so many requests were read, which on a busy machine may be after their callers gave up."""
        await self._eventually(lambda: len(self.sim.requests) >= requests)
        assert len(self.sim.requests) >= requests

    async def _eventually(self, true: Callable[[], bool]) -> None:
        until = time.monotonic() + 2
        while not true() and time.monotonic() < until:
            await self.colour.sleep(0.001)


def limits(expected: Outcome | None = None, **given: float) -> Timeouts:
    """Tight where the time has to run out, ample elsewhere."""
    tight = {expected.late.replace(" ", "_"): LIMIT} if expected and expected.late else {}
    tight = {"total": TOTAL} if "total" in tight else tight
    ample = dict.fromkeys(("connect", "first_token", "idle", "total"), AMPLE)
    return Timeouts(**{**ample, **tight, **given})


@contextmanager
def cell(
    wire: str,
    colour: Colour,
    *,
    stream: bool,
    tls: bool = False,
    say: Callable[[Asked], Answer] = answer,
    **options: Any,
) -> Iterator[Cell]:
    """A cell, and the proof that nothing of it is left behind: no thread, and no warning of anything unclosed."""
    threads = set(threading.enumerate())
    seen: list[Any] = []
    with Simulator(say=say, certificate=CERTIFICATE if tls else None) as sim:
        policy = RetryPolicy(retries=0, first_wait=0.005, longest_wait=0.01)
        base = sim.base_url_for(MODELS[wire].partition("/")[0])
        given = {"api_key": KEY, "base_url": base, "retry": policy, **options}
        client = llmkit.Client(verify=not tls, callbacks=[seen.append], **given)
        yield Cell(wire, colour, stream, sim, client, seen)
    del client
    # What was not closed is told by the collector, as a warning, which is an error.
    gc.collect()
    # What looks after withdrawn requests ends with the last of them.
    until = time.monotonic() + 2
    while not set(threading.enumerate()) <= threads and time.monotonic() < until:
        time.sleep(0.001)
    assert set(threading.enumerate()) <= threads


def run(made: Cell, body: Any) -> None:
    """Run an async function in the cell's colour, and see that no task and no connection outlives it."""

    async def whole() -> None:
        before = tasks()
        await body()
        await made.colour.close(made.client)
        await made.open_at_most(0)
        assert tasks() <= before

    made.colour.run(whole)
    made.sim.wait_closed(0)


def tasks() -> int:
    """How many tasks the running loop has."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        pass
    try:
        return trio.lowlevel.current_statistics().tasks_living
    except RuntimeError:
        return 0


def check(made: Cell, met: Met, expected: Outcome) -> None:
    """The call ended as the table says, was settled once, and told no secret."""
    if expected.error is None:
        assert met.error is None, repr(met.error)
        assert SAID in met.text
    else:
        check_error(made, met, expected)
    check_settlement(made, expected)


def check_error(made: Cell, met: Met, expected: Outcome) -> None:
    """The error is of the class expected, and says everything that it has to say."""
    error = met.error
    assert type(error) is expected.error, repr(error or met.answer)
    assert error is not None
    assert not expected.late or error.message.startswith(f"timed out: {expected.late} ")
    said = (error.status_code, error.retryable, error.sent)
    assert said == (expected.status, expected.retryable, expected.sent), said
    # What only says whose rules hold is no part of a name.
    assert MODELS[made.wire].replace("responses/", "") == f"{error.provider}/{error.model}"
    (attempt,) = error.attempts
    assert (attempt.number, attempt.sent) == (1, expected.sent)
    check_partial(met, expected)
    check_no_secret(error)


def check_partial(met: Met, expected: Outcome) -> None:
    """What had come of the answer is on the error, on the stream and with the reader, and nowhere else."""
    error = met.error
    assert error is not None
    if not expected.begun:
        assert error.partial is None
        assert not met.chunks
        return
    assert met.chunks
    for partial in (error.partial, met.answer):
        assert (partial.choices[0].message.content or "") == met.text
    assert error.partial.call.id == met.answer.call.id


def check_no_secret(error: errors.APIError) -> None:
    """The key is nowhere: not in the error's text, its state, its pickle, or its causes."""
    told = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    assert not any(KEY in text for text in told), told
    assert KEY.encode() not in pickle.dumps(error)
    assert _is_ours(error.__cause__)
    assert _is_ours(error.__context__)


def _is_ours(cause: BaseException | None) -> bool:
    """No exception of a transport travels along: it would hold a request, and with it a key."""
    origin = type(cause).__module__.partition(".")[0]
    return origin in ("builtins", "llmkit") and not isinstance(cause, OSError)


def check_settlement(made: Cell, expected: Outcome) -> None:
    """One settlement, one end told, and both say how it was."""
    (settled,) = made.settlements
    said = (settled.outcome, settled.sent, settled.cost_status, settled.usage_source)
    assert said == (expected.settled, expected.sent, expected.cost, expected.usage), said
    assert (settled.attempts, settled.stream) == (1, made.stream)
    assert (settled.cost is None) == (expected.cost == "unknown")
    assert settled.cost_reason or expected.cost == "exact"
    assert [type(e) for e in made.seen if isinstance(e, CallStarted | CallFinished)] == [
        CallStarted,
        CallFinished,
    ]
    assert KEY not in repr(settled)
    assert KEY not in repr(made.seen)


def is_tls(name: str) -> bool:
    """Whether a fault is met by a handshake only."""
    return isinstance(TABLE[name].fault, faults.BreakTLS)
