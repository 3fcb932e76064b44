"""``Prometheus``: what calls are and cost, as families of a registry. They are the gateway's, under the same names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from typing_extensions import override

from ..errors import ConfigurationError
from ._counting import CallCounts
from ._heard import Heard

try:
    from prometheus_client import REGISTRY, generate_latest
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector, CollectorRegistry

    from . import _families
except ModuleNotFoundError as _missing:
    raise ConfigurationError(
        "the Prometheus sink needs the library: pip install 'llmkit[prometheus]'"
    ) from _missing

__all__ = ["Prometheus"]


class Prometheus(Collector):
    """A callback that counts: ``Client(callbacks=[Prometheus()])``; ``prometheus_client.start_http_server`` shows it.

    ``llmkit_calls_total`` by outcome and error class, ``llmkit_prompt_tokens_total``, ``llmkit_spend_usd_total``,
    ``llmkit_unpriced_calls_total`` (whose cost is not known, and in no sum), ``llmkit_call_seconds``,
    ``llmkit_first_chunk_seconds`` and others, by kind, group, provider, model and deployment; ``llmkit_events_total``.
    Users, keys and tags are no labels: there is no end of them. Of models there are two hundred at most; the rest is
    counted as ``other``, and how often, in ``llmkit_series_folded_total``.

    Args:
        registry: a ``CollectorRegistry``; by default the library's own. Each process counts for itself.

    Raises:
        ConfigurationError: the library is not installed, or the registry has such a sink already.
    """

    beginnings: ClassVar[bool] = False
    """Of what begins nothing is counted."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = REGISTRY if registry is None else registry
        if not isinstance(self.registry, CollectorRegistry):
            raise ConfigurationError(
                f"registry is a prometheus_client.CollectorRegistry, not {type(registry).__name__}"
            )
        self._counts = CallCounts()
        self._heard = Heard(self._counts)
        # Calls end in many threads.
        self._lock = threading.Lock()
        try:
            self.registry.register(self)
        except ValueError as error:
            raise ConfigurationError(
                "this registry has such a sink already: give all clients the same one, or registry=CollectorRegistry()"
            ) from error

    def __call__(self, event: Any) -> None:
        """Take an event of a client."""
        with self._lock:
            self._heard.heard(event)

    def close(self) -> None:
        """Leave the registry."""
        self.registry.unregister(self)

    def page(self) -> str:
        """All that the registry has, as Prometheus reads it."""
        return generate_latest(self.registry).decode()

    @override
    def collect(self) -> Iterator[Metric]:
        with self._lock:
            found = _of(self._counts)
        yield from found

    def describe(self) -> Iterator[Metric]:
        """The names, by which a registry knows that it has them already."""
        yield from _of(CallCounts())

    @override
    def __repr__(self) -> str:
        return "<Prometheus>"


def _of(counts: CallCounts) -> list[Metric]:
    families = _families.call_families(counts), _families.event_families(counts)
    return [*(one for some in families for one in some), _families.folded(counts)]
