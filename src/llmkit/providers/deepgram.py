"""Deepgram: transcription and speech.

https://developers.deepgram.com/reference/authentication, read 2026-11-22: ``Authorization: Token KEY``.
What the vendor's own package reads is DEEPGRAM_API_KEY.
"""

from __future__ import annotations

from ._auth import HeaderKey
from ._provider import Provider

PROVIDER = Provider(
    name="deepgram",
    base_url="https://api.deepgram.com/v1",
    key_env=("DEEPGRAM_API_KEY",),
    base_env=("DEEPGRAM_API_BASE", "DEEPGRAM_BASE_URL"),
    auth=HeaderKey("authorization", "Token "),
    calls={
        "transcription": "llmkit.wires.deepgram:LISTEN",
        "speech": "llmkit.wires.deepgram:SPEAK",
    },
    docs="https://developers.deepgram.com/reference/deepgram-api-overview",
    read="2026-11-22",
)
