"""The provider: where its server is, by every way of saying so, and what it offers there."""

from __future__ import annotations

import pytest

import llmkit
from llmkit import providers

MESSAGES = [{"role": "user", "content": "Hello"}]

ADDRESSES = [
    ({}, "http://localhost:11434"),
    ({"OLLAMA_API_BASE": "http://box.test:1/own/"}, "http://box.test:1/own"),
    ({"OLLAMA_API_BASE": "http://a.test:1", "OLLAMA_HOST": "b.test"}, "http://a.test:1"),
    ({"OLLAMA_HOST": "box.test"}, "http://box.test:11434"),
    ({"OLLAMA_HOST": "box.test:8080"}, "http://box.test:8080"),
    ({"OLLAMA_HOST": "http://box.test"}, "http://box.test"),
    ({"OLLAMA_HOST": "https://box.test"}, "https://box.test"),
    ({"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434"),  # noqa: S104 - what a server may be told
    ({"OLLAMA_HOST": "http://0.0.0.0:9"}, "http://127.0.0.1:9"),
    ({"OLLAMA_HOST": "[::]:9"}, "http://[::1]:9"),
    ({"OLLAMA_HOST": "[fe80::1]"}, "http://[fe80::1]:11434"),
    ({"OLLAMA_HOST": "box.test/path"}, "http://box.test:11434/path"),
]


@pytest.mark.parametrize(("environ", "base"), ADDRESSES)
def test_addresses(environ: dict[str, str], base: str) -> None:
    """The environment's address is read as the server itself reads it."""
    made = llmkit.Client(environ=environ).completion("ollama/m", MESSAGES, dry_run=True)
    assert made.url == f"{base}/api/chat"


def test_a_given_address() -> None:
    """An address of the call goes before the environment's; one that ends in /v1 asks for OpenAI's form."""
    client = llmkit.Client(environ={"OLLAMA_HOST": "box.test"})
    for given, url in (
        ("http://other.test:1", "http://other.test:1/api/chat"),
        ("http://other.test", "http://other.test/api/chat"),
        ("http://other.test/v1", "http://other.test/v1/chat/completions"),
    ):
        made = client.completion("ollama_chat/m", MESSAGES, base_url=given, dry_run=True)
        assert made.url == url


@pytest.mark.parametrize("host", ["box.test:port", "http://[box", "ftp://box.test", "http://a b"])
def test_addresses_that_are_none(host: str) -> None:
    """What is no address is told before anything is sent."""
    with pytest.raises(llmkit.ConfigurationError):
        llmkit.Client(environ={"OLLAMA_HOST": host}).completion("ollama/m", MESSAGES, dry_run=True)


def test_a_key_is_optional() -> None:
    """Without a key nothing is shown; with one, ollama.com gets it as a bearer's."""
    provider = providers.get("ollama")
    assert (provider.key_optional, provider.key_env) == (True, ("OLLAMA_API_KEY",))
    made = llmkit.Client(environ={}).completion("ollama/m", MESSAGES, dry_run=True)
    assert "authorization" not in {name.lower() for name in made.headers}


def test_embeddings() -> None:
    """Embeddings go to the server's own call."""
    client = llmkit.Client(environ={})
    made = client.dry_run("embedding", model="ollama/m", input=["a", "b"])
    assert made.url == "http://localhost:11434/api/embed"
