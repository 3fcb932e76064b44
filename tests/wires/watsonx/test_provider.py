"""The provider: addresses, who pays, tokens; and real calls through the simulated service in both colours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import llmkit
from llmkit._flow import Deadlines
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._io._limit import ParallelLimit
from llmkit._secret import Secret
from llmkit.providers import Identity, Tokens
from llmkit.providers._tokens import Grant
from llmkit.providers.watsonx import IAMKey, _exchanged, _until
from llmkit.testing import Simulator
from llmkit.testing._wires.watsonx import Watsonx

MESSAGES = [{"role": "user", "content": "hello there"}]
KEY = "ibm-" + "made-up-0123456789"
PAID = {"WATSONX_API_KEY": KEY, "WATSONX_PROJECT_ID": "p1"}
DALLAS = {**PAID, "WATSONX_URL": "https://us-south.ml.cloud.ibm.com/"}


def dry(environ: dict[str, str], model: str = "ibm/g", **params: Any) -> Any:
    """What would be sent."""
    client = llmkit.Client(environ=environ)
    return client.completion(f"watsonx/{model}", MESSAGES, dry_run=True, **params)


def test_addresses() -> None:
    """An address is given, or set, or that of a region; the version has its own name in the query."""
    assert dry(DALLAS).url == "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat?version=2026-10-14"
    for more, params in (({}, {"region_name": "eu-de"}), ({"WATSONX_REGION": "eu-de"}, {})):
        made = dry({**PAID, **more}, **params)
        assert made.url.startswith("https://eu-de.ml.cloud.ibm.com/ml/v1/")
    assert dry(DALLAS, api_version="2025-01-01").url.endswith("?version=2025-01-01")
    assert dry({**DALLAS, "WATSONX_API_VERSION": "2025-01-01"}).url.endswith("=2025-01-01")
    with pytest.raises(llmkit.ConfigurationError, match="WATSONX_REGION"):
        dry(PAID)


def test_who_pays() -> None:
    """A project or a space is given, or set; a deployment and somebody else's address need none."""
    key = {"WATSONX_API_KEY": KEY, "WATSONX_REGION": "eu-de"}
    assert dry(key, project_id="p2").body["project_id"] == "p2"
    assert dry(key, space_id="s2").body["space_id"] == "s2"
    assert dry({**key, "WATSONX_DEPLOYMENT_SPACE_ID": "s1"}).body["space_id"] == "s1"
    made = dry({**key, **PAID}, space_id="s2").body
    assert (made.get("project_id"), made["space_id"]) == (None, "s2")
    assert dry(key, "deployment/d1").body == {"messages": MESSAGES}
    assert "project_id" not in dry(key, base_url="https://own.test").body
    with pytest.raises(llmkit.ConfigurationError, match="WATSONX_PROJECT_ID"):
        dry(key)


SHOWN = [
    ("WATSONX_TOKEN", "a-token-of-mine", "Bearer a-token-of-mine"),
    ("WX_TOKEN", "a-token-of-mine", "Bearer a-token-of-mine"),
    ("WATSONX_ZENAPIKEY", "dXNlcjprZXk=", "ZenApiKey dXNlcjprZXk="),
    ("WATSONX_API_KEY", "eyJhbGciOi.made.up", "Bearer eyJhbGciOi.made.up"),
    ("WATSONX_APIKEY", KEY, f"Bearer simulated-token-{len(KEY)}"),
]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


def client(sim: Simulator, environ: dict[str, str] | None = None) -> llmkit.Client:
    """A client whose service and token server are the simulator."""
    made = {"WATSONX_IAM_URL": f"{sim.origin}/identity/token", "WATSONX_PROJECT_ID": "p1"}
    made |= PAID if environ is None else environ
    return llmkit.Client(environ=made, base_url=sim.base_url_for("watsonx"), num_retries=0)


