"""Tokens of a prompt, counted without asking anyone. Rules of models are the catalogue's; nothing here is sent."""

from __future__ import annotations

from ._counted import CountedTokens

__all__ = ["CountedTokens"]
