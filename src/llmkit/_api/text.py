"""``text_completion`` and its async twin, with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._io.aio_stream import AsyncStream
from .._io.sync_stream import Stream
from ..types.text import TextCompletion, TextCompletionChunk, TextParams
from ._default import default_client

__all__ = ["atext_completion", "text_completion"]


@overload
def text_completion(
    prompt: str | Sequence[Any],
    model: str,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[TextParams],
) -> TextCompletion: ...


@overload
def text_completion(
    prompt: str | Sequence[Any], model: str, *, stream: Literal[True], **params: Unpack[TextParams]
) -> Stream[TextCompletionChunk, TextCompletion]: ...


def text_completion(
    prompt: str | Sequence[Any],
    model: str,
    *,
    stream: bool | None = None,
    **params: Unpack[TextParams],
) -> TextCompletion | Stream[TextCompletionChunk, TextCompletion]:
    """With the default client.

    Args:
        prompt: a text, a list of texts, a list of token ids, or a list of such lists.
        model: ``provider/model``, such as ``"openai/gpt-3.5-turbo-instruct"``.
        stream: whether to return a ``Stream`` of chunks instead of the whole answer.
        **params: see ``llmkit.types.TextParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed, or the provider has
            nothing but chat: ``completion`` is for that.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().text_completion
    return call(prompt, model, stream=stream, **params)  # type: ignore[no-any-return]


@overload
async def atext_completion(
    prompt: str | Sequence[Any],
    model: str,
    *,
    stream: Literal[False] | None = None,
    **params: Unpack[TextParams],
) -> TextCompletion: ...


@overload
async def atext_completion(
    prompt: str | Sequence[Any], model: str, *, stream: Literal[True], **params: Unpack[TextParams]
) -> AsyncStream[TextCompletionChunk, TextCompletion]: ...


async def atext_completion(
    prompt: str | Sequence[Any],
    model: str,
    *,
    stream: bool | None = None,
    **params: Unpack[TextParams],
) -> TextCompletion | AsyncStream[TextCompletionChunk, TextCompletion]:
    """With the default client.

    Args:
        prompt: a text, a list of texts, a list of token ids, or a list of such lists.
        model: ``provider/model``, such as ``"openai/gpt-3.5-turbo-instruct"``.
        stream: whether to return an ``AsyncStream`` of chunks instead of the whole answer.
        **params: see ``llmkit.types.TextParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed, or the provider has
            nothing but chat: ``completion`` is for that.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().atext_completion
    return await call(prompt, model, stream=stream, **params)  # type: ignore[no-any-return]
