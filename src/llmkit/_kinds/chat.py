"""Chat: ``completion`` and ``acompletion``, and the same under the openai SDK's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from typing_extensions import Unpack

from .._control.call import perform
from .._control.dry import DryRun, dry
from .._control.plan import CHAT
from .._core import Core
from .._io import aio_stream, sync_stream
from .._io.aio_stream import AsyncStream
from .._io.sync_stream import Stream
from .._left import asettle_left, settle_left
from ..types.chat import ChatCompletion
from ..types.params import ChatParams

__all__ = ["ChatCalls"]


class ChatCalls(Core):
    """Chat."""

    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[False] | None = None,
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion: ...
    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[True],
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> Stream: ...
    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: Literal[True],
        **params: Unpack[ChatParams],
    ) -> DryRun: ...
    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None,
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | Stream: ...
    @overload
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: bool | None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | Stream | DryRun: ...
    def completion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: bool | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | Stream | DryRun:
        """Ask a model.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            messages: the conversation, in OpenAI's form; messages of earlier answers fit as they are.
            stream: whether to return a ``Stream`` of chunks instead of the whole answer.
            dry_run: whether to return the request that would be sent, and send nothing.
            **params: see ``llmkit.types.ChatParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        settle_left()
        instead = self._run_dry if dry_run and self._instead is None else self._instead
        subject, unsent = {"messages": messages}, instead is not None
        job = self._job(CHAT, model, subject, params, stream=bool(stream), dry_run=unsent)
        if instead is not None:
            return instead(job)  # type: ignore[no-any-return]
        driver = self._driver()
        if stream:
            return self._opened(sync_stream.opened(driver, perform(job)))
        return driver.run(perform(job))  # type: ignore[no-any-return]

    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[False] | None = None,
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion: ...
    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[True],
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> AsyncStream: ...
    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: Literal[True],
        **params: Unpack[ChatParams],
    ) -> DryRun: ...
    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None,
        dry_run: Literal[False] | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | AsyncStream: ...
    @overload
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: bool | None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | AsyncStream | DryRun: ...
    async def acompletion(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        dry_run: bool | None = None,
        **params: Unpack[ChatParams],
    ) -> ChatCompletion | AsyncStream | DryRun:
        """``completion`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            messages: the conversation, in OpenAI's form; messages of earlier answers fit as they are.
            stream: whether to return an ``AsyncStream`` of chunks instead of the whole answer.
            dry_run: whether to return the request that would be sent, and send nothing.
            **params: see ``llmkit.types.ChatParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        await asettle_left()
        job = self._job(
            CHAT, model, {"messages": messages}, params, stream=bool(stream), dry_run=bool(dry_run)
        )
        driver = await self._async_driver()
        if dry_run:
            return await driver.run(dry(job))  # type: ignore[no-any-return]
        if stream:
            return self._opened(await aio_stream.opened(driver, perform(job)))
        return await driver.run(perform(job))  # type: ignore[no-any-return]
