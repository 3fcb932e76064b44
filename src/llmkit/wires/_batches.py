"""Many inputs in several requests: where to cut, and one answer of all. Which limits there are, the wires say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..types._model import lenient
from ..types.embedding import EmbeddingResponse, EmbeddingUsage
from . import Step, Steps

if TYPE_CHECKING:
    from .._calls import EmbeddingCall
    from .._http import Endpoint

__all__ = ["embedded_in_batches", "joined", "split"]


def split(
    inputs: Sequence[Any], most: int | None, most_bytes: int | None = None
) -> list[tuple[Any, ...]]:
    """Cut the inputs into batches of at most ``most``, and of ``most_bytes`` of text unless one alone is longer."""
    batches: list[tuple[Any, ...]] = []
    batch: list[Any] = []
    size = 0
    for item, weight in _weighed(inputs, most_bytes):
        full = most is not None and len(batch) >= most
        if batch and (full or (most_bytes is not None and size + weight > most_bytes)):
            batches.append(tuple(batch))
            batch, size = [], 0
        batch.append(item)
        size += weight
    return [*batches, tuple(batch)]


def _weighed(inputs: Sequence[Any], most_bytes: int | None) -> Iterator[tuple[Any, int]]:
    for item in inputs:
        weighs = most_bytes is not None and isinstance(item, str)
        yield item, len(item.encode("utf-8", "replace")) if weighs else 0


def embedded_in_batches(
    wire: Any, call: EmbeddingCall, to: Endpoint, batches: Sequence[tuple[Any, ...]]
) -> Steps:
    """One request for each batch, one answer of all. The wire's ``build`` must write whatever it is given."""
    parts = []
    for inputs in batches:
        part = call if len(batches) == 1 else replace(call, inputs=inputs)
        response = yield Step(wire.build(part, to))
        parts.append(wire.parse(part, response))
    return parts[0] if len(parts) == 1 else joined(parts, [len(inputs) for inputs in batches])


def joined(parts: Sequence[EmbeddingResponse], sizes: Sequence[int]) -> EmbeddingResponse:
    """The answers as one: vectors in the order of all inputs, counts added up."""
    whole = parts[0].model_copy()
    whole.data = []
    offset = 0
    for part, size in zip(parts, sizes, strict=True):
        for item in part.data:
            whole.data.append(item.model_copy(update={"index": item.index + offset}))
        offset += size
    whole.usage = _summed([part.usage for part in parts])
    return whole


def _summed(usages: Sequence[EmbeddingUsage | None]) -> EmbeddingUsage | None:
    """All counts and amounts together; what one of them does not say is not known of the whole."""
    told = [usage.model_dump(exclude_none=True) for usage in usages if usage is not None]
    return lenient(EmbeddingUsage, _added(told)) if len(told) == len(usages) else None


def _added(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    shared = [name for name in told[0] if all(name in one for one in told)]
    sums = {name: _sum([one[name] for one in told]) for name in shared}
    return {name: value for name, value in sums.items() if value is not None}


def _sum(values: Sequence[Any]) -> Any:
    """The sum of numbers, of amounts to the last digit; what is no number has none."""
    if all(isinstance(value, Mapping) for value in values):
        return _added(values)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return None
    total = sum(Decimal(str(value)) for value in values)
    return int(total) if all(isinstance(value, int) for value in values) else float(total)
