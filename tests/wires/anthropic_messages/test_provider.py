"""Anthropic as a provider: its addresses, its credentials, and what its models take."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit import catalogue, providers
from llmkit._flow import Deadlines
from llmkit._http import HTTPRequest
from llmkit._io._limit import ParallelLimit
from llmkit._secret import Secret
from llmkit.providers import Identity, Tokens

from ._made import WIRE

PROVIDER = providers.get("anthropic")


def authorized(key: str | None, **headers: str) -> dict[str, str]:
    """The headers of a request with this credential on it."""
    lists = frozenset({"anthropic-beta"})
    request = HTTPRequest("POST", "https://api.test", headers, lists=lists)
    who = Identity(
        secret=None if key is None else Secret(key),
        options={},
        environ={},
        wall=lambda: 0.0,
        deadlines=Deadlines(0, 0, 0, 0),
        tokens=Tokens(ParallelLimit),
        show=lambda secret: None,
    )
    flow = PROVIDER.auth.authorize(request, who)
    with pytest.raises(StopIteration) as ended:
        next(flow)
    made: HTTPRequest = ended.value.value
    return {name.lower(): value for name, value in made.headers.items()}


def test_keys_and_tokens() -> None:
    """A key has its own header, a token is a bearer's and says that it is one."""
    assert authorized("sk-ant-api03-x") == {"x-api-key": "sk-ant-api03-x"}
    assert authorized(None) == {}
    token = authorized("sk-ant-oat01-x")
    assert token == {"authorization": "Bearer sk-ant-oat01-x", "anthropic-beta": "oauth-2025-04-20"}
    assert authorized("k", Authorization="Bearer mine") == {"authorization": "Bearer mine"}
    both = authorized("sk-ant-oat01-x", **{"Anthropic-Beta": "files-api-2025-04-14"})
    assert both["anthropic-beta"] == "files-api-2025-04-14,oauth-2025-04-20"


def dry(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], **fields: Any) -> Any:
    """The request that would be sent under this environment."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    said = [{"role": "user", "content": "Hi"}]
    return llmkit.completion("anthropic/claude-haiku-4-5", said, dry_run=True, **fields)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://api.anthropic.com/v1/messages"),
        ({"ANTHROPIC_BASE_URL": "https://b.test"}, "https://b.test/v1/messages"),
        ({"ANTHROPIC_API_BASE": "https://b.test/v1/"}, "https://b.test/v1/messages"),
    ],
)
def test_addresses(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], url: str) -> None:
    """The address may come from either variable, with its version or without."""
    made = dry(monkeypatch, environ, api_key="k")
    assert made.url == url
    assert made.headers["anthropic-version"] == "2023-06-01"


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key goes before the token."""
    token = dry(monkeypatch, {"ANTHROPIC_AUTH_TOKEN": "t"})
    assert token.key_source == "ANTHROPIC_AUTH_TOKEN"
    assert token.headers.keys() & {"authorization", "x-api-key"} == {"authorization"}
    assert dry(monkeypatch, {"ANTHROPIC_API_KEY": "k"}).key_source == "ANTHROPIC_API_KEY"
    assert PROVIDER.name in providers.names()


def test_the_callers_betas_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller names goes beside what the request's features need."""
    mine = {"anthropic-beta": "mine-1, fast-mode-2026-02-01"}
    made = dry(monkeypatch, {}, api_key="k", extra_body={"speed": "fast"}, extra_headers=mine)
    assert made.headers["anthropic-beta"] == "fast-mode-2026-02-01,mine-1"


def test_the_caller_may_choose_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version is asked for by its header."""
    made = dry(monkeypatch, {}, api_key="k", extra_headers={"Anthropic-Version": "2026-10-21"})
    versions = [v for name, v in made.headers.items() if name.lower() == "anthropic-version"]
    assert versions == ["2026-10-21"]


@pytest.mark.parametrize(
    ("model", "thinking", "efforts", "sampling", "schema", "turns"),
    [
        ("claude-fable-5-2", "always", 5, False, True, True),
        ("claude-opus-5-5", "always", 5, False, True, True),
        ("claude-opus-5", "adaptive", 5, False, True, True),
        ("claude-opus-5-20260724", "adaptive", 5, False, True, True),
        ("claude-sonnet-5-5", "adaptive", 5, False, True, True),
        ("claude-sonnet-5", "adaptive", 5, False, True, False),
        ("claude-sonnet-5-20260630", "adaptive", 5, False, True, False),
        ("claude-haiku-5-5", "adaptive", 5, False, True, True),
        ("claude-opus-4-8", "adaptive", 5, False, True, True),
        ("claude-opus-4-7-20260416", "adaptive", 5, False, True, False),
        ("claude-opus-4-6", "adaptive", 4, True, True, False),
        ("anthropic/claude-sonnet-4.6", "adaptive", 4, True, True, False),
        ("claude-opus-4-5", "budget", 3, True, True, False),
        ("claude-haiku-4-5@20251001", "budget", 0, True, True, False),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "budget", 0, True, True, False),
        ("claude-opus-4-1-20250805", "budget", 0, True, True, False),
        ("claude-opus-4-20250514", "budget", 0, True, False, False),
        ("claude-sonnet-4-0", "budget", 0, True, False, False),
        ("claude-4-sonnet-20250514", "budget", 0, True, False, False),
        ("claude-3-7-sonnet-latest", "budget", 0, True, False, False),
        ("claude-3-5-haiku-20241022", "none", 0, True, False, False),
        ("claude-3-haiku-20240307", "none", 0, True, False, False),
        ("claude-2.1", "none", 0, True, False, False),
        ("anthropic.claude-v2:1", "none", 0, True, False, False),
        ("qwen3-coder", "adaptive", 5, True, True, False),
    ],
)
def test_traits(
    model: str, thinking: str, efforts: int, *, sampling: bool, schema: bool, turns: bool
) -> None:
    """What each family takes, under all the names that hosts have for it."""
    found = WIRE.traits(model)
    assert (found.thinking, len(found.efforts)) == (thinking, efforts)
    assert (found.sampling, found.schema, found.system_turns) == (sampling, schema, turns)


def test_traits_and_catalogue_agree() -> None:
    """What both say of a model is the same."""
    for model in catalogue.models("anthropic"):
        found = WIRE.traits(model.name)
        assert found.schema == model.supports("json_schema"), model.name
        assert (found.thinking != "none") == model.supports("reasoning"), model.name
