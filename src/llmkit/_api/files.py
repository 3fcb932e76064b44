"""``create_file`` and its kin, with the default client."""

from __future__ import annotations

from typing_extensions import Unpack

from .._upload import FileTypes
from ..types.file import FileContent, FileDeleted, FileList, FileListParams, FileObject, FileParams
from ..types.params import CallOptions
from ._default import default_client

__all__ = [
    "acreate_file",
    "adelete_file",
    "afile_content",
    "alist_files",
    "aretrieve_file",
    "create_file",
    "delete_file",
    "file_content",
    "list_files",
    "retrieve_file",
]


def create_file(file: FileTypes, **params: Unpack[FileParams]) -> FileObject:
    """With the default client.

    Args:
        file: a path, bytes, an open file, or ``(name, content)``.
        **params: see ``llmkit.types.FileParams``; ``purpose`` is one of them.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the file cannot be read.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().create_file(file, **params)


async def acreate_file(file: FileTypes, **params: Unpack[FileParams]) -> FileObject:
    """With the default client.

    Args:
        file: a path, bytes, an open file, or ``(name, content)``.
        **params: see ``llmkit.types.FileParams``; ``purpose`` is one of them.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        InvalidRequestError: the file cannot be read.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().acreate_file(file, **params)


def retrieve_file(file_id: str, **params: Unpack[CallOptions]) -> FileObject:
    """With the default client.

    Args:
        file_id: the file's, as ``create_file`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().retrieve_file(file_id, **params)


async def aretrieve_file(file_id: str, **params: Unpack[CallOptions]) -> FileObject:
    """With the default client.

    Args:
        file_id: the file's, as ``create_file`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aretrieve_file(file_id, **params)


def list_files(**params: Unpack[FileListParams]) -> FileList:
    """With the default client; see ``Client.list_files``."""
    return default_client().list_files(**params)


async def alist_files(**params: Unpack[FileListParams]) -> FileList:
    """With the default client; see ``Client.alist_files``."""
    return await default_client().alist_files(**params)


def delete_file(file_id: str, **params: Unpack[CallOptions]) -> FileDeleted:
    """With the default client.

    Args:
        file_id: the file's, as ``create_file`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().delete_file(file_id, **params)


async def adelete_file(file_id: str, **params: Unpack[CallOptions]) -> FileDeleted:
    """With the default client.

    Args:
        file_id: the file's, as ``create_file`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().adelete_file(file_id, **params)


def file_content(file_id: str, **params: Unpack[CallOptions]) -> FileContent:
    """With the default client.

    Args:
        file_id: the file's, as ``create_file`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().file_content(file_id, **params)


async def afile_content(file_id: str, **params: Unpack[CallOptions]) -> FileContent:
    """With the default client.

    Args:
        file_id: the file's, as ``create_file`` gave it.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().afile_content(file_id, **params)
