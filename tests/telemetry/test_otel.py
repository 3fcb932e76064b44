"""OpenTelemetry, as its SDK sees it: one span a call, whatever becomes of it, by the conventions' names."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import llmkit
from llmkit import Router
from llmkit.events import AttemptStarted, CallStarted
from llmkit.router import Hedge
from llmkit.telemetry import OpenTelemetry, span_of
from llmkit.testing import Cut, Raw, scripted

from .conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("opentelemetry.sdk", reason="the SDK comes with the extra dev")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics as measurements

MODEL = "openai/gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "a secret prompt"}]
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)


class SDK(NamedTuple):
    """A program's own."""

    traces: TracerProvider
    meters: MeterProvider
    spans: InMemorySpanExporter
    numbers: InMemoryMetricReader

    def sink(self, **how: Any) -> OpenTelemetry:
        """One that tells it."""
        return OpenTelemetry(tracer_provider=self.traces, meter_provider=self.meters, **how)

    def calls(self) -> list[Any]:
        """Spans of calls, as they ended."""
        return [one for one in self.spans.get_finished_spans() if one.kind.name == "CLIENT"]

    def attempts(self) -> list[Any]:
        """Spans of attempts."""
        found = self.spans.get_finished_spans()
        return [one for one in found if one.name.startswith("attempt")]

    def measured(self) -> dict[str, list[Any]]:
        """Points of each measurement."""
        told = self.numbers.get_metrics_data()
        metrics = [m for r in told.resource_metrics for s in r.scope_metrics for m in s.metrics]
        return {one.name: list(one.data.data_points) for one in metrics}


@pytest.fixture
def sdk() -> SDK:
    """An SDK that keeps all in memory."""
    spans, numbers = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider(shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(spans))
    return SDK(traces, MeterProvider([numbers], shutdown_on_exit=False), spans, numbers)


