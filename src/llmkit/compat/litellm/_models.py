"""What LiteLLM's functions say of models: names, arguments and results of its own, out of llmkit's catalogue."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from ... import _json
from ..._api._default import default_client
from ..._control.address import resolve
from ...catalogue import ModelInfo
from ...errors import CatalogueError, UnknownModelError
from ...providers.compatible import ROWS
from .._money import completion_cost, cost_per_token
from .._rows import row
from .._tokens import decode, encode, token_counter, trim_messages

__all__ = [
    "completion_cost",
    "cost_per_token",
    "decode",
    "encode",
    "get_llm_provider",
    "get_max_tokens",
    "get_model_info",
    "get_valid_models",
    "model_cost",
    "register_model",
    "supports_assistant_prefill",
    "supports_audio_input",
    "supports_audio_output",
    "supports_computer_use",
    "supports_function_calling",
    "supports_parallel_function_calling",
    "supports_pdf_input",
    "supports_prompt_caching",
    "supports_reasoning",
    "supports_response_schema",
    "supports_system_messages",
    "supports_tool_choice",
    "supports_url_context",
    "supports_video_input",
    "supports_vision",
    "supports_web_search",
    "token_counter",
    "trim_messages",
]


# --- models ----------------------------------------------------------------------------------


def get_model_info(
    model: str,
    custom_llm_provider: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
) -> dict[str, Any]:
    """What the catalogue says of a model, in LiteLLM's fields; ``api_base`` and ``api_key`` change nothing.

    A price that is not known is not there, rather than 0. The whole record, with each price's source:
    ``llmkit.get_model_info``.

    Raises:
        UnknownModelError: the catalogue does not list the model.
    """
    return row(_found(model, custom_llm_provider))


def get_max_tokens(model: str) -> int | None:
    """Most tokens of an answer; ``None`` where that is not known.

    Raises:
        UnknownModelError: the catalogue does not list the model.
    """
    return _found(model).max_output_tokens


def register_model(
    model_cost: Mapping[str, Mapping[str, Any]] | str | os.PathLike[str],
) -> Mapping[str, Mapping[str, Any]]:
    """Add models and prices, or change them, in LiteLLM's form; returns what was given.

    Args:
        model_cost: models by name, or the path of a JSON file of them. Nothing is fetched: an address is refused.

    Raises:
        CatalogueError: a price is not understood, or the file cannot be read; nothing was registered.
    """
    given = _from_file(model_cost) if isinstance(model_cost, str | os.PathLike) else model_cost
    default_client().register_model(given)
    return given


def _from_file(path: str | os.PathLike[str]) -> Mapping[str, Mapping[str, Any]]:
    name = os.fspath(path)
    if "://" in name:
        raise CatalogueError(f"register_model fetches nothing: give what is at {name!r:.200}")
    try:
        given = _json.load(Path(name).read_bytes())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CatalogueError(f"register_model: {name!r:.300}: {why}") from None
    if not isinstance(given, dict):
        raise CatalogueError(f"register_model: {name!r:.300}: it must hold an object")
    return given


def get_llm_provider(
    model: str,
    custom_llm_provider: str | None = None,
    api_base: str | None = None,
    api_key: str | None = None,
    litellm_params: Any = None,
) -> tuple[str, str, str | None, str | None]:
    """Model, provider, key and address. The key is the one that was given: none is read from the environment here.

    ``litellm_params`` may hold the other three; it changes nothing else.

    Raises:
        UnknownProviderError: no provider is named and none can be found.
    """
    more = litellm_params if isinstance(litellm_params, Mapping) else vars(litellm_params or object)
    told = custom_llm_provider or more.get("custom_llm_provider")
    base, key = api_base or more.get("api_base"), api_key or more.get("api_key")
    known = default_client().catalogue
    provider, name = resolve(model, told, known, elsewhere=base is not None)
    compatible = provider.base_url if provider.name in ROWS else None
    return name, provider.name, key, base or compatible or None


def get_valid_models(
    check_provider_endpoint: bool | None = None,  # noqa: FBT001 - as LiteLLM has it
    custom_llm_provider: str | None = None,
    litellm_params: Any = None,
    api_key: str | None = None,
    api_base: str | None = None,
) -> list[str]:
    """The models, as ``provider/model``, of the providers whose keys are in the environment.

    ``check_provider_endpoint`` asks the providers, with ``api_key`` and ``api_base`` where one is named. Raises as
    ``llmkit.get_valid_models``.
    """
    given = {
        "custom_llm_provider": custom_llm_provider,
        "api_key": api_key,
        "base_url": api_base,
    }
    told = {name: value for name, value in given.items() if value is not None}
    ask = bool(check_provider_endpoint)
    return default_client().get_valid_models(check_provider_endpoint=ask, **told)  # type: ignore[arg-type]


class _ModelCost(Mapping[str, Mapping[str, Any]]):
    """The catalogue as LiteLLM's price map, by ``provider/model`` or by a bare name, made as it is asked.

    ``model_cost[name] = {…}`` and ``model_cost.update({…})`` are ``register_model``.
    """

    def __setitem__(self, key: str, prices: Mapping[str, Any]) -> None:
        register_model({key: prices})

    def update(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Add models and prices, or change them."""
        register_model(rows)

    @override
    def __getitem__(self, key: str) -> Mapping[str, Any]:
        try:
            return row(_found(key))
        except UnknownModelError:
            raise KeyError(key) from None

    @override
    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    @override
    def __iter__(self) -> Iterator[str]:
        for model in default_client().catalogue.models():
            yield f"{model.provider}/{model.name}"

    @override
    def __len__(self) -> int:
        return len(default_client().catalogue.models())

    @override
    def __repr__(self) -> str:
        return f"<model_cost: the catalogue of {default_client().catalogue.revision}>"


