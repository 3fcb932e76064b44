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
    """With the default client; see ``Client.get_model_info``."""
    return default_client().get_model_info(model, custom_llm_provider)


def supports(model: str, capability: str, custom_llm_provider: str | None = None) -> bool:
    """With the default client; see ``Client.supports``."""
    return default_client().supports(model, capability, custom_llm_provider)


def register_model(
    model: str | Mapping[str, Mapping[str, Any]], *, like: str | None = None, **fields: Any
) -> tuple[ModelInfo, ...]:
    """With the default client; see ``Client.register_model``. It holds for every client of the default catalogue."""
    return default_client().register_model(model, like=like, **fields)


def refresh_catalogue(
    source: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    to: str | os.PathLike[str] | None = None,
    allow_older: bool = False,
    policy: MediaPolicy | None = None,
) -> str:
    """With the default client; see ``Client.refresh_catalogue``. It holds for every client of the default catalogue."""
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
    """With the default client; see ``Client.arefresh_catalogue``."""
    return await default_client().arefresh_catalogue(
        source, sha256=sha256, to=to, allow_older=allow_older, policy=policy
    )
