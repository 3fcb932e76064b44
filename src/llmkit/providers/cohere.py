"""Cohere itself.

https://docs.cohere.com/v2/reference/chat and the official Python package, which reads ``CO_API_KEY`` and
``CO_API_URL``; read 2026-11-22.
"""

from __future__ import annotations

from ..wires.cohere_chat import CohereChat
from ._provider import Provider

PROVIDER = Provider(
    name="cohere",
    base_url="https://api.cohere.com",
    chat=CohereChat(),
    calls={
        "embedding": "llmkit.wires.cohere_embed:EMBED_V2",
        "rerank": "llmkit.wires.cohere_rerank:COHERE_V2",
    },
    key_env=("COHERE_API_KEY", "CO_API_KEY"),
    base_env=("COHERE_API_BASE", "COHERE_BASE_URL", "CO_API_URL"),
    aliases=("cohere_chat",),
    default_model="command-a-03-2025",
    docs="https://docs.cohere.com/v2/reference/chat",
    read="2026-11-22",
)