def test_a_call(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """Names and values of the conventions; no content, no key; a child of the caller's span."""
    with (
        scripted("an answer"),
        sdk.traces.get_tracer("mine").start_as_current_span("mine") as mine,
    ):
        answer = client(sdk.sink(attributes={"deployment.environment.name": "t"})).completion(
            MODEL, ASK, temperature=0.5, max_tokens=9, stop="x", seed=True, user="ann", n=2
        )
    [span] = sdk.calls()
    assert (span.name, span.status.status_code.name) == ("chat gpt-4o-mini", "UNSET")
    assert span.parent.span_id == mine.get_span_context().span_id
    said = dict(span.attributes)
    assert said | {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.request.choice.count": 2,
        "gen_ai.response.id": answer.id,
        "gen_ai.response.model": answer.model,
        "gen_ai.response.finish_reasons": tuple(one.finish_reason for one in answer.choices),
        "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
        "server.address": "api.openai.com",
        "server.port": 443,
        "user.id": "ann",
        "deployment.environment.name": "t",
        "llmkit.outcome": "completed",
        "llmkit.cost_usd": f"{answer.cost.total:f}",
    } == said  # fmt: skip
    assert not {"gen_ai.request.stream", "gen_ai.request.seed", "error.type"} & set(said)
    assert "a secret" not in repr(said)
    assert KEY not in span.to_json()
    assert sdk.attempts() == []


class Beginnings:
    """Keeps what spans are said to be when they begin, where samplers look."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.seen.append(dict(span.attributes))

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: True


@pytest.mark.parametrize(
    ("how", "place"),
    [
        ({}, {"server.address": "api.openai.com", "server.port": 443}),
        (
            {"base_url": "http://llm.example:8080/v1?k=pass-word"},
            {"server.address": "llm.example", "server.port": 8080},
        ),
        ({"mock_response": "x"}, {}),
    ],
)
def test_where_it_goes_is_said_when_it_begins(
    sdk: SDK, client: Callable[..., llmkit.Client], how: Any, place: Any
) -> None:
    """As far as it is known: nobody is asked by a mock, and nothing of an address is a secret's."""
    beginnings, events = Beginnings(), list[Any]()
    sdk.traces.add_span_processor(beginnings)  # type: ignore[arg-type]
    with scripted("x", strict=False):
        client(sdk.sink(), events.append).completion(MODEL, ASK, **how)
    [said] = beginnings.seen
    assert {name: value for name, value in said.items() if name.startswith("server.")} == place
    [begun] = [one for one in events if isinstance(one, CallStarted)]
    assert "pass-word" not in begun.base_url
    assert bool(begun.base_url) is bool(place)


def test_a_router_says_where_it_goes_once_it_has_chosen(sdk: SDK) -> None:
    """With its first attempt, not only at the end."""
    beginnings, there = Beginnings(), list[Any]()
    sdk.traces.add_span_processor(beginnings)  # type: ignore[arg-type]

    def looks(event: Any) -> None:
        if isinstance(event, AttemptStarted):
            there.append(span_of(event.call_id).attributes.get("server.address"))

    entry = {"model_name": "g", "litellm_params": {"model": MODEL, "api_key": KEY}}
    with scripted("x"), llmkit.Router([entry], callbacks=[sdk.sink(), looks]) as router:
        router.completion("g", ASK)
    assert "server.address" not in beginnings.seen[0]
    assert there == ["api.openai.com"]


ENDS: dict[str, tuple[Any, str, str | None, tuple[str, ...]]] = {
    "completed": ("Hello there", "UNSET", None, ("stop",)),
    "closed": ("Hello there", "UNSET", None, ("error",)),
    "abandoned": ("Hello there", "UNSET", "abandoned", ("error",)),
    "interrupted": (Cut("Hello there", after=1), "ERROR", "StreamInterruptedError", ("error",)),
    "failed": (400, "ERROR", "BadRequestError", ()),
}


@pytest.mark.parametrize("outcome", ENDS)
def test_a_stream_ends_once(sdk: SDK, client: Callable[..., llmkit.Client], outcome: str) -> None:
    """However it ends: read, closed early, forgotten, broken, refused."""
    answer, status, error, reasons = ENDS[outcome]
    made = client(sdk.sink())
    with scripted(answer, strict=False):
        try:
            stream = made.completion(MODEL, ASK, stream=True, num_retries=0)
            next(stream)
            if outcome == "closed":
                stream.close()
                stream.close()
            elif outcome != "abandoned":
                list(stream)
        except llmkit.APIError:
            pass
        stream = None
        gc.collect()
        made.close()
    [span] = sdk.calls()
    said = span.attributes
    assert (said["llmkit.outcome"], span.status.status_code.name) == (outcome, status)
    assert said.get("error.type") == error
    assert said.get("gen_ai.response.finish_reasons", ()) == reasons
    assert said["gen_ai.request.stream"] is True
    assert ("gen_ai.response.time_to_first_chunk" in said) is (outcome != "failed")
    assert span.end_time >= span.start_time


@pytest.mark.asyncio
async def test_a_cancelled_stream(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """In async code, as a child of the task's span, and ended by the cancellation."""
    made, begun = client(sdk.sink()), asyncio.Event()

    async def reads() -> None:
        async for _ in await made.acompletion(MODEL, ASK, stream=True):
            begun.set()
            await asyncio.sleep(60)

    with scripted("Hello there"), sdk.traces.get_tracer("x").start_as_current_span("task") as mine:
        task = asyncio.create_task(reads())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del task
        gc.collect()
        await made.acompletion(MODEL, ASK, mock_response="x")
    first = sdk.calls()[0]
    assert len(sdk.calls()) == 2
    assert first.attributes["llmkit.outcome"] in {"cancelled", "abandoned", "closed"}
    assert {one.parent.span_id for one in sdk.calls()} == {mine.get_span_context().span_id}


def test_attempts_are_children(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """Where there were several: each with its error and status, and what was decided between them."""
    with scripted(503, 400, "x"):
        client(sdk.sink()).completion(
            MODEL, ASK, num_retries=1, fallbacks=["anthropic/claude-sonnet-4-5"], max_tokens=9
        )
    [span] = sdk.calls()
    assert span.name == "chat claude-sonnet-4-5"
    assert span.attributes["gen_ai.provider.name"] == "anthropic"
    tries = sdk.attempts()
    assert [one.attributes.get("error.type") for one in tries] == [
        "ServiceUnavailableError", "BadRequestError", None,
    ]  # fmt: skip
    assert [one.name for one in tries] == ["attempt 1", "attempt 2", "attempt 3"]
    assert {one.parent.span_id for one in tries} == {span.context.span_id}
    assert [one.name for one in span.events] == ["llmkit.retry", "llmkit.fallback"]
    assert "scripted" not in span.to_json()


def test_a_router_and_its_hedge(sdk: SDK) -> None:
    """One span for the call, under the deployment's model that answered; the hedge is an event."""
    models = [
        {"model_name": "fast", "litellm_params": {"model": f"openai/gpt-4o{kind}", "api_key": KEY}}
        for kind in ("", "-mini")
    ]

    def slowly(request: Any) -> str:
        import time

        time.sleep(0.05)
        return "x"

    sink = sdk.sink()
    with (
        scripted(slowly, slowly, strict=False),
        Router(models, callbacks=[sink], hedge=Hedge(after=0.01)) as router,
    ):
        answer = router.completion("fast", ASK)
    [span] = sdk.calls()
    assert span.attributes["llmkit.group"] == "fast"
    assert span.attributes["gen_ai.request.model"] == answer.call.model
    assert span.attributes["llmkit.deployment"] == answer.call.deployment
    assert "llmkit.hedge" in [one.name for one in span.events]


def test_content_where_it_is_asked_for(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """As messages of parts, redacted."""
    sink = sdk.sink(content=True, redact=lambda text: text.replace("secret", "[x]"))
    with scripted("a secret answer"):
        client(sink).completion(MODEL, ASK)
    [span] = sdk.calls()
    assert json.loads(span.attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "a [x] prompt"}]}
    ]
    assert json.loads(span.attributes["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "a [x] answer"}],
            "finish_reason": "stop",
        }
    ]


def test_measurements(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """With the boundaries that are advised; a failed call has its error, and no tokens."""
    made = client(sdk.sink())
    with scripted("x", 400, "y"):
        made.completion(MODEL, ASK)
        with pytest.raises(llmkit.BadRequestError):
            made.completion(MODEL, ASK)
        list(made.completion(MODEL, ASK, stream=True))
    found = sdk.measured()
    durations = found["gen_ai.client.operation.duration"]
    assert {one.explicit_bounds for one in durations} == {SECONDS}
    assert [(one.attributes.get("error.type"), one.count) for one in durations] == [
        (None, 2), ("BadRequestError", 1),
    ]  # fmt: skip
    tokens = found["gen_ai.client.token.usage"]
    assert [(one.attributes["gen_ai.token.type"], one.count) for one in tokens] == [
        ("input", 2), ("output", 2),
    ]  # fmt: skip
    assert tokens[0].explicit_bounds == tuple(4**power for power in range(14))
    [first] = found["gen_ai.client.operation.time_to_first_chunk"]
    assert (first.count, first.explicit_bounds) == (1, SECONDS)


NEWER = {"gen_ai.request.previous_response.id", "gen_ai.request.reasoning.level"}
"""Attributes that only the conventions' new repository has."""
CACHED = Raw(
    {
        "id": "x",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
        ],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 1,
            "total_tokens": 6,
            "prompt_tokens_details": {"cache_write_tokens": 2},
        },
    }
)


