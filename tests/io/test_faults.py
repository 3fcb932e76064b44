"""llmkit itself before each fault, over OpenAI's wire: what it raises or returns, in time, in each colour."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

import llmkit
from llmkit import RetryPolicy, Timeouts, errors
from llmkit.testing import Simulator, faults

from ._colour import KEY, Colour, each_colour

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
LIMIT = 0.5
AMPLE = 8.0
SLACK = 1.5  # a busy machine's, not the library's
HARMLESS = None
TIMES_OUT = errors.APITimeoutError
BROKEN = errors.APIConnectionError
UNREADABLE = errors.APIResponseValidationError
INTERRUPTED = errors.StreamInterruptedError

# By the fault's name in `faults.ALL`: what a plain call meets, and a stream where that is different.
MEETS: dict[str, Any] = {
    "cut": BROKEN,
    "cut at the head's end": BROKEN,
    "stall": TIMES_OUT,
    "stall at the head's end": TIMES_OUT,
    "split": HARMLESS,
    "malformed": UNREADABLE,
    "malformed from the start": UNREADABLE,
    "malformed sse": UNREADABLE,
    "error inside": errors.InternalServerError,
    # That an error inside a 200 was a 529, OpenAI's form does not say.
    "error inside, later": errors.InternalServerError,
    "400": errors.BadRequestError,
    "408": errors.InternalServerError,
    "500": errors.InternalServerError,
    "503": errors.ServiceUnavailableError,
    "529": errors.OverloadedError,
    "slow start": HARMLESS,
    "drip head": TIMES_OUT,
    "drip body": TIMES_OUT,
    "reset before": BROKEN,
    "reset during": (BROKEN, INTERRUPTED),
    "reset after": HARMLESS,
    "garbage": BROKEN,
    "garbage body": (UNREADABLE, INTERRUPTED),
    "content type": HARMLESS,
    "content type html": HARMLESS,
    "html page": errors.BadGatewayError,
    "html page, 200": UNREADABLE,
    # A stream is whole with its [DONE], whatever its length was said to be; a cut [DONE] is no JSON.
    "length too long": (BROKEN, HARMLESS),
    "length too short": UNREADABLE,
    "unasked": HARMLESS,
    "endless": TIMES_OUT,
    "endless line": TIMES_OUT,
    "close early": HARMLESS,
    "tls reset": BROKEN,
    "tls garbage": BROKEN,
    "tls alert": BROKEN,
    "tls stall": TIMES_OUT,
}
for limited in faults.ALL:
    if limited.startswith("429"):
        MEETS[limited] = errors.RateLimitError


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


def client_of(sim: Simulator, fault: faults.Fault | None = None) -> llmkit.Client:
    """A client that waits hardly at all before it tries again; over TLS if that is what breaks."""
    url = sim.base_url
    if isinstance(fault, faults.BreakTLS):
        url = url.replace("http://", "https://")
    policy = RetryPolicy(retries=0, first_wait=0.01)
    return llmkit.Client(api_key=KEY, base_url=url, retry=policy)


def limits(total: float) -> Timeouts:
    """Only the total counts."""
    return Timeouts(connect=total, first_token=total, idle=total, total=total)


def met(name: str, *, stream: bool) -> type[errors.LLMKitError] | None:
    """What a call in this form meets."""
    both = MEETS[name]
    kind: type[errors.LLMKitError] | None = both[stream] if isinstance(both, tuple) else both
    return kind


def test_every_fault_is_met() -> None:
    """A new fault needs a row here."""
    assert MEETS.keys() | {"bomb"} == faults.ALL.keys()


@each_form
@pytest.mark.parametrize("name", MEETS)
@each_colour
async def test_each_fault(colour: Colour, sim: Simulator, name: str, *, stream: bool) -> None:
    """A typed error that says what was sent, or an answer; in time; and nothing stays open."""
    fault, expected = faults.ALL[name], met(name, stream=stream)
    sim.fail(fault)
    client = client_of(sim, fault)
    begun = time.monotonic()
    limit = LIMIT if expected is TIMES_OUT else AMPLE
    timeout = limits(limit)
    if expected is None:
        got = await colour.ask(client, stream=stream, timeout=timeout)
        assert "You said: hi" in got.choices[0].message.content
    else:
        with pytest.raises(expected) as caught:
            await colour.ask(client, stream=stream, timeout=timeout)
        assert type(caught.value) is expected
        assert caught.value.sent == ("no" if isinstance(fault, faults.BreakTLS) else "yes")
    assert time.monotonic() - begun < limit + SLACK
    assert len(client.ledger.settlements) == 1
    await colour.close(client)
    sim.wait_closed(1)


@each_form
@each_colour
async def test_a_bomb(colour: Colour, sim: Simulator, *, stream: bool) -> None:
    """A gibibyte in a mebibyte is too much or takes too long, whichever the machine finds out first."""
    sim.fail(faults.Bomb())
    client = client_of(sim)
    begun = time.monotonic()
    with pytest.raises((UNREADABLE, TIMES_OUT)) as caught:
        await colour.ask(client, stream=stream, timeout=limits(LIMIT))
    # One read inflates to 64 MiB, which a busy machine needs its time for.
    assert time.monotonic() - begun < LIMIT + SLACK
    assert caught.value.sent == "yes"
    await colour.close(client)
    sim.wait_closed(1)


PASSING = ["cut", "503", "529", "429, retry-after", "429, x-ratelimit-reset", "429, epoch-ms"]
PASSING += ["error inside", "reset before", "html page", "garbage"]


@each_form
@pytest.mark.parametrize("name", PASSING)
@each_colour
async def test_what_passes_is_tried_again(
    colour: Colour, sim: Simulator, name: str, *, stream: bool
) -> None:
    """After a fault that may pass by itself, and before a first chunk, the second attempt is the answer."""
    sim.fail(faults.ALL[name])
    client = client_of(sim)
    got = await colour.ask(client, stream=stream, num_retries=1, timeout=limits(AMPLE))
    assert "You said: hi" in got.choices[0].message.content
    assert len(sim.requests) == 2
    await colour.close(client)
    sim.wait_closed(1)


WAITS: dict[str, float | None] = {
    "retry-after": 2.5,
    "retry-after-date": 2.5,
    "retry-after-ms": 2.5,
    "x-ratelimit-reset": 2.5,
    "anthropic-ratelimit-reset": 2.5,
    "epoch": 2.5,
    "epoch-ms": 2.5,
    "none": None,
}


@pytest.mark.parametrize("style", WAITS)
def test_when_to_come_back(sim: Simulator, style: Any) -> None:
    """Every header style ends up in `retry_after`; dates and instants have whole seconds."""
    sim.fail(faults.RateLimited(2.5, style))
    with client_of(sim) as client, pytest.raises(errors.RateLimitError) as caught:
        client.completion(model="openai/m", messages=[{"role": "user", "content": "hi"}])
    waits = WAITS[style]
    if waits is None:
        assert caught.value.retry_after is None
    else:
        assert caught.value.retry_after is not None
        # Time has passed since it was said.
        assert waits - 0.5 < caught.value.retry_after < waits + 1.1


LEFTOVERS = {"length": faults.Length(-7), "unasked": faults.Unasked()}


@each_form
@pytest.mark.parametrize("name", LEFTOVERS)
@each_colour
async def test_what_lies_behind_an_answer_is_not_the_next_one(
    colour: Colour, sim: Simulator, name: str, *, stream: bool
) -> None:
    """Bytes that were not announced are thrown away, with their connection if need be."""
    sim.fail(LEFTOVERS[name])
    client = client_of(sim)
    if name == "length":
        with pytest.raises(errors.LLMKitError):
            await colour.ask(client, stream=stream)
    else:
        await colour.ask(client, stream=stream)
    got = await colour.ask(client, stream=stream, messages=[{"role": "user", "content": "next"}])
    assert "You said: next" in got.choices[0].message.content
    await colour.close(client)


@pytest.mark.parametrize("name", ["close early", "reset after"])
@each_form
@each_colour
async def test_a_connection_that_died_idle_is_not_used(
    colour: Colour, sim: Simulator, name: str, *, stream: bool
) -> None:
    """The next call notices before it sends anything, and opens another."""
    sim.fail(faults.ALL[name])
    client = client_of(sim)
    for text in ("one", "two"):
        asked = [{"role": "user", "content": text}]
        got = await colour.ask(client, stream=stream, messages=asked)
        assert f"You said: {text}" in got.choices[0].message.content
        await colour.sleep(0.1)
    assert len(sim.requests) == 2
    await colour.close(client)
    sim.wait_closed(1)
