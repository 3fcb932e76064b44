"""What follows when a client goes, or waits long: real sockets, a provider that stalls, and the ledger."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from llmkit._json import dump
from llmkit._settlements import Settlement, Settlements
from llmkit.budget import Budget
from llmkit.testing.faults import Cut, SlowStart, Stall

from .._kit import MASTER, Served, gateway

ASK: dict[str, Any] = {
    "model": "fast",
    "messages": [{"role": "user", "content": "Say hello."}],
    "max_tokens": 50,
}
SOME = Stall(at=700)
"""Silence after some pieces."""
_SAID = [{"role": "user", "content": "Say hello."}]
_OF_GEMINI = {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}
_AT = "/v1beta/models/fast:streamGenerateContent?alt=sse"
FRONTS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "chat": ("/v1/chat/completions", {**ASK, "stream": True}, 700, "acompletion"),
    "messages": (
        "/v1/messages",
        {"model": "fast", "messages": _SAID, "max_tokens": 50, "stream": True},
        700,
        "anthropic_messages",
    ),
    "responses": (
        "/v1/responses",
        {"model": "fast", "input": "Say hello.", "stream": True},
        2500,
        "aresponses",
    ),
    "gemini": (_AT, _OF_GEMINI, 700, "agenerate_content"),
}
"""Where a stream is asked for, with what, after how many of the provider's bytes it is silent, and what a call is."""


@pytest.fixture(scope="module", params=["httpx", "reqwest"])
def running(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Served]:
    """A gateway with a budget for all, by each transport."""
    path = tmp_path_factory.mktemp("gateway")
    with gateway(path, transport=request.param, keep_alive=0.2) as made:
        made.gateway.budget.set_budget(Budget(5))
        yield made


@pytest.fixture
def served(running: Served) -> Iterator[Served]:
    """The same, with nothing asked yet."""
    before = _count(running)
    running.simulator.requests.clear()
    _BEFORE[running.origin] = before
    yield running
    running.simulator.heal()


_BEFORE: dict[str, int] = {}


def _count(served: Served) -> int:
    return len(served.gateway.store.perform(Settlements(1000)))


def settled(served: Served) -> tuple[Settlement, ...]:
    """All settlements of the test."""
    found: tuple[Settlement, ...] = served.gateway.store.perform(Settlements(1000))
    return found[_BEFORE[served.origin] :]


def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def held(served: Served) -> Any:
    """What is held of the budget for all."""
    (one,) = (x for x in served.gateway.budget.check_budget().limits if x.measure == "usd")
    return one.held


def _settles_once(served: Served, connections: int, call_type: str = "acompletion") -> None:
    """Of so many connections to the provider one is closed, and the call settles."""
    until(lambda: served.simulator.connections_open < connections)
    until(lambda: settled(served))
    (one,) = settled(served)
    assert one.outcome == "cancelled"
    assert one.metadata["proxy"]["call_type"] == call_type
    assert held(served) == 0
    audited = served.gateway.budget.audit()
    assert (audited.holds, audited.differences) == (0, ())


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes(served: Served, *, stream: bool) -> None:
    """The provider's connection is closed, and the call settles once; the gateway answers others."""
    served.simulator.fail(SOME if stream else Stall(at=0))
    raw = _dialled(served)
    with raw:
        _post(raw, {**ASK, "stream": stream})
        if stream:
            assert b"chat.completion.chunk" in _some(raw)
        until(lambda: served.simulator.requests)
        assert not settled(served)
        connections = served.simulator.connections_open
    _settles_once(served, connections)
    with served.client() as client:
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200
    assert len(settled(served)) == 2


def _dialled(served: Served) -> socket.socket:
    host, port = served.origin.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)))


