"""What a recorded Converse answer says, read with botocore and a few lines of its own; nothing of llmkit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.eventstream import EventStreamBuffer

if TYPE_CHECKING:
    from ._reader import Row

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


@dataclass
class Told:
    """What an answer says."""

    text: str = ""
    reasoning: str = ""
    thinking: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    cited: list[tuple[Any, ...]] = field(default_factory=list)
    finish_reason: str | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    latency: Any = None
    trace: Any = None
    tier: Any = None


def body(row: Row) -> dict[str, Any]:
    """The answer in one piece: a stream's events are put together."""
    return _streamed(row) if row.is_event_stream else json.loads(row.body)


def events(row: Row) -> list[tuple[str, dict[str, Any]]]:
    """A stream's events, as botocore takes the frames apart."""
    buffer: Any = EventStreamBuffer()
    buffer.add_data(row.body)
    return [(event.headers[":event-type"], json.loads(event.payload)) for event in buffer]


def _streamed(row: Row) -> dict[str, Any]:
    blocks: dict[int, dict[str, Any]] = {}
    made: dict[str, Any] = {"output": {"message": {"role": "assistant"}}}
    for name, data in events(row):
        if name == "contentBlockStart":
            blocks[data["contentBlockIndex"]] = json.loads(json.dumps(data["start"]))
        elif name == "contentBlockDelta":
            _grow(blocks.setdefault(data["contentBlockIndex"], {}), data["delta"])
        elif name in ("messageStop", "metadata"):
            made |= {k: v for k, v in data.items() if k != "p"}
    made["output"]["message"]["content"] = [_whole(block) for _, block in sorted(blocks.items())]
    return made


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    ((name, value),) = delta.items()
    if name == "text":
        block["text"] = block.get("text", "") + value
    elif name == "toolUse":
        block["toolUse"]["input"] = block["toolUse"].get("input", "") + value["input"]
    elif name == "reasoningContent":
        inner = block.setdefault("reasoningContent", {})
        for key, piece in value.items():
            inner[key] = inner.get(key, "") + piece
    elif name == "citation":
        block.setdefault("citations", []).append(value)
    else:
        block[name].setdefault("content", []).extend(value)


def _whole(block: dict[str, Any]) -> dict[str, Any]:
    if "citations" in block:
        content = [{"text": block["text"]}]
        return {"citationsContent": {"content": content, "citations": block["citations"]}}
    if "toolUse" in block:
        use = block["toolUse"]
        return {"toolUse": {**use, "input": json.loads(use.get("input") or "{}")}}
    inner = block.get("reasoningContent")
    if inner is not None and "redactedContent" not in inner:
        return {"reasoningContent": {"reasoningText": inner}}
    return block


def blocks(row: Row) -> list[dict[str, Any]]:
    """The blocks of an answer."""
    found: list[dict[str, Any]] = body(row)["output"]["message"]["content"]
    return found


def text_of(block: dict[str, Any]) -> str:
    """A block's text, cited or not."""
    if "citationsContent" in block:
        return "".join(part["text"] for part in block["citationsContent"]["content"])
    text = block.get("text", "")
    return text if isinstance(text, str) else ""


def read(row: Row) -> Told:
    """What the answer says."""
    data, told = body(row), Told()
    for block in blocks(row):
        start = len(told.text)
        told.text += text_of(block)
        _read_block(block, told)
        for citation in block.get("citationsContent", {}).get("citations", []):
            source = "".join(part["text"] for part in citation["sourceContent"])
            told.cited.append((start, len(told.text), source))
    told.stop_reason = data["stopReason"]
    told.finish_reason = _FINISH[data["stopReason"]]
    told.usage = usage(data.get("usage"))
    told.latency = data.get("metrics", {}).get("latencyMs")
    told.trace, told.tier = data.get("trace"), data.get("serviceTier", {}).get("type")
    return told


def _read_block(block: dict[str, Any], told: Told) -> None:
    inner = block.get("reasoningContent", {})
    if "reasoningText" in inner:
        thought = inner["reasoningText"]
        told.reasoning += thought.get("text", "")
        made = {"type": "thinking", "thinking": thought["text"]}
        sign = {"signature": thought["signature"]} if "signature" in thought else {}
        told.thinking.append(made | sign)
    elif "redactedContent" in inner:
        told.thinking.append({"type": "redacted_thinking", "data": inner["redactedContent"]})
    use = block.get("toolUse")
    if use is not None and use.get("type") != "server_tool_use":
        told.calls.append((use["toolUseId"], use["name"], use["input"]))


def usage(data: dict[str, Any] | None) -> dict[str, Any]:
    """The counts, in OpenAI's sense: the prompt has what the cache was read from and written to."""
    if data is None:
        return {}
    read, written = data.get("cacheReadInputTokens"), data.get("cacheWriteInputTokens")
    fresh, answer = data.get("inputTokens"), data.get("outputTokens")
    prompt = None if fresh is None else fresh + (read or 0) + (written or 0)
    return {
        "prompt": prompt,
        "completion": answer,
        "total": data.get("totalTokens"),
        "read": read,
        "written": written,
    }


def sendable(row: Row) -> list[dict[str, Any]]:
    """The blocks as they may be sent back: no empty text, no unsigned reasoning, no type that answers only have."""
    found = ({k: v for k, v in block.items() if k != "type"} for block in blocks(row))
    return [_untyped(block) for block in found if _goes_back(block)]


def _goes_back(block: dict[str, Any]) -> bool:
    inner = block.get("reasoningContent")
    if inner is not None:
        return "redactedContent" in inner or "signature" in inner.get("reasoningText", {})
    return "text" not in block or bool(block["text"].strip())


def _untyped(block: dict[str, Any]) -> dict[str, Any]:
    use = block.get("toolUse")
    if use is None or use.get("type") == "server_tool_use":
        return block
    return {"toolUse": {k: v for k, v in use.items() if k != "type"}}


@dataclass(frozen=True)
class Failure:
    """What an answer that is an error must raise."""

    kind: str
    status: int
    message: str
    code: str | None


_BY_NAME = {
    "UnrecognizedClientException": "AuthenticationError",
    "InvalidSignatureException": "AuthenticationError",
}
_BY_STATUS = {
    400: "BadRequestError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    503: "ServiceUnavailableError",
}


def failure(row: Row) -> Failure | None:
    """The error that a row is; ``None`` where it is an answer."""
    if row.status < 300:
        return None
    told = json.loads(row.body)
    name = row.headers.get("x-amzn-errortype", "").partition(":")[0] or None
    kind = _BY_NAME.get(name or "") or _BY_STATUS[row.status]
    if "Input Tokens Exceeded" in told["message"]:
        kind = "ContextWindowExceededError"
    return Failure(kind, row.status, told["message"], name)
