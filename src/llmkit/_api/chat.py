"""``completion`` and ``acompletion`` with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._control.dry import DryRun
from .._io.aio_stream import AsyncStream
from .._io.sync_stream import Stream
from ..types.chat import ChatCompletion
from ..types.params import ChatParams
from ._default import default_client

__all__ = ["acompletion", "completion"]


@overload
def completion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[False] | None = None,
    dry_run: Literal[False] | None = None,
    **params: Unpack[ChatParams],
) -> ChatCompletion: ...
@overload
def completion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[True],
    dry_run: Literal[False] | None = None,
    **params: Unpack[ChatParams],
) -> Stream: ...
@overload
def completion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    dry_run: Literal[True],
    **params: Unpack[ChatParams],
) -> DryRun: ...
@overload
def completion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None,
    dry_run: Literal[False] | None = None,
    **params: Unpack[ChatParams],
) -> ChatCompletion | Stream: ...
@overload
def completion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    dry_run: bool | None,
    **params: Unpack[ChatParams],
) -> ChatCompletion | Stream | DryRun: ...
def completion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    dry_run: bool | None = None,
    **params: Unpack[ChatParams],
) -> ChatCompletion | Stream | DryRun:
    """Ask a model, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        messages: the conversation, in OpenAI's form; messages of earlier answers fit as they are.
        stream: whether to return a ``Stream`` of chunks instead of the whole answer.
        dry_run: whether to return the request that would be sent, and send nothing.
        **params: what OpenAI's API takes (``temperature``, ``max_tokens``, ``tools``, ``response_format``, …), and how
            the call is made (``api_key``, ``base_url``, ``timeout``, ``num_retries``, ``fallbacks``, ``user``,
            ``tags``, ``metadata``, …); ``llmkit.types.ChatParams`` has all of them.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter, or nobody knows it.
        APIError: the call failed; its subclasses say how.

    Example:
        >>> completion("openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}], mock_response="Hello").text
        'Hello'
    """
    return default_client().completion(model, messages, stream=stream, dry_run=dry_run, **params)


@overload
async def acompletion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[False] | None = None,
    dry_run: Literal[False] | None = None,
    **params: Unpack[ChatParams],
) -> ChatCompletion: ...
@overload
async def acompletion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: Literal[True],
    dry_run: Literal[False] | None = None,
    **params: Unpack[ChatParams],
) -> AsyncStream: ...
@overload
async def acompletion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    dry_run: Literal[True],
    **params: Unpack[ChatParams],
) -> DryRun: ...
@overload
async def acompletion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None,
    dry_run: Literal[False] | None = None,
    **params: Unpack[ChatParams],
) -> ChatCompletion | AsyncStream: ...
@overload
async def acompletion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    dry_run: bool | None,
    **params: Unpack[ChatParams],
) -> ChatCompletion | AsyncStream | DryRun: ...
async def acompletion(
    model: str,
    messages: Sequence[Any],
    *,
    stream: bool | None = None,
    dry_run: bool | None = None,
    **params: Unpack[ChatParams],
) -> ChatCompletion | AsyncStream | DryRun:
    """Ask a model from async code, with the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        messages: the conversation, in OpenAI's form; messages of earlier answers fit as they are.
        stream: whether to return an ``AsyncStream`` of chunks instead of the whole answer.
        dry_run: whether to return the request that would be sent, and send nothing.
        **params: what OpenAI's API takes (``temperature``, ``max_tokens``, ``tools``, ``response_format``, …), and how
            the call is made (``api_key``, ``base_url``, ``timeout``, ``num_retries``, ``fallbacks``, ``user``,
            ``tags``, ``metadata``, …); ``llmkit.types.ChatParams`` has all of them.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter, or nobody knows it.
        APIError: the call failed; its subclasses say how.
    """
    client = default_client()
    return await client.acompletion(model, messages, stream=stream, dry_run=dry_run, **params)
