"""Recorded requests of the Messages dialect as calls in OpenAI's form, and bodies made comparable.

What that form cannot say goes through llmkit's own parameters, native blocks or ``extra_body``. Nothing of llmkit.
"""

from __future__ import annotations

import base64
import json
from typing import Any

Json = dict[str, Any]

_SAME = ("max_tokens", "temperature", "top_p", "top_k", "metadata", "service_tier")
_HANDLED = {*_SAME, "model", "messages", "system", "tools", "tool_choice", "stream"} | {
    "stop_sequences",
    "thinking",
    "output_config",
}


def as_given(body: Json) -> Json:
    """The keywords of a call whose request was refused: what may be wrong in it is sent as it is."""
    rest = {k: v for k, v in body.items() if k not in ("model", "messages", "system", "stream")}
    said = [*_system(body.get("system")), *_messages(body["messages"])]
    return {"messages": said, "extra_body": rest}


def as_call(body: Json) -> Json:
    """The keywords of the equivalent call, without model."""
    made: Json = {name: body[name] for name in _SAME if body.get(name) is not None}
    made["messages"] = [*_system(body.get("system")), *_messages(body["messages"])]
    if body.get("stop_sequences") is not None:
        made["stop"] = body["stop_sequences"]
    if body.get("tools") is not None:
        made["tools"] = [_tool(tool) for tool in body["tools"]]
    if body.get("tool_choice") is not None:
        made |= _choice(body["tool_choice"])
    made["extra_body"] = {k: v for k, v in body.items() if k not in _HANDLED}
    _output(body, made)
    return made


def _output(body: Json, made: Json) -> None:
    thinking, config = body.get("thinking"), dict(body.get("output_config") or {})
    form = config.get("format")
    if form is not None and set(form) == {"type", "schema"}:
        described = {"name": "answer", "schema": form["schema"], "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": described}
        del config["format"]
    if thinking is not None and thinking["type"] == "adaptive" and "effort" in config:
        made["reasoning_effort"] = config.pop("effort")
    if thinking is not None and not ("reasoning_effort" in made and len(thinking) == 1):
        made["thinking"] = thinking
    if config:
        made["extra_body"]["output_config"] = config


def _system(system: Any) -> list[Json]:
    return [{"role": "system", "content": system}] if system is not None else []


def _messages(messages: list[Any]) -> list[Any]:
    return [made for message in messages for made in _message(message)]


def _message(message: Any) -> list[Any]:
    if not isinstance(message, dict) or not isinstance(message["content"], list):
        return [message]
    if message["role"] == "assistant":
        return [_assistant(message["content"])]
    if message["role"] == "user":
        return _user(message["content"])
    return [message]


def _user(content: list[Json]) -> list[Json]:
    results = [part for part in content if part["type"] == "tool_result"]
    rest = [part for part in content if part["type"] != "tool_result"]
    if content[: len(results)] != results:
        return [{"role": "user", "content": content}]
    made = [_result(part) for part in results]
    return [*made, {"role": "user", "content": [_part(part) for part in rest]}] if rest else made


def _result(part: Json) -> Json:
    content = part.get("content")
    if isinstance(content, list):
        content = [_part(inner) for inner in content]
    beside = {k: v for k, v in part.items() if k in ("is_error", "cache_control")}
    return {"role": "tool", "tool_call_id": part["tool_use_id"], "content": content, **beside}


def _part(part: Json) -> Json:
    source, beside = part.get("source"), {k: v for k, v in part.items() if k == "cache_control"}
    if part["type"] == "image" and source["type"] in ("url", "base64"):
        return {"type": "image_url", "image_url": {"url": _url(source)}, **beside}
    if part["type"] == "document" and source["type"] in ("url", "base64", "text"):
        file = {k: v for k, v in part.items() if k in ("citations", "context")}
        file |= {"file_data": _url(source)} | (
            {"filename": part["title"]} if "title" in part else {}
        )
        return {"type": "file", "file": file, **beside}
    if part["type"] == "document" and source["type"] == "file" and set(part) == {"type", "source"}:
        return {"type": "file", "file": {"file_id": source["file_id"]}}
    return part


def _url(source: Json) -> str:
    if source["type"] == "url":
        return str(source["url"])
    if source["type"] == "base64":
        return f"data:{source['media_type']};base64,{source['data']}"
    return f"data:text/plain;base64,{base64.b64encode(source['data'].encode()).decode()}"


def _assistant(content: list[Json]) -> Json:
    """OpenAI's fields where they say it all; native blocks as parts where they do not."""
    kinds = [part["type"] for part in content]
    order = ("thinking", "redacted_thinking", "text", "tool_use")
    ranks = [order.index(kind) if kind in order else -1 for kind in kinds]
    plain = all(set(p) <= {"type", "text"} for p in content if p["type"] == "text")
    known = min(ranks) >= 0 and ranks == sorted(ranks) and kinds.count("text") <= 1
    if not known or (kinds != ["text"] and not plain):
        return {"role": "assistant", "content": content}
    made: Json = {"role": "assistant", "content": None}
    texts = [part for part in content if part["type"] == "text"]
    if texts:
        made["content"] = texts if kinds == ["text"] else texts[0]["text"]
    if thoughts := [part for part in content if "thinking" in part["type"]]:
        made["thinking_blocks"] = thoughts
    if calls := [_call(part) for part in content if part["type"] == "tool_use"]:
        made["tool_calls"] = calls
    return made


def _call(part: Json) -> Json:
    function = {"name": part["name"], "arguments": json.dumps(part["input"])}
    beside = {k: v for k, v in part.items() if k == "cache_control"}
    return {"id": part["id"], "type": "function", "function": function, **beside}


def _tool(tool: Json) -> Json:
    if tool.get("type") is not None or not tool.get("input_schema"):
        return tool
    function = {k: tool[k] for k in ("name", "description", "strict") if k in tool}
    function["parameters"] = tool["input_schema"]
    rest = {k: v for k, v in tool.items() if k not in {*function, "input_schema"}}
    return {"type": "function", "function": function, **rest}


def _choice(choice: Json) -> Json:
    made: Json = {"tool_choice": {"any": "required"}.get(choice["type"], choice["type"])}
    if choice["type"] == "tool":
        made["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    if "disable_parallel_tool_use" in choice:
        made["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    return made


def comparable(body: Any) -> Any:
    """A body without nulls and defaults, neighbouring turns of one role as the one turn that they are."""
    made = _without(body)
    made["messages"] = _merged(made["messages"])
    defaults: tuple[Any, ...] = (("stream", False), ("system", ""), ("tools", []))
    return {k: v for k, v in made.items() if (k, v) not in defaults}


def by_blocks(body: Any) -> Any:
    """A comparable body whose texts are all blocks: a text is short for a block of it."""
    made = comparable(body)
    turns = [{**turn, "content": blocks(turn["content"])} for turn in made["messages"]]
    return {**made, "messages": turns}


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _without(v) for k, v in value.items() if v is not None}
        return {k: v for k, v in kept.items() if (k, v) != ("disable_parallel_tool_use", False)}
    return [_without(item) for item in value] if isinstance(value, list) else value


def _merged(messages: list[Any]) -> list[Any]:
    turns: list[Json] = []
    for message in messages:
        same = turns and turns[-1]["role"] == message["role"] != "system"
        if not same:
            turns.append(dict(message))
        else:
            turns[-1]["content"] = [*blocks(turns[-1]["content"]), *blocks(message["content"])]
    return turns


def blocks(content: Any) -> list[Json]:
    """Content as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
