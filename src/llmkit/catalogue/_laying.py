"""How layers come about: from files, and from what a program registers. Loaded only where there are any."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from ..errors import CatalogueError
from ._bundle import Bundle
from ._fields import Care, mark_of
from ._layers import Base, BuiltIn, State
from ._lookup import looked_up
from ._model import FrozenMap, ModelInfo
from ._patch import Layer, Patch
from ._user import litellm_name, opened, said

__all__ = ["REGISTERED", "laid", "read", "registered", "whole", "without"]

REGISTERED: Final = "registered"
"""The source of facts that a program registered."""


def read(files: Iterable[str | os.PathLike[str]]) -> State:
    """The built-in data, or the last bundle among the files, with the other files laid over it.

    Raises:
        CatalogueError: a file cannot be read, or is not what it should be.
    """
    base: Base = BuiltIn()
    layers: list[Layer] = []
    for path in files:
        found = opened(path)
        if isinstance(found, Bundle):
            base = found
        else:
            layers.append(found)
    state = State(base, tuple(layers))
    _check_likenesses(state)
    return state


def _check_likenesses(state: State) -> None:
    """A model that is to be like one that is not there would have no facts at all."""
    for depth, layer in enumerate(state.files):
        below = state.over(files=state.files[:depth])
        for patch in layer.patches.values():
            if patch.like and below.find(*patch.like) is None:
                named, like = f"{patch.provider}/{patch.name}", "/".join(patch.like)
                raise CatalogueError(
                    f"catalogue files: {named}: like: what is below the file does not list {like:.120}"
                )


def registered(state: State, name: str, about: Any, like: str | None, *, care: Care) -> Patch:
    """What a program says of one model.

    Raises:
        CatalogueError: a field is unknown or its value is not what it must be.
        UnknownModelError: the model that it is to be like is not listed.
    """
    where = f"register_model: {name!s:.200}"
    if not isinstance(about, Mapping):
        raise CatalogueError(f"{where}: it must be a mapping, not {type(about).__name__}")
    given = {**about, **({} if like is None else {"like": like})}
    provider, model = _named(state, name, given.get("litellm_provider"), where)
    if given.get("like") is not None:
        found = looked_up(state, str(given["like"]), None)
        given["like"] = f"{found.provider}/{found.name}"
    mark = mark_of({"name": f"{provider}/{model}", **given})
    patch = said(provider, model, given, mark=mark, origin=REGISTERED, where=where, care=care)
    return _like_registered(state.registered, patch)


def _like_registered(layer: Layer | None, patch: Patch) -> Patch:
    """What is said of a registered model is said of one that is like it, too: likenesses are looked up below."""
    other = layer.patches.get(patch.like) if layer and patch.like else None
    if other is None:
        return patch
    facts = {name: value for name, value in other.facts.items() if name != "aliases"}
    like = None if other.whole else other.like or (other.provider, other.name)
    named = replace(other, provider=patch.provider, name=patch.name, facts=FrozenMap(facts))
    return replace(patch, like=None).after(replace(named, like=like))


def _named(state: State, name: str, provider: object, where: str) -> tuple[str, str]:
    """Provider and model; a bare name is that of a model that is there already."""
    try:
        return litellm_name(name, provider)
    except ValueError as error:
        homes = state.homes_of(name) if isinstance(name, str) else ()
        if len(homes) != 1:
            raise CatalogueError(f"{where}: {error}") from None
        return homes[0], name


def whole(model: ModelInfo) -> Patch:
    """A whole record as a patch that takes nothing from below."""
    told = {one.name: getattr(model, one.name) for one in fields(model)}
    facts = {name: value for name, value in told.items() if name not in _NOT_FACTS}
    made = Patch(model.provider, model.name, mark_of(told), FrozenMap(facts))
    return replace(made, rates=model.rates, uplifts=model.uplifts, whole=True)


_NOT_FACTS: Final = frozenset({"provider", "name", "rates", "uplifts", "revision"})


def laid(layer: Layer | None, patches: Iterable[Patch]) -> Layer:
    """The layer with these patches, each over what the layer says of its model already."""
    every = _by_model(layer)
    for patch in patches:
        before = every.get((patch.provider, patch.name))
        every[patch.provider, patch.name] = patch if before is None else _after(patch, before)
    return _layer(every)


def _after(patch: Patch, before: Patch) -> Patch:
    """Both as one, under one mark: who tells of a price every hour is not to have a longer revision each time."""
    made = patch.after(before)
    if made is patch:
        return made
    return replace(made, mark=mark_of(f"{before.mark}+{patch.mark}".encode()))


def without(layer: Layer | None, patch: Patch) -> Layer | None:
    """The layer without a patch; ``None`` if that was all."""
    every = {name: one for name, one in _by_model(layer).items() if one is not patch}
    return _layer(every) if every else None


def _by_model(layer: Layer | None) -> dict[tuple[str, str], Patch]:
    patches = layer.patches.values() if layer else ()
    return {(patch.provider, patch.name): patch for patch in patches}


def _layer(patches: Mapping[tuple[str, str], Patch]) -> Layer:
    marks = "".join(sorted(patch.mark for patch in patches.values()))
    return Layer.of(mark_of(marks.encode()), patches.values())
