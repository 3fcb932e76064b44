"""``litellm.anthropic``: Anthropic's Messages API, of any provider, as ``litellm.anthropic.messages.create``."""

from __future__ import annotations

from typing import Any

from ._calling import acall, call

__all__ = ["messages"]


class _Messages:
    """Anthropic's form of a chat. ``create`` for sync code, ``acreate`` for async code."""

    def create(self, max_tokens: int, messages: Any, model: str, **named: Any) -> Any:
        """Ask a model in the form of Anthropic's Messages API; see ``llmkit.messages``.

        A stream's pieces are events with ``type``; LiteLLM's are lines of bytes.

        Raises:
            LLMKitError: as llmkit's call, of LiteLLM's classes.
        """
        return call("messages", (model, messages), {"max_tokens": max_tokens, **named})

    async def acreate(self, max_tokens: int, messages: Any, model: str, **named: Any) -> Any:
        """``create`` for async code."""
        return await acall("messages", (model, messages), {"max_tokens": max_tokens, **named})


messages = _Messages()
anthropic_messages = messages.acreate