def _post(raw: socket.socket, body: dict[str, Any], path: str = "/v1/chat/completions") -> None:
    data = dump(body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {MASTER}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    raw.sendall(head.encode() + data)


def _some(raw: socket.socket) -> bytes:
    raw.settimeout(5)
    got = b""
    while b"chat.completion.chunk" not in got:
        got += raw.recv(65536)
    return got


def test_silence_is_filled(served: Served) -> None:
    """Comments come while the provider is silent; readers pass over them."""
    served.simulator.fail(SOME)
    got = b""
    with (
        served.client(timeout=5) as client,
        client.stream("POST", "/v1/chat/completions", json={**ASK, "stream": True}) as answer,
    ):
        for piece in answer.iter_raw():
            got += piece
            if got.count(b": keep-alive\n\n") >= 2:
                # Before the loop is left: that ends the answer already.
                connections = served.simulator.connections_open
                break
    events = [one for one in got.split(b"\n\n") if one and not one.startswith(b":")]
    assert all(one.startswith(b"data: {") for one in events)
    _settles_once(served, connections)


@pytest.mark.parametrize("front", FRONTS)
def test_each_front_fills_silence_and_ends_with_its_client(served: Served, front: str) -> None:
    """Comments come between its events; when its client goes, so does the provider's connection, and it settles."""
    path, body, at, call_type = FRONTS[front]
    served.simulator.fail(Stall(at=at))
    with _dialled(served) as raw:
        _post(raw, body, path)
        raw.settimeout(5)
        got = b""
        while b"data: " not in got or b": keep-alive\n\n" not in got:
            got += raw.recv(65536)
        connections = served.simulator.connections_open
    _settles_once(served, connections, call_type)


@pytest.mark.parametrize("front", FRONTS)
def test_each_front_tells_that_a_stream_broke_off(served: Served, front: str) -> None:
    """In its own form, after what came; nothing of what is inside, and it settles once."""
    path, body, at, _ = FRONTS[front]
    served.simulator.fail(Cut(at=at))
    with served.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200
    last = [one for one in answer.text.strip().split("\n\n") if not one.startswith(":")][-1]
    assert "broke off" in last
    assert served.simulator.origin not in answer.text
    until(lambda: settled(served))
    assert len(settled(served)) == 1
    assert held(served) == 0
    with served.client() as client:
        # An answer in between: several such failures in a row would rest the deployment.
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200


def test_a_slow_start_is_waited_for(served: Served) -> None:
    """As long as nothing has come from the provider, its failure can still be the status."""
    served.simulator.fail(SlowStart(0.5))
    with served.client() as client:
        answer = client.post("/v1/chat/completions", json={**ASK, "stream": True})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_stream_that_breaks_off(served: Served) -> None:
    """What came is sent, then an event with the error; the call settles once."""
    served.simulator.fail(Cut(at=700))
    with served.client() as client:
        answer = client.post("/v1/chat/completions", json={**ASK, "stream": True})
    *pieces, last = answer.text.strip().split("\n\n")
    assert answer.status_code == 200
    assert pieces
    error = httpx.Response(200, text=last.removeprefix("data: ")).json()["error"]
    assert error["message"] == "the provider's answer broke off, or cannot be read"
    assert "[DONE]" not in answer.text
    until(lambda: settled(served))
    assert len(settled(served)) == 1
    assert held(served) == 0


def test_a_provider_that_hangs_up(served: Served) -> None:
    """It is tried again; where that fails too, it is a 502, in a stream as well."""
    for stream in (False, True):
        served.simulator.fail_always(Cut(at=0))
        with served.client(timeout=20) as client:
            answer = client.post(
                "/v1/chat/completions", json={**ASK, "stream": stream, "num_retries": 0}
            )
        assert answer.status_code == 502
        served.simulator.heal()
    assert held(served) == 0


def test_a_client_that_goes_within_its_body(served: Served) -> None:
    """Nobody is asked."""
    with _dialled(served) as raw:
        raw.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-length: 100\r\n"
            b"authorization: Bearer " + MASTER.encode() + b"\r\n\r\n{"
        )
    # The deployment may have to rest for five seconds, for what the tests before did to it.
    with served.client(timeout=30) as client:
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200
    assert len(served.simulator.requests) == 1
