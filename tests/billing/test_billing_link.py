"""Billing's own connections: nobody else's, nobody records them, and a copied process has its own."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import trio

import llmkit
from llmkit._flow import Deadlines, notify, send, sleep, store
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._io._observe import Observers
from llmkit.billing._link import Link
from llmkit.errors import APIConnectionError, APITimeoutError
from llmkit.testing import FakeLago, FrozenClock, Simulator, record, replay

from ._lagos import COLOURS, SUBSCRIPTION, UNITS, billing, in_colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmkit._flow import Flow


@pytest.fixture
def fake() -> Iterator[FakeLago]:
    """A Lago with one subscription."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION)
        yield lago


class Outbox:
    """Performs by naming what it was asked."""

    def perform(self, operation: Any) -> Any:
        """Answer."""
        return f"performed {operation}"


def asked(url: str) -> Flow[HTTPResponse]:
    """One request."""
    limits = Deadlines(time.monotonic() + 5, 5, 5, 5)
    response: Any = yield from send(HTTPRequest("GET", url), limits)
    return response  # type: ignore[no-any-return]


def run(colour: str, link: Link, flow: Flow[Any]) -> Any:
    """Run a flow as its colour has it."""
    if colour == "sync":
        return link.run(flow)
    if colour == "asyncio":
        return asyncio.run(link.arun(flow))
    return trio.run(link.arun, flow)


@pytest.mark.parametrize("colour", COLOURS)
def test_all_effects_are_performed(colour: str) -> None:
    """A flow stores in the outbox, tells the callbacks, waits by the clock and sends, in any colour."""
    told: list[Any] = []
    clock = FrozenClock()
    link = Link(
        Outbox(),
        Observers([told.append]),
        clock=clock,
        send=lambda request: HTTPResponse(200, {"x-a": "b"}, request.url.encode()),
    )

    def flow() -> Flow[Any]:
        yield from notify("told")
        yield from sleep(3600)
        found = yield from store("this")
        answer = yield from asked("http://lago.invalid/x")
        return found, answer.status, answer.headers, answer.body

    begun = time.monotonic()
    found = run(colour, link, flow())
    assert found == ("performed this", 200, {"x-a": "b"}, b"http://lago.invalid/x")
    assert told == ["told"]
    assert link.requests == 1
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    "error", [APIConnectionError("gone", sent="maybe"), APITimeoutError("late")]
)
def test_what_is_raised_in_place_of_the_network_is_the_flows(colour: str, error: Exception) -> None:
    """A stand-in that raises what a driver would is an outage to the flow, and nothing else."""

    def fails(request: HTTPRequest) -> HTTPResponse:
        raise error

    link = Link(Outbox(), Observers(()), send=fails)
    with pytest.raises(type(error), match=str(error)):
        run(colour, link, asked("http://lago.invalid"))


def test_no_cassette_records_it(fake: FakeLago, tmp_path: Path) -> None:
    """While calls are recorded or replayed, billing goes to Lago all the same, and none of it is on the tape."""
    ask = "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}]
    path = tmp_path / "tape.jsonl"
    with Simulator() as sim:
        lago = billing(fake, background=False)
        options: Any = {"base_url": sim.base_url, "api_key": "sk-" + "of-nobody-0123"}
        client = llmkit.Client(billing=lago, **options)
        with record(path):
            client.completion(*ask, subscription=SUBSCRIPTION)
            assert lago.flush().delivered == 1
        assert fake.api_key not in path.read_text()
        assert "events/batch" not in path.read_text()
    before = len(fake.requests)
    with replay(path):
        client.completion(*ask, subscription=SUBSCRIPTION)
        assert lago.flush().delivered == 1
    assert len(fake.requests) == before + 1
    lago.close()


def test_it_uses_no_client_of_a_caller(fake: FakeLago) -> None:
    """An httpx client that a caller gave for his calls sees none of billing's requests."""
    import httpx

    seen: list[str] = []
    with (
        Simulator() as sim,
        httpx.Client(
            event_hooks={"request": [lambda request: seen.append(str(request.url))]}
        ) as own,
    ):
        lago = billing(fake, background=False)
        client = llmkit.Client(
            billing=lago, http_client=own, base_url=sim.base_url, api_key="sk-" + "of-nobody-0123"
        )
        client.completion(
            "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}], subscription=SUBSCRIPTION
        )
        assert lago.flush().delivered == 1
    assert len(seen) == 1
    assert str(fake.api_url) not in seen[0]
    lago.close()


@pytest.mark.parametrize("colour", COLOURS)
def test_one_connection_is_kept_for_many_requests(fake: FakeLago, colour: str) -> None:
    """Batches of a flush go over one connection, kept alive between them."""
    lago = billing(fake, background=False, batch_size=5)
    for number in range(50):
        lago.report_usage("0.0042", subscription=SUBSCRIPTION, id=f"x{number}")
    in_colour(colour, lago, "flush")
    assert fake.opened == 1
    assert len(fake.requests) == 10
    assert fake.units(SUBSCRIPTION) == 50 * UNITS
    in_colour(colour, lago, "close")
