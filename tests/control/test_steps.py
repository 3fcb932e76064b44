"""Calls of several requests, events other than a chat's, and addresses that are found: flows fed by hand, and real."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field

import llmkit
from llmkit import errors, providers
from llmkit._call import Adjustment
from llmkit._flow import read
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.providers import HeaderKey, Provider
from llmkit.testing import Simulator
from llmkit.types import Answer
from llmkit.wires import Step
from llmkit.wires._errors import api_error, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llmkit._flow import Flow
    from llmkit.providers import Identity, Where
    from llmkit.wires import Steps

KEY = "test-key-" + "0123456789"


class Told(Answer):
    """What a made-up wire answers."""

    said: list[Any] = Field(default_factory=list)


@dataclass(frozen=True)
class Polled:
    """A wire that asks for embeddings until it has asked ``times``."""

    times: int = 3
    wait: float = 0.0
    fails: bool = False

    def build(self, call: Any, to: Endpoint) -> HTTPRequest:
        body = json.dumps({"model": call.model, "input": list(call.inputs)}).encode()
        return HTTPRequest("POST", f"{to.base_url}/embeddings", dict(to.headers), body)

    def steps(self, call: Any, to: Endpoint) -> Steps:
        said = []
        for turn in range(self.times):
            response = yield Step(self.build(call, to), self.wait if turn else 0.0)
            said.append(json.loads(response.body)["object"])
        if self.fails:
            raise unreadable(call, HTTPResponse(200, body=KEY.encode()), "it failed")
        return Told(said=said)

    def parse(self, call: Any, response: HTTPResponse) -> Any:
        raise AssertionError("what is asked step by step is read by the steps")

    def error(self, call: Any, response: HTTPResponse) -> errors.APIError:
        return api_error(call, response)


@dataclass(frozen=True)
class Listing(Polled):
    """A wire that lists what it changed where it changed it: at its first request, and at its last."""

    def steps(self, call: Any, to: Endpoint) -> Steps:
        first = Adjustment("a", "dropped", 1, None, "of the first")
        last = Adjustment("b", "dropped", 2, None, "of the last")
        for changes in ((first,), (), (first, last)):
            yield Step(replace(self.build(call, to), adjustments=changes))
        return Told()


@dataclass(frozen=True)
class Unfit:
    """An auth that finds something to be set right."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        yield from ()
        raise errors.ConfigurationError("there is no region")


@dataclass
class Lines:
    """A decoder of lines, the last of which is ``end``."""

    done: bool = False
    seen: list[str] = field(default_factory=list)
    rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[str]:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data: "):
                self.done = line == b"data: [DONE]"
                self.seen.append(line.decode())
                yield line.decode()

    def finish(self) -> Iterator[str]:
        yield from ()

    def result(self) -> Told:
        return Told(said=list(self.seen))


@dataclass(frozen=True)
class Streaming(Polled):
    """A wire whose second request is a stream."""

    def steps(self, call: Any, to: Endpoint) -> Steps:
        first = yield Step(self.build(call, to))
        assert json.loads(first.body)["object"] == "list"
        said = {
            "model": "offline",
            "stream": True,
            "messages": [{"role": "user", "content": "a b"}],
        }
        body = json.dumps(said).encode()
        yield Step(
            HTTPRequest("POST", f"{to.base_url}/chat/completions", dict(to.headers), body),
            stream=True,
        )

    def decoder(self, call: Any) -> Lines:
        return Lines()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A server."""
    with Simulator() as running:
        yield running


def provider(wire: Any, **more: Any) -> Provider:
    """A provider of this wire for embeddings."""
    return Provider(
        name="stepping", base_url="https://h.test", calls={"embedding": wire}, key_env=("STEP_KEY",), **more
    )  # fmt: skip


def asked(simulator: Simulator, wire: Any, **keywords: Any) -> Any:
    """The answer to a call by this wire."""
    with providers.lend(provider(wire)), llmkit.Client() as client:
        options = {"api_key": KEY, "base_url": simulator.base_url, **keywords}
        return client.embedding("stepping/offline", "text", **options)


def test_every_step_is_a_request(simulator: Simulator) -> None:
    """What the wire asks for is sent in order, with the key and the caller's headers on each."""
    made = asked(simulator, Polled(), extra_headers={"x-mine": "1"})
    assert made.said == ["list"] * 3
    assert [r.headers["x-mine"] for r in simulator.requests] == ["1"] * 3
    assert {r.headers["authorization"] for r in simulator.requests} == {f"Bearer {KEY}"}
    assert made.call.kind == "embedding"
    assert len(made.call.attempts) == 1


