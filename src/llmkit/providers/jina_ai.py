"""Jina AI: embeddings and reranking, no chat.

https://api.jina.ai/openapi.json (parameters, codes of errors) and https://docs.jina.ai, read 2026-11-22. An empty
account is answered by 403 with a code of its own.
"""

from __future__ import annotations

from ..errors import PaymentRequiredError
from ..wires.cohere_rerank import CohereRerank
from ..wires.retrieval_embeddings import RetrievalEmbeddings
from ._provider import Provider

_TASKS = {
    "query": "retrieval.query",
    "search_query": "retrieval.query",
    "document": "retrieval.passage",
    "passage": "retrieval.passage",
    "search_document": "retrieval.passage",
    "clustering": "separation",
}

PROVIDER = Provider(
    name="jina_ai",
    base_url="https://api.jina.ai/v1",
    key_env=("JINA_API_KEY", "JINA_AI_API_KEY", "JINA_AI_TOKEN"),
    base_env=("JINA_AI_API_BASE", "JINA_API_BASE"),
    calls={
        "embedding": RetrievalEmbeddings(
            names={
                "dimensions": "dimensions",
                "encoding_format": "embedding_type",
                "embedding_types": "embedding_type",
                "output_dtype": "embedding_type",
                "task": "task",
                "input_type": "task",
                "truncation": "truncate",
                "late_chunking": "late_chunking",
                "normalized": "normalized",
            },
            values={"input_type": _TASKS, "truncation": {"NONE": False, "END": True}},
            errors={"AUTHZ_INSUFFICIENT_BALANCE": PaymentRequiredError},
            whole="late_chunking",
            # The vendor's own limit of requests is theirs to tell; OpenAI's keeps bodies of a size that hosts take.
            most=2048,
            most_bytes=800_000,
            mapped=True,
        ),
        "rerank": CohereRerank(
            taken=frozenset({"top_n", "return_documents"}),
            errors={"AUTHZ_INSUFFICIENT_BALANCE": PaymentRequiredError},
        ),
    },
    aliases=("jina",),
    docs="https://api.jina.ai/redoc",
    read="2026-11-22",
)
