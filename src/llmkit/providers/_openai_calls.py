"""OpenAI's counting of tokens, for prompts that are written as its Responses API has them. Loaded when first made."""

from __future__ import annotations

from ..wires.openai_resources.counting import OpenAICount
from ..wires.openai_responses import CHAT

__all__ = ["COUNT"]

COUNT = OpenAICount(chat=CHAT)
