"""A server's span for each request, with OpenTelemetry's attributes of HTTP and of generative AI. No content is in it.

Names: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and
https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Final

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from ...events import CallFinished
from ..errors_of import refused_by
from .metrics import route_of

__all__ = ["Traced"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_UNTRACED: Final = ("/health", "/metrics")
"""What is asked every few seconds, and by no one who waits."""
_FAILED: Final = 500
_OPERATIONS: Final = {"embedding": "embeddings", "text": "text_completion"}
"""What the conventions call a kind of call; ``chat`` is ``chat``."""


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
    for ended in getattr(state.get("exchange"), "ended", ()):
        for name, value in _of_call(ended):
            span.set_attribute(name, value)


def _of_call(ended: CallFinished) -> Iterator[tuple[str, Any]]:
    """What a call was, and came to. Unknown is not said."""
    settled, answer = ended.settlement, ended.response
    proxy = settled.metadata.get("proxy") or {}
    said = {
        "gen_ai.operation.name": _OPERATIONS.get(settled.kind, settled.kind),
        "gen_ai.provider.name": settled.provider,
        "gen_ai.request.model": proxy.get("group") or settled.model,
        "gen_ai.request.stream": settled.stream,
        "gen_ai.response.id": getattr(answer, "id", None),
        "gen_ai.response.model": getattr(answer, "model", None) or settled.model,
        "gen_ai.response.finish_reasons": _reasons(answer),
        "gen_ai.usage.input_tokens": settled.prompt_tokens,
        "gen_ai.usage.output_tokens": settled.completion_tokens,
        "gen_ai.conversation.id": proxy.get("session"),
        "error.type": (settled.error or "").partition(" ")[0] or None,
        "llmkit.call_id": settled.call_id,
        "llmkit.outcome": settled.outcome,
        "llmkit.attempts": settled.attempts,
        "llmkit.cost_usd": None if settled.cost is None else f"{settled.cost:f}",
    }
    return ((name, value) for name, value in said.items() if value is not None)


def _reasons(answer: Any) -> tuple[str, ...] | None:
    choices = getattr(answer, "choices", None) or ()
    return tuple(filter(None, (getattr(one, "finish_reason", None) for one in choices))) or None
