"""What the catalogue has of the model that a call is for: the client's, where the call is a client's."""

from __future__ import annotations

from .._call import Call
from ..catalogue import Catalogue, ModelInfo, default

__all__ = ["listed"]


def listed(call: Call, model: str) -> ModelInfo | None:
    """The record of a model of the call's provider; ``None`` where nobody lists it."""
    known: Catalogue = default() if call.catalogue is None else call.catalogue
    return known.find(call.provider, model)
