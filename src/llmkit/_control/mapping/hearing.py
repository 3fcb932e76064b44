"""``Hearing``: what the calls within it cost, whoever's client makes them."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from ..._cost import Cost, unknown
from ...events import CallFinished
from ..attributes import context

__all__ = ["Hearing"]


class Hearing(context):
    """A context that hears of the calls made in it (this thread or task, and tasks begun in it)."""

    def __init__(self) -> None:
        super().__init__()
        self._costs: list[Cost] = []

    @override
    def hears(self, event: Any) -> None:
        if isinstance(event, CallFinished):
            self._costs.append(_cost(event))

    @property
    def cost(self) -> Cost:
        """What they cost so far; unknown where no call was heard of: somebody else may have been paid."""
        if not self._costs:
            return unknown("no call of llmkit's was heard of")
        return sum(self._costs[1:], self._costs[0])


def _cost(event: CallFinished) -> Cost:
    if event.response is not None:
        cost: Cost = event.response.cost
        return cost
    told = event.settlement
    return Cost(told.cost, told.cost_status, reason=told.cost_reason)  # type: ignore[arg-type]
