"""Cartesia: transcription in OpenAI's form.

https://docs.cartesia.ai/api-reference/stt/migrate-from-open-ai, read 2026-11-22.
"""

from __future__ import annotations

from ._provider import Provider

PROVIDER = Provider(
    name="cartesia",
    base_url="https://api.cartesia.ai",
    key_env=("CARTESIA_API_KEY",),
    base_env=("CARTESIA_API_BASE", "CARTESIA_BASE_URL"),
    calls={"transcription": "llmkit.providers._audio:CARTESIA"},
    docs="https://docs.cartesia.ai/api-reference/stt/transcribe",
    read="2026-11-22",
)
