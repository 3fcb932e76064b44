"""Whose a call is, as people write it: ``user="ann", tags=["batch"]``; and as rules read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from typing_extensions import TypedDict

from ..._secret import Secret
from ...errors import ConfigurationError
from .scopes import kind_of

__all__ = ["Whose", "attributes_of"]

Attributes = dict[str, tuple[Any, ...]]
_ONE_BY_ONE: Final = (str, int, Secret)


class Whose(TypedDict, total=False):
    """Who and what spends. A value can be a list where a call belongs to several."""

    user: str
    """The person; each by itself where a budget is ``scope="user"``."""
    team: str
    """A team of yours."""
    organisation: str
    """An organisation of yours."""
    customer: str
    """Whom you bill: an end user."""
    key: str
    """A key's name, or the key itself: then a fingerprint stands for it."""
    session: str
    """A conversation, or one run of an agent."""
    tags: Iterable[str]
    """Any number of labels: the call counts for each."""
    model: str
    """``provider/model``."""
    provider: str
    """Who is called; without it, the model's."""
    deployment: str
    """A deployment's id."""


def attributes_of(whose: Mapping[str, Any]) -> Attributes:
    """The values by kind, with the provider of a model where it is not given.

    Raises:
        ConfigurationError: there is no such kind, or a value is none.
    """
    found: Attributes = {}
    for name, given in whose.items():
        if values := _listed(name, given):
            kind = kind_of(name)
            found[kind] = (*found.get(kind, ()), *values)
    return _with_provider(found)


def _listed(name: str, given: Any) -> tuple[Any, ...]:
    if given is None:
        return ()
    one = isinstance(given, _ONE_BY_ONE) or not isinstance(given, Iterable)
    values = (given,) if one else tuple(given)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, _ONE_BY_ONE):
            raise ConfigurationError(f"{name} is a text, or a list of texts, not {value!r}")
    return values


def _with_provider(found: Attributes) -> Attributes:
    models, providers = found.get("model", ()), found.get("provider", ())
    if len(models) != 1:
        return found
    owner, slash, _ = str(models[0]).partition("/")
    if slash and not providers:
        return {**found, "provider": (owner,)}
    if not slash and len(providers) == 1:
        return {**found, "model": (f"{providers[0]}/{models[0]}",)}
    return found
