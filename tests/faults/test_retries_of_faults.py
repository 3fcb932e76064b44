"""What passes is tried again, what does not is not; what a stream's reader has seen is never repeated."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmkit import Timeouts, errors
from llmkit.testing import faults

from ..io._colour import COLOURS, Colour
from ._cell import (
    AMPLE,
    LIMIT,
    MODELS,
    SAID,
    SLACK,
    Cell,
    cell,
    check_error,
    each_colour_name,
    each_form,
    each_wire,
    is_tls,
    limits,
    run,
    spread,
)
from ._table import KEY, TABLE, WIRES, Outcome

# They wait for a whole second to pass: they have a test of their own.
WHOLE_SECONDS = ("429, retry-after-date", "429, anthropic-ratelimit-reset", "429, epoch")
# What only the total time ends leaves none for another attempt.
TRIED = [n for n in faults.ALL if not n.startswith("endless") and n not in WHOLE_SECONDS]
FORMS = (False, True)
WAITS = {"429, retry-after", "429, retry-after-ms", "429, x-ratelimit-reset", "429, epoch-ms"}


def patient(expected: Outcome) -> Timeouts:
    """Each attempt's limits are tight where they run out; the whole call's is not."""
    return limits(expected, total=AMPLE)


@pytest.mark.parametrize(("name", "wire", "stream", "name_of_colour"), spread(TRIED, WIRES, FORMS))
def test_each_fault_once(name: str, wire: str, name_of_colour: str, *, stream: bool) -> None:
    """One call, with two retries: as many requests as its fault is worth, and one settlement."""
    fault, expected = TABLE[name].fault, TABLE[name].meets(wire, stream=stream)
    with cell(wire, Colour(name_of_colour), stream=stream, tls=is_tls(name)) as made:

        async def body() -> None:
            made.sim.fail(fault)
            met = await made.ask(timeout=patient(expected), num_retries=2)
            await made.received(0 if expected.sent == "no" else 1)
            if expected.error is not None and not expected.passes:
                check_error(made, met, expected)
                check_attempts(made, expected, 1)
            else:
                assert met.error is None, repr(met.error)
                assert SAID in met.text
                check_attempts(made, expected, 1 if expected.error is None else 2)
                check_wait(name, made, met)

        run(made, body)


def check_attempts(made: Cell, expected: Outcome, tried: int) -> None:
    """So many attempts were made, each known by how it ended, under one settlement."""
    (settled,) = made.settlements
    # On a busy machine an answer may be too late for a limit that is tight: then the third attempt has it.
    late = settled.attempts - tried
    assert 0 <= late <= (tried > 1 and bool(expected.late))
    # A handshake that failed was no request.
    requests = tried - (expected.sent == "no")
    assert requests <= len(made.sim.requests) <= requests + late
    if tried > 1:
        assert (settled.outcome, settled.sent) == ("completed", "yes")
        assert (settled.usage_source, settled.cost_status) == ("reported", "exact")


def check_wait(name: str, made: Cell, met: Any) -> None:
    """The second attempt says what the first one was, and waited as it was asked to."""
    attempts = met.answer.call.attempts
    if len(attempts) == 1:
        return
    first, second, *rest = attempts
    expected = TABLE[name].meets(made.wire, stream=made.stream)
    assert expected.error is not None
    assert (first.error, first.sent, first.status_code) == (
        expected.error.__name__,
        expected.sent,
        expected.status,
    )
    last = [second, *rest][-1]
    assert (last.error, last.sent, second.number) == (None, "yes", 2)
    asked = name in WAITS or (name == "429, body" and made.wire == "gemini")
    # Time has passed between the moment that was told and its being read.
    assert second.waited >= (0.03 if name == "429, epoch-ms" else 0.05 if asked else 0)
    assert asked or second.waited < 0.05
    assert second.started - first.started - first.seconds >= second.waited * 0.9 - _tick()


def _tick() -> float:
    """By how much a loop's timers may be early: uvloop's count milliseconds, the others' are never."""
    policy = type(asyncio.get_event_loop_policy())
    return 0.001 if policy.__module__.startswith("uvloop") else 0.0


@pytest.mark.parametrize("name", WHOLE_SECONDS)
@pytest.mark.parametrize(("wire", "name_of_colour"), list(zip(WIRES, COLOURS, strict=True)))
def test_whole_seconds_are_waited_for(wire: str, name_of_colour: str, name: str) -> None:
    """An instant that is told in whole seconds has come when the second attempt is made."""
    with cell(wire, Colour(name_of_colour), stream=name_of_colour == "trio") as made:

        async def body() -> None:
            made.sim.fail(TABLE[name].fault)
            met = await made.ask(timeout=limits(), num_retries=1)
            assert met.error is None
            first, second = met.answer.call.attempts
            assert int(second.started) > int(first.started)

        run(made, body)


