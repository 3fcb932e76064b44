"""Cohere's first API, for models and programs that still use it; ``cohere`` is the second, and the one to prefer.

https://docs.cohere.com/v1/reference/chat, …/embed, …/rerank, …/generate, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import replace

from ..wires.cohere_chat_v1 import CohereChatV1
from .cohere import PROVIDER as SECOND

PROVIDER = replace(
    SECOND,
    name="cohere_v1",
    chat=CohereChatV1(),
    calls={
        "embedding": "llmkit.wires.cohere_embed:EMBED_V1",
        "rerank": "llmkit.wires.cohere_rerank:COHERE_V1",
        "text_completion": "llmkit.wires.cohere_generate:GENERATE",
    },
    price_lists=("cohere",),
    aliases=(),
    docs="https://docs.cohere.com/v1/reference/chat",
)
