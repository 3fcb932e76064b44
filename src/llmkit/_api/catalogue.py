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
    """Limits, capabilities and prices of a model: ``Client.get_model_info`` of the default client.

    Args:
        model: ``provider/model``, or a bare name that leads to one provider alone. Dated snapshots are found
            under the record of their model.
        custom_llm_provider: the provider, where ``model`` does not name it.

    Raises:
        UnknownModelError: the catalogue does not list it; the message names near misses.
    """
    return default_client().get_model_info(model, custom_llm_provider)


def supports(model: str, capability: str, custom_llm_provider: str | None = None) -> bool:
    """Whether a model's vendor documents a capability: ``Client.supports`` of the default client.

    Args:
        model: as for ``get_model_info``.
        capability: one of ``llmkit.catalogue.CAPABILITIES``: ``"tools"``, ``"vision"``, ``"json_schema"`` ….
        custom_llm_provider: the provider, where ``model`` does not name it.

    Raises:
        UnknownModelError: the catalogue does not list the model. It may be able to; nothing is known of it, and
            ``False`` would say that it is not.
        ConfigurationError: there is no such capability; the message names near misses.
    """
    return default_client().supports(model, capability, custom_llm_provider)


def register_model(
    model: str | Mapping[str, Mapping[str, Any]], *, like: str | None = None, **fields: Any
) -> tuple[ModelInfo, ...]:
    """Add a model or its prices to the default catalogue, for all its clients.

    Args:
        model: ``provider/model``; or LiteLLM's form, several models with their fields:
            ``{"my-model": {"litellm_provider": "openai", "input_cost_per_token": "1e-6"}}``.
        like: the model to start from, such as ``"openai/gpt-4o"``; by default the one of this name, if any.
        **fields: limits (``max_input_tokens``, ``max_output_tokens``), ``mode``, ``aliases``, ``capabilities`` (all
            of them) or ``supports_vision=True`` (one of them), ``deprecated``, and prices, in USD a unit, by
            LiteLLM's names (``input_cost_per_token`` …): ``str`` and ``Decimal`` are exact, a ``float`` is read as
            it is printed. ``rates`` takes them as vendors quote them, see the page on the catalogue. A price goes
            before the one that is there for the same thing under the same condition; others stay, unless
            ``whole=True``.

    Returns:
        The records that came of it.

    Raises:
        CatalogueError: a field is not understood or its value is not what it must be; nothing was registered.
        UnknownModelError: the catalogue does not list what it is to be like.
    """
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

    Args:
        source: an ``https`` address, or a path.
        sha256: the SHA-256 of the bundle, in hexadecimal digits; must be given for an address.
        to: where to keep the bundle, too, written in one step; ``LLMKIT_CATALOGUE`` can then name that path.
        allow_older: take it even if it is older than what is there.
        policy: what may be fetched; by default 16 MB by ``https`` within a minute, from any host.

    Returns:
        The catalogue's new revision.

    Raises:
        CatalogueError: what came is not what was meant, is no whole bundle, or is older than what is there; or it
            cannot be kept at ``to``.
        ConfigurationError: an address was given without ``sha256``.
        APIConnectionError: it could not be fetched.
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
    """``refresh_catalogue`` for async code.

    Args:
        source: an ``https`` address, or a path.
        sha256: the SHA-256 of the bundle, in hexadecimal digits; must be given for an address.
        to: where to keep the bundle, too, written in one step; ``LLMKIT_CATALOGUE`` can then name that path.
        allow_older: take it even if it is older than what is there.
        policy: what may be fetched; by default 16 MB by ``https`` within a minute, from any host.

    Returns:
        The catalogue's new revision.

    Raises:
        CatalogueError: what came is not what was meant, is no whole bundle, or is older than what is there; or it
            cannot be kept at ``to``.
        ConfigurationError: an address was given without ``sha256``.
        APIConnectionError: it could not be fetched.
    """
    return await default_client().arefresh_catalogue(
        source, sha256=sha256, to=to, allow_older=allow_older, policy=policy
    )