def test_a_step_that_fails_is_repeated_by_itself(simulator: Simulator) -> None:
    """The steps before it are not made again."""
    from llmkit.testing import faults

    simulator.fail(None, faults.ALL["503"], None)
    made = asked(simulator, Polled(), num_retries=1)
    assert made.said == ["list"] * 3
    assert len(simulator.requests) == 4
    assert [a.status_code for a in made.call.attempts] == [200, 503, 200]


def test_a_step_that_is_refused_ends_the_call(simulator: Simulator) -> None:
    """Its error is read by the wire, and says whose it is."""
    where: Any = {"api_key": KEY, "base_url": simulator.base_url}
    with (
        providers.lend(provider(Polled())),
        llmkit.Client() as client,
        pytest.raises(errors.NotFoundError) as raised,
    ):
        client.embedding("stepping/missing-model", "text", **where)
    assert (raised.value.provider, raised.value.model) == ("stepping", "missing-model")


def test_what_the_steps_come_to_may_be_an_error(simulator: Simulator) -> None:
    """A failure that the wire finds names the provider, and hides the key."""
    with pytest.raises(errors.APIResponseValidationError) as raised:
        asked(simulator, Polled(fails=True))
    assert raised.value.provider == "stepping"
    assert KEY not in str(raised.value)


def test_steps_wait_on_the_clients_clock(simulator: Simulator) -> None:
    """Pauses between steps are the flow's own, never longer than the call may still take."""
    from llmkit.testing import FrozenClock

    clock = FrozenClock()
    with providers.lend(provider(Polled(times=2, wait=40.0))), llmkit.Client(clock=clock) as client:
        began = clock.now()
        client.embedding("stepping/m", "text", api_key=KEY, base_url=simulator.base_url)
        assert clock.now() - began == pytest.approx(40.0)
        with pytest.raises(errors.APITimeoutError):
            client.embedding(
                "stepping/m", "text", api_key=KEY, base_url=simulator.base_url, timeout=30, num_retries=0
            )  # fmt: skip
        assert clock.now() - began == pytest.approx(70.0)


def test_the_ledger_is_that_of_all_steps(simulator: Simulator) -> None:
    """What a later request does not change is still listed, once."""
    assert [a.parameter for a in asked(simulator, Listing()).call.ledger] == ["a", "b"]


def test_what_auth_finds_missing_was_not_sent(simulator: Simulator) -> None:
    """It costs nothing, for certain."""
    with providers.lend(provider(Polled(), auth=Unfit())), llmkit.Client() as client:
        with pytest.raises(errors.ConfigurationError, match="no region"):
            client.embedding("stepping/m", "a", api_key=KEY, base_url=simulator.base_url)
        settled = client.ledger.settlements[-1]
    assert (settled.sent, settled.cost) == ("no", 0)


def test_a_stream_after_steps(simulator: Simulator) -> None:
    """The last step is opened as a stream, whose end is handed over when all is settled."""
    from llmkit._kinds.embedding import EMBEDDING

    finished: list[Any] = []
    with (
        providers.lend(provider(Streaming())),
        llmkit.Client(callbacks=[finished.append]) as client,
    ):
        stream = client._stream(
            EMBEDDING,
            "stepping/m",
            {"inputs": ("text",)},
            {"api_key": KEY, "base_url": simulator.base_url},
        )
        for line in stream:
            ended = [e for e in finished if isinstance(e, llmkit.events.CallFinished)]
            assert bool(ended) == (line == "data: [DONE]")
        assert stream.response.said[-1] == "data: [DONE]"
        assert stream.cost.total is None
        assert ended[0].settlement.outcome == "completed"
        assert ended[0].settlement.kind == "embedding"


