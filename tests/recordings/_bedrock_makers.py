"""Recorded InvokeModel exchanges by the maker whose body they have, and their answers taken out of AWS's envelope."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmkit._eventstream import encoded

from . import _anthropic_request, _bedrock_oracle, _bedrock_request

if TYPE_CHECKING:
    from ._bedrock_rows import Exchange
    from ._reader import Row

_ADDED = "amazon-bedrock-"


def maker(exchange: Exchange) -> str:
    """Whose body this is: ``claude``, ``nova``, ``openai`` are chats; anything else is another kind of call."""
    body = exchange.row.sent() or {}
    if "messages" not in body:
        return _other(body)
    if "anthropic." in exchange.model:
        return "claude"
    if "." not in exchange.model:
        return "none"
    return "nova" if "amazon.nova" in exchange.model else "openai"


def _other(body: dict[str, Any]) -> str:
    if "inputText" in body:
        return "text" if "textGenerationConfig" in body else "embedding"
    if "texts" in body:
        return "embedding"
    if "query" in body:
        return "rerank"
    if "message" in body:
        return "command"
    return "text" if "prompt" in body else "none"


def events(row: Row) -> list[dict[str, Any]]:
    """The maker's events, out of the frames that botocore reads."""
    return [json.loads(base64.b64decode(data["bytes"])) for _, data in _bedrock_oracle.events(row)]


def as_messages(row: Row) -> Row:
    """The row as Anthropic itself would have answered it."""
    if not row.is_event_stream:
        return row
    made = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events(row)]
    return replace(row, body="".join(made).encode())


def as_converse(row: Row) -> Row:
    """The row as Converse would have answered it: the counts of the cache have other names."""
    if not row.is_event_stream:
        return replace(row, body=json.dumps(_renamed(json.loads(row.body))).encode())
    frames = []
    for event in events(row):
        ((name, data),) = ((k, v) for k, v in event.items() if not k.startswith(_ADDED))
        headers = {":event-type": name, ":message-type": "event"}
        frames.append(encoded(headers, json.dumps(_renamed(data)).encode()))
    return replace(row, body=b"".join(frames))


def _renamed(data: dict[str, Any]) -> dict[str, Any]:
    if "usage" not in data:
        return data
    usage = {k.replace("TokenCount", "Tokens"): v for k, v in data["usage"].items()}
    usage.setdefault("totalTokens", usage["inputTokens"] + usage["outputTokens"])
    return {**data, "usage": usage}


def added(row: Row) -> dict[str, Any]:
    """What AWS put beside the maker's events."""
    return {k: v for event in events(row) for k, v in event.items() if k.startswith(_ADDED)}


def as_call(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """The keywords that must give this request."""
    if kind == "claude":
        body = {k: v for k, v in body.items() if k != "anthropic_version"}
        return _anthropic_request.as_call(body)
    if kind == "nova":
        return _bedrock_request.as_call(_plain(body))
    if kind == "command":
        names = {"p": "top_p", "stop_sequences": "stop"}
        told = {names.get(k, k): v for k, v in body.items() if k != "message"}
        return {**told, "messages": [{"role": "user", "content": body["message"]}]}
    made = {k: v for k, v in body.items() if k not in ("model", "stream", "stream_options")}
    return {k: v for k, v in made.items() if v is not None}


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """A Nova request as Converse would have it."""
    body = {k: v for k, v in body.items() if k != "schemaVersion"}
    config = dict(body.get("inferenceConfig", {}))
    if "max_new_tokens" in config:
        config["maxTokens"] = config.pop("max_new_tokens")
    if "topK" in config:
        body["additionalModelRequestFields"] = {"inferenceConfig": {"topK": config.pop("topK")}}
    return {**body, "inferenceConfig": config}


def comparable(kind: str, body: dict[str, Any]) -> Any:
    """A request without what says nothing."""
    if kind == "claude":
        made = _anthropic_request.by_blocks(body)
        system = made.get("system")
        return made | ({"system": _anthropic_request.blocks(system)} if system else {})
    if kind == "nova":
        made = _plain(body)
        config = {
            **made.pop("inferenceConfig"),
            **_top_k(made.pop("additionalModelRequestFields", {})),
        }
        return _bedrock_request.comparable({**made, "inferenceConfig": config})
    silent = {"stream": False, "stream_options": {"include_usage": True}}
    return {
        k: v for k, v in body.items() if v is not None and silent.get(k, ...) != v and k != "model"
    }


def _top_k(extra: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = extra.get("inferenceConfig", {})
    return found
