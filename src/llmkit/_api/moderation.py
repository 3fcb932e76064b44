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
    """With the default client; see ``Client.moderation``."""
    return default_client().moderation(input, model, **params)


async def amoderation(
    input: str | Sequence[Any], model: str | None = None, **params: Unpack[ModerationParams]
) -> ModerationResponse:
    """With the default client; see ``Client.amoderation``."""
    return await default_client().amoderation(input, model, **params)
