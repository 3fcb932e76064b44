"""Ollama's native API as its server speaks it: chat, completions, embeddings, models."""

from __future__ import annotations

from ._write import OllamaChat

__all__ = ["OllamaChat"]
