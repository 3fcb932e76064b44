"""``create_batch`` and its kin, with the default client."""

from __future__ import annotations

from typing import Any, Literal, overload

from typing_extensions import Unpack

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
from ._default import default_client

__all__ = [
    "abatch_results",
    "acancel_batch",
    "acreate_batch",
    "adelete_batch",
    "alist_batches",
    "aretrieve_batch",
    "batch_results",
    "cancel_batch",
    "create_batch",
    "delete_batch",
    "list_batches",
    "retrieve_batch",
]


def create_batch(model: str | None = None, **params: Unpack[BatchParams]) -> Batch:
    """With the default client.

    Args:
        model: ``provider/model``, where the provider wants one for the whole batch.
        **params: see ``llmkit.types.BatchParams``: ``input_file_id`` and ``endpoint``, or ``requests``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the calls are not what the provider takes.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().create_batch(model, **params)


async def acreate_batch(model: str | None = None, **params: Unpack[BatchParams]) -> Batch:
    """With the default client.

    Args:
        model: ``provider/model``, where the provider wants one for the whole batch.
        **params: see ``llmkit.types.BatchParams``: ``input_file_id`` and ``endpoint``, or ``requests``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the calls are not what the provider takes.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().acreate_batch(model, **params)


def retrieve_batch(batch_id: str, **params: Unpack[CallOptions]) -> Batch:
    """With the default client.

    Args:
        batch_id: the batch's, as ``create_batch`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().retrieve_batch(batch_id, **params)


async def aretrieve_batch(batch_id: str, **params: Unpack[CallOptions]) -> Batch:
    """With the default client.

    Args:
        batch_id: the batch's, as ``create_batch`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aretrieve_batch(batch_id, **params)


def cancel_batch(batch_id: str, **params: Unpack[CallOptions]) -> Batch:
    """With the default client.

    Args:
        batch_id: the batch's, as ``create_batch`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().cancel_batch(batch_id, **params)


async def acancel_batch(batch_id: str, **params: Unpack[CallOptions]) -> Batch:
    """With the default client.

    Args:
        batch_id: the batch's, as ``create_batch`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().acancel_batch(batch_id, **params)


def delete_batch(batch_id: str, **params: Unpack[CallOptions]) -> BatchDeleted:
    """With the default client.

    Args:
        batch_id: the batch's, as ``create_batch`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().delete_batch(batch_id, **params)


async def adelete_batch(batch_id: str, **params: Unpack[CallOptions]) -> BatchDeleted:
    """With the default client.

    Args:
        batch_id: the batch's, as ``create_batch`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().adelete_batch(batch_id, **params)


def list_batches(**params: Unpack[BatchListParams]) -> BatchList:
    """With the default client; see ``Client.list_batches``."""
    return default_client().list_batches(**params)


async def alist_batches(**params: Unpack[BatchListParams]) -> BatchList:
    """With the default client; see ``Client.alist_batches``."""
    return await default_client().alist_batches(**params)


@overload
def batch_results(
    batch_id: str, *, stream: Literal[False] | None = None, **params: Unpack[CallOptions]
) -> BatchResults: ...


@overload
def batch_results(
    batch_id: str, *, stream: Literal[True], **params: Unpack[CallOptions]
) -> Stream[BatchResult, BatchResults]: ...


def batch_results(
    batch_id: str, *, stream: bool | None = None, **params: Unpack[CallOptions]
) -> BatchResults | Stream[BatchResult, BatchResults]:
    """With the default client.

    Args:
        batch_id: the batch's id.
        stream: whether to return a ``Stream`` of results as they come (Anthropic).
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        InvalidRequestError: the batch has no results yet.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().batch_results
    return call(batch_id, stream=stream, **params)  # type: ignore[no-any-return]


@overload
async def abatch_results(
    batch_id: str, *, stream: Literal[False] | None = None, **params: Unpack[CallOptions]
) -> BatchResults: ...


@overload
async def abatch_results(
    batch_id: str, *, stream: Literal[True], **params: Unpack[CallOptions]
) -> AsyncStream[BatchResult, BatchResults]: ...


async def abatch_results(
    batch_id: str, *, stream: bool | None = None, **params: Unpack[CallOptions]
) -> BatchResults | AsyncStream[BatchResult, BatchResults]:
    """With the default client.

    Args:
        batch_id: the batch's id.
        stream: whether to return an ``AsyncStream`` of results as they come (Anthropic).
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        InvalidRequestError: the batch has no results yet.
        APIError: the call failed; its subclasses say how.
    """
    call: Any = default_client().abatch_results
    return await call(batch_id, stream=stream, **params)  # type: ignore[no-any-return]
