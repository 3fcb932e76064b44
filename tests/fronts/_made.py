"""Answers in the internal form, and chunks that make them up, for hypothesis and by hand."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from llmkit.types.chat import ChatCompletion, ChatCompletionChunk

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
ARGUMENTS = st.dictionaries(NAMES, st.one_of(st.integers(-99, 99), TEXTS, st.none()), max_size=3)
USAGES = st.tuples(st.integers(0, 999), st.integers(0, 999), st.integers(0, 99))


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """A completion as JSON: reasoning, signed or not, a text, calls, a usage."""
    message: dict[str, Any] = {"role": "assistant", "content": draw(st.none() | TEXTS)}
    thought = draw(st.none() | TEXTS)
    if thought is not None:
        message["reasoning_content"] = thought
        if draw(st.booleans()):
            block = {"type": "thinking", "thinking": thought, "signature": draw(TEXTS)}
            message["thinking_blocks"] = [block]
    calls = [
        {
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": draw(NAMES), "arguments": json.dumps(draw(ARGUMENTS))},
        }
        for i in range(draw(st.integers(0, 3)))
    ]
    if calls:
        message["tool_calls"] = calls
    if message["content"] is None and not calls:
        message["content"] = "Yes."
    prompt, written, cached = draw(USAGES)
    usage = {
        "prompt_tokens": prompt + cached,
        "completion_tokens": written,
        "total_tokens": prompt + cached + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    finish = "tool_calls" if calls else draw(st.sampled_from(["stop", "length"]))
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "x1", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def whole(answer: dict[str, Any]) -> ChatCompletion:
    """The answer in one piece."""
    return ChatCompletion.model_validate({"object": "chat.completion", **answer})


def chunks(answer: dict[str, Any], size: int = 3) -> list[ChatCompletionChunk]:
    """The answer in a stream's pieces of at most ``size`` characters."""
    choice = answer["choices"][0]
    made = [_chunk(answer, delta) for delta in _deltas(choice["message"], size)]
    made.append(_chunk(answer, {}, finish_reason=choice["finish_reason"]))
    last = {**_head(answer), "choices": [], "usage": answer["usage"]}
    return [*made, ChatCompletionChunk.model_validate(last)]


def _head(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ("id", "created", "model")}


def _chunk(answer: dict[str, Any], delta: dict[str, Any], **told: Any) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": delta, **told}
    return ChatCompletionChunk.model_validate({**_head(answer), "choices": [choice]})


def _deltas(message: dict[str, Any], size: int) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [{"role": "assistant"}]
    made += ({"reasoning_content": p} for p in cut(message.get("reasoning_content") or "", size))
    made += ({"thinking_blocks": [block]} for block in message.get("thinking_blocks", ()))
    made += ({"content": piece} for piece in cut(message["content"] or "", size))
    for i, call in enumerate(message.get("tool_calls", ())):
        function = {"name": call["function"]["name"], "arguments": ""}
        begun = {"index": i, "id": call["id"], "type": "function", "function": function}
        made.append({"tool_calls": [begun]})
        for piece in cut(call["function"]["arguments"], size):
            made.append({"tool_calls": [{"index": i, "function": {"arguments": piece}}]})
    return made


def cut(text: str, size: int) -> list[str]:
    """A text in pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def told(events: Any, pieces: list[ChatCompletionChunk]) -> list[dict[str, Any]]:
    """All events of a stream."""
    return [event for piece in pieces for event in events.add(piece)] + [*events.finish()]
