"""Calls, requests and answers of the dialect, made by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmkit._call import ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.wires.cohere_chat import CohereChat

if TYPE_CHECKING:
    from llmkit._call import Adjustment
    from llmkit.types.chat import ChatCompletion, ChatCompletionChunk

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
WIRE = CohereChat()
HERE = Endpoint("https://api.test", {"x-here": "yes"})
USAGE = {
    "billed_units": {"input_tokens": 10, "output_tokens": 5},
    "tokens": {"input_tokens": 210, "output_tokens": 9},
    "cached_tokens": 192,
}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}
TIME: dict[str, Any] = {"type": "function", "function": {"name": "get_time"}}


def call(messages: Any = None, **fields: Any) -> ChatCall:
    """A call; keywords that are no fields of it are parameters."""
    own = {"stream", "extra_body", "extra_headers", "drop_params", "allowed"}
    params = {k: v for k, v in fields.items() if k not in own}
    rest = {k: v for k, v in fields.items() if k in own}
    return ChatCall(
        id="call_0",
        provider="cohere",
        model="command-test",
        messages=HELLO if messages is None else messages,
        params=params,
        **rest,
    )


def built(
    messages: Any = None, *, wire: CohereChat = WIRE, to: Endpoint = HERE, **fields: Any
) -> HTTPRequest:
    """The request for a call."""
    return wire.build(call(messages, **fields), to)


def body(messages: Any = None, **fields: Any) -> dict[str, Any]:
    """The body for a call."""
    made: dict[str, Any] = json.loads(built(messages, **fields).body)
    return made


def sent(*messages: Any, **fields: Any) -> list[Any]:
    """The messages in the body for a call."""
    found: list[Any] = body(list(messages), **fields)["messages"]
    return found


def ledger(messages: Any = None, **fields: Any) -> dict[str, Adjustment]:
    """What the ledger says of a call."""
    return {a.parameter: a for a in built(messages, **fields).adjustments}


def answer(*content: Any, finish: str = "COMPLETE", **message: Any) -> dict[str, Any]:
    """A native answer with these blocks."""
    said = {"role": "assistant", "content": list(content), **message}
    return {"id": "ans_1", "message": said, "finish_reason": finish, "usage": USAGE}


def text(said: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": said}


def parsed(data: Any, **fields: Any) -> ChatCompletion:
    """What the wire reads of this answer."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return WIRE.parse(call(**fields), HTTPResponse(200, {"x-request-id": "req_h"}, raw))


def events(native: dict[str, Any]) -> list[dict[str, Any]]:
    """The events by which a native answer is streamed."""
    said = native["message"]
    made: list[dict[str, Any]] = [
        {"type": "message-start", "id": native["id"], "delta": {"message": {"role": "assistant"}}}
    ]
    for index, block in enumerate(said.get("content") or []):
        made += _block_events(index, block)
    for piece in halves(said.get("tool_plan", "")):
        made.append({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}})
    for index, tool_call in enumerate(said.get("tool_calls") or []):
        made += _call_events(index, tool_call)
    for index, citation in enumerate(said.get("citations") or []):
        delta = {"message": {"citations": citation}}
        made.append({"type": "citation-start", "index": index, "delta": delta})
        made.append({"type": "citation-end", "index": index})
    ended = {k: native[k] for k in ("finish_reason", "usage", "error") if k in native}
    return [*made, {"type": "message-end", "delta": ended}]


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    kind = block["type"]
    start = {"type": kind, kind: ""} if kind in ("text", "thinking") else block
    pieces = halves(block[kind]) if kind in ("text", "thinking") else ()
    return [
        _event("content-start", index, content=start),
        *(_event("content-delta", index, content={kind: piece}) for piece in pieces),
        {"type": "content-end", "index": index},
    ]


def _call_events(index: int, tool_call: dict[str, Any]) -> list[dict[str, Any]]:
    function = tool_call["function"]
    begun = {**tool_call, "function": {**function, "arguments": ""}}
    given = function["arguments"]
    return [
        _event("tool-call-start", index, tool_calls=begun),
        *(
            _event("tool-call-delta", index, tool_calls={"function": {"arguments": piece}})
            for piece in (halves(given) if given else ())
        ),
        {"type": "tool-call-end", "index": index},
    ]


def _event(kind: str, index: int, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


def halves(whole: str) -> tuple[str, str]:
    """A text in two pieces."""
    return whole[: len(whole) // 2], whole[len(whole) // 2 :]


def framed(happened: list[dict[str, Any]]) -> bytes:
    """Events as bytes, with what ends them."""
    lines = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in happened]
    return b"".join([*lines, b"data: [DONE]\n\n"])


def decoded(data: bytes, **fields: Any) -> list[ChatCompletionChunk]:
    """The chunks of a stream."""
    decoder = WIRE.decoder(call(stream=True, **fields))
    return [*decoder.feed(data), *decoder.finish()]


def streamed(native: dict[str, Any], **fields: Any) -> ChatCompletion:
    """A native answer, streamed and folded."""
    return fold(decoded(framed(events(native)), **fields))
