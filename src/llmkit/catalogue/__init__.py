"""Facts about models: limits, capabilities and prices, dated and sourced.

Pure data behind a few functions, which ask the process's own ``Catalogue``. The only I/O is reading files, on first
use: a provider's JSON file from the package, and the user's. What a call costs is worked out in ``llmkit.pricing``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ._layers import Catalogue
from ._model import CAPABILITIES, FrozenMap, ModelInfo, Rate, Uplift

__all__ = [
    "CAPABILITIES",
    "ENVIRONMENT",
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

ENVIRONMENT: Final = "LLMKIT_CATALOGUE"
"""The environment variable that names the default catalogue's files, parted as paths are."""


def _named() -> Iterable[str]:
    """The one thing that this floor reads of the environment, when the default catalogue is first asked."""
    return (path for path in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if path.strip())


_DEFAULT = Catalogue.later(_named, ENVIRONMENT)


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


def counting(provider: str, model: str) -> Mapping[str, Any]:
    """See ``Catalogue.counting``."""
    return _DEFAULT.counting(provider, model)
