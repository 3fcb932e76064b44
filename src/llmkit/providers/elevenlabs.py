"""ElevenLabs: speech and transcription.

https://elevenlabs.io/docs/api-reference/authentication, read 2026-11-22: ``xi-api-key``. What the vendor's own package
reads is ELEVENLABS_API_KEY; ELEVEN_API_KEY is an older name of it.
"""

from __future__ import annotations

from ._auth import HeaderKey
from ._provider import Provider

PROVIDER = Provider(
    name="elevenlabs",
    base_url="https://api.elevenlabs.io/v1",
    key_env=("ELEVENLABS_API_KEY", "ELEVEN_API_KEY"),
    base_env=("ELEVENLABS_API_BASE", "ELEVENLABS_BASE_URL"),
    auth=HeaderKey("xi-api-key"),
    calls={
        "transcription": "llmkit.wires.elevenlabs:TRANSCRIPTION",
        "speech": "llmkit.wires.elevenlabs:SPEECH",
    },
    docs="https://elevenlabs.io/docs/api-reference/introduction",
    read="2026-11-22",
)