def test_names_are_those_that_are_published(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """Every ``gen_ai.`` name of attributes and measurements, and each unit, is one of OpenTelemetry's own package."""
    made = client(sdk.sink(content=True))
    vectors = Raw({"data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 3}})
    with scripted(CACHED, "y", vectors, Raw(b"ID3")):
        made.completion(
            MODEL, ASK, top_p=0.5, frequency_penalty=0.1, seed=3, max_tokens=9, stop=["x"],
            response_format={"type": "json_object"}, n=2, session="s",
        )  # fmt: skip
        list(made.completion("openai/gpt-5-mini", ASK, reasoning_effort="low", stream=True))
        made.embedding("openai/text-embedding-3-small", "x", dimensions=8, encoding_format="float")
        made.speech("openai/tts-1", "Hi", "nova")
    [chat, stream, embedded, spoken] = sdk.calls()
    published = {getattr(attributes, name) for name in dir(attributes) if name.startswith("GEN_AI")}
    said = {name for span in sdk.calls() for name in span.attributes if name.startswith("gen_ai.")}
    assert said - published == {"gen_ai.request.reasoning.level"}
    assert said <= published | NEWER
    assert chat.attributes["gen_ai.usage.cache_creation.input_tokens"] == 2
    assert chat.attributes["gen_ai.output.type"] == "json"
    assert stream.attributes["gen_ai.response.time_to_first_chunk"] >= 0
    assert embedded.attributes["gen_ai.embeddings.dimension.count"] == 8
    assert embedded.attributes["gen_ai.request.encoding_formats"] == ("float",)
    assert spoken.attributes["gen_ai.output.type"] == "speech"
    told = sdk.numbers.get_metrics_data()
    units = {
        m.name: m.unit for r in told.resource_metrics for s in r.scope_metrics for m in s.metrics
    }
    known = {getattr(measurements, name) for name in dir(measurements) if name.startswith("GEN_AI")}
    assert set(units) < known
    assert {units.pop("gen_ai.client.token.usage"), *units.values()} == {"{token}", "s"}


def test_the_newer_names(
    sdk: SDK, client: Callable[..., llmkit.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable that the conventions name, or by an argument; what is no inference keeps the older one."""
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http,gen_ai_latest_experimental")
    body = {"data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 3}}
    made = client(sdk.sink())
    with scripted(CACHED, Raw(body), Raw({"results": []})):
        answer = made.completion(MODEL, ASK)
        made.embedding("openai/text-embedding-3-small", "x")
        made.moderation("x", model="openai/omni-moderation-latest")
    found = sdk.measured()
    [read] = found["gen_ai.client.inference.usage.input_tokens"]
    assert read.value == answer.usage.prompt_tokens
    [each] = found["gen_ai.client.inference.operation.input_tokens"]
    assert (each.sum, each.count) == (answer.usage.prompt_tokens, 1)
    [moderated] = found["gen_ai.client.operation.duration"]
    assert moderated.attributes["gen_ai.operation.name"] == "moderation"
    [embedded] = found["gen_ai.client.embeddings.operation.input_tokens"]
    assert (embedded.sum, embedded.attributes["gen_ai.operation.name"]) == (3, "embeddings")
    assert found["gen_ai.client.embeddings.duration"][0].count == 1
    assert found["gen_ai.client.inference.duration"][0].count == 1
    assert sdk.calls()[0].attributes["gen_ai.usage.cache_write.input_tokens"] == 2
    assert "gen_ai.client.token.usage" not in found
    with pytest.raises(llmkit.ConfigurationError, match="names is"):
        OpenTelemetry(names="newest")  # type: ignore[arg-type]


def test_the_span_while_a_call_runs(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """Who passes it on finds it by the call's id, and nothing of it behind the call."""
    found: list[Any] = []

    def looks(event: Any) -> None:
        if isinstance(event, CallStarted | AttemptStarted):
            found.append(span_of(event.call_id))

    with scripted("x"):
        answer = client(sdk.sink(), looks).completion(MODEL, ASK)
    assert found[0] is found[1]
    assert found[0].get_span_context() == sdk.calls()[0].context
    assert span_of(answer.call.id) is None


def test_calls_that_never_end_are_not_kept(sdk: SDK, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many, the oldest span is ended as it is."""
    monkeypatch.setattr("llmkit.telemetry._otel._WAITING", 3)
    sink = sdk.sink()
    for number in range(5):
        sink(CallStarted(f"never-{number}", "openai", "m", stream=False))
    assert len(sdk.calls()) == 2
    assert span_of("never-0") is None
    for number in range(2, 5):
        assert sink._taken(f"never-{number}") is not None
        assert span_of(f"never-{number}") is None


def test_what_cannot_be_told_loses_no_span(
    sdk: SDK, client: Callable[..., llmkit.Client], caplog: pytest.LogCaptureFixture
) -> None:
    """A number that no attribute can have is left out, and so is content that cannot be read."""

    class Odd(list[Any]):
        def __iter__(self) -> Any:
            raise RuntimeError("a secret")

    sink = sdk.sink(content=True)
    made = client(sink)
    with scripted("x"):
        made.completion(MODEL, ASK, seed=2**70)
    sink(CallStarted("odd", "openai", "m", stream=False))
    sink(AttemptStarted("odd", 1, "openai", "m", "", {}, Odd([1])))
    end = llmkit.events.CallFinished(made.ledger.settlements[0]._replace(call_id="odd"))
    sink(end)
    first, odd = sdk.calls()
    assert "gen_ai.request.seed" not in first.attributes
    assert odd.attributes["llmkit.call_id"] == "odd"
    assert "gen_ai.input.messages" not in odd.attributes
    assert "content could not be read" in caplog.text
    assert "a secret" not in caplog.text


def test_what_langfuse_has_names_for(sdk: SDK, client: Callable[..., llmkit.Client]) -> None:
    """On the same spans, where it is asked for."""
    with scripted("x"):
        answer = client(sdk.sink(langfuse=True)).completion(MODEL, ASK, tags=["t"], user="ann")
    [span] = sdk.calls()
    said = span.attributes
    assert (said["langfuse.user.id"], said["langfuse.trace.tags"]) == ("ann", ("t",))
    assert said["langfuse.observation.cost_details"] == f'{{"total": {answer.cost.total:f}}}'
