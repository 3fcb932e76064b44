"""``token_counter``, its async twin and ``trim_messages``, with the default client; ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._kinds.tokens import decode, encode
from ..tokens import CountedTokens, Trimmed
from ..types.params import CallOptions
from ._default import default_client

__all__ = ["atoken_counter", "decode", "encode", "token_counter", "trim_messages"]


def token_counter(
    model: str,
    messages: Sequence[Any] | None = None,
    *,
    text: str | Sequence[str] | None = None,
    tools: Sequence[Any] | None = None,
    tool_choice: Any = None,
    response_format: Any = None,
    count_response_tokens: bool = False,
    exact: bool = False,
    **options: Unpack[CallOptions],
) -> CountedTokens:
    """Count the tokens of a prompt, and say how sure that is: ``Client.token_counter`` of the default client."""
    return default_client().token_counter(
        model,
        messages,
        text=text,
        tools=tools,
        tool_choice=tool_choice,
        response_format=response_format,
        count_response_tokens=count_response_tokens,
        exact=exact,
        **options,
    )


async def atoken_counter(
    model: str,
    messages: Sequence[Any] | None = None,
    *,
    text: str | Sequence[str] | None = None,
    tools: Sequence[Any] | None = None,
    tool_choice: Any = None,
    response_format: Any = None,
    count_response_tokens: bool = False,
    exact: bool = False,
    **options: Unpack[CallOptions],
) -> CountedTokens:
    """``token_counter`` for async code: ``Client.atoken_counter`` of the default client."""
    return await default_client().atoken_counter(
        model,
        messages,
        text=text,
        tools=tools,
        tool_choice=tool_choice,
        response_format=response_format,
        count_response_tokens=count_response_tokens,
        exact=exact,
        **options,
    )


@overload
def trim_messages(
    messages: Sequence[Any],
    model: str,
    *,
    max_tokens: int | None = None,
    trim_ratio: float = 0.75,
    tools: Sequence[Any] | None = None,
    return_response_tokens: Literal[False] = False,
) -> list[Any]: ...


@overload
def trim_messages(
    messages: Sequence[Any],
    model: str,
    *,
    max_tokens: int | None = None,
    trim_ratio: float = 0.75,
    tools: Sequence[Any] | None = None,
    return_response_tokens: Literal[True],
) -> Trimmed: ...


def trim_messages(
    messages: Sequence[Any],
    model: str,
    *,
    max_tokens: int | None = None,
    trim_ratio: float = 0.75,
    tools: Sequence[Any] | None = None,
    return_response_tokens: bool = False,
) -> list[Any] | Trimmed:
    """Leave the oldest messages out until the rest fits: ``Client.trim_messages`` of the default client."""
    trimmed: list[Any] | Trimmed = default_client().trim_messages(  # type: ignore[call-overload]
        messages,
        model,
        max_tokens=max_tokens,
        trim_ratio=trim_ratio,
        tools=tools,
        return_response_tokens=return_response_tokens,
    )
    return trimmed
