"""Anthropic's other kinds of call: each wire with the rules for its models. Loaded when one is first made."""

from __future__ import annotations

from ..wires.anthropic_messages import AnthropicMessages
from ..wires.anthropic_resources.batches import AnthropicBatches
from ..wires.anthropic_resources.counting import AnthropicCount
from ..wires.anthropic_resources.files import AnthropicFiles
from ..wires.anthropic_resources.models import AnthropicModels
from .anthropic import CLAUDE

__all__ = ["BATCHES", "COUNT", "FILES", "MODELS"]

_CHAT = AnthropicMessages(models=CLAUDE)

BATCHES = AnthropicBatches(chat=_CHAT)
COUNT = AnthropicCount(chat=_CHAT)
FILES = AnthropicFiles()
MODELS = AnthropicModels()
