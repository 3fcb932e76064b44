"""Gemini's generateContent as its two servers speak it, AI Studio's and Vertex AI's: reading, refusing, writing."""

from __future__ import annotations

from ._serve import Gemini

__all__ = ["Gemini"]
