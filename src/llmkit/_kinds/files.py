"""Files: ``create_file``, ``retrieve_file``, ``list_files``, ``delete_file``, ``file_content`` …."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ._kept import about, upload

if TYPE_CHECKING:
    from .._upload import FileTypes
    from ..types.file import (
        FileContent,
        FileDeleted,
        FileList,
        FileListParams,
        FileObject,
        FileParams,
    )
    from ..types.params import CallOptions

__all__ = ["FileCalls"]

_NAME, _CALL, _NONE = "files", "_calls:ResourceCall", "types.listing:NoParams"
_CREATE = Kind(_NAME, "create_file", _CALL, "types.file:FileModelParams")
_LIST = Kind(_NAME, "list_files", _CALL, "types.file:FileListModelParams")
_RETRIEVE = Kind(_NAME, "retrieve_file", _CALL, _NONE)
_DELETE = Kind(_NAME, "delete_file", _CALL, _NONE)
_CONTENT = Kind(_NAME, "file_content", _CALL, _NONE)


class FileCalls(Core):
    """Files that a provider keeps. ``custom_llm_provider`` says which; by default OpenAI."""

    def create_file(self, file: FileTypes, **params: Unpack[FileParams]) -> FileObject:
        """Upload a file, in pieces: it is never wholly in memory.

        Args:
            file: a path, bytes, an open file, or ``(name, content)``.
            **params: see ``llmkit.types.FileParams``; ``purpose`` is one of them.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            InvalidRequestError: the file cannot be read.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: FileObject = self._run(_CREATE, *about(_NAME, "create", params, file=upload(file)))
        return found

    async def acreate_file(self, file: FileTypes, **params: Unpack[FileParams]) -> FileObject:
        """``create_file`` for async code, on asyncio or trio.

        Args:
            file: a path, bytes, an open file, or ``(name, content)``.
            **params: see ``llmkit.types.FileParams``; ``purpose`` is one of them.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            InvalidRequestError: the file cannot be read.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        asked = about(_NAME, "create", params, file=upload(file))
        found: FileObject = await self._arun(_CREATE, *asked)
        return found

    def retrieve_file(self, file_id: str, **params: Unpack[CallOptions]) -> FileObject:
        """What is known of a file. Raises as ``create_file``; ``NotFoundError`` where it is gone.

        Args:
            file_id: the file's, as ``create_file`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: FileObject = self._run(_RETRIEVE, *_one("retrieve", file_id, params))
        return found

    async def aretrieve_file(self, file_id: str, **params: Unpack[CallOptions]) -> FileObject:
        """``retrieve_file`` for async code, on asyncio or trio.

        Args:
            file_id: the file's, as ``create_file`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: FileObject = await self._arun(_RETRIEVE, *_one("retrieve", file_id, params))
        return found

    def list_files(self, **params: Unpack[FileListParams]) -> FileList:
        """A page of files; ``after=page.next_cursor`` is the next one. Raises as ``create_file``."""
        found: FileList = self._run(_LIST, *about(_NAME, "list", params))
        return found

    async def alist_files(self, **params: Unpack[FileListParams]) -> FileList:
        """``list_files`` for async code, on asyncio or trio."""
        found: FileList = await self._arun(_LIST, *about(_NAME, "list", params))
        return found

    def delete_file(self, file_id: str, **params: Unpack[CallOptions]) -> FileDeleted:
        """Remove a file. Raises as ``retrieve_file``.

        Args:
            file_id: the file's, as ``create_file`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: FileDeleted = self._run(_DELETE, *_one("delete", file_id, params))
        return gone

    async def adelete_file(self, file_id: str, **params: Unpack[CallOptions]) -> FileDeleted:
        """``delete_file`` for async code, on asyncio or trio.

        Args:
            file_id: the file's, as ``create_file`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: FileDeleted = await self._arun(_DELETE, *_one("delete", file_id, params))
        return gone

    def file_content(self, file_id: str, **params: Unpack[CallOptions]) -> FileContent:
        """A file's bytes. Raises as ``retrieve_file``; providers do not give back all that was uploaded.

        Args:
            file_id: the file's, as ``create_file`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: FileContent = self._run(_CONTENT, *_one("content", file_id, params))
        return found

    async def afile_content(self, file_id: str, **params: Unpack[CallOptions]) -> FileContent:
        """``file_content`` for async code, on asyncio or trio.

        Args:
            file_id: the file's, as ``create_file`` gave it.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: FileContent = await self._arun(_CONTENT, *_one("content", file_id, params))
        return found


def _one(action: str, file_id: str, params: Any) -> Any:
    return about(_NAME, action, params, target=file_id)
