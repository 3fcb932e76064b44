"""``Race``: flows against each other, driven in sync, on asyncio and on trio."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio

from llmkit._flow import Cancelled, Deadlines, Flow, race, send, sleep, store
from llmkit._http import HTTPRequest
from llmkit._io._http import AsyncTransports, SyncTransports
from llmkit._io._observe import Observers
from llmkit._io.aio import AsyncDriver
from llmkit._io.sync import SyncDriver
from llmkit._settlements import Settle, Settlement
from llmkit.errors import APIConnectionError
from llmkit.ledger import MemoryLedger

Runner = Callable[[Flow[Any]], Any]


class Driving:
    """Runs a flow in one colour, over transports and a ledger of its own."""

    def __init__(self, colour: str) -> None:
        self.ledger = MemoryLedger()
        self._colour = colour

    def run(self, flow: Flow[Any]) -> Any:
        if self._colour == "sync":
            transports = SyncTransports()
            try:
                return SyncDriver(transports.send, Observers(()), self.ledger).run(flow)
            finally:
                transports.close()
        if self._colour == "trio":
            return trio.run(self._arun, flow)
        return asyncio.run(self._arun(flow))

    async def _arun(self, flow: Flow[Any]) -> Any:
        transports = AsyncTransports()
        driver = AsyncDriver(transports.send, Observers(()), self.ledger, lambda work: None)
        try:
            return await driver.run(flow)
        finally:
            await transports.aclose()


@pytest.fixture(params=["sync", "asyncio", "trio"])
def driving(request: pytest.FixtureRequest) -> Driving:
    """Each colour in turn."""
    return Driving(request.param)


class Leg:
    """Legs that sleep, then return or fail, and remember that they were cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.begun: list[str] = []

    def __call__(self, name: str, seconds: float, *, fails: bool = False) -> Flow[str]:
        self.begun.append(name)
        try:
            yield from sleep(seconds)
        except Cancelled:
            self.cancelled.append(name)
            yield from store(Settle(settlement(name)))
            raise
        if fails:
            raise ValueError(name)
        return name


def settlement(name: str) -> Settlement:
    """The least settlement there is."""
    return Settlement(name, "cancelled", "p", "m", False, "no", 1, 0.0, 0.0)


def test_the_quicker_leg_wins_and_the_other_settles(driving: Driving) -> None:
    """The winner is returned with its index; the loser is cancelled and may still store its settlement."""
    leg = Leg()
    assert driving.run(race([leg("slow", 5), leg("quick", 0.05)], 0.05)) == (1, "quick")
    assert leg.cancelled == ["slow"]
    assert [s.call_id for s in driving.ledger.settlements] == ["slow"]


def test_a_later_leg_does_not_start_when_the_first_is_in_time(driving: Driving) -> None:
    """A leg whose time has not come when the race is won never begins."""
    leg = Leg()
    assert driving.run(race([leg("first", 0.02), leg("second", 0.02)], 5)) == (0, "first")
    assert leg.begun == ["first"]


def test_a_failure_starts_the_next_leg_at_once(driving: Driving) -> None:
    """Nobody waits for a leg that has failed already."""
    leg = Leg()
    began = time.monotonic()
    flows = [leg("broken", 0.01, fails=True), leg("sound", 0.01)]
    assert driving.run(race(flows, 30)) == (1, "sound")
    assert time.monotonic() - began < 10


def test_the_last_failure_is_raised_when_all_fail(driving: Driving) -> None:
    """A race without a winner fails as its last leg did."""
    leg = Leg()
    with pytest.raises(ValueError, match="b"):
        driving.run(race([leg("a", 0.01, fails=True), leg("b", 0.01, fails=True)], 0.5))


def test_no_thread_is_left(driving: Driving) -> None:
    """Losers' threads have ended when the race returns."""
    before = threading.active_count()
    leg = Leg()
    driving.run(race([leg("slow", 5), leg("quick", 0.01)], 0.01))
    assert threading.active_count() == before


@pytest.fixture
def silent() -> Iterator[tuple[str, list[bool]]]:
    """A server that reads a request and answers nothing; says whether its caller hung up."""
    listener = socket.create_server(("127.0.0.1", 0))
    hung_up: list[bool] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            received = b""
            while not received.endswith(b"{}"):
                received += connection.recv(65536)
            hung_up.append(connection.recv(1) == b"")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/", hung_up
    thread.join(10)
    listener.close()


def test_a_losers_socket_is_closed_at_once(
    driving: Driving, silent: tuple[str, list[bool]]
) -> None:
    """A loser that waits for an answer hangs up, rather than waiting for its timeout."""
    url, hung_up = silent
    deadlines = Deadlines(time.monotonic() + 60, 60, 60, 60)

    def waiting() -> Flow[Any]:
        return (yield from send(HTTPRequest("POST", url, {}, b"{}"), deadlines))

    began = time.monotonic()
    assert driving.run(race([waiting(), Leg()("quick", 0.2)], 0.1)) == (1, "quick")
    assert time.monotonic() - began < 10
    for _ in range(100):
        if hung_up:
            break
        time.sleep(0.05)
    assert hung_up == [True]


def test_a_refused_connection_loses_to_a_sleeping_leg(driving: Driving) -> None:
    """A transport's failure inside a leg is a failure like any other."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()
    deadlines = Deadlines(time.monotonic() + 5, 5, 5, 5)
    refused: list[BaseException] = []

    def refusing() -> Flow[Any]:
        try:
            return (yield from send(HTTPRequest("POST", url, {}, b"{}"), deadlines))
        except APIConnectionError as error:
            refused.append(error)
            raise

    assert driving.run(race([refusing(), Leg()("sound", 0.01)], 30)) == (1, "sound")
    assert len(refused) == 1
