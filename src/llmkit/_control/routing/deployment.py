"""``Deployment``: one way to have a group's calls answered, as people declare it. It is checked where it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

__all__ = ["Deployment"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@dataclass(frozen=True, slots=True)
class Deployment:
    """One way to have the calls of a group answered: a model at a provider, with its key and limits.

    ``group``: what callers ask for (LiteLLM's ``model_name``). ``model``: ``provider/model``. ``id``: made of the rest
    where none is given; the key is in it as a fingerprint only.
    """

    group: str
    model: str
    id: str = ""
    keys: tuple[Any, ...] = field(default=(), repr=False)
    """Texts, ``Secret``s or functions; none: those of the environment."""
    options: Mapping[str, Any] = field(default_factory=_nothing, repr=False)
    """Options of its calls (``llmkit.types.CallOptions``) but for the key."""
    params: Mapping[str, Any] = field(default_factory=_nothing)
    """What its calls say to the model where they do not say otherwise."""
    weight: float | None = None
    order: int = 0
    """Those of a lower order go first."""
    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None
    max_parallel: int | None = None
    tags: tuple[str, ...] = ()
    tag_regex: tuple[str, ...] = ()
    """Patterns of callers' programmes (``User-Agent: …``) that lead here, too."""
    region: str | None = None
    max_input_tokens: int | None = None
    cooldown_time: float | None = None
    """Seconds; otherwise the router's."""
    info: Mapping[str, Any] = field(default_factory=_nothing)
    """LiteLLM's ``model_info``."""
