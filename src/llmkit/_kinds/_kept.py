"""What the calls for kept things (files, batches, caches, models) share: whom they are for, and what they are about.

A call names its provider by ``custom_llm_provider``, or by a model. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .. import providers
from ..errors import ConfigurationError

__all__ = ["About", "about", "model_of", "upload"]


class About(NamedTuple):
    """Model (which may be a provider and nothing else), subject and parameters of one call."""

    model: str
    subject: Mapping[str, Any]
    params: Mapping[str, Any]


def model_of(model: str | None, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A model string and keywords that together name a provider: the usual one, where nobody else is named."""
    if not isinstance(model, str | None):
        raise ConfigurationError(f"model must be a text, not {type(model).__name__}")
    provider = params.get("custom_llm_provider")
    if model and (provider or "/" in model):
        return model, params
    named = provider or providers.STANDARD
    return model or f"{named}/", {**params, "custom_llm_provider": named}


def about(
    resource: str,
    action: str,
    params: Mapping[str, Any],
    *,
    model: str | None = None,
    target: str | None = None,
    **more: Any,
) -> About:
    """What a call for a kept thing is about."""
    if target is not None and not isinstance(target, str):
        raise ConfigurationError(f"an id must be a text, not {type(target).__name__}")
    name, keywords = model_of(model, params)
    subject = {"resource": resource, "action": action, "target": target, **more}
    return About(name, subject, keywords)


def upload(file: Any) -> Any:
    """A file that a caller gives, to be sent. Raises InvalidRequestError where it cannot be."""
    from .._upload import Upload  # noqa: PLC0415 - who sends no file does not wait for it

    return Upload.of(file)
