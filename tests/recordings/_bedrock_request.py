"""A recorded Converse request as the keywords of a call in OpenAI's form, and two requests made comparable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEDIA = {"image": "image_url", "video": "video_url"}
_CONFIG = {
    "maxTokens": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "stopSequences": "stop",
}
_TYPES = {
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "pdf": "application/pdf",
}


def as_call(body: dict[str, Any]) -> dict[str, Any]:
    """The keywords that must give this request."""
    rest = {k: v for k, v in body.items() if v not in ({}, [], None)}
    messages = [*_system(rest.pop("system", [])), *_messages(rest.pop("messages"))]
    made: dict[str, Any] = {"messages": messages}
    for name, value in (rest.pop("inferenceConfig", None) or {}).items():
        made[_CONFIG[name]] = value
    made |= _tools(rest.pop("toolConfig", {}))
    extra = dict(rest.pop("additionalModelRequestFields", {}))
    for name in ("thinking", "top_k", "reasoning_effort"):
        if name in extra:
            made[name] = extra.pop(name)
    made |= _of_nova(extra)
    if extra:
        rest["additionalModelRequestFields"] = extra
    if "outputConfig" in rest:
        form = rest.pop("outputConfig")["textFormat"]["structure"]["jsonSchema"]
        form = {**form, "schema": json.loads(form["schema"])}
        made["response_format"] = {"type": "json_schema", "json_schema": form}
    if "serviceTier" in rest:
        made["service_tier"] = rest.pop("serviceTier")["type"]
    if "requestMetadata" in rest:
        made["metadata"] = rest.pop("requestMetadata")
    return made | ({"extra_body": rest} if rest else {})


def _of_nova(extra: dict[str, Any]) -> dict[str, Any]:
    made = {}
    if set(extra.get("inferenceConfig", ())) == {"topK"}:
        made["top_k"] = extra.pop("inferenceConfig")["topK"]
    if "reasoningConfig" in extra:
        made["reasoning_effort"] = extra.pop("reasoningConfig")["maxReasoningEffort"]
    return made


def _system(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": [*_parts(blocks)]}] if blocks else []


def _messages(turns: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for turn in turns:
        if turn["role"] == "assistant":
            yield _assistant(turn["content"])
            continue
        others = []
        for block in turn["content"]:
            if "toolResult" in block:
                yield from _user(others)
                others = []
                yield _result(block["toolResult"])
            else:
                others.append(block)
        yield from _user(others)


def _user(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    if blocks:
        yield {"role": "user", "content": [*_parts(blocks)]}


def _result(result: dict[str, Any]) -> dict[str, Any]:
    made = {"role": "tool", "tool_call_id": result["toolUseId"]}
    made["content"] = [*_parts(result["content"])]
    return made | ({"status": result["status"]} if "status" in result else {})


def _parts(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Parts in OpenAI's form, a mark for the cache on the one before it; what OpenAI has not stays native."""
    made: list[dict[str, Any]] = []
    for block in blocks:
        if "cachePoint" in block and made and "type" in made[-1]:
            mark = {k: v for k, v in block["cachePoint"].items() if k != "type"}
            made[-1]["cache_control"] = {"type": "ephemeral", **mark}
        else:
            made.append(_part(block))
    yield from made


def _part(block: dict[str, Any]) -> dict[str, Any]:
    ((name, value),) = block.items()
    if name == "text":
        return {"type": "text", "text": value}
    if name in _MEDIA:
        given = {"url": _url(name, value)}
        uri = value["source"].get("s3Location", {}).get("uri", "")
        named = uri.endswith(f".{value['format']}") or not uri
        return {
            "type": _MEDIA[name],
            _MEDIA[name]: given if named else {**given, "format": f"{name}/{value['format']}"},
        }
    if name == "document" and not value["source"].keys().isdisjoint(("bytes", "s3Location")):
        file = {"file_data": _url(name, value), "format": _TYPES[value["format"]]}
        beside = {k: value[k] for k in ("context", "citations") if k in value}
        return {"type": "file", "file": file, "title": value["name"], **beside}
    return block


def _url(name: str, value: dict[str, Any]) -> str:
    if "s3Location" in value["source"]:
        return str(value["source"]["s3Location"]["uri"])
    kind = _TYPES[value["format"]] if name == "document" else f"{name}/{value['format']}"
    return f"data:{kind};base64,{value['source']['bytes']}"


def _assistant(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    names = [next(iter(block)) for block in blocks]
    order = [n for n in ("reasoningContent", "text", "toolUse") if n in names]
    plain = names == sorted(names, key=lambda n: order.index(n) if n in order else 9)
    if not plain or not set(names) <= set(order) or names.count("text") > 1:
        return {"role": "assistant", **_kept(blocks)}
    made: dict[str, Any] = {"role": "assistant", "content": None}
    for block in blocks:
        ((name, value),) = block.items()
        if name == "text":
            made["content"] = value
        elif name == "toolUse":
            made.setdefault("tool_calls", []).append(call(value))
        else:
            made.setdefault("thinking_blocks", []).append(_thought(value))
    return made


def call(use: dict[str, Any]) -> dict[str, Any]:
    """A call of a tool."""
    function = {"name": use["name"], "arguments": json.dumps(use["input"])}
    return {"id": use["toolUseId"], "type": "function", "function": function}


def _kept(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """A turn that OpenAI's form cannot say, as llmkit's own answers keep it."""
    texts = [
        block.get("text")
        or "".join(p["text"] for p in block.get("citationsContent", {}).get("content", []))
        for block in blocks
    ]
    calls = [
        call(block["toolUse"])
        for block in blocks
        if "toolUse" in block and block["toolUse"].get("type") != "server_tool_use"
    ]
    made = {"content": "".join(texts), "provider_specific_fields": {"converse_content": blocks}}
    return made | ({"tool_calls": calls} if calls else {})


def _thought(value: dict[str, Any]) -> dict[str, Any]:
    if "redactedContent" in value:
        return {"type": "redacted_thinking", "data": value["redactedContent"]}
    inner = value["reasoningText"]
    return {"type": "thinking", "thinking": inner["text"], "signature": inner["signature"]}


def _tools(config: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    for tool in config.get("tools", []):
        if "toolSpec" not in tool:
            tools.append(tool)
            continue
        spec = dict(tool["toolSpec"])
        spec["parameters"] = spec.pop("inputSchema")["json"]
        tools.append({"type": "function", "function": spec})
    if tools:
        made["tools"] = tools
    for name, value in config.get("toolChoice", {}).items():
        chosen = {"type": "function", "function": value}
        made["tool_choice"] = {"auto": "auto", "any": "required"}.get(name, chosen)
    return made


def comparable(value: Any) -> Any:
    """A request without nulls and empty containers that say nothing, neighbours of one role as one turn."""
    if isinstance(value, dict):
        made = {k: comparable(v) for k, v in value.items() if k != "messages"}
        if "messages" in value:
            made["messages"] = _merged(comparable(value["messages"]))
        if isinstance(made.get("schema"), str):
            made["schema"] = json.loads(made["schema"])
        return {k: v for k, v in made.items() if v is not None and not _says_nothing(k, v)}
    return [comparable(item) for item in value] if isinstance(value, list) else value


def _says_nothing(name: str, value: Any) -> bool:
    return name in ("inferenceConfig", "system", "stopSequences") and value in ({}, [])


def _merged(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for turn in turns:
        if made and made[-1]["role"] == turn["role"]:
            made[-1]["content"] = [*made[-1]["content"], *turn["content"]]
        else:
            made.append(dict(turn))
    return made
