"""Vertex AI's other kinds of call: each wire with the rules of the host. Loaded when one is first made."""

from __future__ import annotations

from ..wires.anthropic_resources.counting import AnthropicCount
from ..wires.gemini_resources.caches import GeminiCaches
from ..wires.gemini_resources.counting import GeminiCount
from .vertex_ai import CLAUDE_CHAT, GEMINI_CHAT

__all__ = ["CACHES", "CLAUDE_COUNT", "COUNT"]

CACHES = GeminiCaches(chat=GEMINI_CHAT, full_names=True)
CLAUDE_COUNT = AnthropicCount(chat=CLAUDE_CHAT)
COUNT = GeminiCount(chat=GEMINI_CHAT, flat=True)
