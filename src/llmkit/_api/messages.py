"""``messages`` and ``amessages`` with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._io.aio_stream import AsyncStream
from .._io.sync_stream import Stream
from ..types.messages import MessageEvent, MessageResponse, MessagesParams
from ._default import default_client

__all__ = ["amessages", "messages"]


@overload
def messages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[MessagesParams],
) -> MessageResponse: ...
@overload
def messages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[True],
    **params: Unpack[MessagesParams],
) -> Stream[MessageEvent, MessageResponse]: ...
@overload
def messages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None,
    **params: Unpack[MessagesParams],
) -> MessageResponse | Stream[MessageEvent, MessageResponse]: ...
def messages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    **params: Unpack[MessagesParams],
) -> MessageResponse | Stream[MessageEvent, MessageResponse]:
    """Ask a model in the form of Anthropic's Messages API, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        messages: the conversation, in Anthropic's form.
        stream: whether to return a stream of events instead of the whole answer.
        **params: see ``llmkit.types.MessagesParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().messages(model, messages, stream=stream, **params)


@overload
async def amessages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[MessagesParams],
) -> MessageResponse: ...
@overload
async def amessages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[True],
    **params: Unpack[MessagesParams],
) -> AsyncStream[MessageEvent, MessageResponse]: ...
@overload
async def amessages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None,
    **params: Unpack[MessagesParams],
) -> MessageResponse | AsyncStream[MessageEvent, MessageResponse]: ...
async def amessages(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    **params: Unpack[MessagesParams],
) -> MessageResponse | AsyncStream[MessageEvent, MessageResponse]:
    """``messages`` from async code, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        messages: the conversation, in Anthropic's form.
        stream: whether to return a stream of events instead of the whole answer.
        **params: see ``llmkit.types.MessagesParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().amessages(model, messages, stream=stream, **params)
