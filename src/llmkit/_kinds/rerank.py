"""Reranking: ``rerank`` and ``arerank``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ..errors import InvalidRequestError

if TYPE_CHECKING:
    from ..types.rerank import RerankParams, RerankResponse

__all__ = ["RERANK", "RerankCalls"]

RERANK = Kind("rerank", "rerank", "_calls:RerankCall", "types.rerank:RerankModelParams")


class RerankCalls(Core):
    """Reranking."""

    def rerank(
        self,
        model: str,
        query: str,
        documents: Sequence[str | Mapping[str, Any]],
        **params: Unpack[RerankParams],
    ) -> RerankResponse:
        """Order documents by how well they fit a query.

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
        answer: RerankResponse = self._run(RERANK, model, _subject(query, documents), params)
        return answer

    async def arerank(
        self,
        model: str,
        query: str,
        documents: Sequence[str | Mapping[str, Any]],
        **params: Unpack[RerankParams],
    ) -> RerankResponse:
        """``rerank`` for async code, on asyncio or trio.

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
        subject = _subject(query, documents)
        answer: RerankResponse = await self._arun(RERANK, model, subject, params)
        return answer


def _subject(query: Any, documents: Any) -> dict[str, Any]:
    if not isinstance(query, str):
        raise InvalidRequestError(
            f"query must be a text, not {type(query).__name__}", param="query"
        )
    listed = isinstance(documents, Sequence) and not isinstance(documents, str | bytes)
    if not listed or not documents:
        raise InvalidRequestError(
            "documents must be a list of texts or mappings that is not empty", param="documents"
        )
    for place, document in enumerate(documents):
        if not isinstance(document, str | Mapping):
            kind = type(document).__name__
            raise InvalidRequestError(
                f"documents[{place}] must be a text or a mapping, not {kind}", param="documents"
            )
    return {"query": query, "documents": tuple(documents)}
