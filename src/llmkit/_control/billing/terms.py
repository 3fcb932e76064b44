"""``Terms``: what bills are written by, as it was said once for a billing object: currency, metrics, policies.

What becomes of a charge by them is ``wording``'s.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from ...errors import ConfigurationError
from .currency import Currency
from .metric import MEASURES, MONEY, OWN, Metric, Mode

__all__ = ["Terms", "currency_of", "terms_of"]

_MOST_PROPERTIES: Final = 20


@dataclass(frozen=True, slots=True)
class Terms:
    """What bills are written by.

    Args:
        currency: what dollars are billed in.
        metrics: what is counted, one event each; by default the cost in the currency.
        mode: of the metrics of money that do not say: ``dynamic`` sends their amount in cents, too.
        properties: names in a call's metadata that its events may have.
        broken: ``hold``: what was estimated waits for somebody's word. Else it is billed, and says so.
        failed_attempts: ``bill``: attempts that failed are billed. Else they are listed.
        drain_seconds: for how long a stream that is closed early is read on, so that its usage is seen.
        batch_results: the rows of a batch are billed when its results are read.

    Raises:
        ConfigurationError: two metrics have one code, or a property has a name of the event's own.
    """

    currency: Currency = field(default_factory=Currency)
    metrics: tuple[Metric, ...] = ()
    mode: Mode = "standard"
    properties: tuple[str, ...] = ()
    broken: Literal["estimate", "hold", "drain"] = "estimate"
    failed_attempts: Literal["list", "bill"] = "list"
    drain_seconds: float = 0.0
    batch_results: bool = False

    def __post_init__(self) -> None:
        if not self.metrics:
            object.__setattr__(self, "metrics", (_money(self.currency),))
        if self.mode not in get_args(Mode):
            raise ConfigurationError(f"mode is standard or dynamic, not {self.mode!r}")
        _distinct([metric.code for metric in self.metrics], "metrics have the code")
        _distinct([*self.properties], "properties are called")
        taken = OWN.union(metric.field for metric in self.metrics)
        if own := taken.intersection(self.properties):
            raise ConfigurationError(f"every event has its own {min(own)!r}: it is no metadata")
        if len(self.properties) > _MOST_PROPERTIES:
            raise ConfigurationError(f"an event has at most {_MOST_PROPERTIES} properties of yours")

    def mode_of(self, metric: Metric) -> Mode:
        """Whether the metric's events say the amount. Of several of a call, only those of money do unasked."""
        return metric.mode or (self.mode if metric.measure in MONEY else "standard")


def _money(currency: Currency) -> Metric:
    return Metric(currency.code, currency.field)


def _distinct(names: list[str], what: str) -> None:
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigurationError(f"two {what} {min(twice)!r}")


def currency_of(settings: Any) -> Currency:
    """The currency that settings name: one of one's own, or Askii coins at a rate that is read now, once.

    Raises:
        ConfigurationError: it is no ``Currency``, or the rate is none.
    """
    given = settings.currency
    if given is None:
        return Currency.askii(settings.environ, rate=settings.rate, compat=settings.compat)
    if not isinstance(given, Currency):
        raise ConfigurationError(f"currency is a Currency(name, rate), not {given!r:.80}")
    return given


def terms_of(settings: Any) -> Terms:
    """The terms that settings say.

    Raises:
        ConfigurationError: they are not meant like this; the message says what to change.
    """
    return Terms(
        currency=currency_of(settings),
        metrics=_metrics(settings.metrics),
        mode=settings.mode,
        properties=tuple(settings.properties),
        broken=settings.broken,
        failed_attempts=settings.failed_attempts,
        batch_results=settings.batch_results,
        drain_seconds=settings.drain_seconds if settings.broken == "drain" else 0.0,
    )


def _metrics(given: Iterable[Any] | None) -> tuple[Metric, ...]:
    metrics = tuple(given or ())
    for one in metrics:
        if not isinstance(one, Metric):
            raise ConfigurationError(f"metrics are Metric(code, …) each, not {one!r:.80}")
        _check_measure(one)
    return metrics


def _check_measure(metric: Metric) -> None:
    """A name that no usage has would bill nothing, and nobody would be told."""
    measure = metric.measure
    if callable(measure) or "/" in measure or measure in MEASURES:
        return
    near = difflib.get_close_matches(measure, MEASURES, n=1)
    raise ConfigurationError(
        f"metric {metric.code!r}: nothing is measured as {measure!r}"
        + (f"; did you mean {near[0]!r}?" if near else ";")
        + f" it is one of {', '.join(MEASURES)}, dimension/unit, or a function of the charge"
    )
