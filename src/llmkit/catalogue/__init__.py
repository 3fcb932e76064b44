"""Facts about models: limits, capabilities and prices, dated and sourced.

Pure data behind five functions. The only I/O is reading a provider's JSON file from the package
on first use. What a call costs is worked out in ``llmkit.pricing``, not here.
"""

from __future__ import annotations

from ._load import open_file, provider_names
from ._model import FrozenMap, ModelInfo, Rate, Uplift

__all__ = [
    "FrozenMap",
    "ModelInfo",
    "Rate",
    "Uplift",
    "find",
    "models",
    "providers_of",
    "revision",
]


def revision() -> str:
    """ISO date of the newest data file."""
    opened = (open_file(name) for name in provider_names())
    return max((str(found.head["revision"]) for found in opened if found), default="")


def find(provider: str, model: str) -> ModelInfo | None:
    """The provider's model of exactly this id or alias (dated snapshots are aliases)."""
    found = open_file(provider)
    return found.model(model) if found else None


def providers_of(model: str) -> tuple[str, ...]:
    """Providers that list this bare model name; whoever makes the model comes first."""
    return tuple(name for name in provider_names() if find(name, model) is not None)


def models(provider: str | None = None) -> tuple[ModelInfo, ...]:
    """Every model of one provider, or of all, in the order of the files."""
    names = provider_names() if provider is None else (provider,)
    opened = (open_file(name) for name in names)
    return tuple(model for found in opened if found for model in found.models())
