"""Anthropic's Messages wire as its server writes it: a message in one piece, or as named events.

Pure: what was asked and what is said in, JSON values and frames out. What is said is decided elsewhere, in `_answer`
or by a script. Sources: https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11-22.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..._answer import Answer, Choice, ToolUse
from ..._asked import fingerprint
from ..._tokens import split
from ._signature import signature

__all__ = ["encoded", "event", "events", "message"]

Body = Mapping[str, Any]
Block = dict[str, Any]
_REASONS: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
}
# Type of block -> its member that grows in a stream, and what it begins as.
_GROWS: Final[Mapping[str, tuple[str, Any]]] = {
    "thinking": ("thinking", ""),
    "text": ("text", ""),
    "tool_use": ("input", {}),
}


def message(body: Body, said: Answer) -> dict[str, Any]:
    """The answer in one piece."""
    choice = said.choices[0]
    content = [block for block, _ in _blocks(body, choice)]
    return {**_envelope(body), "content": content, **_end(choice), "usage": _usage(said)}


def events(body: Body, said: Answer) -> Iterator[bytes]:
    """The answer as the frames of a stream, a token each."""
    yield _start(body, said)
    for index, (block, spoken) in enumerate(_blocks(body, said.choices[0])):
        member, empty = _GROWS[block["type"]]
        opened = {**block, member: empty} | ({"signature": ""} if "signature" in block else {})
        yield event("content_block_start", index=index, content_block=opened)
        # One ping comes early, as a sign of life.
        yield from () if index else (event("ping"),)
        for delta in _deltas(block, spoken):
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    usage = {**_prompt_usage(said), **_output_usage(said)}
    yield event("message_delta", delta=_end(said.choices[0]), usage=usage)
    yield event("message_stop")


def _start(body: Body, said: Answer) -> bytes:
    usage = {**_usage(said), "output_tokens": min(1, said.completion_tokens)}
    del usage["output_tokens_details"]
    unfinished = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
    opened = {**_envelope(body), "content": [], **unfinished, "usage": usage}
    return event("message_start", message=opened)


def _envelope(body: Body) -> dict[str, Any]:
    return {
        "id": f"msg_{fingerprint(body)}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
    }


def _blocks(body: Body, choice: Choice) -> Iterator[tuple[Block, str]]:
    """Each block of the answer, and the text that a stream brings piece by piece."""
    if choice.reasoning:
        hidden = (body.get("thinking") or {}).get("display") == "omitted"
        shown = "" if hidden else choice.reasoning
        yield {"type": "thinking", "thinking": shown, "signature": signature(shown)}, shown
    if choice.content:
        yield {"type": "text", "text": choice.content}, choice.content
    for tool in choice.tools:
        yield _tool_use(tool), tool.arguments


def _tool_use(tool: ToolUse) -> Block:
    return {
        "type": "tool_use",
        "id": tool.id,
        "name": tool.name,
        "input": _arguments(tool.arguments),
        "caller": {"type": "direct"},
    }


def _arguments(written: str) -> Any:
    """Arguments as an object; what a limit cut off in the middle is none."""
    try:
        arguments = json.loads(written)
    except ValueError:
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _deltas(block: Block, spoken: str) -> Iterator[dict[str, Any]]:
    kind = block["type"]
    if kind == "tool_use":
        yield {"type": "input_json_delta", "partial_json": ""}
        for token in split(spoken):
            yield {"type": "input_json_delta", "partial_json": token}
        return
    for token in split(spoken):
        yield {"type": f"{kind}_delta", kind: token}
    if kind == "thinking":
        yield {"type": "signature_delta", "signature": block["signature"]}


def _end(choice: Choice) -> dict[str, Any]:
    reason = "stop_sequence" if choice.stopped_by else _REASONS[choice.finish_reason]
    return {"stop_reason": reason, "stop_sequence": choice.stopped_by, "stop_details": None}


def _usage(said: Answer) -> dict[str, Any]:
    return {
        **_prompt_usage(said),
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        **_output_usage(said),
        "service_tier": "standard",
        "inference_geo": "global",
    }


def _prompt_usage(said: Answer) -> dict[str, Any]:
    return {
        "input_tokens": said.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }


def _output_usage(said: Answer) -> dict[str, Any]:
    return {
        "output_tokens": said.completion_tokens,
        "output_tokens_details": {"thinking_tokens": said.reasoning_tokens},
    }


def encoded(value: Any) -> bytes:
    """*value* as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def event(name: str, **members: Any) -> bytes:
    """One event of a stream, whose data says its name again."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encoded({"type": name, **members}))
