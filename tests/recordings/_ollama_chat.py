"""Ollama's chat as it was recorded: what each row asks, as a call in OpenAI's form, and what it answers.

Read from the raw bytes with plain dicts: the other opinion, which shares nothing with llmkit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from . import _gemini_rows, _reader

if TYPE_CHECKING:
    from ._reader import Row

Json = dict[str, Any]
Exchange = _gemini_rows.Exchange
_SAMPLING = ("temperature", "top_p", "top_k", "seed", "stop")


@cache
def exchanges(api: str) -> tuple[Exchange, ...]:
    """All rows of one file, their bodies as they came; none where there are no recordings."""
    found = _reader.directory()
    return () if found is None else tuple(_gemini_rows._read(found, api))


@dataclass(slots=True)
class Said:
    """What an answer says; a call is its id (``None`` where it has none), name and arguments."""

    model: str = ""
    created: int | None = None
    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str | None, str, Any]] = field(default_factory=list)
    finish: str | None = None
    usage: tuple[int | None, int | None] | None = None
    times: dict[str, int] = field(default_factory=dict)


def read(row: Row) -> Said:
    """What a row that is no error says."""
    said = Said()
    for data in objects(row):
        if "choices" in data:
            return _openai(data)
        _add(said, data)
    if said.finish == "stop" and said.calls:
        said.finish = "tool_calls"
    return said


def objects(row: Row) -> list[Json]:
    """The JSON of an answer, or of each line."""
    text = row.body.decode()
    try:
        whole = json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _add(said: Said, data: Json) -> None:
    said.model = said.model or data["model"]
    moment = datetime.fromisoformat(data["created_at"])
    said.created = int(moment.timestamp()) if said.created is None else said.created
    message = data["message"]
    said.text += message.get("content") or ""
    said.thoughts += message.get("thinking") or ""
    for call in message.get("tool_calls") or ():
        function = call["function"]
        said.calls.append((call.get("id"), function["name"], function["arguments"]))
    said.finish = data.get("done_reason") or said.finish
    if "eval_count" in data or "prompt_eval_count" in data:
        said.usage = (data.get("prompt_eval_count"), data.get("eval_count"))
    said.times |= {name: value for name, value in data.items() if name.endswith("_duration")}


def _openai(data: Json) -> Said:
    """One row was recorded of the server's other form."""
    (choice,) = data["choices"]
    counts = (data["usage"]["prompt_tokens"], data["usage"]["completion_tokens"])
    text, finish = choice["message"]["content"], choice["finish_reason"]
    return Said(data["model"], data["created"], text, finish=finish, usage=counts)


# --- requests ----------------------------------------------------------------------------------


def canonical(body: Json) -> Json:
    """A request without what says nothing: nulls, empty groups, and fields that the server does not read."""
    made = {k: v for k, v in body.items() if v not in (None, {}, [], "")}
    made.setdefault("stream", True)
    made["messages"] = [_message(message) for message in body["messages"]]
    return made


def _message(message: Json) -> Json:
    made = {k: v for k, v in message.items() if v not in (None, [])}
    if "tool_calls" in made:
        made["tool_calls"] = [
            {k: v for k, v in call.items() if k != "type"} for call in made["tool_calls"]
        ]
    return made


def as_call(body: Json) -> Json:
    """A recorded request as the arguments of a call in OpenAI's form."""
    options = dict(body.get("options") or {})
    call: Json = {k: options.pop(k) for k in _SAMPLING if k in options}
    if "num_predict" in options:
        call["max_tokens"] = options.pop("num_predict")
    extra: Json = {"options": options} if options else {}
    if body.get("keep_alive") is not None:
        extra["keep_alive"] = body["keep_alive"]
    if "think" in body:
        call |= _thinking(body["think"])
    if body.get("format"):
        call["response_format"] = _format(body["format"])
    if body.get("tools"):
        call["tools"] = body["tools"]
    messages = [_in_openai(message) for message in body["messages"]]
    return {**call, "messages": messages, **({"extra_body": extra} if extra else {})}


def _thinking(think: Any) -> Json:
    if isinstance(think, str):
        return {"reasoning_effort": think}
    return {"thinking": {"type": "enabled" if think else "disabled"}}


def _format(wanted: Any) -> Json:
    if wanted == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}


def _in_openai(message: Json) -> Json:
    made = {k: v for k, v in message.items() if k in ("role", "content", "tool_call_id")}
    if "tool_name" in message:
        made["name"] = message["tool_name"]
    if message.get("thinking"):
        made["reasoning_content"] = message["thinking"]
    if message.get("images"):
        urls = [f"data:image/png;base64,{data}" for data in message["images"]]
        pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        made["content"] = [{"type": "text", "text": message["content"]}, *pictures]
    if message.get("tool_calls"):
        made["tool_calls"] = [_call(call) for call in message["tool_calls"]]
    return made


def _call(call: Json) -> Json:
    arguments = json.dumps(call["function"]["arguments"])
    made = {"type": "function", "function": {**call["function"], "arguments": arguments}}
    return made | ({"id": call["id"]} if "id" in call else {})
