"""Every way to ask, and what comes of each: whole or streamed, sync or async. Checked by type checkers, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

from pydantic import BaseModel

import llmkit
from llmkit.cache import Cache
from llmkit.compat import litellm
from llmkit.events import CallFinished
from llmkit.router import Deployment, Router
from llmkit.telemetry import JSONL, OpenTelemetry, Queued, UsageReport, record, usage
from llmkit.types.params import ChatParams

MODEL = "openai/gpt-4o-mini"
HELLO = [{"role": "user", "content": "Hello"}]
USUAL: ChatParams = {"temperature": 0.2, "max_tokens": 50, "stop": ["END"], "num_retries": 1}


class Review(BaseModel):
    """What is made of a text."""

    stars: int
    words: list[str]


def either(*, streamed: bool) -> str:
    """Where nobody knows beforehand, all there may be has to be told apart."""
    answer = llmkit.completion(MODEL, HELLO, stream=streamed)
    if isinstance(answer, llmkit.Stream):
        assert_type([chunk.id for chunk in answer], list[str])
        return answer.response.text
    assert_type(answer, llmkit.ChatCompletion)
    return answer.text


def maybe_dry(*, dry: bool) -> llmkit.ChatCompletion | None:
    """Where it may have been a dry run, the answer is told from it."""
    answer = llmkit.completion(MODEL, HELLO, dry_run=dry)
    return answer if isinstance(answer, llmkit.ChatCompletion) else None


def shared(client: llmkit.Client | Router) -> None:
    """A router has what a client has, typed alike; parameters may stand in a dict of their own."""
    assert_type(client.completion(MODEL, HELLO, **USUAL), llmkit.ChatCompletion)
    assert_type(client.completion(MODEL, HELLO, stream=True, temperature=0.2), llmkit.Stream)
    assert_type(client.completion(MODEL, HELLO, dry_run=True), llmkit.DryRun)
    assert_type(client.completion(MODEL, HELLO, stream=False).usage, llmkit.Usage | None)
    assert_type(client.embedding(MODEL, ["a"]), llmkit.EmbeddingResponse)


async def awaited(client: llmkit.Client | Router) -> None:
    """So they have in async code."""
    assert_type(await client.acompletion(MODEL, HELLO, **USUAL), llmkit.ChatCompletion)
    assert_type(await client.acompletion(MODEL, HELLO, dry_run=True), llmkit.DryRun)
    async with await client.acompletion(MODEL, HELLO, stream=True) as stream:
        assert_type([chunk async for chunk in stream], list[llmkit.ChatCompletionChunk])
    assert_type(stream.response, llmkit.ChatCompletion)
    assert_type(await client.aembedding(MODEL, "a"), llmkit.EmbeddingResponse)


async def texts(client: llmkit.Client, question: str) -> AsyncIterator[str]:
    """A generator over a stream, as a web framework wants it."""
    messages = [{"role": "user", "content": question}]
    async with await client.acompletion(MODEL, messages, stream=True) as stream:
        async for chunk in stream:
            for choice in chunk.choices:
                yield choice.delta.content or ""


def judged(text: str) -> Review:
    """An answer of a form: known by its annotation, or by a check."""
    messages = [{"role": "user", "content": text}]
    answer = llmkit.completion(MODEL, messages, response_format=Review)
    review: Review = answer.parsed
    assert_type(review.words, list[str])
    return review


def looked_up(functions: dict[str, Callable[[str], str]]) -> dict[str, str]:
    """Tools of all three kinds, and the calls that come of them."""

    def search(words: str) -> str:
        """Search for words."""
        return words

    written: dict[str, Any] = {"type": "function", "function": {"name": "now", "parameters": {}}}
    answer = llmkit.completion(MODEL, HELLO, tools=[search, written, Review], tool_choice="auto")
    calls = answer.choices[0].message.tool_calls or []
    return {
        call.id or "": functions[call.function.name or ""](call.function.arguments or "")
        for call in calls
    }


def kept(folder: Path) -> tuple[bool, Decimal | None]:
    """A cache, and telemetry into a file, for one client."""
    sinks: list[Callable[[Any], Any]] = [
        JSONL(folder / "calls.jsonl"),
        OpenTelemetry(),
        Queued(heard),
    ]
    with llmkit.Client(cache=Cache(folder / "answers.db"), callbacks=sinks) as client:
        answer = client.completion(MODEL, HELLO, cache={"ttl": 600})
    report = usage(folder / "calls.jsonl", by=["day", "user"], timezone="Europe/Berlin")
    assert_type(report, UsageReport)
    assert_type(report.total.usd, Decimal)
    return answer.call.cache_hit, answer.cost.total


def heard(event: object) -> None:
    """What a call came to."""
    if isinstance(event, CallFinished):
        assert_type(record(event).cost, Decimal | None)


def table(rows: list[dict[str, str]]) -> list[str]:
    """A prompt for each row; results in their order, errors with their rows."""
    results = llmkit.map(
        rows, "Is this good or bad? {text}", model=MODEL, concurrency=4, max_tokens=5
    )
    assert_type(results, llmkit.MapResults)
    assert_type(llmkit.map(rows, "{text}", model=MODEL, dry_run=True), llmkit.MapPlan)
    return [row.text or type(row.error).__name__ for row in results]


async def table_awaited(rows: list[str]) -> llmkit.MapResults:
    """The same in async code, with a function."""

    async def ask(row: str) -> str:
        return (await llmkit.acompletion(MODEL, [{"role": "user", "content": row}])).text

    return await llmkit.amap(rows, ask)


def grouped() -> Router:
    """A router made of LiteLLM's list, and of our own objects."""
    Router(model_list=[{"model_name": "fast", "litellm_params": {"model": MODEL}}])
    return Router([Deployment("fast", MODEL, rpm=500)], routing_strategy="latency-based-routing")


def moved() -> str:
    """Code of LiteLLM's: what comes is as loosely typed as there."""
    answer = litellm.completion(model=MODEL, messages=HELLO)
    return str(answer.choices[0].message.content)
