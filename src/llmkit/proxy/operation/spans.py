"""A server's span for each request, with OpenTelemetry's attributes of HTTP. What the calls are that are made for it,
their own spans say, which are ``llmkit.telemetry``'s, and children of it.

Names: https://opentelemetry.io/docs/specs/semconv/http/http-spans/, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any, Final

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ..._call import Call
from ..._http import merge_headers
from ...telemetry import span_of
from ..errors_of import refused_by
from .metrics import route_of

__all__ = ["PassedOn", "Traced"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_UNTRACED: Final = ("/health", "/metrics")
"""What is asked every few seconds, and by no one who waits."""
_FAILED: Final = 500


class Traced:
    """ASGI: a span around each request, a child of the one that its headers name (``traceparent``)."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self._tracer = trace.get_tracer("llmkit.proxy")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on within its span."""
        if scope["type"] not in {"http", "websocket"} or scope["path"].startswith(_UNTRACED):
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): said.decode("latin-1") for name, said in scope["headers"]
        }
        parent, method = propagate.extract(headers), scope.get("method", "GET")
        with self._tracer.start_as_current_span(
            method,
            parent,
            SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            if span.is_recording():
                await self._within(span, scope, receive, send)
            else:
                await self.app(scope, receive, send)

    async def _within(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            status = status or refused_by(error).status
            span.set_attribute("error.type", type(error).__qualname__)
            raise
        finally:
            _close(span, scope, status)


class PassedOn:
    """A hook of calls: their requests say whose children they are (``traceparent``, ``tracestate``).

    Whatever else is told to travel with a trace, ``baggage`` above all, is for one's own services, and stays here.
    """

    pure = True
    _trace = TraceContextTextMapPropagator()

    def before_call(self, call: Call) -> Call | None:
        """The call with these headers; ``None`` outside of a trace."""
        said: dict[str, str] = {}
        span = span_of(call.id)
        self._trace.inject(said, None if span is None else trace.set_span_in_context(span))
        if not said:
            return None
        return replace(call, extra_headers=merge_headers(call.extra_headers, said))


def _close(span: Span, scope: Scope, status: int) -> None:
    route, method = route_of(scope), scope.get("method", "GET")
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("url.scheme", scope.get("scheme", "http"))
    # Not the query: Gemini's clients have their key in it.
    span.set_attribute("url.path", scope["path"])
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= _FAILED:
        span.set_status(Status(StatusCode.ERROR))
    state = scope.get("state") or {}
    if http_id := state.get("http_id"):
        span.set_attribute("llmkit.http_id", http_id)
