from __future__ import annotations

import dataclasses
import hashlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit import providers
from llmkit._control.dry import DryRun, dry
from llmkit._flow import consult
from llmkit.catalogue import Catalogue
from llmkit.testing import no_network

from ._drive import KEY, drive

if TYPE_CHECKING:
    from llmkit._flow import Flow
    from llmkit._http import HTTPRequest
    from llmkit.providers import Identity


def described(**keywords: Any) -> DryRun:
    """What a call would be; nothing may be asked for on the way."""
    flow = dry(drive(**keywords).job)
    try:
        effect = next(flow)
    except StopIteration as stop:
        made: DryRun = stop.value
        return made
    raise TypeError(effect)


def test_dry_run() -> None:
    """A dry run is the request as it would leave, without its secrets."""
    made = described(temperature=0, max_tokens=10, extra_headers={"x-echo": KEY})
    assert (made.provider, made.model, made.method) == ("openai", "gpt-4o-mini", "POST")
    assert made.url == "https://api.openai.com/v1/chat/completions"
    assert made.headers["authorization"] == "[redacted]"
    assert made.headers["x-echo"] == "[redacted]"
    assert made.body["max_completion_tokens"] == 10
    assert made.key_source == "api_key"
    assert KEY not in repr(made)
    assert KEY not in json.dumps(made.to_dict())


def test_bound() -> None:
    """The most that a call may cost is told, in USD."""
    bound = described(max_tokens=10).bound
    total = getattr(bound, "total", None)
    assert isinstance(total, Decimal)
    assert Decimal(0) < total < Decimal(1)


def test_changes_and_fallbacks() -> None:
    """The ledger and the requests that would follow are part of it, as plain data too."""
    made = described(top_k=3, drop_params=True, fallbacks=["groq/g"])
    assert [a.parameter for a in made.ledger] == ["top_k"]
    assert [f.model for f in made.fallbacks] == ["g"]
    data = made.to_dict()
    assert data["ledger"][0]["change"] == "dropped"
    assert data["fallbacks"][0]["provider"] == "groq"
    assert data["request"]["body"]["model"] == "gpt-4o-mini"


def test_key_from_a_function_is_not_asked_for() -> None:
    """A dry run asks nobody for a key."""

    def key() -> str:
        raise AssertionError("asked for the key")

    assert described(api_key=key).headers["authorization"] == "[redacted]"


class Exchange:
    """An auth that needs an exchange before it can sign."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Ask somebody first."""
        token = yield from consult(str)
        return request.with_headers({"authorization": token})


def test_auth_that_needs_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that would be obtained is only named."""
    made = providers.Provider(
        name="exchanging",
        base_url="https://h.test",
        chat=providers.get("groq").chat,
        auth=Exchange(),
    )
    monkeypatch.setitem(providers._registry._found, "exchanging", made)
    assert described(model="exchanging/m").headers["authorization"] == "[redacted]"


class Signing:
    """An auth that makes a signature of its key, in a header of its own."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Sign, and say when."""
        yield from ()
        assert identity.secret is not None
        made = hashlib.sha256(identity.secret.reveal().encode()).hexdigest()
        return request.with_headers({"x-seal": made, "x-sealed-at": "0", "accept": "a/b"})


