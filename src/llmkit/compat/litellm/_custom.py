"""``CustomLLM`` and ``custom_provider_map``: providers that are a program's own functions.

Each is a provider of llmkit's, in OpenAI's form, whose requests ``_custom_calls`` answers by calling the functions. So
retries, budgets, routers, caches, prices and loggers are those of all other providers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from ... import providers
from ..._flow import Flow
from ..._http import Endpoint
from ...errors import ConfigurationError
from ...providers import OPENAI_CALLS, Provider, Where
from ...wires.openai_chat import OpenAIChat
from ._answers import SPELLED
from ._settings import setting
from ._telling import current

__all__ = ["BASE", "HOST", "CustomLLM", "CustomLLMError", "handler_of", "is_custom", "register"]

HOST: Final = "http://custom-llm.invalid/"
"""What no network knows: requests to it are for a program's functions."""
BASE: Final = "x-llmkit-api-base"
"""The header that has the address which the caller gave, for the functions."""
_CALLS: Final = ("embedding", "image")


class CustomLLMError(Exception):
    """What a custom provider raises: a status and a message. The caller gets the error of that status."""

    def __init__(self, status_code: int, message: str, headers: Any = None) -> None:
        super().__init__(message)
        self.status_code, self.message, self.headers = status_code, message, headers


class CustomLLM:
    """A provider of one's own. A method that is not there raises ``CustomLLMError``.

    They are called with keywords: ``model``, ``messages`` (``input``, ``prompt``), ``model_response``,
    ``optional_params``, ``litellm_params``, ``api_key``, ``api_base``, ``headers``, ``timeout``, ``logging_obj``,
    ``print_verbose``, ``custom_prompt_dict``, ``encoding``, ``logger_fn``, ``acompletion``, ``client``.
    """

    def completion(self, *args: Any, **kwargs: Any) -> Any:
        """A chat's answer."""
        raise CustomLLMError(500, "Not implemented yet!")

    def streaming(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Its pieces: dicts of ``text``, ``is_finished``, ``finish_reason``, ``usage``, ``index``, ``tool_use``."""
        raise CustomLLMError(500, "Not implemented yet!")

    async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
        """``completion`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")

    def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """``streaming`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")

    def embedding(self, *args: Any, **kwargs: Any) -> Any:
        """Vectors of texts."""
        raise CustomLLMError(500, "Not implemented yet!")

    async def aembedding(self, *args: Any, **kwargs: Any) -> Any:
        """``embedding`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")

    def image_generation(self, *args: Any, **kwargs: Any) -> Any:
        """Pictures."""
        raise CustomLLMError(500, "Not implemented yet!")

    async def aimage_generation(self, *args: Any, **kwargs: Any) -> Any:
        """``image_generation`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")


_ours: dict[str, Provider] = {}


def register() -> None:
    """Have the providers of ``custom_provider_map`` found by their names.

    Raises:
        ConfigurationError: a row lacks something, or its name is none, or is another provider's.
    """
    for row in setting("custom_provider_map") or ():
        name = _name(row)
        SPELLED[_normal(name)] = name
        known = _ours.get(_normal(name))
        if known is not None and providers.has(name) and providers.get(name) is known:
            continue
        if providers.has(name):
            raise ConfigurationError(
                f"custom_provider_map: {name!r:.80} is a provider already: take another name"
            )
        _ours[_normal(name)] = providers.register_provider(_made(name), listed=False)


def _name(row: Mapping[str, Any]) -> str:
    if not isinstance(row, Mapping) or not {"provider", "custom_handler"} <= row.keys():
        raise ConfigurationError(
            "custom_provider_map: each row is {'provider': name, 'custom_handler': CustomLLM()}"
        )
    if isinstance(row["custom_handler"], type):
        name = row["custom_handler"].__name__
        raise ConfigurationError(f"custom_provider_map: give an instance, {name}(), not the class")
    return str(row["provider"])


def _made(spelled: str) -> Provider:
    name = _normal(spelled)
    calls = {kind: OPENAI_CALLS[kind] for kind in _CALLS}
    return Provider(
        name=name,
        base_url=f"{HOST}{name}",
        chat=OpenAIChat(),
        key_optional=True,
        calls=calls,
        locate=_located,
        # What a program registers a price for is the name as it writes it.
        price_lists=(spelled,),
    )


def _located(where: Where) -> Flow[Endpoint]:
    """The functions' own address; the caller's goes along, for them."""
    yield from ()
    name = where.provider.name
    if current() is None:
        raise ConfigurationError(
            f"{SPELLED.get(name, name)!r} is a CustomLLM: call it by llmkit.compat.litellm"
        )
    base = {BASE: where.base_url} if where.given and where.base_url else {}
    return Endpoint(f"{HOST}{name}", {**where.headers, **base}, where.query)


def _normal(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def is_custom(arguments: Mapping[str, Any]) -> bool:
    """Whether a call is a custom provider's."""
    if not _ours:
        return False
    told = arguments.get("custom_llm_provider")
    return _normal(str(told or str(arguments.get("model") or "").partition("/")[0])) in _ours


def handler_of(name: str) -> Any:
    """The functions behind a provider's name.

    Raises:
        ConfigurationError: ``custom_provider_map`` does not have it any more.
    """
    for row in setting("custom_provider_map") or ():
        if _normal(_name(row)) == name:
            return row["custom_handler"]
    raise ConfigurationError(f"custom_provider_map has no {SPELLED.get(name, name)!r} any more")
