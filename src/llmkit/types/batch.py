"""Batches: many calls given at once and answered within a day, in OpenAI's form. Data only.

Sources: the types of openai 3.54.0 and anthropic 2.12.0, Mistral's OpenAPI document, Gemini's v1beta reference, read
2026-11-22. Times are Unix time in seconds, whatever the provider writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr
from typing_extensions import TypedDict, override

from .._cost import Cost, unknown
from ._model import Model
from ._shown import plural
from .answer import Answer
from .params import CallOptions

__all__ = [
    "Batch",
    "BatchDeleted",
    "BatchList",
    "BatchListModelParams",
    "BatchListParams",
    "BatchModelParams",
    "BatchParams",
    "BatchRequestCounts",
    "BatchResult",
    "BatchResults",
]


class BatchModelParams(TypedDict, total=False):
    """What goes to the provider. A key that is absent is not sent; ``None`` counts as absent."""

    input_file_id: str | None
    """The file of calls."""
    endpoint: str | None
    """What is called: ``/v1/chat/completions``, ``/v1/embeddings`` …."""
    completion_window: str | None
    """Until when: ``24h``."""
    requests: Sequence[Mapping[str, Any]] | None
    """The calls themselves, where the provider takes them without a file: each ``{"custom_id", "body"}`` with
    a chat's ``model``, ``messages`` and parameters as ``completion`` takes them, or ``{"custom_id", "params"}``
    with the body as the provider has it."""
    metadata: Mapping[str, str] | None
    """Tags that the provider keeps with the batch."""
    output_expires_after: Mapping[str, Any] | None
    """When the files of results are removed (OpenAI)."""
    display_name: str | None
    """A name for the batch (Gemini)."""
    timeout_hours: int | None
    """When the batch is given up (Mistral)."""


class BatchParams(BatchModelParams, CallOptions, total=False):
    """All keywords of ``create_batch`` but the model."""


class BatchListModelParams(TypedDict, total=False):
    """What goes to the provider. A key that is absent is not sent; ``None`` counts as absent."""

    limit: int | None
    """How many on a page."""
    after: str | None
    """``next_cursor`` of the page before."""


class BatchListParams(BatchListModelParams, CallOptions, total=False):
    """All keywords of ``list_batches``."""


class BatchRequestCounts(Model):
    """How the calls of a batch stand."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"processing", "canceled", "expired"})

    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    processing: int | None = None
    canceled: int | None = None
    expired: int | None = None


class Batch(Answer):
    """A batch. ``status`` is one of OpenAI's words: ``validating``, ``in_progress``, ``finalizing``, ``completed``,
    ``failed``, ``expired``, ``cancelling``, ``cancelled``. The provider's own fields are kept beside these.
    """

    id: str = ""
    object: str = "batch"
    endpoint: str | None = None
    model: str | None = None
    status: str | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    completion_window: str | None = None
    created_at: int | None = None
    in_progress_at: int | None = None
    expires_at: int | None = None
    completed_at: int | None = None
    cancelling_at: int | None = None
    request_counts: BatchRequestCounts | None = None
    errors: Any = None
    metadata: dict[str, Any] | None = None
    # Not counted as this call's: looking at a batch costs nothing, and may be done many times.
    usage: dict[str, Any] | None = None


class BatchList(Answer):
    """A page of batches: iterating goes through it, and no further.

    ``next_cursor`` goes into ``after`` for the next page; ``None``: this is the last.
    """

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"first_id", "last_id"})

    object: str = "list"
    data: list[Batch] = Field(default_factory=list)
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None
    next_cursor: str | None = None

    @override
    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        return iter(self.data)


class BatchDeleted(Answer):
    """What is gone."""

    id: str = ""
    object: str = "batch"
    deleted: bool = True


class BatchResult(Model):
    """What became of one call of a batch.

    ``status``: ``succeeded``, ``errored``, ``canceled`` or ``expired``. ``response`` is a ``ChatCompletion`` where it
    was a chat, otherwise the provider's JSON. ``error`` is the provider's JSON.
    """

    custom_id: str = ""
    status: str = "succeeded"
    status_code: int | None = None
    response: Any = None
    error: Any = None

    _cost: Any = PrivateAttr(default=None)

    @property
    def cost(self) -> Cost:
        """What the call cost, at the prices of a batch; nothing where it failed."""
        return self._cost or unknown("this result was not priced")

    def price(self, cost: Cost) -> None:
        """Say what the call cost; whoever reads the results does."""
        self._cost = cost


class BatchResults(Answer):
    """What became of all calls, in the order in which the provider gives them, which need not be that of the calls."""

    data: list[BatchResult] = Field(default_factory=list)

    @override
    def __iter__(self) -> Iterator[BatchResult]:  # type: ignore[override]
        return iter(self.data)

    @override
    def rows(self) -> Sequence[BatchResult]:
        """The results, each to be priced by itself."""
        return self.data

    @property
    def spent(self) -> Cost:
        """What all calls of the batch cost together; looking at the results costs nothing."""
        return sum((result.cost for result in self.data), Cost.zero)

    def by_id(self) -> dict[str, BatchResult]:
        """The results by their calls' ids."""
        return {result.custom_id: result for result in self.data}

    @override
    def _repr_markdown_(self) -> str:
        counts = Counter(result.status for result in self.data)
        told = ", ".join(f"{count:,} {status}" for status, count in counts.items())
        return f"{plural(len(self.data), 'result')}{f': {told}' if told else ''}"