@pytest.mark.parametrize(("name", "value", "header"), SHOWN)
def test_credentials(sim: Simulator, name: str, value: str, header: str) -> None:
    """A token is shown as it is, an API key is exchanged for one, Cloud Pak's key has a scheme of its own."""
    with client(sim, {name: value}) as made:
        assert made.completion("watsonx/ibm/g", MESSAGES).call.key_source == name
    assert sim.requests[-1].headers["authorization"] == header
    exchanges = [r for r in sim.requests if r.path == "/identity/token"]
    assert len(exchanges) == (1 if header.endswith(str(len(KEY))) else 0)


def test_a_header_of_ones_own(sim: Simulator) -> None:
    """A credential that the caller gives goes as it is, and nothing is exchanged."""
    with client(sim) as made:
        headers = {"Authorization": "Bearer mine"}
        made.completion("watsonx/ibm/g", MESSAGES, extra_headers=headers)
    assert [r.headers["authorization"] for r in sim.requests] == ["Bearer mine"]


@pytest.mark.parametrize("stream", [False, True])
def test_calls(sim: Simulator, *, stream: bool) -> None:
    """A call is answered in both colours, streamed and whole, with one token for both."""

    async def asked(other: llmkit.Client) -> Any:
        opened = await other.acompletion("watsonx/deployment/d1", MESSAGES, stream=stream)
        whole = await opened.until_done() if stream else opened
        await other.aclose()
        return whole

    with client(sim) as made:
        opened = made.completion("watsonx/ibm/g", MESSAGES, stream=stream)
        answers = [opened.until_done() if stream else opened, asyncio.run(asked(client(sim)))]
    for answer in answers:
        assert "You said: hello there" in answer.choices[0].message.content
        assert (
            answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
        )
    what = "chat_stream" if stream else "chat"
    paths = [r.path.partition("?")[0] for r in sim.requests if "identity" not in r.path]
    assert paths == [f"/ml/v1/text/{what}", f"/ml/v1/deployments/d1/text/{what}"]


def test_one_token_for_many(sim: Simulator) -> None:
    """However many calls wait for it, the token is asked for once."""
    together = threading.Barrier(8)
    with client(sim) as made, ThreadPoolExecutor(8) as pool:

        def call(_: int) -> None:
            together.wait()
            made.completion("watsonx/ibm/g", MESSAGES)

        list(pool.map(call, range(8)))
    assert [r.path for r in sim.requests].count("/identity/token") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_texts(sim: Simulator, *, stream: bool) -> None:
    """Texts are continued in both colours, streamed and whole, and counted alike."""

    async def asked(other: llmkit.Client) -> Any:
        opened = await other.atext_completion("hello", "watsonx/ibm/g", stream=stream, max_tokens=3)
        whole = await opened.until_done() if stream else opened
        await other.aclose()
        return whole

    with client(sim) as made:
        opened = made.text_completion("hello", "watsonx/ibm/g", stream=stream, max_tokens=3)
        answers = [opened.until_done() if stream else opened, asyncio.run(asked(client(sim)))]
    for answer in answers:
        assert (answer.text, answer.choices[0].finish_reason) == ("This is llmkit's", "length")
        assert answer.usage.to_dict() == {
            "prompt_tokens": 1,
            "completion_tokens": 3,
            "total_tokens": 4,
        }


def test_embeddings(sim: Simulator) -> None:
    """Vectors come through it, too."""
    with client(sim) as made:
        answer = made.embedding("watsonx/ibm/e", ["a", "b", "a"])
    assert answer.vectors[0] == answer.vectors[2] != answer.vectors[1]


def test_a_key_that_is_refused(sim: Simulator) -> None:
    """The identity service's refusal is told, without the key; nothing of the call was sent."""
    refused = pytest.raises(llmkit.AuthenticationError, match="could not be found")
    with client(sim, {"WATSONX_API_KEY": "invalid-" + KEY}) as made, refused as caught:
        made.completion("watsonx/ibm/g", MESSAGES)
    assert (caught.value.status_code, caught.value.sent) == (400, "no")
    assert KEY not in str(caught.value)


