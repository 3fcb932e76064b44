"""Anthropic's Messages as their server speaks them: reading, refusing, writing."""

from __future__ import annotations

from ._routes import AnthropicMessages

__all__ = ["AnthropicMessages"]
