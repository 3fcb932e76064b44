"""A gateway whose router has a cache: the same bytes again, and nobody is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmkit.cache import Cache

from .._kit import gateway

CHAT = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}


def test_an_answer_comes_again(tmp_path: Path) -> None:
    """Whole and streamed, in each of the formats; a request may say that it wants another."""
    with gateway(tmp_path) as served, served.client() as http:
        served.gateway.calls.cache = Cache()
        asked: list[tuple[str, dict[str, Any]]] = [
            ("/v1/chat/completions", CHAT),
            ("/v1/chat/completions", {**CHAT, "stream": True}),
            ("/v1/chat/completions", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
            ("/v1/messages", {**CHAT, "max_tokens": 20}),
            ("/v1/responses", {"model": "fast", "input": "hi"}),
            ("/v1/responses", {"model": "fast", "input": "hi", "stream": True}),
            ("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": ["a"]}),
        ]  # fmt: skip
        for path, body in asked:
            first = http.post(path, json=body)
            assert first.status_code == 200, (path, first.text)
            count = len(served.simulator.requests)
            again = http.post(path, json=body)
            assert (again.status_code, len(served.simulator.requests)) == (200, count), path
            if not body.get("stream") and path != "/v1/messages":
                assert again.json() == first.json()
            elif path == "/v1/chat/completions":
                assert again.text.count("data: {") == first.text.count("data: {")
                assert again.text.endswith("data: [DONE]\n\n")
        count = len(served.simulator.requests)
        fresh = http.post("/v1/chat/completions", json={**CHAT, "cache": {"no-cache": True}})
        assert (fresh.status_code, len(served.simulator.requests)) == (200, count + 1)


@pytest.mark.parametrize("control", [{"no-cash": True}, "none", {"ttl": -1}], ids=str)
def test_what_cannot_be_meant_is_the_requests_mistake(control: Any, tmp_path: Path) -> None:
    """It says what it can be."""
    with gateway(tmp_path) as served, served.client() as http:
        served.gateway.calls.cache = Cache()
        answer = http.post("/v1/chat/completions", json={**CHAT, "cache": control})
        assert answer.status_code == 400, answer.text
        assert "cache" in answer.json()["error"]["message"]
        assert not served.simulator.requests
