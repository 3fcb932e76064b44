"""Reranking: parameters and answers. OpenAI has no such call; the form is the one that most hosts share.

Sources, read 2026-11-22: https://docs.cohere.com/v2/reference/rerank, https://api.jina.ai/redoc,
https://docs.voyageai.com/reference/reranker-api. What a provider does not take is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field
from typing_extensions import TypedDict, override

from .._call import Call
from .._cost import Measure
from ._model import Model, beside, lenient
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "RerankModelParams",
    "RerankParams",
    "RerankResponse",
    "RerankResult",
    "RerankUsage",
]


class RerankModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    top_n: int | None
    """How many results; all, where it is not said."""
    return_documents: bool | None
    """Whether each result shall have its document; where the provider returns none, llmkit puts them in."""
    rank_fields: Sequence[str] | None
    """Which fields of documents that are mappings count; all, where it is not said."""
    max_tokens_per_doc: int | None
    """Longer documents are cut to so many tokens."""
    max_chunks_per_doc: int | None
    """Older models cut documents into chunks: at most so many."""
    truncation: bool | None
    """Whether what is too long is cut, or refused; Voyage's."""


class RerankParams(RerankModelParams, CallOptions, total=False):
    """All keywords of ``rerank`` but ``model``, ``query`` and ``documents``."""


class RerankResult(Model):
    """One document's place. ``index``: where it stood among the documents given. Scores compare within one answer."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"document"})

    index: int | None = None
    relevance_score: float | None = None
    document: dict[str, Any] | None = None
    """``{"text": …}``, or the mapping that was given; ``None`` unless it was asked for, or came unasked."""


class RerankUsage(Model):
    """What was used: search units at some providers, tokens at others. ``None``: the provider did not say."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset(
        {"search_units", "prompt_tokens", "total_tokens"}
    )

    search_units: int | None = None
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class RerankResponse(Answer):
    """The documents in their new order, best first."""

    id: str = ""
    results: list[RerankResult] = Field(default_factory=list)
    model: str = ""
    usage: RerankUsage | None = None
    meta: Mapping[str, Any] | None = None
    """What the provider says beside, as it came: its API's version, billed units, warnings."""

    @override
    def counted(self) -> Usage | None:
        """The tokens read, as a prompt's, and the search units beside them; nothing is written."""
        told = self.usage
        if told is None:
            return None
        read = told.total_tokens if told.prompt_tokens is None else told.prompt_tokens
        # An amount that the provider states goes along: it is what the call cost.
        made = beside(told)
        if read is not None or told.search_units is not None:
            made |= {"prompt_tokens": read, "completion_tokens": 0, "total_tokens": read}
            made["search_units"] = told.search_units
        return lenient(Usage, made) if made else None

    @override
    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """The search units."""
        units = self.usage.search_units if self.usage is not None else None
        return (Measure("search", units, "search"),) if units else ()

    @override
    def _repr_markdown_(self) -> str:
        rows = "".join(
            f"{place}. document {result.index}: {result.relevance_score}\n"
            for place, result in enumerate(self.results, 1)
        )
        return f"{rows}\n---\n*{self.model} · {self.cost}*"
