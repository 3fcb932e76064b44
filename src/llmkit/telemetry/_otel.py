"""``OpenTelemetry``: a client span for each call and measurements of it, by the conventions for generative AI.

Names stand in ``_attributes``, with their source. Only the library's API is used (the extra ``otel``): what becomes of
spans and measurements is up to the SDK that a program sets up, and without one this does next to nothing.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Literal

from typing_extensions import override

from .._call import Attempt
from ..errors import ConfigurationError
from ..events import (
    AttemptStarted,
    CallFinished,
    CallStarted,
    FallingBack,
    Hedged,
    Rerouted,
    RetryScheduled,
)
from . import _attributes
from ._content import Contents
from ._langfuse import langfuse_attributes
from ._record import Record, record

try:
    from opentelemetry import metrics, trace
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode
except ModuleNotFoundError as _missing:
    raise ConfigurationError(
        "the OpenTelemetry sink needs the library's API: pip install 'llmkit[otel]'; and an SDK to send anything: "
        "pip install opentelemetry-sdk opentelemetry-exporter-otlp"
    ) from _missing

__all__ = ["OpenTelemetry", "span_of"]

Names = Literal["published", "latest"]

_SECONDS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
"""Bucket boundaries that the conventions advise for durations."""
_TOKENS: Final = tuple(4**power for power in range(14))
"""And for tokens: 1, 4, 16 … 67,108,864."""
_WAITING: Final = 10_000
"""Spans of calls under way; of more, the oldest is ended as it is."""
_OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
_LATEST: Final = "gen_ai_latest_experimental"
_NANOSECONDS: Final = 1_000_000_000
_HEADLESS: Final = ("cancelled", "abandoned")

_running: dict[str, Span] = {}
"""The span of each call under way, for who passes it on to a provider."""


def span_of(call_id: str) -> Any:
    """The span of a call that is under way, an ``opentelemetry.trace.Span``; ``None`` where there is none."""
    return _running.get(call_id)


class OpenTelemetry:
    """A callback that makes spans and measurements: ``Client(callbacks=[OpenTelemetry()])``.

    Each call is one span of kind CLIENT, ``chat gpt-4o-mini``, a child of the span that is current where the call is
    made, from its beginning to its end: a stream's ends when it is read, closed, cancelled or let go of, and once.
    Where a call failed or took several attempts, each of these is a child of it (INTERNAL, ``attempt 2``), up to its
    answer, or a stream's first chunk; retries, fallbacks and hedges are events on it. A call that failed has the status
    ERROR and ``error.type``, the class of what was raised; no message of an error is kept.

    Measurements: ``gen_ai.client.operation.duration``, ``gen_ai.client.operation.time_to_first_chunk`` and
    ``gen_ai.client.token.usage``, with the bucket boundaries that the conventions advise. Tokens that are not known
    are not measured.

    Args:
        content: whether prompts and answers are put on spans, too (``gen_ai.input.messages``,
            ``gen_ai.output.messages``).
        redact: is given each text of these, and says what is kept of it.
        tracer_provider: by default OpenTelemetry's global one.
        meter_provider: by default OpenTelemetry's global one.
        attributes: more, of every span: ``{"deployment.environment.name": "test"}``.
        names: ``published``, as in the conventions up to 1.41, which dashboards know; or ``latest``, those of
            ``semantic-conventions-genai``: measurements are ``gen_ai.client.inference.…`` and
            ``gen_ai.client.embeddings.…``, tokens are counted, too. By default what
            ``OTEL_SEMCONV_STABILITY_OPT_IN`` says (``gen_ai_latest_experimental``), else ``published``.
        langfuse: whether spans have the attributes that Langfuse has names of its own for, too: cost, tags, metadata.

    Raises:
        ConfigurationError: OpenTelemetry's API is not installed, or an argument makes no sense.

    Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics and
    https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/client-inference.md and
    client-embeddings.md, read 2026-11-23.
    """

    def __init__(
        self,
        *,
        content: bool = False,
        redact: Callable[[str], str] | None = None,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        attributes: dict[str, Any] | None = None,
        names: Names | None = None,
        langfuse: bool = False,
    ) -> None:
        if names not in {None, "published", "latest"}:
            raise ConfigurationError(f"names is 'published' or 'latest', not {names!r:.80}")
        self._contents = Contents(wanted=content, redact=redact)
        self._more, self._langfuse = dict(attributes or {}), langfuse
        self._tracer = trace.get_tracer("llmkit", tracer_provider=tracer_provider)
        latest = (
            _LATEST in os.environ.get(_OPT_IN, "").split(",")
            if names is None
            else names == "latest"
        )
        self._names = _attributes.LATER if latest else {}
        self._meters = _Meters(
            metrics.get_meter("llmkit", meter_provider=meter_provider), latest=latest
        )
        self._spans: OrderedDict[str, Span] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, event: Any) -> None:
        """Take an event of a client."""
        if (take := _TAKES.get(type(event))) is not None:
            take(self, event)

    @override
    def __repr__(self) -> str:
        return "<OpenTelemetry>"

    def _begin(self, event: CallStarted) -> None:
        said = _attributes.begun(
            event.kind, event.provider, event.model, stream=event.stream, url=event.base_url
        )
        span = self._tracer.start_span(
            _named(event.kind, event.model), kind=SpanKind.CLIENT, attributes={**said, **self._more}
        )
        with self._lock:
            self._spans[event.call_id] = _running[event.call_id] = span
            oldest = next(iter(self._spans)) if len(self._spans) > _WAITING else None
        if oldest is not None and (left := self._taken(oldest)) is not None:
            left.end()

    def _taken(self, call_id: str) -> Span | None:
        """The span of a call, which is ended by whoever gets it here: once."""
        with self._lock:
            _running.pop(call_id, None)
            return self._spans.pop(call_id, None)

    def _ask(self, event: AttemptStarted) -> None:
        self._contents.note(event)
        span = self._spans.get(event.call_id)
        if span is not None and span.is_recording():
            span.set_attributes(_attributes.place(event.url))
            for name, value in _attributes.asked(event.params):
                span.set_attribute(name, value)

    def _note(self, event: Any) -> None:
        span = self._spans.get(event.call_id)
        if span is not None and span.is_recording():
            error = getattr(event, "error", None)
            said = {} if error is None else {"error.type": type(error).__name__}
            said |= {
                name: value for name in _NOTED if (value := getattr(event, name, None)) is not None
            }
            span.add_event(f"llmkit.{_EVENTS[type(event)]}", said)

    def _finish(self, event: CallFinished) -> None:
        ended = event.settlement
        span = self._taken(ended.call_id)
        try:
            row, content = record(event), self._contents.of(event)
            self._meters.add(row)
            if span is not None and span.is_recording():
                self._tell(span, row, event, content)
        finally:
            # What was let go of is noticed later than it ended.
            late = ended.outcome == "abandoned"
            if span is not None:
                span.end(_at(ended.started + ended.seconds) if late else None)

    def _tell(self, span: Span, row: Record, event: CallFinished, content: Any) -> None:
        span.update_name(_named(row.kind, row.model))
        for name, value in _attributes.whole(row):
            span.set_attribute(self._names.get(name, name), value)
        if content is not None:
            for name, value in _attributes.said(content):
                span.set_attribute(name, value)
        if self._langfuse:
            for name, value in langfuse_attributes(row, content):
                span.set_attribute(name, value)
        if row.error is not None:
            span.set_status(Status(StatusCode.ERROR, row.error))
        elif row.outcome in _HEADLESS:
            span.set_attribute("error.type", row.outcome)
        attempts = event.call.attempts if event.call is not None else ()
        if len(attempts) > 1 or row.error is not None:
            context = trace.set_span_in_context(span)
            for one in attempts:
                self._attempt(one, context)

    def _attempt(self, one: Attempt, context: Any) -> None:
        said = _attributes.begun("chat", one.provider, one.model, stream=False)
        said.pop("gen_ai.operation.name")
        span = self._tracer.start_span(
            f"attempt {one.number}",
            context,
            SpanKind.INTERNAL,
            {**said, "llmkit.sent": one.sent, **self._more},
            start_time=_at(one.started),
        )
        if one.deployment:
            span.set_attribute("llmkit.deployment", one.deployment)
        if one.status_code is not None:
            span.set_attribute("http.response.status_code", one.status_code)
        if one.error is not None:
            span.set_attribute("error.type", one.error)
            span.set_status(Status(StatusCode.ERROR, one.error))
        span.end(_at(one.started + one.seconds))


_EVENTS: Final[dict[type, str]] = {
    FallingBack: "fallback",
    Hedged: "hedge",
    Rerouted: "reroute",
    RetryScheduled: "retry",
}
_NOTED: Final = ("number", "seconds", "provider", "model", "group", "deployment", "after")
_TAKES: Final[dict[type, Callable[[OpenTelemetry, Any], None]]] = {
    CallStarted: OpenTelemetry._begin,  # noqa: SLF001 - the class's own table
    AttemptStarted: OpenTelemetry._ask,  # noqa: SLF001
    CallFinished: OpenTelemetry._finish,  # noqa: SLF001
    **dict.fromkeys(_EVENTS, OpenTelemetry._note),  # noqa: SLF001
}


class _Meters:
    """What is measured of each call, under the names of one generation of the conventions."""

    def __init__(self, meter: Any, *, latest: bool) -> None:
        times = {"": "operation", "chat": "inference", "embeddings": "embeddings"}
        words = times if latest else {"": "operation"}
        self._durations = {
            of: _histogram(
                meter, f"gen_ai.client.{word}.duration", "How long a call took.", _SECONDS
            )
            for of, word in words.items()
        }
        self._first = _histogram(
            meter,
            f"gen_ai.client.{'inference' if latest else 'operation'}.time_to_first_chunk",
            "How long a stream's first chunk took.",
            _SECONDS,
        )
        self._tokens = None if latest else _tokens(meter, "token.usage")
        self._each = {name: _tokens(meter, name) for name in _OF_ONE} if latest else {}
        self._counters = {name: _counter(meter, name) for name in _COUNTED} if latest else {}

    def add(self, row: Record) -> None:
        """Measure a call that has ended."""
        said = _attributes.measured(row)
        operation = said["gen_ai.operation.name"]
        kind = "chat" if operation in _attributes.INFERENCE else operation
        ended = said if row.error is None else {**said, "error.type": row.error}
        # What has no name of its own in the newer conventions keeps the older one.
        self._durations.get(kind, self._durations[""]).record(row.seconds, ended)
        if row.first_chunk_seconds is not None:
            self._first.record(row.first_chunk_seconds, said)
        self._count(row, kind, said)

    def _count(self, row: Record, kind: str, said: dict[str, Any]) -> None:
        if self._tokens is not None:
            for side, tokens in (("input", row.prompt_tokens), ("output", row.completion_tokens)):
                if tokens is not None:
                    self._tokens.record(tokens, {**said, "gen_ai.token.type": side})
        for name, each in self._each.items():
            if _OF_ONE[name][0] == kind and (count := getattr(row, _OF_ONE[name][1])) is not None:
                each.record(count, said)
        for name, counter in self._counters.items() if kind == "chat" else ():
            if (count := getattr(row, _COUNTED[name])) is not None:
                counter.add(count, said)


_COUNTED: Final = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "cache_read.input_tokens": "cached_tokens",
    "cache_write.input_tokens": "cache_write_tokens",
    "reasoning.output_tokens": "reasoning_tokens",
}
"""What the newer conventions count (behind ``gen_ai.client.inference.usage.``), and what it is in a record."""
_OF_ONE: Final = {
    "inference.operation.input_tokens": ("chat", "prompt_tokens"),
    "inference.operation.output_tokens": ("chat", "completion_tokens"),
    "embeddings.operation.input_tokens": ("embeddings", "prompt_tokens"),
}
"""And what they measure of each operation of a kind (behind ``gen_ai.client.``)."""


def _histogram(meter: Any, name: str, what: str, ends: tuple[float, ...], unit: str = "s") -> Any:
    return meter.create_histogram(
        name, unit=unit, description=what, explicit_bucket_boundaries_advisory=list(ends)
    )


def _tokens(meter: Any, name: str) -> Any:
    return _histogram(
        meter, f"gen_ai.client.{name}", "Tokens read and written.", _TOKENS, "{token}"
    )


def _counter(meter: Any, name: str) -> Any:
    return meter.create_counter(f"gen_ai.client.inference.usage.{name}", unit="{token}")


def _named(kind: str, model: str) -> str:
    return f"{_attributes.operation(kind)} {model}".rstrip()


def _at(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
