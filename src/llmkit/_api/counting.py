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
    """With the default client; see ``Client.count_tokens``."""
    return default_client().count_tokens(model, messages, **params)


async def acount_tokens(
    model: str, messages: Sequence[Any], **params: Unpack[ChatParams]
) -> TokenCount:
    """With the default client; see ``Client.acount_tokens``."""
    return await default_client().acount_tokens(model, messages, **params)
