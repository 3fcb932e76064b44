"""``moderation`` and its async twin, with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import Unpack

from ..types.moderation import ModerationParams, ModerationResponse
from ._default import default_client

__all__ = ["amoderation", "moderation"]


def moderation(
    input: str | Sequence[Any], model: str | None = None, **params: Unpack[ModerationParams]
) -> ModerationResponse:
    """With the default client.

    Args:
        input: a text, a list of texts, or one input as a list of OpenAI's content parts.
        model: such as ``"openai/omni-moderation-latest"``; by default OpenAI's own choice.
        **params: see ``llmkit.types.ModerationParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().moderation(input, model, **params)


async def amoderation(
    input: str | Sequence[Any], model: str | None = None, **params: Unpack[ModerationParams]
) -> ModerationResponse:
    """With the default client.

    Args:
        input: a text, a list of texts, or one input as a list of OpenAI's content parts.
        model: such as ``"openai/omni-moderation-latest"``; by default OpenAI's own choice.
        **params: see ``llmkit.types.ModerationParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().amoderation(input, model, **params)
