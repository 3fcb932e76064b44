"""What one family of models takes of the dialect. The facts themselves are a provider's data, not here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EFFORTS", "Hosted", "Traits"]

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""Levels of ``output_config.effort``, rising."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a family of models takes; the defaults are the newest models'.

    ``thinking``: ``none``; ``budget`` (a fixed number of tokens); ``adaptive`` (the model decides, guided by
    the effort); ``always`` (adaptive, and it cannot be turned off). ``efforts``: the levels of effort it
    knows. ``sampling``: whether temperature, top_p and top_k may differ from their defaults. ``schema``:
    whether it has structured outputs and strict tools. ``system_turns``: whether system messages may stand
    between turns.
    """

    thinking: Literal["none", "budget", "adaptive", "always"] = "adaptive"
    efforts: tuple[str, ...] = EFFORTS
    sampling: bool = True
    schema: bool = True
    system_turns: bool = False


@dataclass(frozen=True, slots=True)
class Hosted:
    """How a cloud takes messages whose model is named by the address: version and betas are in the body.

    ``version``: its ``anthropic_version``. ``path`` and ``stream_path``: below the base URL, with ``{model}``.
    ``says_stream``: whether the body says ``stream``, too. ``count_path``: where prompts are counted, whose body then
    does name the model.
    """

    version: str
    path: str
    stream_path: str
    says_stream: bool = True
    count_path: str = ""
