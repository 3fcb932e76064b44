"""A function as ``api_key``: asked before every request of every kind of call, so that keys may change."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import llmkit
from llmkit import errors, providers
from llmkit._secret import Secret
from llmkit.testing import FrozenClock, Simulator, faults, no_network
from llmkit.wires.openai_embeddings import OpenAIEmbeddings

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBED = {"model": "openai/text-embedding-3-small", "input": "a"}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A server."""
    with Simulator() as running:
        yield running


class Rotating:
    """A key for each time that it is asked for, in every form that a function may have."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def plain(self) -> str:
        """Blocking."""
        return f"test-key-{next(self.numbers)}"

    async def later(self) -> str:
        """Awaited."""
        await anyio.lowlevel.checkpoint()
        return self.plain()

    def secret(self) -> Secret:
        """Hidden already."""
        return Secret(self.plain())


FORMS = ["plain", "later", "secret"]


def keys(simulator: Simulator) -> list[str]:
    """What was shown to the server."""
    return [request.headers["authorization"] for request in simulator.requests]


def made(simulator: Simulator, key: Callable[[], Any], function: str, **arguments: Any) -> Any:
    """A call by a client that has this function."""
    options = {"base_url": simulator.base_url, "clock": FrozenClock()}
    with llmkit.Client(api_key=key, **options) as client:
        return getattr(client, function)(**arguments)


@pytest.mark.parametrize("form", FORMS)
def test_each_attempt_has_its_key(simulator: Simulator, form: str) -> None:
    """The one that replaces an attempt is made with the key of its own time."""
    simulator.fail(faults.Status(500), faults.Status(503))
    answer = made(simulator, getattr(Rotating(), form), "embedding", **EMBED)
    assert keys(simulator) == [f"Bearer test-key-{n}" for n in (1, 2, 3)]
    assert answer.call.key_source == "api_key"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_in_async_code(simulator: Simulator, form: str, backend: str) -> None:
    """A coroutine function is awaited there."""

    async def main() -> None:
        simulator.fail(faults.Status(500))
        key = getattr(Rotating(), form)
        client = llmkit.Client(api_key=key, base_url=simulator.base_url, clock=FrozenClock())
        async with client:
            await client.aembedding(**EMBED)

    anyio.run(main, backend=backend)
    assert keys(simulator) == ["Bearer test-key-1", "Bearer test-key-2"]


def test_each_step_has_its_key(simulator: Simulator) -> None:
    """A call of several requests may outlive a key."""
    wire = OpenAIEmbeddings(most=1)
    standard = providers.get("openai_like")
    cut = replace(standard, name="cut", aliases=(), calls={"embedding": wire})
    with providers.lend(cut):
        key = Rotating().plain
        answer = made(simulator, key, "embedding", model="cut/m", input=["a", "b", "c"])
    assert len(answer.data) == 3
    assert keys(simulator) == [f"Bearer test-key-{n}" for n in (1, 2, 3)]


def test_every_kind_asks(simulator: Simulator) -> None:
    """Also those that look something up."""
    key = Rotating().plain
    made(simulator, key, "list_models")
    made(simulator, key, "create_file", file=("a.jsonl", b"{}\n"), purpose="batch")
    made(simulator, key, "speech", model="openai/tts-1", input="Hello", voice="alloy")
    assert keys(simulator) == [f"Bearer test-key-{n}" for n in (1, 2, 3)]


async def nothing() -> None:
    """A coroutine function that forgets to return."""


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda: None, "must return a key, not NoneType"),
        (lambda: " ", "must return a key, not an empty text"),
        (lambda: b"k", "must return a key, not bytes"),
        (nothing, "must return a key, not NoneType"),
        (lambda: "clé-secrète", "has characters that no header can carry"),
    ],
)
def test_what_is_no_key(key: Callable[[], str | Awaitable[str]], said: str) -> None:
    """It is told before anything leaves, and never shown."""
    client = llmkit.Client(base_url="https://h.test")
    with no_network(), pytest.raises(errors.ConfigurationError, match=said) as caught:
        client.embedding("openai/m", "a", api_key=key)
    assert "secr" not in str(caught.value)


def test_a_function_that_fails() -> None:
    """Its failure is the call's."""

    def key() -> str:
        raise LookupError("the vault is closed")

    with no_network(), pytest.raises(LookupError, match="the vault is closed"):
        llmkit.Client(base_url="https://h.test").embedding("openai/m", "a", api_key=key)
