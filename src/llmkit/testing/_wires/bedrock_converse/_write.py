"""Converse's answer as its server writes it: a message in one piece, or event frames.

Pure: what is said in, JSON values and frames out. Padding (``p``), which hides lengths, is sent as the service does.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ...._eventstream import encoded
from ..._answer import Answer, Choice, ToolUse
from ..._tokens import split

__all__ = ["frames", "message"]

Block = dict[str, Any]
_REASONS: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
}
_LATENCY: Final = {"latencyMs": 42}
_PADDING: Final = "abcdefghijklmnop"


def message(said: Answer) -> dict[str, Any]:
    """The answer in one piece."""
    content = [block for block, _ in _blocks(said.choices[0])]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _reason(said.choices[0]),
        "usage": _usage(said),
        "metrics": _LATENCY,
    }


def frames(said: Answer) -> Iterator[bytes]:
    """The answer as the frames of a stream, a token each."""
    yield _frame("messageStart", role="assistant")
    for index, (block, deltas) in enumerate(_blocks(said.choices[0])):
        if "toolUse" in block:
            start = {"toolUse": {k: block["toolUse"][k] for k in ("toolUseId", "name")}}
            yield _frame("contentBlockStart", contentBlockIndex=index, start=start)
        for delta in deltas:
            yield _frame("contentBlockDelta", contentBlockIndex=index, delta=delta)
        yield _frame("contentBlockStop", contentBlockIndex=index)
    yield _frame("messageStop", stopReason=_reason(said.choices[0]))
    yield _frame("metadata", usage=_usage(said), metrics=_LATENCY)


def _frame(name: str, **members: Any) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return encoded(headers, json.dumps({**members, "p": _PADDING}).encode())


def _reason(choice: Choice) -> str:
    return "stop_sequence" if choice.stopped_by else _REASONS[choice.finish_reason]


def _usage(said: Answer) -> dict[str, int]:
    read, written = said.prompt_tokens, said.completion_tokens
    return {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}


def _blocks(choice: Choice) -> Iterator[tuple[Block, list[Block]]]:
    """Each block, and the deltas that it comes in."""
    if choice.reasoning:
        sign = base64.b64encode(choice.reasoning.encode()).decode()
        text = {"text": choice.reasoning, "signature": sign}
        deltas = [{"reasoningContent": {"text": piece}} for piece in split(choice.reasoning)]
        yield (
            {"reasoningContent": {"reasoningText": text}},
            [*deltas, {"reasoningContent": {"signature": sign}}],
        )
    if choice.content is not None and choice.content:
        yield {"text": choice.content}, [{"text": piece} for piece in split(choice.content)]
    for tool in choice.tools:
        yield _use(tool), [{"toolUse": {"input": piece}} for piece in split(tool.arguments)]


def _use(tool: ToolUse) -> Block:
    try:
        given = json.loads(tool.arguments)
    except ValueError:
        # Cut off at the limit: an answer in one piece has an object all the same.
        given = {}
    return {"toolUse": {"toolUseId": tool.id, "name": tool.name, "input": given}}
