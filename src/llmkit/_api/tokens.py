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
    """Count the tokens of a prompt, and say how sure that is: ``Client.token_counter`` of the default client.

    Args:
        model: ``provider/model``; a bare name that the catalogue does not know is counted by what it looks like.
        messages: the conversation, as ``completion`` takes it, with what the provider puts around it.
        text: plain text instead (or several), with nothing around it.
        tools: as of ``completion``; functions and classes, too.
        tool_choice: as of ``completion``.
        response_format: as of ``completion``.
        count_response_tokens: ``messages`` are answers: count only what the model wrote.
        exact: where the count would be an estimate, ask the provider's own count endpoint.
        **options: of the call that ``exact`` makes, such as ``api_key``.

    Returns:
        The number, which says whether it is ``exact``, what it is ``at_most``, and why (``notes``).

    Raises:
        InvalidRequestError: there is nothing to count, or what is given is of another shape.
        ConfigurationError: ``exact``, and the provider counts no tokens; or an encoding cannot be loaded.
        APIError: ``exact``, and the provider's count failed.
    """
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
    """``token_counter`` for async code: ``Client.atoken_counter`` of the default client.

    Args:
        model: ``provider/model``; a bare name that the catalogue does not know is counted by what it looks like.
        messages: the conversation, as ``completion`` takes it, with what the provider puts around it.
        text: plain text instead (or several), with nothing around it.
        tools: as of ``completion``; functions and classes, too.
        tool_choice: as of ``completion``.
        response_format: as of ``completion``.
        count_response_tokens: ``messages`` are answers: count only what the model wrote.
        exact: where the count would be an estimate, ask the provider's own count endpoint.
        **options: of the call that ``exact`` makes, such as ``api_key``.

    Returns:
        The number, which says whether it is ``exact``, what it is ``at_most``, and why (``notes``).

    Raises:
        InvalidRequestError: there is nothing to count, or what is given is of another shape.
        ConfigurationError: ``exact``, and the provider counts no tokens; or an encoding cannot be loaded.
        APIError: ``exact``, and the provider's count failed.
    """
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
    """Leave the oldest messages out until the rest fits: ``Client.trim_messages`` of the default client.

    Args:
        messages: the conversation; it is left as it is.
        model: whose tokens are counted, and whose limit holds.
        max_tokens: most tokens of the prompt; by default ``trim_ratio`` of the model's input limit. With neither
            known, all messages come back.
        trim_ratio: see ``max_tokens``.
        tools: what is sent along, and counts, too.
        return_response_tokens: also answer how many tokens are left under the limit.

    Raises:
        CannotTrimError: instructions and the newest turn are over the limit, however they are shortened.
        InvalidRequestError: ``messages`` is no list of messages, or a limit no number.
    """
    trimmed: list[Any] | Trimmed = default_client().trim_messages(  # type: ignore[call-overload]
        messages,
        model,
        max_tokens=max_tokens,
        trim_ratio=trim_ratio,
        tools=tools,
        return_response_tokens=return_response_tokens,
    )
    return trimmed
