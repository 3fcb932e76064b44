"""Facts about models: limits, capabilities and prices, dated and sourced.

Pure data behind a few functions, which ask the process's own ``Catalogue``. The only I/O is reading a
provider's JSON file from the package on first use. What a call costs is worked out in ``llmkit.pricing``.
"""

from __future__ import annotations

from ._counting import counting
from ._layers import Catalogue
from ._model import FrozenMap, ModelInfo, Rate, Uplift

__all__ = [
    "Catalogue",
    "FrozenMap",
    "ModelInfo",
    "Rate",
    "Uplift",
    "counting",
    "default",
    "find",
    "models",
    "providers_of",
    "revision",
]

_DEFAULT = Catalogue()


def default() -> Catalogue:
    """The catalogue of every client that is not given one of its own."""
    return _DEFAULT


def revision() -> str:
    """See ``Catalogue.revision``."""
    return _DEFAULT.revision


def find(provider: str, model: str) -> ModelInfo | None:
    """See ``Catalogue.find``."""
    return _DEFAULT.find(provider, model)


def providers_of(model: str) -> tuple[str, ...]:
    """See ``Catalogue.providers_of``."""
    return _DEFAULT.providers_of(model)


def models(provider: str | None = None) -> tuple[ModelInfo, ...]:
    """See ``Catalogue.models``."""
    return _DEFAULT.models(provider)
