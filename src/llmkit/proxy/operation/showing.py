"""The page of what was counted, with ``prometheus_client``: loaded when first asked for. Nothing is counted here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from typing_extensions import override

from .counting import Counts
from .families import litellm_families, own_families, state_families

__all__ = ["Page"]


class Page(Collector):
    """One gateway's, in a registry of its own.

    Args:
        litellm: whether LiteLLM's names are wanted, too.
        alone: whether this process is the whole gateway: of several, what the system says of a process would be of
            whichever was asked.
    """

    def __init__(self, *, litellm: bool, alone: bool) -> None:
        self._litellm = litellm
        self._counts: Counts | None = None
        self._states: tuple[Any, ...] = ()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        if alone:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)

    def written(self, accept: str, counts: Counts, states: tuple[Any, ...]) -> tuple[bytes, str]:
        """The page and its media type, as who asks accepts them. One at a time."""
        encode, media_type = choose_encoder(accept)
        self._counts, self._states = counts, states
        try:
            return encode(self._registry), media_type
        finally:
            self._counts, self._states = None, ()

    @override
    def collect(self) -> Iterator[Metric]:
        if self._counts is None:
            return
        yield from own_families(self._counts)
        yield from state_families(self._states, litellm=self._litellm)
        if self._litellm:
            yield from litellm_families(self._counts)

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are of this registry alone."""
        return iter(())
