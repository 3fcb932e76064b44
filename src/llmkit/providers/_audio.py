"""How hosts of OpenAI's audio API differ from it, one wire each; loaded when the first such call is made.

Taken from the hosts' specifications, read 2026-11-22: github.com/tryAGI/Groq (GroqCloud 2.1),
github.com/mistralai/platform-docs-public (Mistral 1.0.0), https://docs.cartesia.ai/api-reference/stt/migrate-from-open-ai.
"""

from __future__ import annotations

from ..wires.openai_audio import OpenAISpeech, OpenAITranscription

__all__ = ["CARTESIA", "GROQ", "GROQ_SPEECH", "MISTRAL", "MISTRAL_SPEECH"]

_OPENAI_ONLY = frozenset({
    "languages", "include", "chunking_strategy", "known_speaker_names", "known_speaker_references",
})  # fmt: skip

# Formats are json, text and verbose_json; nothing is streamed.
GROQ = OpenAITranscription(
    refused=_OPENAI_ONLY | {"keywords", "srt", "vtt", "diarized_json", "stream"},
    url_field="url",
)
GROQ_SPEECH = OpenAISpeech(
    taken=frozenset({"sample_rate"}), refused=frozenset({"instructions", "stream_format"})
)

# File, model, language and times of words; the answer is always JSON.
CARTESIA = OpenAITranscription(
    refused=_OPENAI_ONLY
    | {"prompt", "temperature", "keywords", "response_format", "translation", "stream"},
)

# One format, JSON, with segments where they are asked for.
MISTRAL = OpenAITranscription(
    taken=frozenset({"diarize"}),
    refused=_OPENAI_ONLY | {"prompt", "response_format", "translation"},
    renamed={"keywords": "context_bias"},
    url_field="file_url",
    listed="{}",
)
# Audio comes as base64 in JSON, or in events.
MISTRAL_SPEECH = OpenAISpeech(
    refused=frozenset({"speed", "instructions", "stream_format"}),
    renamed={"voice": "voice_id"},
    stream_field=True,
)
