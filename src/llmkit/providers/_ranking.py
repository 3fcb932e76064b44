"""Where Nvidia's rerankers are: hosts of one's own have one path, the vendor's host has an address for each model.

https://docs.nvidia.com/nim/nemo-retriever/text-reranking/2.3/using-reranking.html and
https://docs.litellm.ai/docs/providers/nvidia_nim_rerank, read 2026-11-22.
"""

from __future__ import annotations

from ..wires.passage_rerank import PassageRerank

__all__ = ["RANKING"]

RANKING = PassageRerank(
    hosted=(
        "https://integrate.api.nvidia.com/v1",
        "https://ai.api.nvidia.com/v1/retrieval/{model}/reranking",
    )
)
