"""A client's events, counted: for ``Prometheus``, and for the gateway, which counts more. Nothing is shown here."""

from __future__ import annotations

from typing import Any, Final

from .._cost import MATH
from ..events import CallFinished, DeploymentCooledDown, StreamStarted
from ._counting import CallCounts

__all__ = ["Heard", "Times", "add_call", "text_of"]

Times = tuple[float, float | None, float | None]
"""Seconds of a whole call, to its first chunk, and of providers."""

_add: Final = MATH.add
_WAITING: Final = 10_000
"""Streams under way of which the first chunk is known; of more, the oldest is not counted."""
_UNTOLD: Final = frozenset({"AttemptStarted", "CallStarted"})
"""Events of which the numbers are elsewhere."""
_WELL: Final = frozenset({"completed", "mocked", "closed"})


class Heard:
    """Adds a client's events to counts."""

    def __init__(self, counts: CallCounts) -> None:
        self.counts = counts
        self._first: dict[str, float] = {}

    def heard(self, happened: Any) -> None:
        """A client's callback."""
        if isinstance(happened, CallFinished):
            self.finished(happened)
        elif isinstance(happened, StreamStarted):
            if len(self._first) >= _WAITING:
                self._first.pop(next(iter(self._first)), None)
            self._first[happened.call_id] = happened.seconds
        elif (name := type(happened).__name__) not in _UNTOLD:
            self.counts.events.cell(name).value += 1
            if isinstance(happened, DeploymentCooledDown):
                self.counts.cooldowns.cell(happened.group, happened.deployment).value += 1

    def finished(self, happened: CallFinished, group: str = "") -> tuple[tuple[str, ...], Times]:
        """Count a call that has ended; whose it was, and how long it took. ``group``: what was asked for, if known."""
        ended = happened.settlement
        info = happened.call or getattr(happened.response, "call", None)
        deployment = getattr(info, "deployment", "")
        group = group or getattr(info, "group", "") or ended.model
        place = ended.kind, group, ended.provider, ended.model, deployment
        first = self._first.pop(ended.call_id, None)
        times = ended.seconds, first, _upstream(ended, info, happened.error)
        models, outcomes = self.counts.models, self.counts.outcomes
        add_call(models.cells.get(place) or models.cell(*place), ended, times)
        became = *place, ended.outcome, (ended.error or "").partition(" ")[0]
        (outcomes.cells.get(became) or outcomes.cell(*became)).value += 1
        return place, times


def add_call(cell: Any, ended: Any, times: Times | None) -> None:
    """Add a settlement to a cell, and how long the call took."""
    cell.calls += 1
    cell.prompt += ended.prompt_tokens or 0
    cell.completion += ended.completion_tokens or 0
    if ended.cost is None:
        cell.unpriced += 1
    else:
        cell.usd = _add(cell.usd, ended.cost)
    cell.attempts += ended.attempts
    cell.failed += ended.outcome not in _WELL
    if times is None:
        return
    seconds, first, upstream = times
    cell.seconds.add(seconds)
    if first is not None:
        cell.first.add(first)
    if upstream is not None:
        cell.upstream.add(upstream)


def _upstream(ended: Any, info: Any, error: Any) -> float | None:
    """Seconds of a call's attempts; of a stream, they end with its first chunk, and say nothing."""
    attempts = getattr(info, "attempts", None) or getattr(error, "attempts", None)
    if ended.stream or not attempts:
        return None
    return float(attempts[0].seconds if len(attempts) == 1 else sum(a.seconds for a in attempts))


def text_of(value: Any) -> str:
    """A label's value; nothing where it is no text."""
    return value if isinstance(value, str) else ""
