"""A recorded request of Cohere's second chat as keywords of ``completion``, and two bodies made comparable."""

from __future__ import annotations

from typing import Any

# What has no name of OpenAI's goes through as it is.
BODY = ("documents", "safety_mode", "citation_options", "priority")
RENAMED = {"stop_sequences": "stop", "p": "top_p", "k": "top_k"}
CHOICES = {"REQUIRED": "required", "NONE": "none"}


def as_call(body: dict[str, Any]) -> dict[str, Any]:
    """The keywords that ask for this body."""
    given = {
        RENAMED.get(k, k): v for k, v in body.items() if k not in (*BODY, "model", "strict_tools")
    }
    if "tool_choice" in given:
        given["tool_choice"] = CHOICES[given["tool_choice"]]
    if body.get("strict_tools"):
        given["tools"] = [
            {**tool, "function": {**tool["function"], "strict": True}} for tool in given["tools"]
        ]
    schema = (given.get("response_format") or {}).get("json_schema")
    if schema is not None:
        named = {"name": "answer", "schema": schema}
        given["response_format"] = {"type": "json_schema", "json_schema": named}
    given["extra_body"] = {name: body[name] for name in BODY if name in body}
    return {"model": f"cohere/{body['model']}", **given}


def comparable(body: dict[str, Any]) -> Any:
    """A body without nulls, and without what says just the default."""
    made = _without_nulls(body)
    for message in made["messages"]:
        if message["role"] == "assistant":
            # Lists without anything in them say what leaving them out says.
            for name in [name for name, value in message.items() if value == []]:
                del message[name]
    return {name: value for name, value in made.items() if (name, value) != ("stream", False)}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
