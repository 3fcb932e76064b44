"""Bedrock's other calls that are made of its chats: loaded when first called. No wire of their own."""

from __future__ import annotations

from ..wires.bedrock_count import BedrockCount
from .bedrock import CLAUDE_INVOKED, CONVERSE

__all__ = ["COUNT"]

COUNT = BedrockCount(CONVERSE, CLAUDE_INVOKED)
