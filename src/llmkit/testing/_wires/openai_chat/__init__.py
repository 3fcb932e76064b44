"""OpenAI's chat completions as their server speaks them: reading, refusing, writing."""

from __future__ import annotations

from ._write import OpenAIChat

__all__ = ["OpenAIChat"]
