"""``get_model_info``, ``supports``, ``register_model``, ``refresh_catalogue``, with the default client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .._call import MediaPolicy
from ..catalogue import ModelInfo
from ._default import default_client

__all__ = [
    "arefresh_catalogue",
    "get_model_info",
    "refresh_catalogue",
    "register_model",
    "supports",
]


def get_model_info(model: str, custom_llm_provider: str | None = None) -> ModelInfo:
    """Limits, capabilities and prices of a model: ``Client.get_model_info`` of the default client."""
    return default_client().get_model_info(model, custom_llm_provider)


def supports(model: str, capability: str, custom_llm_provider: str | None = None) -> bool:
    """Whether a model's vendor documents a capability: ``Client.supports`` of the default client."""
    return default_client().supports(model, capability, custom_llm_provider)


def register_model(
    model: str | Mapping[str, Mapping[str, Any]], *, like: str | None = None, **fields: Any
) -> tuple[ModelInfo, ...]:
    """Add a model or its prices to the default catalogue, for all its clients; see ``Client.register_model``."""
    return default_client().register_model(model, like=like, **fields)


def refresh_catalogue(
    source: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    to: str | os.PathLike[str] | None = None,
    allow_older: bool = False,
    policy: MediaPolicy | None = None,
) -> str:
    """Take newer models and prices from a bundle, for all clients of the default catalogue.

    See ``Client.refresh_catalogue``.
    """
    return default_client().refresh_catalogue(
        source, sha256=sha256, to=to, allow_older=allow_older, policy=policy
    )


async def arefresh_catalogue(
    source: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    to: str | os.PathLike[str] | None = None,
    allow_older: bool = False,
    policy: MediaPolicy | None = None,
) -> str:
    """``refresh_catalogue`` for async code; see ``Client.arefresh_catalogue``."""
    return await default_client().arefresh_catalogue(
        source, sha256=sha256, to=to, allow_older=allow_older, policy=policy
    )
