"""What one family of models takes of the dialect. The facts themselves are a provider's data, not here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..anthropic_messages import Traits as MessagesTraits

__all__ = ["Traits"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a family of models takes; the defaults are those of a model that nobody knows.

    ``messages``: what the model takes in its own Messages dialect, whose ``thinking`` then goes into
    ``additionalModelRequestFields``. ``effort``: how else it is told how much to think: ``levels``
    (``reasoningConfig``) or ``field`` (``reasoning_effort``); ``efforts`` are its levels, rising.
    ``top_k``: where that goes in ``additionalModelRequestFields``. ``schema``: whether it has structured
    outputs and strict tools. ``demands``: whether one tool can be demanded by name. ``system_turns``:
    whether system messages may stand between turns.
    """

    messages: MessagesTraits | None = None
    effort: Literal["", "levels", "field"] = ""
    efforts: tuple[str, ...] = ()
    top_k: tuple[str, ...] = ()
    schema: bool = False
    demands: bool = False
    system_turns: bool = False
