"""The Gemini API of Google AI Studio.

The reference was read in its machine-readable form (docs/wires/gemini.md). Its own files and YouTube stand as
``fileUri`` in recorded traffic of this host, 2026-11-22; Cloud Storage only in that of the enterprise host.
"""

from __future__ import annotations

from ..wires.gemini import Gemini
from ._auth import HeaderKey
from ._provider import Provider

CHAT = Gemini(
    media=(
        "https://generativelanguage.googleapis.com/",
        "gs://",
        "https://www.youtube.com/",
        "https://m.youtube.com/",
        "https://youtube.com/",
        "https://youtu.be/",
    ),
)

PROVIDER = Provider(
    name="gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    chat=CHAT,
    calls={
        "batches": "llmkit.providers._gemini_calls:BATCHES",
        "caches": "llmkit.providers._gemini_calls:CACHES",
        "count_tokens": "llmkit.providers._gemini_calls:COUNT",
        "embedding": "llmkit.providers._gemini_calls:EMBEDDINGS",
        "files": "llmkit.providers._gemini_calls:FILES",
        "image": "llmkit.providers._gemini_calls:IMAGES",
        "models": "llmkit.providers._gemini_calls:MODELS",
    },
    key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"),
    base_env=("GEMINI_API_BASE", "GOOGLE_GEMINI_BASE_URL"),
    auth=HeaderKey("x-goog-api-key"),
    price_name=r"models/(?P<model>.+)",
    aliases=("google_ai_studio",),
    default_model="gemini-3.5-flash",
    docs="https://ai.google.dev/api/generate-content",
    read="2026-11-22",
)