def test_a_token_server_that_is_none(sim: Simulator) -> None:
    """An answer of another form is no token."""
    environ = {**PAID, "WATSONX_IAM_URL": f"{sim.origin}/api/embeddings"}
    refused = pytest.raises(llmkit.AuthenticationError)
    with llmkit.Client(environ=environ, base_url=sim.origin, num_retries=0) as made, refused:
        made.completion("watsonx/ibm/g", MESSAGES)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"access_token": 3}'])
def test_tokens_that_are_none(raw: bytes) -> None:
    """What has no token in it is told as the service's failure."""
    who = Identity(
        secret=Secret(KEY),
        options={},
        environ={},
        wall=lambda: 100.0,
        deadlines=Deadlines(0, 0, 0, 0),
        tokens=Tokens(ParallelLimit),
        show=lambda secret: None,
    )
    flow = _exchanged(who, Secret(KEY), "https://iam.test")
    next(flow)
    with pytest.raises(llmkit.AuthenticationError, match="without a token"):
        flow.send(HTTPResponse(200, body=raw))


def test_a_token_is_hidden() -> None:
    """What was granted is shown to the call's redaction before it is sent."""
    shown: list[Secret] = []
    who = Identity(
        secret=Secret(KEY),
        options={},
        environ={},
        wall=lambda: 100.0,
        deadlines=Deadlines(0, 0, 0, 0),
        tokens=Tokens(ParallelLimit),
        show=shown.append,
    )
    kept = who.tokens.cell(("iam", "https://iam.cloud.ibm.com/identity/token", Secret(KEY)))
    kept.grant = Grant(Secret("granted-token"), 9000.0, 100.0)
    flow = IAMKey().authorize(HTTPRequest("POST", "https://wx.test"), who)
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert end.value.value.headers["authorization"] == "Bearer granted-token"
    assert shown == [Secret("granted-token")]


def test_how_long_a_token_lives() -> None:
    """By what the service says, or an hour where it does not."""
    assert _until({"expires_in": 60}, 100.0) == 160.0
    assert _until({"expires_in": "soon"}, 100.0) == 3700.0


REFUSED = [
    ("chat?x=1", {}, {}, 400, "version"),
    ("chat?version=1", {}, {}, 401, "authenticate"),
    ("chat?version=1", {"authorization": "Bearer t"}, [], 400, "no object"),
    ("chat?version=1", {"authorization": "Bearer t"}, b"{", 400, "no JSON"),
    ("chat?version=1", {"authorization": "Bearer t"}, {}, 400, "model_id"),
    ("chat?version=1", {"authorization": "Bearer t"}, {"model_id": "m"}, 400, "project_id"),
    (
        "chat?version=1",
        {"authorization": "Bearer t"},
        {"model_id": "missing-model", "project_id": "p", "messages": MESSAGES},
        404,
        "missing-model",
    ),
    (
        "chat?version=1",
        {"authorization": "Bearer t"},
        {"model_id": "m", "project_id": "p", "messages": MESSAGES, "top_k": 1},
        400,
        "top_k",
    ),
    (
        "embeddings?version=1",
        {"authorization": "Bearer t"},
        {"model_id": "m", "project_id": "p", "inputs": "a"},
        400,
        "inputs",
    ),
    (
        "embeddings?version=1",
        {"authorization": "Bearer t"},
        {"model_id": "m", "project_id": "p", "inputs": ["a"] * 1001},
        400,
        "1000",
    ),
]


@pytest.mark.parametrize(("what", "headers", "body", "status", "words"), REFUSED)
def test_what_the_simulator_refuses(
    what: str, headers: dict[str, str], body: Any, status: int, words: str
) -> None:
    """The simulated service refuses what the real one does, in its form of errors."""
    import json

    from llmkit.testing._answer import answer

    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = Watsonx().reply("POST", f"/ml/v1/text/{what}", headers, raw, answer)
    told = json.loads(reply.body)
    assert (reply.status, told["status_code"]) == (status, status)
    assert words in told["errors"][0]["message"]