def test_a_signature_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be a wrong one, since a dry run signs with no key."""
    groq = providers.get("groq")
    made = dataclasses.replace(groq, name="sealing", aliases=(), auth=Signing())
    monkeypatch.setitem(providers._registry._found, "sealing", made)
    shown = described(model="sealing/m").headers
    hidden = {name for name, value in shown.items() if value == "[redacted]"}
    assert hidden == {"x-seal", "x-sealed-at", "accept"}
    assert shown["content-type"] == "application/json"


AWS = {"aws_access_key_id": "AKIA" + "1" * 16, "aws_secret_access_key": "s" * 40}


@pytest.mark.parametrize(
    ("keywords", "hidden"),
    [
        (
            {"model": "bedrock/m", "aws_region_name": "us-east-1", **AWS},
            {"authorization", "x-amz-date"},
        ),
        ({"model": "bedrock/m", "aws_region_name": "us-east-1"}, {"authorization"}),
        (
            {"model": "azure/m", "base_url": "https://h.test", "azure_ad_token": "t" * 40},
            {"authorization"},
        ),
        ({"model": "azure/m", "base_url": "https://h.test", "api_key": KEY}, {"api-key"}),
        ({"model": "vertex_ai/gemini-2.5-flash", "vertex_project": "p"}, {"authorization"}),
        (
            {
                "model": "databricks/m",
                "base_url": "https://h.test",
                "client_id": "c",
                "client_secret": "s" * 40,
            },
            {"authorization"},
        ),
        ({"model": "snowflake/m", "base_url": "https://h.test", "api_key": KEY}, {"authorization"}),
        ({"model": "azure/m", "base_url": "https://h.test"}, set()),
        ({"model": "databricks/m", "base_url": "https://h.test"}, set()),
        ({"model": "ollama/m"}, set()),
    ],
)
def test_credentials_of_a_provider_of_its_own(keywords: dict[str, Any], hidden: set[str]) -> None:
    """That one goes along is shown, what it says is not; nobody is asked for it."""
    client = llmkit.Client(environ={"HOME": "/nowhere"})
    with no_network():
        made = client.dry_run("completion", messages=[{"role": "user", "content": "a"}], **keywords)
    assert {name for name, value in made.headers.items() if value == "[redacted]"} == hidden
    assert all(
        str(v) not in repr(made)
        for k, v in keywords.items()
        if k.endswith(("key", "secret", "token"))
    )


def test_a_credential_in_an_address() -> None:
    """By its name, or because it is the key."""
    made = described(extra_query={"key": "abc", "token": "abc", "page": "2", "echo": KEY})
    assert made.url.endswith("?key=[redacted]&token=[redacted]&page=2&echo=[redacted]")


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        ("aembedding", "; did you mean 'embedding'?"),
        ("embeding", "; did you mean 'embedding'?"),
        ("close", ""),
        ("_run", ""),
        ("chat", ""),
        ("get_valid_models", "; did you mean 'list_models'?"),
        ("nothing of the kind", ""),
    ],
)
def test_what_is_no_call(function: str, hint: str) -> None:
    """It is refused, with what may have been meant, and nothing is done."""
    client = llmkit.Client(environ={}, transport="httpx")
    closed: list[None] = []
    client._transports.close = lambda: closed.append(None)  # type: ignore[method-assign]
    with pytest.raises(llmkit.ConfigurationError) as caught:
        client.dry_run(function)
    assert str(caught.value) == f"{function!r} is no call that can be run dry{hint}"
    assert not closed


def test_calls_that_are_names_and_formats() -> None:
    """Responses and messages can be run dry, also where the answer would be of a class."""

    class City(BaseModel):
        name: str

    client = llmkit.Client(environ={})
    made = client.dry_run("responses", input="a", model="openai/m", text_format=City)
    assert made.body["text"]["format"]["name"] == "City"
    said = [{"role": "user", "content": "a"}]
    made = client.dry_run("messages", model="anthropic/m", messages=said, max_tokens=3)
    assert made.url.endswith("/v1/messages")


def test_a_wire_asks_the_clients_own_catalogue() -> None:
    """What a client was told of a model holds in what it sends, and in no other client's calls."""
    own, other = llmkit.Client(catalogue=Catalogue(), environ={}), llmkit.Client(environ={})
    own.register_model("anthropic/claude-opus-4-5", max_output_tokens=1234)
    asked: dict[str, Any] = {
        "model": "anthropic/claude-opus-4-5",
        "messages": [{"role": "user", "content": "a"}],
    }
    assert own.dry_run("completion", **asked).body["max_tokens"] == 1234
    assert other.dry_run("completion", **asked).body["max_tokens"] == 64_000
