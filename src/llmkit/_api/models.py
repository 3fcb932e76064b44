"""``list_models`` and its kin, with the default client."""

from __future__ import annotations

from typing_extensions import Unpack

from ..types.listing import ListedModel, ModelDeleted, ModelList
from ..types.params import CallOptions
from ._default import default_client

__all__ = [
    "adelete_model",
    "aget_valid_models",
    "alist_models",
    "aretrieve_model",
    "delete_model",
    "get_valid_models",
    "list_models",
    "retrieve_model",
]


def list_models(provider: str | None = None, **params: Unpack[CallOptions]) -> ModelList:
    """With the default client; see ``Client.list_models``."""
    return default_client().list_models(provider, **params)


async def alist_models(provider: str | None = None, **params: Unpack[CallOptions]) -> ModelList:
    """With the default client; see ``Client.alist_models``."""
    return await default_client().alist_models(provider, **params)


def retrieve_model(model: str, **params: Unpack[CallOptions]) -> ListedModel:
    """With the default client; see ``Client.retrieve_model``."""
    return default_client().retrieve_model(model, **params)


async def aretrieve_model(model: str, **params: Unpack[CallOptions]) -> ListedModel:
    """With the default client; see ``Client.aretrieve_model``."""
    return await default_client().aretrieve_model(model, **params)


def delete_model(model: str, **params: Unpack[CallOptions]) -> ModelDeleted:
    """With the default client; see ``Client.delete_model``."""
    return default_client().delete_model(model, **params)


async def adelete_model(model: str, **params: Unpack[CallOptions]) -> ModelDeleted:
    """With the default client; see ``Client.adelete_model``."""
    return await default_client().adelete_model(model, **params)


def get_valid_models(
    *, check_provider_endpoint: bool = False, **params: Unpack[CallOptions]
) -> list[str]:
    """With the default client; see ``Client.get_valid_models``."""
    return default_client().get_valid_models(
        check_provider_endpoint=check_provider_endpoint, **params
    )


async def aget_valid_models(
    *, check_provider_endpoint: bool = False, **params: Unpack[CallOptions]
) -> list[str]:
    """With the default client; see ``Client.aget_valid_models``."""
    return await default_client().aget_valid_models(
        check_provider_endpoint=check_provider_endpoint, **params
    )
