"""Models as providers list them: ``list_models``, ``retrieve_model``, ``get_valid_models`` and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .. import providers
from .._control.plan import Kind
from .._core import Core
from ..errors import ConfigurationError
from ._kept import About, about

if TYPE_CHECKING:
    from ..types.listing import ListedModel, ModelDeleted, ModelList
    from ..types.params import CallOptions

__all__ = ["ModelCalls"]

_NAME, _CALL, _NONE = "models", "_calls:ResourceCall", "types.listing:NoParams"
_LIST = Kind(_NAME, "list_models", _CALL, _NONE)
_RETRIEVE = Kind(_NAME, "retrieve_model", _CALL, _NONE)
_DELETE = Kind(_NAME, "delete_model", _CALL, _NONE)


class ModelCalls(Core):
    """Models as providers list them."""

    def list_models(self, provider: str | None = None, **params: Unpack[CallOptions]) -> ModelList:
        """Ask a provider which models the key may use. All pages are read.

        Args:
            provider: its name, such as ``"anthropic"``; by default OpenAI.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: the provider lists no models; or a key, an address or a provider is missing.
            APIError: the call failed; its subclasses say how.
        """
        found: ModelList = self._run(_LIST, *_all(provider, params))
        return found

    async def alist_models(
        self, provider: str | None = None, **params: Unpack[CallOptions]
    ) -> ModelList:
        """``list_models`` for async code, on asyncio or trio.

        Args:
            provider: its name, such as ``"anthropic"``; by default OpenAI.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: the provider lists no models; or a key, an address or a provider is missing.
            APIError: the call failed; its subclasses say how.
        """
        found: ModelList = await self._arun(_LIST, *_all(provider, params))
        return found

    def retrieve_model(self, model: str, **params: Unpack[CallOptions]) -> ListedModel:
        """What a provider says of one model. Raises as ``list_models``; ``NotFoundError`` where there is none.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: ListedModel = self._run(_RETRIEVE, *_one("retrieve", model, params))
        return found

    async def aretrieve_model(self, model: str, **params: Unpack[CallOptions]) -> ListedModel:
        """``retrieve_model`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        found: ListedModel = await self._arun(_RETRIEVE, *_one("retrieve", model, params))
        return found

    def delete_model(self, model: str, **params: Unpack[CallOptions]) -> ModelDeleted:
        """Remove a fine-tuned model of your own (OpenAI). Raises as ``retrieve_model``.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: ModelDeleted = self._run(_DELETE, *_one("delete", model, params))
        return gone

    async def adelete_model(self, model: str, **params: Unpack[CallOptions]) -> ModelDeleted:
        """``delete_model`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            **params: see ``llmkit.types.CallOptions``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        gone: ModelDeleted = await self._arun(_DELETE, *_one("delete", model, params))
        return gone

    def get_valid_models(
        self, *, check_provider_endpoint: bool = False, **params: Unpack[CallOptions]
    ) -> list[str]:
        """The models, as ``provider/model``, of the providers whose keys are in the environment.

        Args:
            check_provider_endpoint: whether to ask the providers; otherwise the catalogue is looked into. One
                that lists no models by an API is looked up there in any case.
            **params: see ``llmkit.types.CallOptions``, for the providers that are asked; ``custom_llm_provider``
                is the only one that is.

        Raises:
            UnknownProviderError: no provider has that name.
            APIError: a provider was asked and failed; the error says which.
        """
        found: list[str] = []
        for name in self._usable(params.get("custom_llm_provider")):
            if check_provider_endpoint and providers.get(name).wire(_NAME) is not None:
                found += [f"{name}/{one}" for one in self.list_models(name, **params).ids]
            else:
                found += self._catalogued(name)
        return found

    async def aget_valid_models(
        self, *, check_provider_endpoint: bool = False, **params: Unpack[CallOptions]
    ) -> list[str]:
        """``get_valid_models`` for async code, on asyncio or trio.

        Args:
            check_provider_endpoint: whether to ask the providers; otherwise the catalogue is looked into. One
                that lists no models by an API is looked up there in any case.
            **params: see ``llmkit.types.CallOptions``, for the providers that are asked; ``custom_llm_provider``
                is the only one that is.

        Raises:
            UnknownProviderError: no provider has that name.
            APIError: a provider was asked and failed; the error says which.
        """
        found: list[str] = []
        for name in self._usable(params.get("custom_llm_provider")):
            if check_provider_endpoint and providers.get(name).wire(_NAME) is not None:
                listed = await self.alist_models(name, **params)
                found += [f"{name}/{one}" for one in listed.ids]
            else:
                found += self._catalogued(name)
        return found

    def _catalogued(self, provider: str) -> list[str]:
        return [f"{provider}/{model.name}" for model in self._catalogue.models(provider)]

    def _usable(self, only: str | None) -> list[str]:
        """Providers whose key is there; the one that was named, whether it is or not."""
        if only is not None:
            return [providers.get(only).name]
        known = (providers.get(name) for name in providers.names())
        keyed = (p.name for p in known if any(self._environ.get(key) for key in p.key_env))
        return list(dict.fromkeys(keyed))


def _all(provider: str | None, params: Any) -> About:
    if provider is not None:
        params = {**params, "custom_llm_provider": provider}
    return about(_NAME, "list", params)


def _one(action: str, model: str, params: Any) -> About:
    """A model is both what the call is for and what it is about."""
    if not isinstance(model, str) or not model.strip():
        raise ConfigurationError("model must be a text such as 'openai/gpt-4o-mini'")
    made = about(_NAME, action, params, model=model)
    named = made.params.get("custom_llm_provider") or model.partition("/")[0]
    return About(model, {**made.subject, "target": model.removeprefix(f"{named}/")}, made.params)
