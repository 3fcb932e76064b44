"""Embeddings: ``embedding`` and ``aembedding``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ..errors import InvalidRequestError

if TYPE_CHECKING:
    from ..types.embedding import EmbeddingParams, EmbeddingResponse

__all__ = ["EMBEDDING", "EmbeddingCalls"]

EMBEDDING = Kind(
    "embedding", "embedding", "_calls:EmbeddingCall", "types.embedding:EmbeddingModelParams"
)


class EmbeddingCalls(Core):
    """Embeddings."""

    def embedding(
        self, model: str, input: str | Sequence[Any], **params: Unpack[EmbeddingParams]
    ) -> EmbeddingResponse:
        """Turn texts into vectors. More inputs than the provider takes at once go in several requests, in order.

        Args:
            model: ``provider/model``, such as ``"openai/text-embedding-3-small"``.
            input: a text, a list of texts, a list of token ids, or a list of such lists.
            **params: see ``llmkit.types.EmbeddingParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        answer: EmbeddingResponse = self._run(EMBEDDING, model, _inputs(input), params)
        return answer

    async def aembedding(
        self, model: str, input: str | Sequence[Any], **params: Unpack[EmbeddingParams]
    ) -> EmbeddingResponse:
        """``embedding`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``, such as ``"openai/text-embedding-3-small"``.
            input: a text, a list of texts, a list of token ids, or a list of such lists.
            **params: see ``llmkit.types.EmbeddingParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        answer: EmbeddingResponse = await self._arun(EMBEDDING, model, _inputs(input), params)
        return answer


def _inputs(given: Any) -> dict[str, Any]:
    """A text or a list of token ids is one input, any other list holds several."""
    if isinstance(given, str | Mapping):
        return {"inputs": (given,), "alone": True}
    if not isinstance(given, Sequence) or isinstance(given, bytes) or not given:
        raise InvalidRequestError("input must be a text or a list that is not empty", param="input")
    if all(isinstance(item, int) for item in given):
        return {"inputs": (list(given),), "alone": True}
    for place, item in enumerate(given):
        if item is None or isinstance(item, int | float | bytes):
            kind = type(item).__name__
            raise InvalidRequestError(
                f"input[{place}] must be a text or a list of token ids, not {kind}", param="input"
            )
    return {"inputs": tuple(given), "alone": False}
