"""Calls, requests and answers of the Messages dialect, made by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmkit import providers
from llmkit._call import ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.wires.anthropic_messages import AnthropicMessages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmkit._call import Adjustment
    from llmkit.types.chat import ChatCompletion, ChatCompletionChunk

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
NEW, BUDGETED, OLD = "claude-opus-4-8", "claude-sonnet-4-5", "claude-sonnet-4-0"

_wire = providers.get("anthropic").chat
assert isinstance(_wire, AnthropicMessages)
WIRE: AnthropicMessages = _wire
HERE = Endpoint("https://api.test", {"anthropic-version": "2023-06-01"})


def call(messages: Any = None, *, model: str = BUDGETED, **fields: Any) -> ChatCall:
    """A call; keywords that are no fields of it are parameters."""
    own = {"stream", "extra_body", "extra_headers", "drop_params", "allowed"}
    params = {k: v for k, v in fields.items() if k not in own}
    rest = {k: v for k, v in fields.items() if k in own}
    said = HELLO if messages is None else messages
    return ChatCall("call_0", "anthropic", model, said, params=params, **rest)


def built(
    messages: Any = None, *, wire: AnthropicMessages = WIRE, to: Endpoint = HERE, **fields: Any
) -> HTTPRequest:
    """The request for a call."""
    return wire.build(call(messages, **fields), to)


def body(messages: Any = None, **fields: Any) -> dict[str, Any]:
    """The body for a call."""
    made: dict[str, Any] = json.loads(built(messages, **fields).body)
    return made


def sent(messages: Any = None, **fields: Any) -> list[Any]:
    """The messages in the body for a call."""
    found: list[Any] = body(messages, max_tokens=9, **fields)["messages"]
    return found


def ledger(messages: Any = None, **fields: Any) -> dict[str, Adjustment]:
    """What the ledger says of a call, but for the default of max_tokens."""
    listed = built(messages, **fields).adjustments
    return {a.parameter: a for a in listed if a.parameter != "max_tokens"}


def message(*content: Any, **fields: Any) -> dict[str, Any]:
    """A native message with these blocks."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": BUDGETED,
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
        **fields,
    }


def parsed(data: Any, **fields: Any) -> ChatCompletion:
    """What the wire reads of this answer."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return WIRE.parse(call(**fields), HTTPResponse(200, {"request-id": "req_h"}, raw))


def events(native: dict[str, Any]) -> list[dict[str, Any]]:
    """The events by which a native message is streamed."""
    start = {**native, "content": [], "stop_reason": None}
    made: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(native["content"]):
        made += _block_events(index, block)
    ended = {"stop_reason": native["stop_reason"], "stop_sequence": native["stop_sequence"]}
    if "stop_details" in native:
        ended["stop_details"] = native["stop_details"]
    made.append({"type": "message_delta", "delta": ended, "usage": native["usage"]})
    return [*made, {"type": "message_stop"}]


def _block_events(index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    begun = {k: empty.get(k, v) for k, v in block.items() if k != "citations"}
    deltas: list[dict[str, Any]] = []
    if "input" in block:
        deltas = [
            {"type": "input_json_delta", "partial_json": piece}
            for piece in halves(json.dumps(block["input"]) if block["input"] else "")
        ]
    for name in ("text", "thinking"):
        if name in block:
            deltas += [{"type": f"{name}_delta", name: piece} for piece in halves(block[name])]
    if "signature" in block:
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    cited = block.get("citations") or []
    deltas += [{"type": "citations_delta", "citation": citation} for citation in cited]
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def halves(text: str) -> tuple[str, str]:
    """A text in two pieces."""
    return text[: len(text) // 2], text[len(text) // 2 :]


def framed(happened: Iterable[dict[str, Any]]) -> bytes:
    """Events as bytes."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in happened
    )


def decoded(data: bytes, **fields: Any) -> list[ChatCompletionChunk]:
    """The chunks of a stream."""
    decoder = WIRE.decoder(call(stream=True, **fields))
    return [*decoder.feed(data), *decoder.finish()]


def streamed(native: dict[str, Any], **fields: Any) -> ChatCompletion:
    """A native message, streamed and folded."""
    return fold(decoded(framed(events(native)), **fields))
