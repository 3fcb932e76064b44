"""OpenAI itself.

https://platform.openai.com/docs/api-reference/chat/create, read 2026-11-22: ``max_tokens`` is deprecated in favour of
``max_completion_tokens``, which every chat model takes; caching needs no marks; ``Idempotency-Key`` is accepted.
"""

from __future__ import annotations

from ..wires.openai_chat import OpenAIChat
from ._provider import OPENAI_CALLS, Provider

PROVIDER = Provider(
    name="openai",
    base_url="https://api.openai.com/v1",
    chat=OpenAIChat(
        refused=frozenset({"thinking", "top_k", "cache_control"}),
        renamed={"max_tokens": "max_completion_tokens"},
        history=(),
    ),
    calls={
        **OPENAI_CALLS,
        "embedding": "llmkit.wires.openai_embeddings:LIMITED",
        "text_completion": "llmkit.wires.openai_text:TEXTS",
    },
    key_env=("OPENAI_API_KEY",),
    base_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    header_env={"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"},
    idempotency_header="Idempotency-Key",
    elsewhere="openai_like",
    aliases=("custom_openai", "text_completion_openai"),
    default_model="gpt-4o-mini",
    docs="https://platform.openai.com/docs/api-reference/chat",
    read="2026-11-22",
)
