"""The provider: its token and where it is shown; real calls through the simulated service in both colours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import llmkit
from llmkit._flow import Deadlines
from llmkit._http import HTTPRequest
from llmkit._io._limit import ParallelLimit
from llmkit._secret import Secret
from llmkit.providers import Identity, Tokens
from llmkit.providers.replicate import TokenAtHome
from llmkit.testing import Simulator
from llmkit.testing._answer import answer
from llmkit.testing._wires import wire_for
from llmkit.testing._wires.replicate import Replicate

MESSAGES = [{"role": "user", "content": "hello there"}]
TOKEN = "r8_" + "made-up-0123456789"
SAYS = "This is llmkit's offline simulator, not a model. You said: hello there"
MODEL = "replicate/meta/llama-3"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[llmkit.Client]:
    """A client pointed at it."""
    base = sim.base_url_for("replicate")
    environ = {"REPLICATE_API_TOKEN": TOKEN}
    with llmkit.Client(environ=environ, base_url=base, num_retries=0) as made:
        yield made


def test_the_address() -> None:
    """It is the service's own, or one that is set."""
    for environ, base in (
        ({}, "https://api.replicate.com/v1"),
        ({"REPLICATE_API_BASE": "https://own.test/x"}, "https://own.test/x"),
    ):
        made = llmkit.Client(environ=environ).completion(MODEL, MESSAGES, dry_run=True)
        assert made.url == f"{base}/models/meta/llama-3/predictions"
    limited = llmkit.Client(environ={}).completion(
        "replicate/meta/llama-2-70b-chat", MESSAGES, max_tokens=3, dry_run=True
    )
    assert limited.body["input"]["max_new_tokens"] == 3


@pytest.mark.parametrize(
    ("method", "url", "shown"),
    [
        ("GET", "https://streaming-api.svc.us.c.replicate.net/v1/streams/x", True),
        ("GET", "https://streaming.api.replicate.com/v1/x", True),
        ("GET", "http://streaming.api.replicate.com/v1/x", False),
        ("GET", "https://replicate.com.evil.test/x", False),
        ("GET", "https://evilreplicate.com/x", False),
        ("POST", "https://own.test/v1/predictions", True),
    ],
)
def test_where_the_token_is_shown(method: str, url: str, *, shown: bool) -> None:
    """A stream's address comes with an answer: only the service's own hosts are shown the token there."""
    who = Identity(
        secret=Secret(TOKEN),
        options={},
        environ={},
        wall=lambda: 0.0,
        deadlines=Deadlines(0, 0, 0, 0),
        tokens=Tokens(ParallelLimit),
        show=lambda secret: None,
    )
    accept = "text/event-stream" if method == "GET" else "application/json"
    flow = TokenAtHome().authorize(HTTPRequest(method, url, {"accept": accept}), who)
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert ("authorization" in end.value.value.headers) is shown


@pytest.mark.parametrize(
    "model", [MODEL, "replicate/deployments/me/mine", "replicate/me/x:" + "ab" * 32]
)
@pytest.mark.parametrize("stream", [False, True])
def test_calls(sim: Simulator, client: llmkit.Client, model: str, *, stream: bool) -> None:
    """A call is answered in both colours, streamed and whole; the token is shown to the API alone."""

    async def asked() -> Any:
        async with llmkit.Client(environ={}, api_key=TOKEN, base_url=f"{sim.origin}/v1") as other:
            made = await other.acompletion(model, MESSAGES, stream=stream)
            return await made.until_done() if stream else made

    made = client.completion(model, MESSAGES, stream=stream)
    for whole in (made.until_done() if stream else made, asyncio.run(asked())):
        assert whole.choices[0].message.content == SAYS
        assert (whole.usage is None) is stream
    shown = [(r.method, r.headers.get("authorization")) for r in sim.requests]
    one = [("POST", f"Bearer {TOKEN}"), *([("GET", None)] if stream else [])]
    assert shown == one * 2


def test_a_prediction_that_is_not_waited_for(sim: Simulator, client: llmkit.Client) -> None:
    """Where the service does not wait, it is asked again."""
    made = client.completion(MODEL, MESSAGES, extra_headers={"Prefer": "respond-async"})
    assert made.text == SAYS
    assert [r.method for r in sim.requests] == ["POST", "GET"]
    assert sim.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_pictures(sim: Simulator, client: llmkit.Client) -> None:
    """Pictures come by their addresses, in both colours; a model of that name paints."""

    async def asked() -> Any:
        async with llmkit.Client(environ={}, api_key=TOKEN, base_url=f"{sim.origin}/v1") as other:
            return await other.aimage_generation("robots", "replicate/me/painter", n=2)

    made = client.image_generation("robots", "replicate/me/painter", n=2)
    for painted in (made, asyncio.run(asked())):
        assert len({picture.url for picture in painted.data}) == 2


def test_limits_and_stops(client: llmkit.Client) -> None:
    """The simulated model keeps to its limit and its stops."""
    assert client.completion(MODEL, MESSAGES, max_tokens=2).text == "This is"
    assert client.completion(MODEL, MESSAGES, stop="offline").text == "This is llmkit's "


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("replicate/me/missing-model", llmkit.NotFoundError),
        ("replicate/me/rate-limited", llmkit.RateLimitError),
    ],
)
def test_refusals(client: llmkit.Client, model: str, kind: type[llmkit.APIError]) -> None:
    """A refusal comes as what it is."""
    with pytest.raises(kind):
        client.completion(model, MESSAGES)


REFUSED = [
    ("POST", "/v1/models/a/b/predictions", {}, {"input": {"prompt": "x"}}, 401),
    ("POST", "/v1/models/a/b/predictions", {"authorization": "Bearer invalid"}, {}, 401),
    ("POST", "/v1/models/a/b/predictions", {"authorization": "Bearer t"}, b"{", 400),
    ("POST", "/v1/models/a/b/predictions", {"authorization": "Bearer t"}, {}, 422),
    ("POST", "/v1/models/a/b/predictions", {"authorization": "Bearer t"}, {"input": {}}, 422),
    ("POST", "/v1/predictions", {"authorization": "Bearer t"}, {"input": {"prompt": "x"}}, 422),
    ("GET", "/v1/predictions", {"authorization": "Bearer t"}, b"", 405),
    ("GET", "/v1/predictions/abc", {"authorization": "Bearer t"}, b"", 404),
    ("GET", "/v1/streams/abc", {}, b"", 404),
    ("POST", "/v1/predictions", {"authorization": "Bearer t"}, b"[" * 200_000, 400),
]


@pytest.mark.parametrize(("method", "path", "headers", "body", "status"), REFUSED)
def test_what_the_simulator_refuses(
    method: str, path: str, headers: dict[str, str], body: Any, status: int
) -> None:
    """The simulated service refuses what the real one does, in its form of errors."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert wire_for(path, headers).name == "replicate"
    reply = Replicate().reply(method, path, headers, raw, answer)
    told = json.loads(reply.body)
    assert (reply.status, told["status"]) == (status, status)
    assert told["title"]
