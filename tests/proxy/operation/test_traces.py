"""Traces through the gateway, as a collector has them that OpenTelemetry's own exporter sends to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from .._kit import called

trace: Any = pytest.importorskip("opentelemetry.trace")
sdk: Any = pytest.importorskip("opentelemetry.sdk.trace")
resources: Any = pytest.importorskip("opentelemetry.sdk.resources")
export: Any = pytest.importorskip("opentelemetry.sdk.trace.export")
otlp: Any = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
wire: Any = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

CALLERS = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{CALLERS}-b7ad6b7169203331-01"
ASKED = {"model": "fast", "messages": [{"role": "user", "content": "Hush"}]}


class Collector:
    """It answers as a collector does, and keeps what it is sent."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []

    @property
    def spans(self) -> list[Any]:
        """In the order in which they ended."""
        bodies = [wire.ExportTraceServiceRequest.FromString(body) for body in self.raw]
        scopes = [
            scope for body in bodies for of in body.resource_spans for scope in of.scope_spans
        ]
        return [span for scope in scopes for span in scope.spans]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """It listens, and whoever asks for a tracer has one whose spans come to it."""
    made = Collector()

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.raw.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Takes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
        # Without looking the machine over for what it is.
        provider = sdk.TracerProvider(resource=resources.Resource({}), shutdown_on_exit=False)
        provider.add_span_processor(export.SimpleSpanProcessor(otlp.OTLPSpanExporter(address)))
        monkeypatch.setattr(trace, "get_tracer", lambda name, *_, **__: provider.get_tracer(name))
        yield made
        provider.shutdown()
        server.shutdown()


def said(span: Any) -> dict[str, Any]:
    """Its attributes."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@pytest.mark.asyncio
@pytest.mark.parametrize("stream", [False, True])
async def test_a_trace_goes_through(tmp_path: Path, collector: Collector, *, stream: bool) -> None:
    """The caller's span, the gateway's, the call's, the provider's: one trace, each the next one's parent."""
    async with called(tmp_path) as app:
        answer = await app.http.post(
            "/v1/chat/completions",
            json={**ASKED, "stream": stream},
            headers={"traceparent": PARENT, "tracestate": "a=b", "baggage": "who=ann"},
        )
        assert answer.status_code == 200, answer.text
        [sent] = app.simulator.requests
    call, request = collector.spans
    assert (call.name, request.name) == ("chat gpt-4o-mini", "POST /v1/chat/completions")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    assert call.parent_span_id == request.span_id
    version, trace_id, parent, flags = sent.headers["traceparent"].split("-")
    assert (version, trace_id, parent, flags) == ("00", CALLERS, call.span_id.hex(), "01")
    assert sent.headers["tracestate"] == "a=b"
    assert "baggage" not in sent.headers
    assert said(call)["gen_ai.usage.output_tokens"] > 0
    assert float(said(call)["llmkit.cost_usd"]) > 0
    assert said(request)["http.response.status_code"] == 200
    assert b"Hush" not in b"".join(collector.raw)
