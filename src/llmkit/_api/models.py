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
    """With the default client.

    Args:
        provider: its name, such as ``"anthropic"``; by default OpenAI.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: the provider lists no models; or a key, an address or a provider is missing.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().list_models(provider, **params)


async def alist_models(provider: str | None = None, **params: Unpack[CallOptions]) -> ModelList:
    """With the default client.

    Args:
        provider: its name, such as ``"anthropic"``; by default OpenAI.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: the provider lists no models; or a key, an address or a provider is missing.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().alist_models(provider, **params)


def retrieve_model(model: str, **params: Unpack[CallOptions]) -> ListedModel:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().retrieve_model(model, **params)


async def aretrieve_model(model: str, **params: Unpack[CallOptions]) -> ListedModel:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().aretrieve_model(model, **params)


def delete_model(model: str, **params: Unpack[CallOptions]) -> ModelDeleted:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return default_client().delete_model(model, **params)


async def adelete_model(model: str, **params: Unpack[CallOptions]) -> ModelDeleted:
    """With the default client.

    Args:
        model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
        **params: see ``llmkit.types.CallOptions``.

    Raises:
        ConfigurationError: a key, an address or a provider is missing or malformed.
        UnsupportedParamsError: the provider does not take a parameter.
        APIError: the call failed; its subclasses say how.
    """
    return await default_client().adelete_model(model, **params)


def get_valid_models(
    *, check_provider_endpoint: bool = False, **params: Unpack[CallOptions]
) -> list[str]:
    """With the default client.

    Args:
        check_provider_endpoint: whether to ask the providers; otherwise the catalogue is looked into. One
            that lists no models by an API is looked up there in any case.
        **params: see ``llmkit.types.CallOptions``, for the providers that are asked; ``custom_llm_provider``
            is the only one that is.

    Raises:
        UnknownProviderError: no provider has that name.
        APIError: a provider was asked and failed; the error says which.
    """
    return default_client().get_valid_models(
        check_provider_endpoint=check_provider_endpoint, **params
    )


async def aget_valid_models(
    *, check_provider_endpoint: bool = False, **params: Unpack[CallOptions]
) -> list[str]:
    """With the default client.

    Args:
        check_provider_endpoint: whether to ask the providers; otherwise the catalogue is looked into. One
            that lists no models by an API is looked up there in any case.
        **params: see ``llmkit.types.CallOptions``, for the providers that are asked; ``custom_llm_provider``
            is the only one that is.

    Raises:
        UnknownProviderError: no provider has that name.
        APIError: a provider was asked and failed; the error says which.
    """
    return await default_client().aget_valid_models(
        check_provider_endpoint=check_provider_endpoint, **params
    )
