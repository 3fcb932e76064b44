"""An answer as Cohere's server writes it: whole, and as events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..._answer import Answer, Choice, ToolUse
from ..._asked import fingerprint
from ..._tokens import split
from ._door import encoded

__all__ = ["event", "events", "whole"]

Body = Mapping[str, Any]
_REASONS: Final[Mapping[str, str]] = {
    "stop": "COMPLETE",
    "tool_calls": "TOOL_CALL",
    "length": "MAX_TOKENS",
}
_PLANS: Final = "I will use the tools."
# The preamble that the provider puts before each prompt and does not bill.
_PREAMBLE: Final = 480
_PER_TOKEN: Final = -0.125


def whole(body: Body, said: Answer) -> dict[str, Any]:
    """The answer in one piece."""
    (choice,) = said.choices
    message: dict[str, Any] = {"role": "assistant"}
    if choice.tools:
        message["tool_plan"] = _PLANS
        message["tool_calls"] = [_call(tool, tool.arguments) for tool in choice.tools]
    if blocks := _blocks(choice):
        message["content"] = [{"type": kind, kind: text} for kind, text in blocks]
    made = {"id": fingerprint(body), "message": message, **_end(choice, said)}
    if body.get("logprobs"):
        made["logprobs"] = [_logprob(token) for token in split(choice.content or "")]
    return made


def events(body: Body, said: Answer) -> Iterator[bytes]:
    """The answer as the events of a stream, with the line that ends it."""
    (choice,) = said.choices
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield event("message-start", id=fingerprint(body), delta={"message": empty})
    for index, (kind, text) in enumerate(_blocks(choice)):
        yield _piece("content-start", index, content={"type": kind, kind: ""})
        for token in split(text):
            logprob = kind == "text" and body.get("logprobs")
            beside = {"logprobs": _logprob(token)} if logprob else {}
            yield _piece("content-delta", index, content={kind: token}, beside=beside)
        yield event("content-end", index=index)
    if choice.tools:
        for token in split(_PLANS):
            yield event("tool-plan-delta", delta={"message": {"tool_plan": token}})
    for index, tool in enumerate(choice.tools):
        yield _piece("tool-call-start", index, tool_calls=_call(tool, ""))
        for token in split(tool.arguments):
            yield _piece("tool-call-delta", index, tool_calls={"function": {"arguments": token}})
        yield event("tool-call-end", index=index)
    yield event("message-end", delta=_end(choice, said))
    yield b"data: [DONE]\n\n"


def event(kind: str, **members: Any) -> bytes:
    """One event, whose data says its type again."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encoded({"type": kind, **members}))


def _piece(kind: str, index: int, beside: Body | None = None, **message: Any) -> bytes:
    return event(kind, index=index, delta={"message": message}, **(beside or {}))


def _blocks(choice: Choice) -> list[tuple[str, str]]:
    found = [("thinking", choice.reasoning), ("text", choice.content)]
    return [(kind, text) for kind, text in found if text or (kind == "text" and text is not None)]


def _call(tool: ToolUse, arguments: str) -> dict[str, Any]:
    function = {"name": tool.name, "arguments": arguments}
    return {"id": tool.id, "type": "function", "function": function}


def _logprob(token: str) -> dict[str, Any]:
    return {"text": token, "token_ids": [len(token)], "logprobs": [_PER_TOKEN]}


def _end(choice: Choice, said: Answer) -> dict[str, Any]:
    reason = "STOP_SEQUENCE" if choice.stopped_by else _REASONS[choice.finish_reason]
    counts = {"input_tokens": said.prompt_tokens, "output_tokens": said.completion_tokens}
    used: dict[str, Any] = {**counts, "input_tokens": said.prompt_tokens + _PREAMBLE}
    if said.reasoning_tokens:
        used["reasoning_tokens"] = said.reasoning_tokens
    usage = {"billed_units": counts, "tokens": used, "cached_tokens": _PREAMBLE}
    return {"finish_reason": reason, "usage": usage}
