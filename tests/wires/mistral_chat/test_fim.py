"""Completions of code between a prompt and a suffix: Mistral's form of OpenAI's text completions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit import providers
from llmkit._calls import TextCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.errors import UnsupportedParamsError

from .. import _openapi

USAGE = {"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 12}
HEAD = {"id": "f-1", "created": 1_735_689_600, "model": "codestral-2508"}


def call(**params: Any) -> TextCall:
    """A call for code."""
    return TextCall(
        id="call_1", provider="codestral", model="codestral-latest", prompt="def f(", params=params
    )


def body(name: str, **params: Any) -> dict[str, Any]:
    """The body of a request to this provider."""
    request = (
        providers.get(name)
        .wire("text_completion")
        .build(call(**params), Endpoint("https://host.test/v1"))
    )
    assert request.url == "https://host.test/v1/fim/completions"
    read: dict[str, Any] = json.loads(bytes(request.body))
    return read


@pytest.mark.parametrize("name", ["codestral", "mistral"])
def test_the_request_fits_the_schema(name: str) -> None:
    """Prompt and suffix go where Mistral has them, the seed under its name, and nothing else."""
    sent = body(name, suffix="return a", seed=3, max_tokens=9, temperature=0.5, stop=["END"])
    assert (sent["prompt"], sent["suffix"], sent["random_seed"]) == ("def f(", "return a", 3)
    spec = _openapi.document("mistral/openapi.yaml")
    assert _openapi.faults(spec, "FIMCompletionRequest", sent) == []


def test_what_is_not_taken_is_refused() -> None:
    """OpenAI's other parameters of texts are unknown there."""
    with pytest.raises(UnsupportedParamsError, match="echo"):
        body("codestral", echo=True)


def test_an_answer_is_a_chats() -> None:
    """The text is in the choice's message, or in its deltas."""
    wire = providers.get("codestral").wire("text_completion")
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": "a):"},
    }
    raw = json.dumps(
        {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    ).encode()
    answer = wire.parse(call(), HTTPResponse(200, {}, raw))
    assert answer.choices[0].text == "a):"
    assert answer.usage.total_tokens == 12
    events = [
        {**HEAD, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        for text in ("a", "):")
    ]
    last = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
    events.append({**HEAD, "choices": [last], "usage": USAGE})
    stream = (
        "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode() + b"data: [DONE]\n\n"
    )
    for size in range(1, len(stream) + 1):
        decoder = wire.decoder(call())
        pieces = (stream[at : at + size] for at in range(0, len(stream), size))
        chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
        list(decoder.finish())
        assert "".join(chunk.choices[0].text for chunk in chunks) == "a):"
        assert decoder.result().choices[0].text == "a):"
        assert decoder.result().usage.total_tokens == 12
