"""Embeddings that are OpenAI's but for a name or a path. Loaded with the first such call.

Sources, read 2026-11-22: https://github.com/mistralai/platform-docs-public (openapi.yaml: no ``user``), and
recorded traffic of both.
"""

from __future__ import annotations

from ..wires.openai_embeddings import OpenAIEmbeddings

__all__ = ["MISTRAL", "PERPLEXITY"]

MISTRAL = OpenAIEmbeddings(renamed={"dimensions": "output_dimension"}, refused=frozenset({"user"}))
PERPLEXITY = OpenAIEmbeddings(path="/v1/embeddings")
