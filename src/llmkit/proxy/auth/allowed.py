"""Which models a subject may ask for. Which of them there are, and where they are, is the router's affair."""

from __future__ import annotations

from collections.abc import Iterable

from ..failure import Refused
from ..subject import Subject

__all__ = ["ALL_OF_TEAM", "EVERYTHING", "NOTHING", "both", "covered", "may_use", "usable"]

ALL_OF_TEAM = "all-team-models"
"""In a key's models: whatever its team may. (LiteLLM's word, as are the two below; docs.litellm.ai, 2026-11.)"""
EVERYTHING = frozenset({"*", "all-proxy-models"})
NOTHING = "no-default-models"


def usable(subject: Subject, model: str) -> bool:
    """Whether a subject may ask for this model: by its name, or by a beginning that ends in ``*`` (``openai/*``)."""
    return subject.models is None or covered(model, subject.models)


def may_use(subject: Subject, model: str) -> None:
    """Raise ``Refused`` (403) unless the subject may ask for this model, by the name that it asked with.

    It is to be asked of every name that a request can bring: fallbacks' too.
    """
    if usable(subject, model):
        return
    team = subject.models_of_team
    whose = "team" if team is not None and not covered(model, team) else "key"
    raise Refused(
        403,
        f"this {whose} may not use the model {model[:200]!r}: GET /v1/models lists those that it may",
        f"{whose}_model_access_denied",
        param="model",
    )


def covered(model: str, names: Iterable[str]) -> bool:
    """Whether one of these is the model's name, or a beginning of it that ends in ``*``."""
    return any(
        model == name or (name.endswith("*") and model.startswith(name[:-1])) for name in names
    )


def both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """What both allow; ``None`` allows everything.

    As beginnings either contain each other or have nothing in common, it is what of each the other covers.
    """
    if one is None or other is None:
        return one if other is None else other
    return frozenset(
        {name for name in one if covered(name, other)}
        | {name for name in other if covered(name, one)}
    )
