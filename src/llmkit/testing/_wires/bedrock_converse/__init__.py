"""Amazon Bedrock's runtime as its server speaks it: Converse, ConverseStream, counting, and embeddings by invoking."""

from __future__ import annotations

from ._routes import BedrockConverse

__all__ = ["BedrockConverse"]
