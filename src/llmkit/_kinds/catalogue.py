"""What a client knows of models: ``get_model_info``, ``supports``, ``register_model``, ``refresh_catalogue``.

No kind of call, so not one of ``Core``'s: nothing here is sent to a provider, retried or settled.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .. import providers
from .._call import MediaPolicy
from ..errors import CatalogueError, ConfigurationError

if TYPE_CHECKING:
    from ..catalogue import Catalogue, ModelInfo

__all__ = ["CatalogueMethods"]


class CatalogueMethods:
    """What a client's catalogue says, and how it is changed."""

    _catalogue: Catalogue
    _driver: Callable[[], Any]
    _async_driver: Callable[[], Any]

    @property
    def catalogue(self) -> Catalogue:
        """The models and prices that this client goes by."""
        return self._catalogue

    def get_model_info(self, model: str, custom_llm_provider: str | None = None) -> ModelInfo:
        """What the catalogue says of a model: limits, modalities, capabilities, prices, each with its source.

        Args:
            model: ``provider/model``, or a bare name that leads to one provider alone. Dated snapshots are found
                under the record of their model.
            custom_llm_provider: the provider, where ``model`` does not name it.

        Raises:
            UnknownModelError: the catalogue does not list it; the message names near misses.
        """
        name, provider = _named(self._catalogue, model, custom_llm_provider)
        return self._catalogue.lookup(name, provider)

    def supports(self, model: str, capability: str, custom_llm_provider: str | None = None) -> bool:
        """Whether the model's vendor documents a capability.

        Args:
            model: as for ``get_model_info``.
            capability: one of ``llmkit.catalogue.CAPABILITIES``: ``"tools"``, ``"vision"``, ``"json_schema"`` ….
            custom_llm_provider: the provider, where ``model`` does not name it.

        Raises:
            UnknownModelError: the catalogue does not list the model. It may be able to; nothing is known of it, and
                ``False`` would say that it is not.
            ConfigurationError: there is no such capability; the message names near misses.
        """
        name, provider = _named(self._catalogue, model, custom_llm_provider)
        found = self._catalogue.lookup(name, provider)
        return self._catalogue.supports(found.provider, found.name, capability)

    def register_model(
        self,
        model: str | Mapping[str, Mapping[str, Any]],
        *,
        like: str | None = None,
        **fields: Any,
    ) -> tuple[ModelInfo, ...]:
        """Tell the catalogue of a model, or of more of one that it lists. All of it is taken, or nothing.

        Args:
            model: ``provider/model``; or LiteLLM's form, several models with their fields:
                ``{"my-model": {"litellm_provider": "openai", "input_cost_per_token": "1e-6"}}``.
            like: the model to start from, such as ``"openai/gpt-4o"``; by default the one of this name, if any.
            **fields: limits (``max_input_tokens``, ``max_output_tokens``), ``mode``, ``aliases``, ``capabilities`` (all
                of them) or ``supports_vision=True`` (one of them), ``deprecated``, and prices, in USD a unit, by
                LiteLLM's names (``input_cost_per_token`` …): ``str`` and ``Decimal`` are exact, a ``float`` is read as
                it is printed. ``rates`` takes them as vendors quote them, see the page on the catalogue. A price goes
                before the one that is there for the same thing under the same condition; others stay, unless
                ``whole=True``.

        Returns:
            The records that came of it.

        Raises:
            CatalogueError: a field is not understood or its value is not what it must be; nothing was registered.
            UnknownModelError: the catalogue does not list what it is to be like.
        """
        if isinstance(model, str):
            name, _ = _named(self._catalogue, model, None)
            return self._catalogue.register_fields({name: fields}, like=like)
        if not isinstance(model, Mapping):
            raise CatalogueError(
                f"register_model: a name or a mapping is wanted, not {type(model).__name__}"
            )
        if fields:
            raise CatalogueError("register_model: several models have their own fields each")
        return self._catalogue.register_fields(model, like=like, care="prices")

    def refresh_catalogue(
        self,
        source: str | os.PathLike[str],
        *,
        sha256: str | None = None,
        to: str | os.PathLike[str] | None = None,
        allow_older: bool = False,
        policy: MediaPolicy | None = None,
    ) -> str:
        """Take newer models and prices, from a bundle: one file with the whole catalogue. Never by itself.

        All of it is checked and read before anything is changed; then it takes the place of the built-in data in one
        step. Files and registered models stay over it. A refresh that fails leaves everything as it was.

        Args:
            source: an ``https`` address, or a path.
            sha256: the SHA-256 of the bundle, in hexadecimal digits; must be given for an address.
            to: where to keep the bundle, too, written in one step; ``LLMKIT_CATALOGUE`` can then name that path.
            allow_older: take it even if it is older than what is there.
            policy: what may be fetched; by default 16 MB by ``https`` within a minute, from any host.

        Returns:
            The catalogue's new revision.

        Raises:
            CatalogueError: what came is not what was meant, is no whole bundle, or is older than what is there; or it
                cannot be kept at ``to``.
            ConfigurationError: an address was given without ``sha256``.
            APIConnectionError: it could not be fetched.
        """
        from .._control.refresh import POLICY, fetched_bundle  # noqa: PLC0415 - calls do without
        from .._io._replace import replace_file  # noqa: PLC0415

        flow = fetched_bundle(os.fspath(source), sha256, policy or POLICY)
        data, bundle = self._driver().run(flow)
        self._catalogue.check_age(bundle, allow_older=allow_older)
        if to is not None:
            try:
                replace_file(os.fspath(to), data)
            except OSError as error:
                raise _unkept(to, error) from error
        self._catalogue.adopt(bundle, allow_older=allow_older)
        return self._catalogue.revision

    async def arefresh_catalogue(
        self,
        source: str | os.PathLike[str],
        *,
        sha256: str | None = None,
        to: str | os.PathLike[str] | None = None,
        allow_older: bool = False,
        policy: MediaPolicy | None = None,
    ) -> str:
        """``refresh_catalogue`` for async code, on asyncio or trio.

        Args:
            source: an ``https`` address, or a path.
            sha256: the SHA-256 of the bundle, in hexadecimal digits; must be given for an address.
            to: where to keep the bundle, too, written in one step; ``LLMKIT_CATALOGUE`` can then name that path.
            allow_older: take it even if it is older than what is there.
            policy: what may be fetched; by default 16 MB by ``https`` within a minute, from any host.

        Returns:
            The catalogue's new revision.

        Raises:
            CatalogueError: what came is not what was meant, is no whole bundle, or is older than what is there; or it
                cannot be kept at ``to``.
            ConfigurationError: an address was given without ``sha256``.
            APIConnectionError: it could not be fetched.
        """
        from .._control.refresh import POLICY, fetched_bundle  # noqa: PLC0415 - calls do without
        from .._io._replace import areplace_file  # noqa: PLC0415

        flow = fetched_bundle(os.fspath(source), sha256, policy or POLICY)
        data, bundle = await (await self._async_driver()).run(flow)
        self._catalogue.check_age(bundle, allow_older=allow_older)
        if to is not None:
            try:
                await areplace_file(os.fspath(to), data)
            except OSError as error:
                raise _unkept(to, error) from error
        self._catalogue.adopt(bundle, allow_older=allow_older)
        return self._catalogue.revision


def _unkept(to: str | os.PathLike[str], error: OSError) -> CatalogueError:
    why = error.strerror or type(error).__name__
    return CatalogueError(f"the bundle cannot be kept at {os.fspath(to)!r:.300}: {why}")


def _named(catalogue: Catalogue, model: str, provider: str | None) -> tuple[str, str | None]:
    """Model and provider as the catalogue calls them: a provider may have been named by another of its names."""
    if not isinstance(model, str) or not model.strip():
        raise ConfigurationError("model must be a text such as 'openai/gpt-4o-mini'")
    listed = catalogue.providers()
    if provider is not None:
        known = provider in listed or not providers.has(provider)
        called = provider if known else providers.get(provider).name
        return model.removeprefix(f"{provider}/"), called
    head, slash, rest = model.partition("/")
    if slash and head not in listed and providers.has(head):
        return f"{providers.get(head).name}/{rest}", None
    return model, None
