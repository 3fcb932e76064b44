"""What the catalogue says of a model: limits, capabilities and rates, each with its source.

Plain frozen records and nothing else. Reading files belongs in ``_load``, arithmetic in
``llmkit.pricing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .._cost import FrozenMap, rate_key

__all__ = ["CAPABILITIES", "FrozenMap", "ModelInfo", "Rate", "Uplift"]

CAPABILITIES: Final = frozenset({
    "assistant_prefill", "audio_input", "audio_output", "computer_use", "json_mode", "json_schema",
    "parallel_tools", "pdf", "prompt_caching", "reasoning", "system_messages", "tool_choice", "tools",
    "url_context", "video_input", "vision", "web_search", "web_search_always",
})  # fmt: skip
"""Every capability that a record can have: one that is asked for by a wrong name must not look like one it lacks."""


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one dimension of usage, in one unit, under one condition.

    ``usd`` buys ``per`` units. An empty condition is the default; of the rates that match a
    call the one with most conditions applies. ``source`` is the vendor's page that states the
    figure, ``via`` the data it was taken from, ``read`` the ISO date on which that was read.
    """

    dimension: str
    unit: str
    usd: Decimal
    per: int
    condition: Mapping[str, str | int]
    source: str
    read: str
    via: str = ""

    @property
    def key(self) -> str:
        """What it is looked up by: the dimension, with its unit where that is no token."""
        return rate_key(self.dimension, self.unit)


@dataclass(frozen=True, slots=True)
class Uplift:
    """A factor on every token rate of a call that meets the condition (a region, say)."""

    condition: Mapping[str, str | int]
    factor: Decimal


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model at one provider.

    Limits are tokens; ``None`` means not known, never unlimited. ``deprecated`` is the ISO date
    from which the vendor refuses (or said it may refuse) calls. ``source`` and ``read`` are
    about limits and capabilities; each rate carries its own.

    The fields after ``via`` say how the vendor's rates are to be read: ``tiers`` gives for a
    service tier as spelled on the wire (``""``: none asked for) the tiers that may be billed,
    likeliest first; ``defaults`` the conditions of a call that says nothing; ``priced_as`` the
    dimension whose rate holds for one without its own; ``cache_write_marker`` the word that a
    request must contain before cache writes can be billed (``None``: they need no asking); ``varies``
    why a call may be billed at another price than the one that is listed, where it may.
    """

    provider: str
    name: str
    aliases: tuple[str, ...]
    mode: str
    max_input_tokens: int | None
    max_output_tokens: int | None
    input_modalities: frozenset[str]
    output_modalities: frozenset[str]
    capabilities: frozenset[str]
    deprecated: str | None
    rates: tuple[Rate, ...]
    source: str
    read: str
    via: str = ""
    revision: str = ""
    tiers: Mapping[str, tuple[str, ...]] = FrozenMap()
    defaults: Mapping[str, str] = FrozenMap()
    priced_as: Mapping[str, str] = FrozenMap()
    uplifts: tuple[Uplift, ...] = ()
    cache_write_marker: str | None = None
    varies: str = ""

    vector_size: int | None = None

    def supports(self, capability: str) -> bool:
        """Whether the vendor documents the capability (``"tools"``, ``"vision"``, ...)."""
        return capability in self.capabilities
