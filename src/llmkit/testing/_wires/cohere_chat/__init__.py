"""Cohere's chat, second version, as its server speaks it: reading, refusing, writing."""

from __future__ import annotations

from ._routes import CohereChat

__all__ = ["CohereChat"]
