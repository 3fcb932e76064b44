"""``rerank`` and ``arerank`` with the default client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from ..types.rerank import RerankParams, RerankResponse
from ._default import default_client

__all__ = ["arerank", "rerank"]


def rerank(
    model: str,
    query: str,
    documents: Sequence[str | Mapping[str, Any]],
    **params: Unpack[RerankParams],
) -> RerankResponse:
    """Order documents by how well they fit a query, with the default client.

    Args:
        model: ``provider/model``, such as ``"cohere/rerank-v3.5"``.
        query: what is looked for.
        documents: texts, or mappings of which ``rank_fields`` names the fields that count.
        **params: see ``llmkit.types.RerankParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().rerank(model, query, documents, **params)


async def arerank(
    model: str,
    query: str,
    documents: Sequence[str | Mapping[str, Any]],
    **params: Unpack[RerankParams],
) -> RerankResponse:
    """Order documents from async code, with the default client.

    Args:
        model: ``provider/model``, such as ``"cohere/rerank-v3.5"``.
        query: what is looked for.
        documents: texts, or mappings of which ``rank_fields`` names the fields that count.
        **params: see ``llmkit.types.RerankParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().arerank(model, query, documents, **params)
