"""What the calls of a batch cost, each by itself. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable

from .. import pricing
from .._cost import Cost
from ..catalogue import Catalogue
from ..types.answer import Answer
from ..types.batch import BatchResult
from .address import model_of
from .foreign import adopted
from .stated import stated

__all__ = ["price_rows"]

_TIER = "batch"


def price_rows(results: Iterable[BatchResult], catalogue: Catalogue, provider: str) -> None:
    """Put its cost onto each result."""
    for result in results:
        result.price(_row_cost(result, catalogue, provider))


def _row_cost(result: BatchResult, catalogue: Catalogue, provider: str) -> Cost:
    """What one call of a batch cost. That it was one goes before what the answer says of its tier."""
    if result.status != "succeeded":
        return pricing.nothing(f"not billed: {result.status}")
    try:
        given = result.response
        answer = given if isinstance(given, Answer) else adopted(given)
    except TypeError:
        return pricing.unknown("the result could not be read")
    usage, name = answer.counted(), str(answer.get("model") or "")
    amount = stated(answer, usage)
    cost = pricing.cost(
        usage,
        model_of(catalogue, provider, name) if name else None,
        measures=answer.measured(None),
        service_tier=_TIER,
        reported=amount and amount.usd,
        said_in=amount.place if amount else "",
        model_name=f"{provider}/{name}",
        find=lambda other: model_of(catalogue, provider, other),
    )
    if isinstance(given, Answer):
        answer._cost = cost  # noqa: SLF001 - this is the one who may
    return cost
