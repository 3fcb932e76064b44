"""What is settled before a body is read: the API's version, its betas, and what the model takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ....providers.anthropic import CLAUDE
from ....wires.anthropic_messages import Traits

__all__ = ["VERSIONS", "Terms", "terms", "traits_of"]

VERSIONS: Final = ("2023-01-01", "2023-06-01", "2026-10-21")
"""All versions of the API: https://platform.claude.com/docs/en/api/versioning, read 2026-11-22."""

_ANY: Final = Traits()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the headers say."""

    version: str
    betas: str

    @property
    def is_newest(self) -> bool:
        """Whether the version is the one that took sampling parameters away."""
        return self.version == VERSIONS[-1]

    def has(self, *betas: str) -> bool:
        """Whether a beta whose name begins like one of *betas* is asked for."""
        return any(name.strip().startswith(betas) for name in self.betas.split(","))


def terms(headers: Mapping[str, str]) -> Terms:
    """The terms of a request; *headers* have lower-case names."""
    return Terms(headers.get("anthropic-version", ""), headers.get("anthropic-beta", ""))


def traits_of(model: str) -> Traits:
    """What a model of this name takes; one of an unknown name takes all that any model does."""
    return next((traits for pattern, traits in CLAUDE if re.search(pattern, model)), _ANY)
