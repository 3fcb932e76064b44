"""Vertex AI's token counts and cached contents: the Gemini API's wires as this host has them. Loaded when needed."""

from __future__ import annotations

from ..wires.gemini_resources.caches import GeminiCaches
from ..wires.gemini_resources.counting import GeminiCount
from .vertex_ai import GEMINI

__all__ = ["CACHES", "COUNT"]

CACHES = GeminiCaches(chat=GEMINI, publisher="publishers/google/models")
COUNT = GeminiCount(chat=GEMINI, flat=True)
