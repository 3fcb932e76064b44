"""Answers of providers that say little, and of what was used just what a test wants them to say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import llmkit
from llmkit._eventstream import encoded
from llmkit.pricing import Cost
from llmkit.testing import Raw, scripted

Usage = Mapping[str, Any]
HI: list[Any] = [{"role": "user", "content": "Hi"}]
EVENTS = {"content-type": "text/event-stream"}
FRAMES = {"content-type": "application/vnd.amazon.eventstream"}
KEY = "a-key-" + "1234567"
AZURE: dict[str, Any] = {"base_url": "https://a.example/openai/v1"}


def sse(events: Iterable[Mapping[str, Any]], *, named: bool = False, end: str = "") -> Raw:
    """Server-sent events, with their types as names where the provider writes them so."""
    lines = (
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n"
        for event in events
    )
    return Raw(("".join(lines) + end).encode(), headers=EVENTS)


def openai(model: str, usage: Usage, **more: Any) -> tuple[Raw, Raw]:
    """OpenAI's chat completion, whole and streamed: the usage in a last chunk without choices."""
    head = {"id": "c-1", "created": 1, "model": model, **more}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Yes"}}
    whole = {"object": "chat.completion", "choices": [{**choice, "finish_reason": "stop"}]}
    chunk = {**head, "object": "chat.completion.chunk"}
    delta = {"index": 0, "delta": {"role": "assistant", "content": "Yes"}, "finish_reason": None}
    ended = {"index": 0, "delta": {}, "finish_reason": "stop"}
    events = [
        {**chunk, "choices": [delta]},
        {**chunk, "choices": [ended]},
        {**chunk, "choices": [], "usage": usage},
    ]
    return Raw({**head, **whole, "usage": usage}), sse(events, end="data: [DONE]\n\n")


def anthropic(model: str, usage: Usage, *, asked: str | None = None) -> tuple[Raw, Raw]:
    """Anthropic's message, whole and streamed: the prompt's counts first, all of them at the end."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": model}
    block = {"type": "text", "text": "Yes"}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    begun = {k: v for k, v in usage.items() if k not in ("iterations", "server_tool_use")}
    start = {**head, "model": asked or model, "content": [], **dict.fromkeys(ending)}
    events = [
        {"type": "message_start", "message": {**start, "usage": {**begun, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {**block, "text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Yes"},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ending, "usage": dict(usage)},
        {"type": "message_stop"},
    ]
    return Raw({**head, **ending, "content": [block], "usage": usage}), sse(events, named=True)


def gemini(model: str, usage: Usage, **more: Any) -> tuple[Raw, Raw]:
    """Gemini's answer, whole and streamed: each event has the counts so far. More is the candidate's."""
    said = {"role": "model", "parts": [{"text": "Yes"}]}
    body = {
        "candidates": [{"content": said, "finishReason": "STOP", "index": 0, **more}],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": "r-1",
    }
    begun = {"candidates": [{"content": said, "index": 0}], "modelVersion": model}
    early = {"usageMetadata": {"promptTokenCount": usage["promptTokenCount"]}}
    return Raw(body), sse([{**begun, **early}, body])


def chat_usage(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    """OpenAI's counts; details of the completion begin with ``out_``."""
    outer = {k[4:]: v for k, v in details.items() if k.startswith("out_")}
    inner = {k: v for k, v in details.items() if not k.startswith("out_")}
    made = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {
        **made,
        "total_tokens": prompt + completion,
        **({"prompt_tokens_details": inner} if inner else {}),
        **({"completion_tokens_details": outer} if outer else {}),
    }


def frame(name: str, **data: Any) -> bytes:
    """One event of a stream of AWS."""
    return encoded({":event-type": name, ":message-type": "event"}, json.dumps(data).encode())


def converse(usage: Usage, **more: Any) -> tuple[Raw, Raw]:
    """Bedrock's Converse, whole and as frames: the usage comes last."""
    said = {"message": {"role": "assistant", "content": [{"text": "Yes"}]}}
    whole = {"output": said, "stopReason": "end_turn", "usage": usage, **more}
    frames = (
        frame("messageStart", role="assistant"),
        frame("contentBlockDelta", contentBlockIndex=0, delta={"text": "Yes"}),
        frame("contentBlockStop", contentBlockIndex=0),
        frame("messageStop", stopReason="end_turn"),
        frame("metadata", usage=usage, metrics={"latencyMs": 1}, **more),
    )
    return Raw(whole), Raw(b"".join(frames), headers=FRAMES)


def costs(model: str, said: tuple[Raw, Raw], **options: Any) -> Cost:
    """What the call cost by both forms of the answer, which must agree to the last digit."""
    whole, streamed = said
    with scripted(whole, streamed):
        answer = llmkit.completion(model, HI, api_key=KEY, **options)
        stream = llmkit.completion(model, HI, api_key=KEY, stream=True, **options)
        for _ in stream:
            pass
    assert stream.cost == answer.cost, "a stream must cost what the same answer costs whole"
    assert_adds_up(answer.cost)
    return answer.cost


def assert_adds_up(cost: Cost) -> None:
    """The lines are the total, and no figure is a float."""
    if cost.total is not None:
        assert sum((line.amount for line in cost.lines), Decimal(0)) == cost.total
        assert isinstance(cost.total, Decimal)


def quantities(cost: Cost) -> dict[str, int | Decimal]:
    """How much of each dimension was priced."""
    found: dict[str, int | Decimal] = {}
    for line in cost.lines:
        found[line.dimension] = found.get(line.dimension, 0) + line.quantity
    return found
