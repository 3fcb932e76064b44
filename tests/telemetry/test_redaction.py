"""What no sink writes unless it is asked to: prompts, answers, arguments, keys, headers, providers' own words."""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

import llmkit
from llmkit.telemetry import JSONL, Langfuse, OpenTelemetry, Prometheus, SQLiteLog, record
from llmkit.testing import Raw, ToolUse, scripted

pytest.importorskip("opentelemetry.sdk", reason="the SDK comes with the extra dev")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PARTS = (
    "prompt", "system", "answer", "thought", "argument", "result", "key", "header", "extra", "echo", "input",
)  # fmt: skip
# Letters that stand in no id, number or name by chance.
SECRETS = st.text("ghjkqvwxyz", min_size=8, max_size=24).map(
    lambda word: {part: f"{part}Q{word}" for part in PARTS}
)


class Heard(logging.Handler):
    """What llmkit logs, as text."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, one: logging.LogRecord) -> None:
        """Keep it."""
        self.said.append(self.format(one))


def talk(client: llmkit.Client, said: Mapping[str, str]) -> None:
    """Calls of all sorts, with something secret in each part of them."""
    arguments = json.dumps({"a": said["argument"]})
    messages: list[Any] = [
        {"role": "system", "content": said["system"]},
        {"role": "user", "content": [{"type": "text", "text": said["prompt"]}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": arguments}}
        ]},
        {"role": "tool", "tool_call_id": "call_1", "content": said["result"]},
    ]  # fmt: skip
    refused = Raw({"error": {"message": f"wrong: {said['echo']}", "code": None}}, status=400)
    more: dict[str, Any] = {
        "extra_headers": {"x-trace": said["header"]},
        "extra_body": {"note": said["extra"]},
    }
    tried = Raw({"error": {"message": said["echo"]}}, status=503, headers={"retry-after": "0"})
    vectors = Raw({"data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 3}})
    thought = {"content": said["answer"], "reasoning_content": said["thought"]}
    with scripted(
        tried, thought, said["answer"], ToolUse("look", {"a": said["argument"]}), refused, vectors
    ):
        client.completion("openai/gpt-4o-mini", messages, num_retries=1, **more)
        list(client.completion("openai/gpt-4o-mini", messages, stream=True, **more))
        client.completion("openai/gpt-4o-mini", messages, num_retries=0)
        with pytest.raises(llmkit.BadRequestError):
            client.completion("openai/gpt-4o-mini", messages)
        client.embedding("openai/text-embedding-3-small", said["input"])


def written(
    folder: Path, said: Mapping[str, str], heard: list[Any], sent: list[bytes]
) -> Iterator[str]:
    """Everything that every sink has said of those calls; ``heard`` has the events."""
    spans, traces = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(spans))
    langfuse = Langfuse("pk-lf-" + "p", "sk-lf-" + "s", "http://127.0.0.1:9")
    langfuse._sent = sent.append  # type: ignore[method-assign,assignment]
    prometheus = Prometheus(registry=CollectorRegistry())
    otel = OpenTelemetry(tracer_provider=traces, langfuse=True)
    sinks = [
        JSONL(folder / "calls.jsonl"),
        SQLiteLog(folder / "calls.db"),
        otel,
        prometheus,
        langfuse,
    ]
    environ = {"OPENAI_API_KEY": f"sk-{said['key']}"}
    with llmkit.Client(callbacks=[*sinks, heard.append], environ=environ) as client:
        talk(client, said)
    rows = [repr(record(one)) for one in heard if isinstance(one, llmkit.events.CallFinished)]
    finished, files = spans.get_finished_spans(), list(folder.iterdir())
    assert (len(rows), len(files) >= 2, len(finished) >= 5, len(sent) >= 1) == (5, True, True, True)
    yield from rows
    yield from (path.read_bytes().decode("utf-8", "replace") for path in files)
    yield from (one.to_json() for one in finished)
    yield from map(bytes.decode, sent)
    yield from (*map(repr, sinks), str(prometheus.page()))


@settings(max_examples=4, derandomize=True, phases=[Phase.generate])
@given(SECRETS)
def test_nothing_secret_is_told_by_default(said: dict[str, str]) -> None:
    """Whatever is said in a call: no file, span, page or request has it; nor has an event's text, or a log's line."""
    heard, log, events = Heard(), logging.getLogger("llmkit"), list[Any]()
    level = log.level
    log.addHandler(heard)
    log.setLevel(logging.DEBUG)
    try:
        with tempfile.TemporaryDirectory() as folder:
            told = "\n".join(written(Path(folder), said, events, []))
    finally:
        log.removeHandler(heard)
        log.setLevel(level)
    assert [part for part in PARTS if said[part] in told] == []
    # An event of a failure has the exception, and that its provider's words, which may quote what was asked.
    spoken = "\n".join([*heard.said, *map(repr, events)])
    assert {part for part in PARTS if said[part] in spoken} <= {"echo"}