def test_a_stream_closed_early(simulator: Simulator) -> None:
    """What came is settled as far as it came."""
    from llmkit._kinds.embedding import EMBEDDING

    with providers.lend(provider(Streaming())), llmkit.Client() as client:
        stream = client._stream(
            EMBEDDING,
            "stepping/m",
            {"inputs": ("text",)},
            {"api_key": KEY, "base_url": simulator.base_url},
        )
        next(stream)
        stream.close()
        assert client.ledger.settlements[-1].outcome == "closed"
        assert len(stream.response.said) >= 1


# --- where and who ------------------------------------------------------------------------------


def test_an_address_that_is_found(simulator: Simulator, tmp_path: Path) -> None:
    """A provider's own function finds the address, from options, environment and files, dry run included."""
    place = tmp_path / "place"
    place.write_text(simulator.base_url)
    seen: list[Where] = []

    def locate(where: Where) -> Flow[Endpoint]:
        seen.append(where)
        found = yield from read(where.environ["PLACE"])
        assert (yield from read(str(tmp_path / "none"))) is None
        return Endpoint((found or b"").decode(), where.headers, where.query)

    made = provider(Polled(times=1), locate=locate, headers={"x-own": "2"})
    with providers.lend(made), llmkit.Client(environ={"PLACE": str(place)}) as client:
        client.embedding("stepping/m", "text", api_key=KEY, region_name="there")
        shown = client.dry_run("embedding", model="stepping/m", input="text", api_key=KEY)
    assert simulator.requests[-1].headers["x-own"] == "2"
    assert shown.url == f"{simulator.base_url}/embeddings"
    assert (seen[0].kind, seen[0].model, seen[0].given) == ("embedding", "m", False)
    assert seen[0].options["region_name"] == "there"


def test_families_of_models(simulator: Simulator) -> None:
    """Models of a family go by its rules, under the name of the provider that serves them."""
    family = provider(Polled(times=2), auth=HeaderKey("authorization", "Bearer family-"))
    made = provider(Polled(times=1), families=((r"^big-", family),))
    where: Any = {"api_key": KEY, "base_url": simulator.base_url}
    with providers.lend(made), llmkit.Client(**where) as client:
        assert len(client.embedding("stepping/small", "text").said) == 1  # type: ignore[attr-defined]
        assert len(client.embedding("stepping/big-1", "text").said) == 2  # type: ignore[attr-defined]
    assert simulator.requests[-1].headers["authorization"] == f"Bearer family-{KEY}"


def test_variables_of_an_address_may_be_options() -> None:
    """An option of the call goes before the environment; what is missing is named both ways."""
    made = Provider(
        name="placed",
        base_url="https://{region}.h.test",
        calls={"embedding": Polled()},
        variables={"region": ("region_name", "PLACED_REGION")},
    )
    environ = {"PLACED_REGION": "north"}
    with providers.lend(made):
        with llmkit.Client(environ=environ) as client:
            north = client.dry_run("embedding", model="placed/m", input="a")
            south = client.dry_run("embedding", model="placed/m", input="a", region_name="south")
        assert north.url == "https://north.h.test/embeddings"
        assert south.url == "https://south.h.test/embeddings"
        with (
            llmkit.Client(environ={}) as client,
            pytest.raises(
                errors.ConfigurationError,
                match="give region_name=… or base_url=…, or set PLACED_REGION",
            ),
        ):
            client.embedding("placed/m", "a")


def test_a_kind_that_a_provider_has_not() -> None:
    """It is told before anything is sent."""
    with (
        llmkit.Client(api_key=KEY) as client,
        pytest.raises(errors.ConfigurationError, match="has no"),
    ):
        client.embedding("anthropic/claude-x", "a")


def test_secrets_among_the_options_do_not_show() -> None:
    """Cloud credentials are wrapped as soon as they are given."""
    with llmkit.Client(client_secret=KEY, aws_session_token=KEY) as client:
        assert KEY not in repr(vars(client)["_defaults"])


def test_a_dry_run_by_name() -> None:
    """Any call can be run dry by its name; nothing else can."""
    with llmkit.Client(api_key=KEY) as client:
        shown = client.dry_run("completion", model="openai/gpt-4o-mini", messages=[])
        assert shown.body == {"model": "gpt-4o-mini", "messages": []}
        for name in ("close", "_run", "nothing", "ledger"):
            with pytest.raises(errors.ConfigurationError, match="no call"):
                client.dry_run(name)
