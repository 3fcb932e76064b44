"""How a chat's request is brought before the simulated server of its wire: data, and what a path is there.

Providers have the same API in many places, under many keys. What is answered is `_scripted`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["DIALECTS", "KEY", "Dialect"]

KEY: Final = "scripted"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request is brought before its wire: providers have the same API in many places, under many keys."""

    wire: str
    end: str
    """How its path ends, in a real provider's URL."""
    home: Callable[[str], str]
    """That path as the simulated server has it."""
    headers: Mapping[str, str]
    least: Mapping[str, Any]
    """The body that the strict server takes in any case."""
    kept: tuple[str, ...]
    """What of the real body must stay with it, because it shapes the answer."""
    root: str
    """Where its base URL ends on the simulated server."""
    streaming: Mapping[str, Any] = field(default_factory=dict)
    """What a stream's body has unless it says otherwise: some hosts count without being asked to."""
    has: str = ""
    """A field without which a body is another dialect's."""


_HI: Final = [{"role": "user", "content": "scripted"}]
_CONVERSE: Final = [{"role": "user", "content": [{"text": "scripted"}]}]


def _published(path: str) -> str:
    """A path of Vertex AI from the publisher of its model on."""
    return "/v1/publishers/" + path.rpartition("/publishers/")[2]


DIALECTS: Final = (
    # At the simulator's own address for it; at the provider's, its requests are like OpenAI's.
    Dialect(
        "mistral_chat",
        "/mistral/v1/chat/completions",
        lambda path: "/mistral/v1/chat/completions",
        {"authorization": f"Bearer {KEY}"},
        {"messages": _HI},
        ("model", "stream"),
        "/mistral/v1",
    ),
    Dialect(
        "openai_chat",
        "/chat/completions",
        lambda path: "/v1/chat/completions",
        {"authorization": f"Bearer {KEY}"},
        {"messages": _HI},
        ("model", "stream", "stream_options"),
        "/v1",
        {"stream_options": {"include_usage": True}},
    ),
    Dialect(
        "anthropic_messages",
        "/messages",
        lambda path: "/v1/messages",
        {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
        {"messages": _HI, "max_tokens": 4096},
        ("model", "stream"),
        "",
    ),
    Dialect(
        "anthropic_messages",
        "awPredict",
        _published,
        {"authorization": f"Bearer {KEY}"},
        {"messages": _HI, "max_tokens": 4096, "anthropic_version": "vertex-2023-10-16"},
        ("stream",),
        "/v1",
    ),
    Dialect(
        "openai_chat",
        "awPredict",
        _published,
        {"authorization": f"Bearer {KEY}"},
        {"messages": _HI},
        ("model", "stream"),
        "/v1",
        {"stream_options": {"include_usage": True}},
    ),
    Dialect(
        "gemini",
        "enerateContent",
        lambda path: "/v1beta/models/" + path.rpartition("/")[2],
        {"x-goog-api-key": KEY},
        {"contents": [{"role": "user", "parts": [{"text": "scripted"}]}]},
        (),
        "/v1beta",
    ),
    # A host of OpenAI's wire that has it where another has its own; the body tells.
    Dialect(
        "openai_chat",
        "/v1/chat",
        lambda path: "/v1/chat/completions",
        {"authorization": f"Bearer {KEY}"},
        {"messages": _HI},
        ("model", "stream", "stream_options"),
        "/v1",
        {"stream_options": {"include_usage": True}},
        has="messages",
    ),
    *(
        Dialect(
            "bedrock_converse",
            f"/{method}",
            lambda path: "/model/scripted/" + path.rpartition("/")[2],
            {"authorization": f"Bearer {KEY}"},
            {"messages": _CONVERSE},
            (),
            "",
        )
        for method in ("converse", "converse-stream")
    ),
    *(
        Dialect(
            "sagemaker",
            f"/{method}",
            lambda path: "/endpoints/scripted/" + path.rpartition("/")[2],
            {"authorization": f"Bearer {KEY}"},
            {"messages": _HI},
            ("model", "stream", "stream_options"),
            "",
            {"stream_options": {"include_usage": True}},
        )
        for method in ("invocations", "invocations-response-stream")
    ),
    Dialect(
        "cohere_chat",
        "/v2/chat",
        lambda path: "/v2/chat",
        {"authorization": f"Bearer {KEY}"},
        {"messages": _HI},
        ("model", "stream"),
        "",
    ),
    Dialect(
        "cohere_chat_v1",
        "/v1/chat",
        lambda path: "/v1/chat",
        {"authorization": f"Bearer {KEY}"},
        {"message": "scripted"},
        ("model", "stream"),
        "",
    ),
    Dialect(
        "openai_responses",
        "/responses",
        lambda path: "/v1/responses",
        {"authorization": f"Bearer {KEY}"},
        {"input": "scripted"},
        ("model", "stream"),
        "/v1",
    ),
    Dialect(
        "ollama_chat",
        "/api/chat",
        lambda path: "/api/chat",
        {},
        {"messages": _HI},
        ("model", "stream"),
        "",
    ),
    *(
        Dialect(
            "watsonx",
            f"/text/{method}",
            lambda path: "/ml/v1/text/" + path.rpartition("/")[2],
            {"authorization": f"Bearer {KEY}"},
            {"model_id": "scripted", "project_id": "scripted", "messages": _HI},
            ("model_id",),
            "",
        )
        for method in ("chat", "chat_stream")
    ),
)
