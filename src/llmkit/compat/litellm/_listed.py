"""LiteLLM's lists of models and providers, made of llmkit's catalogue and registry when they are asked for.

``provider_list``, ``model_list``, ``models_by_provider``, ``LlmProviders`` and ``<provider>_models``.
"""

from __future__ import annotations

import enum
from typing import Any, Final

from ... import providers
from ..._api._default import default_client

__all__ = ["LlmProviders", "listed", "model_list", "models_by_provider", "provider_list"]

_members = {name.upper(): name for name in providers.names()}
_enum: Any = enum.StrEnum
LlmProviders = _enum("LlmProviders", _members)
"""The providers, as ``LlmProviders.OPENAI``; a member is the provider's name."""


def _names(provider: str) -> list[str]:
    rows = default_client().catalogue.models()
    return [row.name for row in rows if row.provider == provider]


def models_by_provider() -> dict[str, list[str]]:
    """The catalogue's models, by the provider's name."""
    found: dict[str, list[str]] = {}
    for row in default_client().catalogue.models():
        found.setdefault(row.provider, []).append(row.name)
    return found


def model_list() -> list[str]:
    """All of the catalogue's models, as ``provider/model``."""
    return [f"{row.provider}/{row.name}" for row in default_client().catalogue.models()]


def provider_list() -> list[Any]:
    """The providers, as members of ``LlmProviders``."""
    return list(LlmProviders)


_LISTS: Final = {
    "model_list": model_list,
    "models_by_provider": models_by_provider,
    "provider_list": provider_list,
}


def listed(name: str) -> Any:
    """A list by LiteLLM's name for it; ``None`` where it is none."""
    if (made := _LISTS.get(name)) is not None:
        return made()
    if not name.endswith("_models"):
        return None
    family = name.removesuffix("_models").removesuffix("_completion").removesuffix("_chat")
    bare = family.replace("_", "")
    known = (one for one in providers.names() if one.replace("_", "") in {bare, f"{bare}ai"})
    provider = next(known, None)
    return None if provider is None else _names(provider) or None
