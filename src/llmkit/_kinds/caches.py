"""Cached prompts: ``create_cache``, ``retrieve_cache``, ``list_caches``, ``update_cache`` and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._control.plan import Kind
from .._control.structured import as_tools
from .._core import Core
from ..errors import ConfigurationError
from ._kept import about

if TYPE_CHECKING:
    from ..types.cache import (
        Cached,
        CacheDeleted,
        CachedList,
        CacheListParams,
        CacheParams,
        CacheUpdateParams,
    )
    from ..types.params import CallOptions

__all__ = ["CacheCalls"]

_NAME, _CALL, _NONE = "caches", "_calls:ResourceCall", "types.listing:NoParams"
_CREATE = Kind(_NAME, "create_cache", _CALL, "types.cache:CacheModelParams")
_UPDATE = Kind(_NAME, "update_cache", _CALL, "types.cache:CacheUpdateModelParams")
_LIST = Kind(_NAME, "list_caches", _CALL, "types.cache:CacheListModelParams")
_RETRIEVE = Kind(_NAME, "retrieve_cache", _CALL, _NONE)
_DELETE = Kind(_NAME, "delete_cache", _CALL, _NONE)


class CacheCalls(Core):
    """Prompts that a provider keeps under a name (Gemini's cached contents). ``custom_llm_provider`` says which."""

    def create_cache(
        self, model: str, messages: Sequence[Any], **params: Unpack[CacheParams]
    ) -> Cached:
        """Have a prompt kept, for chats to go on from. Being kept is billed by the hour.

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
        made: Cached = self._run(_CREATE, *_new(model, messages, params))
        return made

    async def acreate_cache(
        self, model: str, messages: Sequence[Any], **params: Unpack[CacheParams]
    ) -> Cached:
        """``create_cache`` for async code, on asyncio or trio.

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
        made: Cached = await self._arun(_CREATE, *_new(model, messages, params))
        return made

    def retrieve_cache(self, name: str, **params: Unpack[CallOptions]) -> Cached:
        """What is known of a cached prompt. Raises as ``create_cache``.

        Args:
            name: the cached prompt's, as ``create_cache`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Cached = self._run(_RETRIEVE, *_about("retrieve", params, name))
        return found

    async def aretrieve_cache(self, name: str, **params: Unpack[CallOptions]) -> Cached:
        """``retrieve_cache`` for async code, on asyncio or trio.

        Args:
            name: the cached prompt's, as ``create_cache`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Cached = await self._arun(_RETRIEVE, *_about("retrieve", params, name))
        return found

    def list_caches(self, **params: Unpack[CacheListParams]) -> CachedList:
        """A page of cached prompts; ``after=page.next_cursor`` is the next one. Raises as ``create_cache``."""
        found: CachedList = self._run(_LIST, *_about("list", params))
        return found

    async def alist_caches(self, **params: Unpack[CacheListParams]) -> CachedList:
        """``list_caches`` for async code, on asyncio or trio."""
        found: CachedList = await self._arun(_LIST, *_about("list", params))
        return found

    def update_cache(self, name: str, **params: Unpack[CacheUpdateParams]) -> Cached:
        """Say anew how long a prompt is kept: ``ttl`` or ``expire_time``. Raises as ``create_cache``.

        Args:
            name: the cached prompt's, as ``create_cache`` gave it.
            **params: see ``llmkit.types.CacheUpdateParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Cached = self._run(_UPDATE, *_about("update", params, name))
        return found

    async def aupdate_cache(self, name: str, **params: Unpack[CacheUpdateParams]) -> Cached:
        """``update_cache`` for async code, on asyncio or trio.

        Args:
            name: the cached prompt's, as ``create_cache`` gave it.
            **params: see ``llmkit.types.CacheUpdateParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: Cached = await self._arun(_UPDATE, *_about("update", params, name))
        return found

    def delete_cache(self, name: str, **params: Unpack[CallOptions]) -> CacheDeleted:
        """Have a prompt no longer kept. Raises as ``create_cache``.

        Args:
            name: the cached prompt's, as ``create_cache`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: CacheDeleted = self._run(_DELETE, *_about("delete", params, name))
        return gone

    async def adelete_cache(self, name: str, **params: Unpack[CallOptions]) -> CacheDeleted:
        """``delete_cache`` for async code, on asyncio or trio.

        Args:
            name: the cached prompt's, as ``create_cache`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: CacheDeleted = await self._arun(_DELETE, *_about("delete", params, name))
        return gone


def _new(model: str, messages: Sequence[Any], params: Any) -> Any:
    if params.get("tools") is not None:
        params = {**params, "tools": as_tools(params["tools"])}
    return about(_NAME, "create", params, model=model, body={"messages": messages})


def _about(action: str, params: Any, name: str | None = None) -> Any:
    if not params.get("custom_llm_provider"):
        raise ConfigurationError("custom_llm_provider is missing: whose cached prompts are meant?")
    return about(_NAME, action, params, target=name)
