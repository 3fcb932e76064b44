"""A key that is blocked, deleted or replaced while its stream comes: real sockets, and the ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from typing_extensions import override

from llmkit._settlements import Settlement, Settlements
from llmkit.proxy.auth.keys import token_of
from llmkit.testing.faults import Fault

from .._kit import Served, gateway

ASK: dict[str, Any] = {
    "model": "fast",
    "messages": [{"role": "user", "content": "Say hello."}],
    "max_tokens": 50,
    "stream": True,
}
CHAT = "/v1/chat/completions"


class Paused(Fault):
    """Silence in the middle of a stream, until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    @override
    def steps(self, turn: Any) -> Iterator[Any]:
        for number, step in enumerate(super().steps(turn)):
            yield step
            while number == 2 and not self.go_on.is_set():
                yield 0.01


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that listens."""
    with gateway(tmp_path_factory.mktemp("gateway")) as made:
        yield made


def settled(served: Served, token: str) -> list[Settlement]:
    """All settlements of a key's calls."""
    every: tuple[Settlement, ...] = served.gateway.store.perform(Settlements(1000))
    return [one for one in every if one.metadata["proxy"]["key"] == token]


def changed(client: httpx.Client, how: str, key: str) -> dict[str, Any]:
    """What the administrator is answered."""
    body = {"keys": [key]} if how == "delete" else {"key": key}
    answer = client.post(f"/key/{how}", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def streamed(served: Served, client: httpx.Client, how: str, key: str) -> tuple[str, Any]:
    """A stream of a key that is changed in its middle: all of it, and what the change was answered."""
    pause, told = Paused(), None
    served.simulator.fail(pause)
    with served.client(key, timeout=20) as theirs, theirs.stream("POST", CHAT, json=ASK) as answer:
        got = ""
        for piece in answer.iter_text():
            got += piece
            if told is None:
                told = changed(client, how, key)
                pause.go_on.set()
    return got, told


@pytest.mark.parametrize("how", ["block", "delete", "regenerate"])
def test_its_stream_comes_to_its_end(served: Served, how: str) -> None:
    """It was let in, and its provider asked: it settles once, for the key; the next request is refused."""
    with served.client() as client:
        key = client.post("/key/generate", json={"max_budget": 1}).json()["key"]
        got, told = streamed(served, client, how, key)
        assert '"finish_reason":"stop"' in got
        assert got.endswith("data: [DONE]\n\n")
        (one,) = settled(served, token_of(key))
        assert one.outcome == "completed"
        assert one.cost
        _is_counted(client, how, told.get("key") if how == "regenerate" else key, one)
        with served.client(key) as theirs:
            assert theirs.post(CHAT, json=ASK).status_code == 401
    assert len(settled(served, token_of(key))) == 1
    audited = served.gateway.budget.audit()
    assert (audited.holds, audited.differences) == (0, ())


def _is_counted(client: httpx.Client, how: str, key: Any, one: Settlement) -> None:
    """In the key's spend, which goes on under the next one; of one that is gone, in the request log."""
    if how != "delete":
        spent = client.get("/key/info", params={"key": key}).json()["info"]["spend"]
        assert Decimal(str(spent)) == one.cost
        return
    assert client.get("/key/info", params={"key": key}).status_code == 404
    end, rows = time.monotonic() + 20, list[Any]()
    while not rows and time.monotonic() < end:
        # The log follows the ledger.
        rows = client.get("/spend/logs", params={"api_key": token_of(key)}).json()
    assert [Decimal(str(row["spend"])) for row in rows] == [one.cost]
