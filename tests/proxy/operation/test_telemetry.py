from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmkit.proxy.operation import telemetry
from llmkit.proxy.operation.metrics import Measured
from llmkit.proxy.settings import Settings

from .._kit import called
from ._known import ANN, Known

trace: Any = pytest.importorskip("opentelemetry.trace")
Unrecorded: Any = trace.NonRecordingSpan
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Kept(Unrecorded):  # type: ignore[misc]
    """A span that keeps what it is told."""

    def __init__(self, name: str, parent: Any) -> None:
        super().__init__(trace.SpanContext(parent.trace_id or 1, 2, is_remote=False))
        self.name, self.parent, self.status = name, parent, None
        self.said: dict[str, Any] = {}

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        self.said[key] = value

    def update_name(self, name: str) -> None:
        self.name = name

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status.status_code


class Tracer:
    def __init__(self) -> None:
        self.spans: list[Kept] = []

    @contextmanager
    def start_as_current_span(self, name: str, context: Any, kind: Any, **_: Any) -> Iterator[Kept]:
        span = Kept(name, trace.get_current_span(context).get_span_context())
        self.spans.append(span)
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield span

    def start_span(self, name: str, context: Any = None, **_: Any) -> Kept:
        span = Kept(name, trace.get_current_span(context).get_span_context())
        self.spans.append(span)
        return span


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    """Whoever asks for a tracer gets one that keeps its spans."""
    made = Tracer()
    monkeypatch.setattr(trace, "get_tracer", lambda *_, **__: made)
    return made


@pytest.mark.asyncio
async def test_a_request_is_a_span(tmp_path: Path, tracer: Tracer) -> None:
    """The child of its caller's, with its call's as its own child, which says what it came to; and no word of it."""
    async with called(tmp_path, "ann") as app:
        app.gateway.bearers = Known()

        async def asks(scope: Any, receive: Any, send: Any) -> None:
            said = {"proxy": {"group": "fast", "session": "s1"}}
            with ANN.around(None, "s1", (), said):
                await app.gateway.calls.acompletion("fast", [{"role": "user", "content": "Hush"}])
            scope["route"] = type("Route", (), {"path": "/v1/chat/completions"})
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        traced = telemetry.around(Measured(asks, app.gateway.metrics), app.gateway)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(traced), base_url="http://gateway"
        ) as http:
            await http.post(
                "/v1/chat/completions?key=secret",
                headers={"traceparent": PARENT, "baggage": "who=ann"},
            )
            await http.get("/health/liveliness")
    # The probe, which this app makes a call for, too, has no span of its own.
    span, call, other = tracer.spans
    assert other.name == call.name
    assert span.name == "POST /v1/chat/completions"
    assert f"{span.parent.trace_id:032x}" == PARENT.split("-")[1]
    assert span.said["http.response.status_code"] == 200
    assert call.parent is span.get_span_context()
    assert call.said["gen_ai.operation.name"] == "chat"
    assert call.said["llmkit.group"] == "fast"
    assert call.said["gen_ai.usage.input_tokens"] > 0
    assert call.said["gen_ai.conversation.id"] == "s1"
    assert float(call.said["llmkit.cost_usd"]) > 0
    assert "Hush" not in str((span.said, call.said))
    assert "secret" not in str(span.said)
    sent, _ = app.simulator.requests
    assert sent.headers["traceparent"] == f"00-{PARENT.split('-')[1]}-{2:016x}-00"
    assert "baggage" not in sent.headers


@pytest.mark.asyncio
async def test_a_failure_is_an_error(tmp_path: Path, tracer: Tracer) -> None:
    """What the gateway failed with is an error of the span; a caller's own mistake is none."""
    async with called(tmp_path, "ann") as app:
        app.gateway.bearers = Known()

        async def fails(scope: Any, receive: Any, send: Any) -> None:
            raise ZeroDivisionError

        traced = telemetry.around(fails, app.gateway)
        transport = httpx.ASGITransport(traced, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            await http.get("/v1/models")
        await app.http.get("/routes", headers={"authorization": ""})
    failed, refused = tracer.spans
    assert failed.status == trace.StatusCode.ERROR
    assert failed.said["error.type"] == "ZeroDivisionError"
    assert refused.status is None
    assert refused.said["http.response.status_code"] == 401


def test_nothing_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, or its API alone is, the app is as it was."""
    for name in [one for one in sys.modules if one.split(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)

    class Lost:
        @staticmethod
        def find(name: str) -> ModuleSpec | None:
            return ModuleSpec(name, None) if name == "opentelemetry" else None

    monkeypatch.setattr(telemetry, "find_spec", Lost.find)
    app: Any = object()
    gateway: Any = None
    assert telemetry.around(app, gateway) is app
    assert telemetry.sinks() == telemetry.hooks(Settings()) == ()


def test_providers_may_be_told_nothing() -> None:
    """`trace_providers: false`."""
    assert len(telemetry.hooks(Settings())) == 1
    assert telemetry.hooks(Settings(trace_providers=False)) == ()
