"""Tokens that are granted: kept, renewed early, fetched once however many wait, in threads and on event loops."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import llmkit
from llmkit import errors, providers
from llmkit._flow import Flow, sleep
from llmkit._http import HTTPRequest
from llmkit._secret import Secret
from llmkit.providers import Identity, Provider
from llmkit.providers._tokens import Grant, asked, granted
from llmkit.testing import FrozenClock, Simulator
from llmkit.testing.faults import ALL
from llmkit.wires.openai_embeddings import OpenAIEmbeddings

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "test-key-" + "0123456789"


@dataclass
class Exchanging:
    """An auth that exchanges the key for a token that lives ``life`` seconds."""

    life: float = 3600.0
    pause: float = 0.0
    failing: list[Exception] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        token = yield from granted(identity, ("t", identity.secret), lambda: self._grant(identity))
        identity.show(Secret(token))
        return request.with_headers({"authorization": f"Bearer {token}"})

    def _grant(self, identity: Identity) -> Flow[Grant]:
        if self.pause:
            yield from sleep(self.pause)
        if self.failing:
            raise self.failing.pop()
        with self.lock:
            self.made.append(f"granted-token-{len(self.made)}")
        return Grant(self.made[-1], identity.wall() + self.life, identity.wall())


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A server."""
    with Simulator() as running:
        yield running


def provider(auth: Any) -> Provider:
    """A provider with this auth."""
    calls = {"embedding": OpenAIEmbeddings()}
    return Provider(name="granting", base_url="https://h.test", calls=calls, auth=auth)


def shown(simulator: Simulator) -> list[str]:
    """The tokens that came."""
    return [r.headers["authorization"].removeprefix("Bearer ") for r in simulator.requests]


def test_a_token_is_kept_and_renewed(simulator: Simulator) -> None:
    """One token serves until shortly before its end, then another one; where that is refused, the old one."""
    auth, clock = Exchanging(life=1000.0), FrozenClock()
    with providers.lend(provider(auth)), llmkit.Client(clock=clock) as client:

        def call() -> str:
            client.embedding("granting/m", "a", api_key=KEY, base_url=simulator.base_url)
            return shown(simulator)[-1]

        assert [call(), call()] == ["granted-token-0"] * 2
        clock.sleep(799.0)
        assert call() == "granted-token-0"
        auth.failing.append(errors.APIConnectionError("down", sent="no"))
        clock.sleep(2.0)
        assert call() == "granted-token-0"
        assert call() == "granted-token-1"
        clock.sleep(2000.0)
        assert call() == "granted-token-2"


def test_each_client_and_key_has_its_own(simulator: Simulator) -> None:
    """A token is never shown for another key, nor kept beyond its client."""
    auth = Exchanging()
    with providers.lend(provider(auth)):
        for key in (KEY, KEY + "1", KEY):
            with llmkit.Client() as client:
                client.embedding("granting/m", "a", api_key=key, base_url=simulator.base_url)
        with llmkit.Client() as client:
            for key in (KEY, KEY + "1", KEY):
                client.embedding("granting/m", "a", api_key=key, base_url=simulator.base_url)
    assert [token[-1] for token in shown(simulator)] == ["0", "1", "2", "3", "4", "3"]


def test_threads_wait_for_one(simulator: Simulator) -> None:
    """Many threads at once make one exchange."""
    auth = Exchanging(pause=0.05)
    with providers.lend(provider(auth)), llmkit.Client() as client, ThreadPoolExecutor(8) as pool:
        where: dict[str, Any] = {"api_key": KEY, "base_url": simulator.base_url}
        list(pool.map(lambda n: client.embedding("granting/m", "a", **where), range(16)))
    assert auth.made == ["granted-token-0"]
    assert len(simulator.requests) == 16


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_wait_for_one(simulator: Simulator, backend: str) -> None:
    """Many tasks at once make one exchange; one that fails leaves it to the next."""
    auth = Exchanging(pause=0.05)
    auth.failing.append(errors.AuthenticationError("refused", sent="no"))
    refused: list[errors.AuthenticationError] = []

    async def main() -> None:
        async with llmkit.Client() as client, anyio.create_task_group() as group:

            async def call() -> None:
                try:
                    await client.aembedding(
                        "granting/m", "a", api_key=KEY, base_url=simulator.base_url
                    )
                except errors.AuthenticationError as error:
                    refused.append(error)

            for _ in range(8):
                group.start_soon(call)

    with providers.lend(provider(auth)):
        anyio.run(main, backend=backend)
    assert auth.made == ["granted-token-0"]
    assert (len(refused), len(simulator.requests)) == (1, 7)


@dataclass
class Asking:
    """An auth that asks a server."""

    url: str

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        answer = yield from asked(identity, HTTPRequest("GET", self.url), "the token server")
        return request.with_headers({"x-answered": str(answer.status)})


@pytest.mark.parametrize(
    ("fault", "kind", "retries"),
    [
        (None, None, 0),
        ("400", errors.AuthenticationError, 0),
        ("503", errors.APIConnectionError, 0),
        ("503", None, 1),
        ("reset before", errors.APIConnectionError, 0),
    ],
)
def test_a_server_of_tokens(
    simulator: Simulator, fault: str | None, kind: type[Exception] | None, retries: int
) -> None:
    """What it refuses is an authentication error, what it cannot do now is tried again; nothing was sent."""
    with Simulator() as tokens:
        tokens.fail(ALL[fault] if fault else None)
        made = provider(Asking(f"{tokens.base_url}/chat/completions?{KEY}"))
        options: dict[str, Any] = {"base_url": simulator.base_url, "num_retries": retries}
        options["extra_headers"] = {"authorization": f"Bearer {KEY}"}
        # The simulated server answers GET with 405: only a fault that comes before it lets one see more.
        with providers.lend(made), llmkit.Client() as client:
            if fault is None or retries:
                kind = errors.AuthenticationError
            assert kind is not None
            with pytest.raises(kind) as raised:
                client.embedding("granting/m", "a", **options)
    assert "the token server" in str(raised.value)
    assert KEY not in str(raised.value)
    assert raised.value.sent == "no"  # type: ignore[attr-defined]
    assert not simulator.requests
    assert client.ledger.settlements[-1].cost == 0


def test_grants_do_not_show() -> None:
    """A token is not in a representation."""
    assert KEY not in repr(Grant(KEY))
    assert Grant(KEY).renew == float("inf")
    assert Grant(KEY, 1000.0, 0.0).renew == 800.0
    assert Grant(KEY, 10000.0, 0.0).renew == 9700.0