PASSES = ("cut", "503", "error inside", "reset before", "garbage", "429, none")


@each_form
@each_colour_name
@each_wire
def test_retries_are_used_up(wire: str, name_of_colour: str, *, stream: bool) -> None:
    """The last failure is the call's, and it knows of those before it."""
    with cell(wire, Colour(name_of_colour), stream=stream) as made:

        async def body() -> None:
            made.sim.fail(*(TABLE[name].fault for name in PASSES))
            met = await made.ask(timeout=limits(), num_retries=len(PASSES) - 1)
            rows = [TABLE[name].meets(wire, stream=stream) for name in PASSES]
            kinds = [row.error.__name__ for row in rows if row.error is not None]
            assert met.error is not None
            assert [attempt.error for attempt in met.error.attempts] == kinds
            assert type(met.error).__name__ == kinds[-1]
            (settled,) = made.settlements
            assert (settled.outcome, settled.attempts) == ("failed", len(PASSES))
            # Some of them may have been billed.
            assert settled.cost_status == "unknown"
            assert len(made.sim.requests) == len(PASSES)

        run(made, body)


@each_colour_name
@each_wire
def test_a_stall_uses_up_the_whole_time(wire: str, name_of_colour: str) -> None:
    """However many retries there are, the call as a whole keeps to its total time."""
    with cell(wire, Colour(name_of_colour), stream=False) as made:

        async def body() -> None:
            made.sim.fail_always(faults.Stall(at=0))
            times = Timeouts(connect=AMPLE, first_token=0.1, idle=AMPLE, total=0.6)
            met = await made.ask(timeout=times, num_retries=50)
            assert type(met.error) is errors.APITimeoutError
            assert 0.1 < met.seconds < 0.6 + SLACK
            assert 1 < len(met.error.attempts) <= 6

        run(made, body)


FALLS = (*PASSES, "malformed from the start", "400", "html page, 200", "stall at the head's end")


@pytest.mark.parametrize(("name", "wire", "stream", "name_of_colour"), spread(FALLS, WIRES, FORMS))
def test_another_wire_answers(name: str, wire: str, name_of_colour: str, *, stream: bool) -> None:
    """A fault on the first deployment, whatever it is, and a fallback on another wire: one answer, one settlement."""
    expected = TABLE[name].meets(wire, stream=stream)
    second = WIRES[(WIRES.index(wire) + 1) % len(WIRES)]
    with cell(wire, Colour(name_of_colour), stream=stream) as made:

        async def body() -> None:
            made.sim.fail(TABLE[name].fault)
            other = {
                "model": MODELS[second],
                "base_url": made.sim.base_url_for(second),
                "api_key": KEY,
            }
            # The second deployment has the same limits, and shall keep them on a busy machine, too.
            times = limits(expected, total=AMPLE, first_token=0.5 if expected.late else AMPLE)
            met = await made.ask(timeout=times, fallbacks=[other])
            assert met.error is None, repr(met.error)
            assert SAID in met.text
            assert [a.provider for a in met.answer.call.attempts] == [wire, second]
            (settled,) = made.settlements
            assert (settled.provider, settled.attempts) == (second, 2)
            assert (settled.outcome, settled.usage_source) == ("completed", "reported")
            assert len(made.sim.requests) == 2

        run(made, body)


@each_colour_name
@each_wire
@pytest.mark.parametrize("name", ["cut in an event", "malformed, later", "stall in an event"])
def test_what_has_been_seen_is_not_answered_again(
    name: str, wire: str, name_of_colour: str
) -> None:
    """Behind the first chunk there is neither a retry nor a fallback."""
    expected = TABLE[name].meets(wire, stream=True)
    assert expected.begun
    with cell(wire, Colour(name_of_colour), stream=True) as made:

        async def body() -> None:
            made.sim.fail(TABLE[name].fault)
            other = {"model": MODELS[wire], "base_url": made.sim.base_url_for(wire)}
            met = await made.ask(timeout=patient(expected), num_retries=2, fallbacks=[other])
            check_error(made, met, expected)
            assert met.seconds < AMPLE
            assert len(made.sim.requests) == 1
            assert len(made.settlements) == 1

        run(made, body)


def test_what_is_late_is_late_by_its_limit() -> None:
    """The limits that these tests set are those that the table names."""
    named = {
        row.meets(wire, stream=s).late for row in TABLE.values() for wire in WIRES for s in (0, 1)
    }
    assert named == {"", "connect", "first token", "idle", "total"}
    assert limits(TABLE["stall at the head's end"].plain).first_token == LIMIT
