"""Pricing anew what waits for a price: by an amount that somebody names, by prices given, by a newer catalogue.

It changes facts only; that bills are written anew from them is ``waiting``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ... import pricing
from ..._cost import Cost, Measure
from ...catalogue import Catalogue
from ..address import model_of
from ..foreign import usage_of
from ..prices import price_of
from .currency import plain
from .facts import Facts, said

__all__ = ["at", "cost_of", "repriced"]

# What is kept of a usage beside its counts.
_BESIDE: Final = frozenset({"measures", "facts", "service_tier"})


def at(facts: Facts, usd: Decimal) -> Facts:
    """The same at a cost that somebody names."""
    return facts._replace(usd=plain(usd), status="given", reason="")


def repriced(facts: Facts, catalogue: Catalogue, prices: Mapping[str, Any] | None = None) -> Facts:
    """The same at what its usage costs by prices that are given, or by the catalogue; as it is where that is not known.

    Raises:
        ConfigurationError: what is given is no price.
    """
    cost = cost_of(facts, catalogue, prices)
    if cost.total is None:
        return facts._replace(reason=said(cost.reason) or facts.reason)
    return facts._replace(
        usd=plain(cost.total),
        status=cost.status,
        reason=said(cost.reason),
        estimated=facts.estimated,
    )


def cost_of(facts: Facts, catalogue: Catalogue, prices: Mapping[str, Any] | None) -> Cost:
    """What its usage cost when it was used."""
    usage, name = facts.usage, facts.model
    given = price_of(prices or {}, facts.kind, catalogue, facts.provider, name)
    counted = {key: value for key, value in usage.items() if key not in _BESIDE}
    return pricing.cost(
        usage_of(counted) if counted else None,
        given or model_of(catalogue, facts.provider, name),
        measures=tuple(_measure(one) for one in usage.get("measures", ())),
        service_tier=usage.get("service_tier"),
        estimated=facts.estimated,
        model_name=f"{facts.provider}/{name}",
        on=facts.at / 1000,
        conditions=usage.get("facts"),
        find=lambda other: model_of(catalogue, facts.provider, other),
    )


def _measure(told: Mapping[str, Any]) -> Measure:
    return Measure(
        told["dimension"], Decimal(told["quantity"]), told["unit"], told.get("facts", {})
    )
