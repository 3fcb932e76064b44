"""``embedding`` and ``aembedding`` with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import Unpack

from ..types.embedding import EmbeddingParams, EmbeddingResponse
from ._default import default_client

__all__ = ["aembedding", "embedding"]


def embedding(
    model: str, input: str | Sequence[Any], **params: Unpack[EmbeddingParams]
) -> EmbeddingResponse:
    """Turn texts into vectors, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/text-embedding-3-small"``.
        input: a text, a list of texts, a list of token ids, or a list of such lists.
        **params: see ``llmkit.types.EmbeddingParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().embedding(model, input, **params)


async def aembedding(
    model: str, input: str | Sequence[Any], **params: Unpack[EmbeddingParams]
) -> EmbeddingResponse:
    """Turn texts into vectors from async code, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/text-embedding-3-small"``.
        input: a text, a list of texts, a list of token ids, or a list of such lists.
        **params: see ``llmkit.types.EmbeddingParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aembedding(model, input, **params)
