"""Databricks and Snowflake through the public client: which token is shown, how it is come by, what is told if not."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from typing_extensions import override

import llmkit
from llmkit.errors import APIConnectionError, AuthenticationError, MissingKeyError

ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "num_retries": 0}
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
SECRET = "dose-" + "0123456789abcdef"
GRANT = {"access_token": "oauth-" + "token-1", "expires_in": 3600, "token_type": "Bearer"}
PRINCIPAL: dict[str, Any] = {"client_id": "app-1", "client_secret": SECRET}


@dataclass
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Host:
    """A workspace: its address, what its token server answers, and what came."""

    url: str
    grant: Any = field(default_factory=lambda: dict(GRANT))
    status: int = 200
    seen: list[Seen] = field(default_factory=list)

    def tokens(self) -> list[Seen]:
        """What came to the token server."""
        return [request for request in self.seen if request.path == "/oidc/v1/token"]

    def bearers(self) -> list[str]:
        """The tokens that chats came with."""
        return [r.headers["authorization"] for r in self.seen if r.path.endswith("completions")]


class Handler(BaseHTTPRequestHandler):
    """Answers tokens and chats."""

    host: Host

    def do_POST(self) -> None:
        """Answer as the host is set to."""
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.host.seen.append(Seen(self.path, headers, body))
        asks = self.path == "/oidc/v1/token"
        said = self.host.grant if asks else ANSWER
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(self.host.status if asks else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def host() -> Iterator[Host]:
    """A workspace on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Host(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Bound", (Handler,), {"host": made})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def client(host: Host, **environ: str) -> llmkit.Client:
    """A client whose environment names the workspace."""
    return llmkit.Client(environ={"DATABRICKS_HOST": host.url, **environ})


def test_a_principal_signs_in_once(host: Host) -> None:
    """A service principal's token is asked for as documented, once, and shown with each call."""
    with client(host) as made:
        for _ in range(2):
            answer = made.completion("databricks/m", **ASK, **PRINCIPAL)
    assert answer.text == "Hi"
    (asked,) = host.tokens()
    pair = base64.b64encode(f"app-1:{SECRET}".encode()).decode()
    assert asked.headers["authorization"] == f"Basic {pair}"
    form = {"grant_type": ["client_credentials"], "scope": ["all-apis"]}
    assert parse_qs(asked.body.decode()) == form
    assert host.bearers() == ["Bearer oauth-token-1"] * 2
    assert host.seen[-1].path == "/serving-endpoints/chat/completions"


def test_a_principal_of_the_environment(host: Host) -> None:
    """The vendor's own variables do, too, asynchronously as well."""
    environ = {"DATABRICKS_CLIENT_ID": "app-1", "DATABRICKS_CLIENT_SECRET": SECRET}

    async def ask() -> str:
        async with client(host, **environ) as made:
            return (await made.acompletion("databricks/m", **ASK)).text

    assert asyncio.run(ask()) == "Hi"
    assert len(host.tokens()) == 1


@pytest.mark.parametrize(
    ("given", "environ", "bearer"),
    [
        ({"api_key": "pat-" + "0001"}, {}, "Bearer pat-0001"),
        ({}, {"DATABRICKS_TOKEN": "pat-" + "0002"}, "Bearer pat-0002"),
        (PRINCIPAL, {"DATABRICKS_TOKEN": "pat-" + "0002"}, "Bearer oauth-token-1"),
        ({**PRINCIPAL, "api_key": "pat-" + "0001"}, {}, "Bearer pat-0001"),
        ({"extra_headers": {"Authorization": "Bearer mine"}}, {}, "Bearer mine"),
    ],
    ids=["key", "variable", "principal first", "key first", "header"],
)
def test_which_token_is_shown(
    host: Host, given: dict[str, Any], environ: dict[str, str], bearer: str
) -> None:
    """What the call says goes before the environment, and a key before a principal."""
    with client(host, **environ) as made:
        made.completion("databricks/m", **ASK, **given)
    assert host.bearers() == [bearer]


def test_no_credential_is_told(host: Host) -> None:
    """Without either, nothing is sent, and the error names what can be set."""
    with client(host) as made, pytest.raises(MissingKeyError, match="DATABRICKS_CLIENT_SECRET"):
        made.completion("databricks/m", **ASK)
    assert host.seen == []


@pytest.mark.parametrize(
    ("status", "grant", "kind"),
    [
        (401, {"error": "invalid_client", "error_description": "no"}, AuthenticationError),
        (503, {"error": "later"}, APIConnectionError),
        (200, {"token_type": "Bearer"}, AuthenticationError),
        (200, b"<html>", AuthenticationError),
        (200, {"access_token": "a\nb"}, AuthenticationError),
        (200, [], AuthenticationError),
    ],
)
def test_a_refusal_is_told(host: Host, status: int, grant: Any, kind: type[Exception]) -> None:
    """A principal that is refused, or an answer without a token, is an error that hides the secret."""
    host.status, host.grant = status, grant
    with client(host) as made, pytest.raises(kind) as caught:
        made.completion("databricks/m", **ASK, **PRINCIPAL)
    assert SECRET not in f"{caught.value!r} {caught.value.__dict__}"
    assert host.bearers() == []


def test_a_token_without_an_end(host: Host) -> None:
    """An answer that does not say how long its token lasts is taken for an hour's."""
    host.grant = {"access_token": "oauth-" + "token-2", "expires_in": None}
    with client(host) as made:
        made.completion("databricks/m", **ASK, **PRINCIPAL)
        made.completion("databricks/m", **ASK, **PRINCIPAL)
    assert len(host.tokens()) == 1


KIND = "x-snowflake-authorization-token-type"


@pytest.mark.parametrize(
    ("given", "environ", "bearer", "kind"),
    [
        ({}, {"SNOWFLAKE_JWT": "jwt-" + "0001"}, "Bearer jwt-0001", "KEYPAIR_JWT"),
        ({}, {"SNOWFLAKE_PAT": "pat-" + "0001"}, "Bearer pat-0001", "PROGRAMMATIC_ACCESS_TOKEN"),
        ({"api_key": "pat/" + "abc-0001"}, {}, "Bearer abc-0001", "PROGRAMMATIC_ACCESS_TOKEN"),
        ({"api_key": "any-" + "0001"}, {}, "Bearer any-0001", None),
        (
            {"extra_headers": {"authorization": "Bearer mine"}, "api_key": "x-" + "0001"},
            {},
            "Bearer mine",
            None,
        ),
    ],
)
def test_kinds_of_tokens(
    host: Host, given: dict[str, Any], environ: dict[str, str], bearer: str, kind: str | None
) -> None:
    """Snowflake is told the kind of a token where it is known, and else left to look."""
    with llmkit.Client(environ=environ) as made:
        base = f"{host.url}/api/v2/cortex/v1"
        made.completion("snowflake/m", **ASK, **given, base_url=base)
    assert host.bearers() == [bearer]
    assert host.seen[0].headers.get(KIND) == kind


def test_the_account_is_in_the_address() -> None:
    """Snowflake's and Cloudflare's accounts come from the call or the environment."""
    made = llmkit.Client(environ={"CLOUDFLARE_ACCOUNT_ID": "acc"}, api_key="k-" + "0001")
    messages = ASK["messages"]
    dry = made.completion("snowflake/m", messages, account_id="org-acc", max_tokens=5, dry_run=True)
    assert dry.url == "https://org-acc.snowflakecomputing.com/api/v2/cortex/v1/chat/completions"
    assert dry.body["max_completion_tokens"] == 5
    dry = made.completion("cloudflare/@cf/m", messages, dry_run=True)
    assert dry.url == "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions"
    made.close()
