"""``Catalogue``: the built-in data, with what its owner has laid over it.

Looks models up, and keeps what was registered; reading files belongs in ``_load``.
"""

from __future__ import annotations

from collections.abc import Iterable

from ._load import index, open_file, provider_names
from ._model import ModelInfo

__all__ = ["Catalogue"]


class Catalogue:
    """Facts about models, layer over layer: what was registered here goes before the built-in data. Thread-safe."""

    def __init__(self) -> None:
        self._registered: dict[tuple[str, str], ModelInfo] = {}

    @property
    def revision(self) -> str:
        """ISO date of the built-in data."""
        return str(index()["revision"])

    def find(self, provider: str, model: str) -> ModelInfo | None:
        """The provider's model of exactly this id or alias (dated snapshots are aliases)."""
        own = self._registered.get((provider, model))
        if own is not None:
            return own
        found = open_file(provider)
        return found.model(model) if found else None

    def register(self, models: Iterable[ModelInfo]) -> None:
        """Lay models over the built-in ones, under their names and aliases."""
        for model in models:
            for name in (model.name, *model.aliases):
                self._registered[model.provider, name] = model

    def providers_of(self, model: str) -> tuple[str, ...]:
        """Who serves this bare model name: those that make it, or else all hosts that list it."""
        makers = tuple(name for name in index()["makers"] if self.find(name, model) is not None)
        return makers or tuple(
            name for name in index()["hosts"] if self.find(name, model) is not None
        )

    def models(self, provider: str | None = None) -> tuple[ModelInfo, ...]:
        """Every model of one provider, or of all, in the order of the files."""
        names = provider_names() if provider is None else (provider,)
        opened = (open_file(name) for name in names)
        return tuple(model for found in opened if found for model in found.models())
