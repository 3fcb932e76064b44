"""``count_tokens`` and its async twin, with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import Unpack

from ..types.listing import TokenCount
from ..types.params import ChatParams
from ._default import default_client

__all__ = ["acount_tokens", "count_tokens"]


def count_tokens(model: str, messages: Sequence[Any], **params: Unpack[ChatParams]) -> TokenCount:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"anthropic/claude-haiku-4-5"``.
        messages: the conversation, as ``completion`` takes it: what is counted is what it would send.
        **params: as of ``completion``; those that do not change the count are listed and not sent.

    Raises:
        ConfigurationError: the provider counts no tokens; or a key, an address or a provider is missing.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().count_tokens(model, messages, **params)


async def acount_tokens(
    model: str, messages: Sequence[Any], **params: Unpack[ChatParams]
) -> TokenCount:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"anthropic/claude-haiku-4-5"``.
        messages: the conversation, as ``completion`` takes it: what is counted is what it would send.
        **params: as of ``completion``; those that do not change the count are listed and not sent.

    Raises:
        ConfigurationError: the provider counts no tokens; or a key, an address or a provider is missing.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().acount_tokens(model, messages, **params)
