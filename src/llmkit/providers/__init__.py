"""Providers as data, and the registry that finds them by name.

A provider's name occurs only in this package and in the catalogue.
"""

from __future__ import annotations

from ._auth import Auth, Bearer, HeaderKey, Identity, NoAuth, at_once_of, unasked
from ._provider import OPENAI_CALLS, Provider, Where, named, openai_compatible
from ._registry import Registry
from ._tokens import Tokens

__all__ = [
    "FIRST",
    "GENERIC",
    "OPENAI_CALLS",
    "Auth",
    "Bearer",
    "HeaderKey",
    "Identity",
    "NoAuth",
    "Provider",
    "Tokens",
    "Where",
    "at_once_of",
    "get",
    "has",
    "named",
    "names",
    "openai_compatible",
    "preferred",
    "register_provider",
    "registry",
    "unasked",
]

STANDARD = "openai"
"""Whose files, batches, models are meant where nobody is named."""

GENERIC = "openai_like"
"""The provider whose rules hold for an address nobody knows."""

FIRST = "openai"
"""The provider that is meant where a call names none and only its form tells whose it is."""

_registry = registry = Registry(__name__)
get = _registry.get
has = _registry.has
names = _registry.names
register_provider = _registry.register
lend = _registry.lend


def preferred() -> tuple[str, ...]:
    """Providers in the order in which the command line looks for a key; each has a default model."""
    first = ("openai", "anthropic", "gemini", "openrouter", "groq", "mistral", "deepseek", "xai")
    usable = tuple(n for n in first if has(n) and get(n).default_model)
    rest = (
        n for n in names() if n not in first and get(n).default_model and not get(n).key_optional
    )
    return (*usable, *rest)
