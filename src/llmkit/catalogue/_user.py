"""Catalogue files of a user: llmkit's own form, LiteLLM's, and bundles; told apart by what is in them.

Reading alone; what a field means is in ``_fields``, how layers are asked in ``_layers``. Every mistake is a
``CatalogueError`` that names the file, the model and the field.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from .. import _json
from ..errors import CatalogueError
from ._bundle import Bundle, is_bundle, read_bundle
from ._fields import Care, mark_of, patch_of
from ._model import FrozenMap
from ._patch import Layer, Patch

__all__ = ["LITELLM_PROVIDERS", "litellm_name", "opened", "read_layer", "said"]

VERSION: Final = 1
_MARKER: Final = "llmkit_catalogue"
_TOP: Final = frozenset({_MARKER, "revision", "source", "models", "providers"})

# Where LiteLLM's word for a provider is not the name that its models are called by.
LITELLM_PROVIDERS: Final = {
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "cohere_chat": "cohere",
    "scx-ai": "scx_ai",
    "text-completion-codestral": "codestral",
    "text-completion-inception": "inception",
    "text-completion-openai": "openai",
}
# What LiteLLM's price map has beside models: an explanation, and rules for names that it does not list.
_NO_MODELS: Final = frozenset({"sample_spec", "fallback_generalizations"})
# Providers whose models LiteLLM keeps apart by who made them: vertex_ai-anthropic_models.
_FAMILIES: Final = ("vertex_ai-", "fireworks_ai-")


def opened(path: str | os.PathLike[str]) -> Bundle | Layer:
    """What a file lays over the catalogue, or a bundle to take the place of the built-in data.

    Raises:
        CatalogueError: it cannot be read, or is not what it should be.
    """
    name = os.fspath(path)
    try:
        data = Path(name).expanduser().read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise CatalogueError(f"catalogue file {name!r:.300}: {why}") from None
    return read_bundle(data, name) if is_bundle(data) else read_layer(data, name)


def read_layer(data: bytes, origin: str) -> Layer:
    """A file of either form as a layer. ``origin`` is what it is called, and the source of its facts.

    Raises:
        CatalogueError: it is not what it should be.
    """
    where = f"catalogue file {origin!r:.300}"
    try:
        content = _json.load(data)
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"{where}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise CatalogueError(f"{where}: it must hold an object, not {type(content).__name__}")
    mark = mark_of(data)
    if _MARKER in content:
        patches = list(_own(content, mark, origin, where))
        return Layer.of(mark, patches, _makers(content, where))
    return Layer.of(mark, list(_litellm(content, mark, origin, where)))


def _own(content: Mapping[str, Any], mark: str, origin: str, where: str) -> Iterator[Patch]:
    if content[_MARKER] != VERSION:
        raise CatalogueError(
            f"{where}: {_MARKER} is {content[_MARKER]!r:.80}, this reads {VERSION}"
        )
    if unknown := sorted(set(content) - _TOP):
        raise CatalogueError(f"{where}: {unknown[0]!r:.80} is not one of {', '.join(sorted(_TOP))}")
    origin, read = str(content.get("source") or origin), str(content.get("revision") or "")
    for key, fields in _mapping(content.get("models", {}), f"{where}: models").items():
        place = f"{where}: {key}"
        provider, name = _split(key, place)
        yield said(provider, name, fields, mark=mark, origin=origin, read=read, where=place)


def _makers(content: Mapping[str, Any], where: str) -> Mapping[str, bool]:
    """``providers``: whether they make the models that they list."""
    given = _mapping(content.get("providers", {}), f"{where}: providers")
    for name, about in given.items():
        if not isinstance(about, Mapping) or set(about) - {"own"}:
            raise CatalogueError(f'{where}: providers: {name} must be {{"own": true or false}}')
    return FrozenMap({name: bool(about.get("own")) for name, about in given.items()})


def said(
    provider: str,
    name: str,
    fields: Any,
    *,
    mark: str,
    origin: str,
    read: str = "",
    where: str = "",
    care: Care = "all",
) -> Patch:
    """``patch_of``, with its mistakes as a ``CatalogueError`` that begins with ``where``."""
    about = _mapping(fields, where)
    try:
        like = None if about.get("like") is None else _parts(about["like"])
        return patch_of(
            provider, name, about, mark=mark, origin=origin, read=read, like=like, care=care
        )
    except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError) as error:
        raise CatalogueError(f"{where}: {error}") from None


def _litellm(content: Mapping[str, Any], mark: str, origin: str, where: str) -> Iterator[Patch]:
    for key, fields in content.items():
        place = f"{where}: {key}"
        if key in _NO_MODELS:
            continue
        try:
            provider, name = litellm_name(key, _mapping(fields, place).get("litellm_provider"))
        except ValueError as error:
            raise CatalogueError(f"{place}: {error}") from None
        yield said(provider, name, fields, mark=mark, origin=origin, where=place, care="none")


def litellm_name(key: str, provider: object = None) -> tuple[str, str]:
    """Provider and model of a key of LiteLLM's map. Raises ValueError where none is named."""
    if not isinstance(provider, str) or not provider:
        return _parts(key)
    name = LITELLM_PROVIDERS.get(provider, provider)
    family = next((f for f in _FAMILIES if name.startswith(f)), None)
    name = family[:-1] if family else name
    return name, key.removeprefix(f"{provider}/").removeprefix(f"{name}/")


def _split(key: object, where: str) -> tuple[str, str]:
    try:
        return _parts(key)
    except ValueError as error:
        raise CatalogueError(f"{where}: {error}") from None


def _parts(key: object) -> tuple[str, str]:
    provider, _, name = key.partition("/") if isinstance(key, str) else ("", "", "")
    if not provider or not name:
        raise ValueError(f"{key!r:.80} names no provider: write 'provider/model'")
    return provider, name


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CatalogueError(f"{where}: it must be an object, not {type(value).__name__}")
    return value
