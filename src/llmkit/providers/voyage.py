"""Voyage AI: embeddings and reranking, no chat.

https://docs.voyageai.com/reference/embeddings-api, …/reranker-api and https://docs.voyageai.com/docs/rate-limits; the
limits of a request also https://www.mongodb.com/docs/api/doc/atlas-embedding-and-reranking-api/; read 2026-11-22.
"""

from __future__ import annotations

from ..wires.cohere_rerank import CohereRerank
from ..wires.retrieval_embeddings import RetrievalEmbeddings
from ._provider import Provider

_KINDS = {"search_query": "query", "search_document": "document", "passage": "document"}

PROVIDER = Provider(
    name="voyage",
    base_url="https://api.voyageai.com/v1",
    key_env=("VOYAGE_API_KEY", "VOYAGE_AI_API_KEY", "VOYAGE_AI_TOKEN"),
    base_env=("VOYAGE_API_BASE", "VOYAGE_BASE_URL"),
    calls={
        "embedding": RetrievalEmbeddings(
            names={
                "dimensions": "output_dimension",
                "encoding_format": "encoding_format",
                "input_type": "input_type",
                "truncation": "truncation",
                "output_dtype": "output_dtype",
            },
            values={
                "encoding_format": {"float": None},
                "input_type": _KINDS,
                "truncation": {"NONE": False, "END": True},
            },
            # 120,000 tokens at the least; a token of common languages has three bytes or four.
            most=1000,
            most_bytes=320_000,
            parts=("multimodal", "/multimodalembeddings"),
        ),
        "rerank": CohereRerank(
            taken=frozenset({"top_n", "return_documents", "truncation"}),
            renamed={"top_n": "top_k"},
            texts=True,
        ),
    },
    aliases=("voyageai",),
    docs="https://docs.voyageai.com/reference/embeddings-api",
    read="2026-11-22",
)
