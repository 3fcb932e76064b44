"""Transcription and speech as their servers speak them: OpenAI's form, and three that have their own."""

from __future__ import annotations

from ._assemblyai import AssemblyAI
from ._deepgram import Deepgram
from ._elevenlabs import ElevenLabs
from ._openai import OpenAIAudio

__all__ = ["AssemblyAI", "Deepgram", "ElevenLabs", "OpenAIAudio"]
