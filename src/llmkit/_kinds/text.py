"""Text completions: ``text_completion`` and ``atext_completion``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core

if TYPE_CHECKING:
    from .._io.aio_stream import AsyncStream
    from .._io.sync_stream import Stream
    from ..types.text import TextCompletion, TextCompletionChunk, TextParams

__all__ = ["TextCalls"]

_KIND = Kind("text_completion", "text_completion", "_calls:TextCall", "types.text:TextModelParams")


class TextCalls(Core):
    """Text completions."""

    @overload
    def text_completion(
        self,
        prompt: str | Sequence[Any],
        model: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[TextParams],
    ) -> TextCompletion: ...
    @overload
    def text_completion(
        self,
        prompt: str | Sequence[Any],
        model: str,
        *,
        stream: Literal[True],
        **params: Unpack[TextParams],
    ) -> Stream[TextCompletionChunk, TextCompletion]: ...
    def text_completion(
        self,
        prompt: str | Sequence[Any],
        model: str,
        *,
        stream: bool | None = None,
        **params: Unpack[TextParams],
    ) -> TextCompletion | Stream[TextCompletionChunk, TextCompletion]:
        """Have a text continued, by a model that has no chat.

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
        run: Any = self._stream if stream else self._run
        return run(_KIND, model, {"prompt": prompt}, params)  # type: ignore[no-any-return]

    @overload
    async def atext_completion(
        self,
        prompt: str | Sequence[Any],
        model: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[TextParams],
    ) -> TextCompletion: ...
    @overload
    async def atext_completion(
        self,
        prompt: str | Sequence[Any],
        model: str,
        *,
        stream: Literal[True],
        **params: Unpack[TextParams],
    ) -> AsyncStream[TextCompletionChunk, TextCompletion]: ...
    async def atext_completion(
        self,
        prompt: str | Sequence[Any],
        model: str,
        *,
        stream: bool | None = None,
        **params: Unpack[TextParams],
    ) -> TextCompletion | AsyncStream[TextCompletionChunk, TextCompletion]:
        """``text_completion`` for async code, on asyncio or trio.

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
        run: Any = self._astream if stream else self._arun
        return await run(_KIND, model, {"prompt": prompt}, params)  # type: ignore[no-any-return]
