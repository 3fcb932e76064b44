"""``cost_bound`` with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._cost import Cost, Unbounded
from ._default import default_client

__all__ = ["cost_bound"]


def cost_bound(
    call: str = "completion",
    messages: Sequence[Any] | None = None,
    /,
    *,
    exact: bool = False,
    **arguments: Any,
) -> Cost | Unbounded:
    """The most that one attempt at a call can cost, with the default client; see ``Client.cost_bound``.

    Example:
        >>> cost_bound("openai/gpt-4o", [{"role": "user", "content": "Hi"}], max_tokens=9).status
        'estimated'
    """
    return default_client().cost_bound(call, messages, exact=exact, **arguments)
