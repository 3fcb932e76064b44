"""Parrot's adapter: llmkit's conformance suite, and what is its own. Run after ``pip install``: no network, no key."""

from __future__ import annotations

import json
from typing import Any

from llmkit_parrot import PROVIDER
from llmkit_parrot._auth import signature
from typing_extensions import override

import llmkit
from llmkit import providers
from llmkit.testing.conformance import ProviderConformance

USAGE = {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7}
HEAD: dict[str, Any] = {"id": "p-1", "created": 1_735_689_600, "model": "grey-1"}
CALL: dict[str, Any] = {
    "id": "c-1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
}


def whole(message: dict[str, Any], finish: str) -> bytes:
    """An answer as Parrot sends it."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return json.dumps({"result": {**HEAD, "choices": [choice], "usage": USAGE}}).encode()


def streamed(*deltas: dict[str, Any], finish: str) -> bytes:
    """The same as a stream."""
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    events = [{"result": {**HEAD, "choices": [choice]}} for choice in choices]
    events.append({"result": {**HEAD, "choices": [], "usage": USAGE}})
    return (
        b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)
        + b"data: [DONE]\n\n"
    )


class TestParrot(ProviderConformance):
    """A hundred checks, inherited. A wire of one's own brings its bytes along."""

    provider = PROVIDER
    model = "grey-1"
    answer_text = "Polly has spoken."
    answer_body = whole({"content": "Polly has spoken."}, "stop")
    stream_bytes = streamed(
        {"role": "assistant", "content": "Polly "}, {"content": "has spoken."}, finish="stop"
    )
    tool_body = whole({"content": None, "tool_calls": [CALL]}, "tool_calls")
    tool_stream = streamed({"tool_calls": [{"index": 0, **CALL}]}, finish="tool_calls")
    stream_error = b'data: {"error": {"message": "asleep", "code": 503}}\n\n'

    @override
    def error_body(self, status: int, message: str) -> bytes:
        """An error as Parrot sends it."""
        return json.dumps({"error": {"message": message, "code": status}}).encode()


def test_it_is_found_by_name() -> None:
    """Installing the package is enough."""
    assert providers.get("parrot") is PROVIDER
    assert "parrot" in providers.names()


def test_the_envelope_and_the_signature() -> None:
    """The body is wrapped, and its signature is what the host computes."""
    key = "a-key-" + "0123456789"
    messages = [{"role": "user", "content": "Hello"}]
    with llmkit.Client(api_key=key) as client:
        dry = client.completion("parrot/grey-1", messages, max_completion_tokens=9, dry_run=True)
    assert dry.url == "https://api.parrot.example/v2/generate"
    assert dry.body == {"model": "grey-1", "request": {"messages": messages, "max_tokens": 9}}
    assert key not in repr(dry)
    assert len(signature(key, b"{}")) == 64