model_cost = _ModelCost()


def _found(model: str, provider: str | None = None) -> ModelInfo:
    return default_client().get_model_info(model, provider)


# --- capabilities ----------------------------------------------------------------------------


def _supports(model: str, provider: str | None, capability: str) -> bool:
    """As LiteLLM has it: a model that is not listed supports nothing. ``llmkit.supports`` raises there."""
    try:
        return default_client().supports(model, capability, provider)
    except UnknownModelError:
        return False


def supports_function_calling(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model takes tools; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "tools")


def supports_parallel_function_calling(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model calls several tools at once; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "parallel_tools")


def supports_tool_choice(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether ``tool_choice`` is taken; ``False`` for a model that is not listed."""
    return _supports(model, custom_llm_provider, "tool_choice")


def supports_response_schema(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model keeps to a JSON schema; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "json_schema")


def supports_vision(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model takes images; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "vision")


def supports_pdf_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model takes PDFs; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "pdf")


def supports_audio_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model takes audio; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "audio_input")


def supports_audio_output(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model makes audio; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "audio_output")


def supports_video_input(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model takes films; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "video_input")


def supports_reasoning(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model reasons before it answers; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "reasoning")


def supports_prompt_caching(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether prompts are cached; ``False`` for a model that is not listed."""
    return _supports(model, custom_llm_provider, "prompt_caching")


def supports_web_search(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model can search the web; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "web_search")


def supports_computer_use(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model can use a computer; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "computer_use")


def supports_assistant_prefill(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model goes on from the beginning of an answer; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "assistant_prefill")


def supports_system_messages(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether there may be system messages; ``False`` for a model that is not listed."""
    return _supports(model, custom_llm_provider, "system_messages")


def supports_url_context(model: str, custom_llm_provider: str | None = None) -> bool:
    """Whether the model reads what a URL in a prompt points at; ``False`` for one that is not listed."""
    return _supports(model, custom_llm_provider, "url_context")
