"""Langfuse, over OTLP: what is sent, tried again, and refused."""

from __future__ import annotations

import base64
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.telemetry import Langfuse
from llmkit.telemetry import _langfuse as module
from llmkit.testing import scripted

from .conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "openai/gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "a secret prompt"}]
PUBLIC, SECRET = "pk-lf-" + "public", "sk-lf-" + "secret-0123456789abcdefghij"


class Service:
    """Stands for Langfuse: keeps what it is sent, and answers with what is told, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.answers: list[int] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.got.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(service.answers.pop(0) if service.answers else 200)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing is printed."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def spans(self) -> list[dict[str, Any]]:
        """The spans of the last batch, with plain attributes."""
        [resource] = self.got[-1][2]["resourceSpans"]
        [scope] = resource["scopeSpans"]
        return [
            {
                **one,
                "attributes": {
                    a["key"]: next(iter(a["value"].values())) for a in one["attributes"]
                },
            }
            for one in scope["spans"]
        ]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Langfuse's stand-in; nobody waits between tries."""
    monkeypatch.setattr(module, "_PAUSES", (0.0, 0.0))
    one = Service()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_what_is_sent(service: Service, client: Callable[..., llmkit.Client]) -> None:
    """A generation with usage, exact cost, user, tags and metadata; no prompt, no key; in one batch."""
    made = client(Langfuse(PUBLIC, SECRET, service.url, environment="test"))
    with scripted("an answer", 400):
        answer = made.completion(MODEL, ASK, user="ann", tags=["t"], metadata={"n": 1})
        with pytest.raises(llmkit.BadRequestError):
            made.completion(MODEL, ASK)
    made.close()
    [(path, headers, body)] = service.got
    assert path == "/api/public/otel/v1/traces"
    token = base64.b64encode(f"{PUBLIC}:{SECRET}".encode()).decode()
    assert headers["Authorization"] == f"Basic {token}"
    assert headers["X-Langfuse-Ingestion-Version"] == "4"
    good, bad = service.spans()
    assert good["traceId"] == answer.call.id.removeprefix("call_")
    said = good["attributes"]
    assert said["langfuse.observation.type"] == "generation"
    assert (said["langfuse.user.id"], said["langfuse.environment"]) == ("ann", "test")
    assert said["langfuse.trace.metadata.n"] == "1"
    assert said["langfuse.observation.cost_details"] == f'{{"total": {answer.cost.total:f}}}'
    assert json.loads(said["langfuse.observation.usage_details"]) == {
        "input": answer.usage.prompt_tokens,
        "output": answer.usage.completion_tokens,
    }
    assert bad["status"] == {"code": 2, "message": "BadRequestError"}
    assert bad["attributes"]["langfuse.observation.level"] == "ERROR"
    text = json.dumps(body)
    assert not [secret for secret in (KEY, SECRET, "a secret", "an answer") if secret in text]


def test_content_where_it_is_asked_for(
    service: Service, client: Callable[..., llmkit.Client]
) -> None:
    """Then prompt and answer are sent, redacted."""
    redact = {"a secret prompt": "[p]", "an answer": "[a]"}.__getitem__
    made = client(Langfuse(PUBLIC, SECRET, service.url, content=True, redact=redact))
    with scripted("an answer"):
        made.completion(MODEL, ASK)
    made.close()
    said = service.spans()[0]["attributes"]
    assert json.loads(said["langfuse.observation.input"])[0]["parts"][0]["content"] == "[p]"
    assert json.loads(said["langfuse.observation.output"])[0]["parts"][0]["content"] == "[a]"


@pytest.mark.parametrize(
    ("answers", "asked", "dropped", "told"),
    [
        ([503, 429], 3, 0, ""),
        ([500, 500, 500], 3, 1, "it answered 500"),
        ([401], 1, 1, "check its keys"),
        ([302], 1, 1, "it answered 302"),
    ],
)
def test_what_goes_wrong(
    service: Service,
    client: Callable[..., llmkit.Client],
    caplog: pytest.LogCaptureFixture,
    answers: list[int],
    asked: int,
    dropped: int,
    told: str,
) -> None:
    """What may pass is tried again; what is lost is counted and told; nothing is sent elsewhere, and no key is told."""
    service.answers = list(answers)
    sink = Langfuse(PUBLIC, SECRET, service.url)
    made = client(sink)
    with scripted("x"), caplog.at_level(logging.ERROR, "llmkit"):
        assert made.completion(MODEL, ASK).text == "x"
        made.close()
    assert (len(service.got), sink.dropped) == (asked, dropped)
    assert told in caplog.text
    assert SECRET not in caplog.text + repr(sink) + repr(vars(sink))


def test_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is missing is named, an address that is none is told; neither is shown."""
    for name in ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_HOST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(llmkit.ConfigurationError, match="LANGFUSE_PUBLIC_KEY is missing"):
        Langfuse()
    with pytest.raises(llmkit.ConfigurationError, match="LANGFUSE_SECRET_KEY is missing"):
        Langfuse(PUBLIC)
    for host in ("file:///etc", "langfuse.com", f"https://{PUBLIC}:{SECRET}@host"):
        with pytest.raises(llmkit.ConfigurationError, match="host is Langfuse's address") as caught:
            Langfuse(PUBLIC, SECRET, host)
        assert SECRET not in str(caught.value)
