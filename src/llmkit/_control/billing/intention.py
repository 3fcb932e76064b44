"""``Intention``: what an intent keeps of a call that is about to leave, so that it can be billed should nobody say how
it ended.

Read and written here; when it is, the desk and who looks after what waits decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from ..._json import dump_text, load
from .charge import Begin, Charge
from .currency import plain
from .facts import currency_in, metric_in, properties, term, told_of_currency, told_of_metric, whose
from .metric import Metric
from .terms import Terms

__all__ = ["Intention", "intention"]


class Intention(NamedTuple):
    """As ``Facts`` has them. ``usd`` is the most that the call can cost, ``None`` where nobody can say."""

    call: str
    at: int
    provider: str
    model: str
    kind: str
    usd: str | None
    whose: Mapping[str, str]
    properties: Mapping[str, str]
    metrics: tuple[Mapping[str, str], ...]
    currency: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> Intention:
        """What ``intention`` made. Raises ValueError, TypeError for anything else."""
        return cls(**load(text))

    def charge(self, at: int, usd: Decimal) -> Charge:
        """The call, billed at what somebody says that it cost."""
        about = self.provider, self.model, self.kind
        return Charge(self.call, at, "unknown", *about, usd, "given")

    def terms(self, now: Terms) -> Terms:
        """The terms that held when the call left: the rate above all. Functions are those of now, by their code."""
        functions = {one.code: one for one in now.metrics}
        metrics = tuple(_metric(told, functions) for told in self.metrics)
        return Terms(currency_in(self.currency), metrics, failed_attempts="bill")


def _metric(told: Mapping[str, str], functions: Mapping[str, Metric]) -> Metric:
    if told["measure"]:
        return metric_in(told)
    return functions.get(told["code"]) or metric_in(
        {**told, "measure": "usage that nobody counts now"}
    )


def intention(asked: Begin, at: int, terms: Terms) -> str:
    """What is kept of a call that begins."""
    found = Intention(
        call=asked.call,
        at=at,
        provider=term(asked.provider),
        model=term(asked.model),
        kind=term(asked.kind),
        usd=None if asked.usd is None or not asked.usd.is_finite() else plain(asked.usd),
        whose=whose(asked.attributes),
        properties=properties(asked.metadata, terms.properties),
        metrics=tuple(told_of_metric(one, terms.mode_of(one)) for one in terms.metrics),
        currency=told_of_currency(terms.currency),
    )
    return dump_text(found._asdict())
