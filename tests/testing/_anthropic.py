"""What the tests of the simulated Messages API send, and short ways to send it."""

from __future__ import annotations

import json
from typing import Any

from llmkit.testing._answer import answer
from llmkit.testing._wires import Reply
from llmkit.testing._wires.anthropic_messages import AnthropicMessages

__all__ = [
    "CALLED",
    "FORECAST",
    "HEADERS",
    "HELLO",
    "PDF",
    "PNG",
    "PROFILE",
    "RESULT",
    "WEATHER",
    "WIRE",
    "parsed",
    "post",
    "refusal",
    "request",
]

WIRE = AnthropicMessages()
HEADERS = {"x-api-key": "test-key", "anthropic-version": "2023-06-01"}
HELLO = [{"role": "user", "content": "hello there"}]
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
    "Jggg=="
)
PDF = "JVBERi0xLjQK"
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "What it is like outside.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
        "required": ["city"],
    },
}
FORECAST: dict[str, Any] = {"name": "get_forecast", "input_schema": {"type": "object"}}
PROFILE: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
CALLED = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}],
}
RESULT = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}],
}


def request(**changes: Any) -> dict[str, Any]:
    """A request that is fine but for *changes*; a parameter that is changed to ... is left out."""
    body = {"model": "offline", "max_tokens": 1000, "messages": HELLO, **changes}
    return {name: value for name, value in body.items() if value is not ...}


def post(
    body: Any,
    headers: dict[str, str] | None = None,
    path: str = "/v1/messages",
    method: str = "POST",
) -> Reply:
    """The wire's reply, without a socket."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WIRE.reply(method, path, HEADERS if headers is None else headers, sent, answer)


def parsed(reply: Reply) -> Any:
    """The body of a reply."""
    return json.loads(reply.body)


def refusal(body: Any, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Status, type and message of the error that *body* gets; status 200 and nothing if it gets none."""
    reply = post(body, headers)
    if reply.status == 200:
        return 200, "", ""
    error = parsed(reply)["error"]
    return reply.status, error["type"], error["message"]
