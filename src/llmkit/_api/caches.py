"""``create_cache`` and its kin, with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typing_extensions import Unpack

from ..types.cache import (
    Cached,
    CacheDeleted,
    CachedList,
    CacheListParams,
    CacheParams,
    CacheUpdateParams,
)
from ..types.params import CallOptions
from ._default import default_client

__all__ = [
    "acreate_cache",
    "adelete_cache",
    "alist_caches",
    "aretrieve_cache",
    "aupdate_cache",
    "create_cache",
    "delete_cache",
    "list_caches",
    "retrieve_cache",
    "update_cache",
]


def create_cache(model: str, messages: Sequence[Any], **params: Unpack[CacheParams]) -> Cached:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"gemini/gemini-2.5-flash"``.
        messages: the beginning of the conversation, as ``completion`` takes it.
        **params: see ``llmkit.types.CacheParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the messages are not what the provider takes.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().create_cache(model, messages, **params)


async def acreate_cache(
    model: str, messages: Sequence[Any], **params: Unpack[CacheParams]
) -> Cached:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"gemini/gemini-2.5-flash"``.
        messages: the beginning of the conversation, as ``completion`` takes it.
        **params: see ``llmkit.types.CacheParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the messages are not what the provider takes.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().acreate_cache(model, messages, **params)


def retrieve_cache(name: str, **params: Unpack[CallOptions]) -> Cached:
    """With the default client.

    Args:
        name: the cached prompt's, as ``create_cache`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().retrieve_cache(name, **params)


async def aretrieve_cache(name: str, **params: Unpack[CallOptions]) -> Cached:
    """With the default client.

    Args:
        name: the cached prompt's, as ``create_cache`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aretrieve_cache(name, **params)


def list_caches(**params: Unpack[CacheListParams]) -> CachedList:
    """With the default client; see ``Client.list_caches``."""
    return default_client().list_caches(**params)


async def alist_caches(**params: Unpack[CacheListParams]) -> CachedList:
    """With the default client; see ``Client.alist_caches``."""
    return await default_client().alist_caches(**params)


def update_cache(name: str, **params: Unpack[CacheUpdateParams]) -> Cached:
    """With the default client.

    Args:
        name: the cached prompt's, as ``create_cache`` gave it.
        **params: see ``llmkit.types.CacheUpdateParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().update_cache(name, **params)


async def aupdate_cache(name: str, **params: Unpack[CacheUpdateParams]) -> Cached:
    """With the default client.

    Args:
        name: the cached prompt's, as ``create_cache`` gave it.
        **params: see ``llmkit.types.CacheUpdateParams``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aupdate_cache(name, **params)


def delete_cache(name: str, **params: Unpack[CallOptions]) -> CacheDeleted:
    """With the default client.

    Args:
        name: the cached prompt's, as ``create_cache`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().delete_cache(name, **params)


async def adelete_cache(name: str, **params: Unpack[CallOptions]) -> CacheDeleted:
    """With the default client.

    Args:
        name: the cached prompt's, as ``create_cache`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().adelete_cache(name, **params)
