"""Chats over a WebSocket: the protocol, over a real socket with the websockets library as its client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from llmkit.proxy.endpoints import socket as module
from llmkit.proxy.endpoints.socket import PROTOCOL
from llmkit.testing import faults

from .._kit import MASTER, Served, gateway, shown
from ._keys import new_key

ASKED = {"model": "fast", "messages": [{"role": "user", "content": "Say something"}]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that listens."""
    with gateway(tmp_path_factory.mktemp("proxy")) as made:
        yield made


def opened(served: Served, path: str = "/v1/chat/completions", **how: Any) -> ClientConnection:
    """A connection, with the master key where nothing else is said."""
    how.setdefault("additional_headers", shown(MASTER))
    socket: ClientConnection = connect(
        served.origin.replace("http", "ws") + path, proxy=None, **how
    )
    return socket


def asked(socket: ClientConnection, **said: Any) -> list[Any]:
    """All that comes of a request, to its end."""
    socket.send(json.dumps({**ASKED, **said}))
    return list(ended(socket))


def ended(socket: ClientConnection) -> Iterator[Any]:
    """The messages up to one that ends a chat."""
    while True:
        message = json.loads(socket.recv(timeout=20))
        yield message
        if "error" in message or message.get("type") in {"done", "cancelled"}:
            return


def _arrived(served: Served, before: int) -> None:
    """Wait until the provider has been asked once more."""
    until = time.monotonic() + 20
    while len(served.simulator.requests) == before and time.monotonic() < until:
        time.sleep(0.01)
    assert len(served.simulator.requests) == before + 1


def text(messages: list[Any]) -> str:
    """What the chunks say together."""
    return "".join(m["choices"][0]["delta"].get("content") or "" for m in messages)


def test_a_chat_comes_in_chunks(served: Served) -> None:
    """As OpenAI's objects, then what was used; and the next on the same connection."""
    with opened(served) as socket:
        *chunks, done = asked(socket)
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        assert done["type"] == "done"
        assert done["usage"]["completion_tokens"] > 0
        *again, _ = asked(socket, type="request")
    with served.client() as http:
        whole = http.post("/v1/chat/completions", json=ASKED).json()
    assert text(chunks) == text(again) == whole["choices"][0]["message"]["content"]


def test_a_key_may_stand_in_a_subprotocol(served: Served) -> None:
    """Where a browser asks, which can send no header; our protocol is the one that is agreed on."""
    for beginning in ("llmkit.key.", "openai-insecure-api-key."):
        offered = [PROTOCOL, beginning + new_key(served)]
        with opened(served, additional_headers={}, subprotocols=offered) as socket:
            assert socket.subprotocol == PROTOCOL
            assert asked(socket)[-1]["type"] == "done"


@pytest.mark.parametrize("headers", [{}, shown("sk-" + "nobody"), {"cookie": "llmkit_session=x"}])
def test_strangers_are_not_let_in(served: Served, headers: dict[str, str]) -> None:
    """They are answered as over HTTP."""
    with pytest.raises(InvalidStatus) as failed, opened(served, additional_headers=headers):
        pass
    assert failed.value.response.status_code == 401
    assert json.loads(failed.value.response.body or b"")["error"]["message"]


def test_a_page_of_another_site_has_no_session(served: Served) -> None:
    """A browser would send the cookie with its connection."""
    headers = {"cookie": "llmkit_session=session-x", "origin": "https://elsewhere.example"}
    with pytest.raises(InvalidStatus) as failed, opened(served, additional_headers=headers):
        pass
    assert failed.value.response.status_code == 403


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("nonsense", None),
        ("[]", None),
        ('{"type": "dance"}', "type"),
        (json.dumps({"messages": []}), "model"),
        (json.dumps({**ASKED, "messages": []}), "messages"),
        (json.dumps({**ASKED, "base_url": "http://127.0.0.1:1"}), "base_url"),
    ],
)
def test_mistakes_are_told_and_the_connection_stays(
    served: Served, message: str, param: str | None
) -> None:
    """In the form of errors over HTTP."""
    with opened(served) as socket:
        socket.send(message)
        error = json.loads(socket.recv(timeout=20))["error"]
        assert error["param"] == param
        assert asked(socket)[-1]["type"] == "done"


def test_models_that_are_not_the_keys_are_refused(served: Served) -> None:
    """Each time it asks."""
    with opened(served, additional_headers=shown(new_key(served, models=["claude"]))) as socket:
        assert asked(socket)[-1]["error"]["type"] == "key_model_access_denied"
        assert asked(socket, model="claude")[-1]["type"] == "done"


def test_a_chat_names_no_file_of_another_keys(served: Served) -> None:
    """The model would tell what is in it."""
    part = {"type": "file", "file": {"file_id": "file-of-another"}}
    said = [{"role": "user", "content": [part]}]
    with opened(served, additional_headers=shown(new_key(served))) as socket:
        assert asked(socket, messages=said)[-1]["error"]["type"] == "not_found_error"


def test_a_failure_upstream_is_told(served: Served) -> None:
    """And nothing of what is inside."""
    served.simulator.fail(faults.Status(400))
    with opened(served) as socket:
        assert asked(socket)[-1]["error"]["code"]


def test_a_cancelled_chat_ends_upstream(served: Served) -> None:
    """And the next one is answered; to cancel what has ended does nothing."""
    served.simulator.fail(faults.Stall(30))
    before = len(served.simulator.requests)
    with opened(served) as socket:
        socket.send(json.dumps(ASKED))
        _arrived(served, before)
        socket.send(json.dumps(ASKED))
        assert "under way" in json.loads(socket.recv(timeout=20))["error"]["message"]
        socket.send('{"type": "cancel"}')
        assert json.loads(socket.recv(timeout=20)) == {"type": "cancelled"}
        socket.send('{"type": "cancel"}')
        assert asked(socket)[-1]["type"] == "done"


def test_a_client_that_goes_ends_its_chat(served: Served) -> None:
    """The provider's connection is closed."""
    served.simulator.fail(faults.Stall(30))
    before = len(served.simulator.requests)
    with opened(served) as socket:
        socket.send(json.dumps(ASKED))
        _arrived(served, before)
    until = time.monotonic() + 10
    running = served.gateway.calls._table.members
    while any(one.running for one in running) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(one.running for one in running)


def test_a_silent_connection_is_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while."""
    monkeypatch.setattr(module, "_IDLE", 0.05)
    with opened(served) as socket, pytest.raises(ConnectionClosed) as failed:
        socket.recv(timeout=10)
    assert failed.value.rcvd
    assert failed.value.rcvd.code == 1001
