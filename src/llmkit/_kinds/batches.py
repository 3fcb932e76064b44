"""Batches: ``create_batch``, ``retrieve_batch``, ``list_batches``, ``cancel_batch``, ``batch_results`` …"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ._kept import about

if TYPE_CHECKING:
    from .._io.aio_stream import AsyncStream
    from .._io.sync_stream import Stream
    from ..types.batch import (
        Batch,
        BatchDeleted,
        BatchList,
        BatchListParams,
        BatchParams,
        BatchResult,
        BatchResults,
    )
    from ..types.params import CallOptions

__all__ = ["BatchCalls"]

_NAME, _CALL, _NONE = "batches", "_calls:ResourceCall", "types.listing:NoParams"
_CREATE = Kind(_NAME, "create_batch", _CALL, "types.batch:BatchModelParams")
_LIST = Kind(_NAME, "list_batches", _CALL, "types.batch:BatchListModelParams")
_RETRIEVE = Kind(_NAME, "retrieve_batch", _CALL, _NONE)
_CANCEL = Kind(_NAME, "cancel_batch", _CALL, _NONE)
_DELETE = Kind(_NAME, "delete_batch", _CALL, _NONE)
_RESULTS = Kind(_NAME, "batch_results", _CALL, _NONE)


class BatchCalls(Core):
    """Batches. ``custom_llm_provider`` says whose; by default OpenAI's."""

    def create_batch(self, model: str | None = None, **params: Unpack[BatchParams]) -> Batch:
        """Give many calls at once, to be answered within a day and for less.

        Args:
            model: ``provider/model``, where the provider wants one for the whole batch.
            **params: see ``llmkit.types.BatchParams``: ``input_file_id`` and ``endpoint``, or ``requests``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            InvalidRequestError: the calls are not what the provider takes.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        made: Batch = self._run(_CREATE, *about(_NAME, "create", params, model=model))
        return made

    async def acreate_batch(self, model: str | None = None, **params: Unpack[BatchParams]) -> Batch:
        """``create_batch`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``, where the provider wants one for the whole batch.
            **params: see ``llmkit.types.BatchParams``: ``input_file_id`` and ``endpoint``, or ``requests``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            InvalidRequestError: the calls are not what the provider takes.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        made: Batch = await self._arun(_CREATE, *about(_NAME, "create", params, model=model))
        return made

    def retrieve_batch(self, batch_id: str, **params: Unpack[CallOptions]) -> Batch:
        """How a batch stands. Raises as ``create_batch``; ``NotFoundError`` where there is none.

        Args:
            batch_id: the batch's, as ``create_batch`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Batch = self._run(_RETRIEVE, *_one("retrieve", batch_id, params))
        return found

    async def aretrieve_batch(self, batch_id: str, **params: Unpack[CallOptions]) -> Batch:
        """``retrieve_batch`` for async code, on asyncio or trio.

        Args:
            batch_id: the batch's, as ``create_batch`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Batch = await self._arun(_RETRIEVE, *_one("retrieve", batch_id, params))
        return found

    def cancel_batch(self, batch_id: str, **params: Unpack[CallOptions]) -> Batch:
        """Give up what has not been answered yet. Raises as ``retrieve_batch``.

        Args:
            batch_id: the batch's, as ``create_batch`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Batch = self._run(_CANCEL, *_one("cancel", batch_id, params))
        return found

    async def acancel_batch(self, batch_id: str, **params: Unpack[CallOptions]) -> Batch:
        """``cancel_batch`` for async code, on asyncio or trio.

        Args:
            batch_id: the batch's, as ``create_batch`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Batch = await self._arun(_CANCEL, *_one("cancel", batch_id, params))
        return found

    def delete_batch(self, batch_id: str, **params: Unpack[CallOptions]) -> BatchDeleted:
        """Remove a batch that has ended, and its results (Anthropic, Gemini). Raises as ``retrieve_batch``.

        Args:
            batch_id: the batch's, as ``create_batch`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: BatchDeleted = self._run(_DELETE, *_one("delete", batch_id, params))
        return gone

    async def adelete_batch(self, batch_id: str, **params: Unpack[CallOptions]) -> BatchDeleted:
        """``delete_batch`` for async code, on asyncio or trio.

        Args:
            batch_id: the batch's, as ``create_batch`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: BatchDeleted = await self._arun(_DELETE, *_one("delete", batch_id, params))
        return gone

    def list_batches(self, **params: Unpack[BatchListParams]) -> BatchList:
        """A page of batches; ``after=page.next_cursor`` is the next one. Raises as ``create_batch``."""
        found: BatchList = self._run(_LIST, *about(_NAME, "list", params))
        return found

    async def alist_batches(self, **params: Unpack[BatchListParams]) -> BatchList:
        """``list_batches`` for async code, on asyncio or trio."""
        found: BatchList = await self._arun(_LIST, *about(_NAME, "list", params))
        return found

    @overload
    def batch_results(
        self,
        batch_id: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[CallOptions],
    ) -> BatchResults: ...
    @overload
    def batch_results(
        self, batch_id: str, *, stream: Literal[True], **params: Unpack[CallOptions]
    ) -> Stream[BatchResult, BatchResults]: ...
    def batch_results(
        self, batch_id: str, *, stream: bool | None = None, **params: Unpack[CallOptions]
    ) -> BatchResults | Stream[BatchResult, BatchResults]:
        """What became of each call of a batch that has ended.

        Args:
            batch_id: the batch's id.
            stream: whether to return a ``Stream`` of results as they come (Anthropic).
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            InvalidRequestError: the batch has no results yet.
            APIError: the call failed; its subclasses say how.
        """
        run: Any = self._stream if stream else self._run
        return run(_RESULTS, *_one("content", batch_id, params))  # type: ignore[no-any-return]

    @overload
    async def abatch_results(
        self,
        batch_id: str,
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[CallOptions],
    ) -> BatchResults: ...
    @overload
    async def abatch_results(
        self, batch_id: str, *, stream: Literal[True], **params: Unpack[CallOptions]
    ) -> AsyncStream[BatchResult, BatchResults]: ...
    async def abatch_results(
        self, batch_id: str, *, stream: bool | None = None, **params: Unpack[CallOptions]
    ) -> BatchResults | AsyncStream[BatchResult, BatchResults]:
        """``batch_results`` for async code, on asyncio or trio.

        Args:
            batch_id: the batch's id.
            stream: whether to return an ``AsyncStream`` of results as they come (Anthropic).
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            InvalidRequestError: the batch has no results yet.
            APIError: the call failed; its subclasses say how.
        """
        run: Any = self._astream if stream else self._arun
        return await run(_RESULTS, *_one("content", batch_id, params))  # type: ignore[no-any-return]


def _one(action: str, batch_id: str, params: Any) -> Any:
    return about(_NAME, action, params, target=batch_id)
