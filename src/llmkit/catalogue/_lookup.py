"""A model by what a person calls it; and what to say where there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Protocol

from ..errors import UnknownModelError
from ._model import ModelInfo

__all__ = ["looked_up"]

_MOST_NEAR = 3


class _Listed(Protocol):
    def find(self, provider: str, model: str) -> ModelInfo | None: ...

    def homes_of(self, model: str) -> tuple[str, ...]: ...

    def providers(self) -> tuple[str, ...]: ...

    def models(self, provider: str) -> Iterator[ModelInfo]: ...


def looked_up(state: _Listed, model: str, provider: str | None) -> ModelInfo:
    """See ``Catalogue.lookup``."""
    if not isinstance(model, str) or not model.strip():
        raise UnknownModelError("model must be a text such as 'openai/gpt-4o-mini'")
    if provider is not None:
        found = state.find(provider, model) or state.find(
            provider, model.removeprefix(f"{provider}/")
        )
    else:
        found = _named(state, model)
    if found is None:
        raise UnknownModelError(_missing(state, model, provider))
    return found


def _named(state: _Listed, model: str) -> ModelInfo | None:
    head, _, rest = model.partition("/")
    found = state.find(head, rest) if rest else None
    if found is not None:
        return found
    homes = state.homes_of(model)
    if len(homes) > 1:
        listed = " or ".join(f"{name}/{model}" for name in homes)
        raise UnknownModelError(f"{model!r:.120} is listed by several providers: write {listed}")
    return state.find(homes[0], model) if homes else None


def _missing(state: _Listed, model: str, provider: str | None) -> str:
    head, _, rest = model.partition("/")
    if provider is None and rest and head in state.providers():
        provider, model = head, rest
    said = f"the catalogue does not list {provider + '/' if provider else ''}{model!s:.120}"
    meant = (head, rest) if provider is None else (provider, model)
    near = _with_like_name(state, *meant) or _near(state, model, provider)
    return f"{said}; did you mean {' or '.join(near)}?" if near else said


def _with_like_name(state: _Listed, provider: str, model: str) -> list[str]:
    """The model at providers whose names are like a name that is none's."""
    every = state.providers()
    close = (
        () if provider in every else difflib.get_close_matches(provider[:80], every, n=_MOST_NEAR)
    )
    return [f"{name}/{model}" for name in close if model and state.find(name, model)]


def _near(state: _Listed, model: str, provider: str | None) -> list[str]:
    """The names that are most like it: of that provider, or of all, those of makers first."""
    names = state.providers() if provider is None else (provider,)
    known: dict[str, str] = {}
    for name in names:
        for one in state.models(name):
            for called in (one.name, *one.aliases):
                known.setdefault(called, f"{name}/{called}")
    close = difflib.get_close_matches(model[:200], known, n=_MOST_NEAR, cutoff=0.7)
    return [known[name] for name in close]
