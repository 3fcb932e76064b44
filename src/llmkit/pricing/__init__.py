"""What a call cost, and the most that one can cost: Decimal end to end, pure.

Reads the catalogue's rates and a usage object; sends nothing, knows no provider by name. An
amount that cannot be worked out is unknown with a reason, never zero. Budgets, holds and
ledgers do not live here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._cost import Cost, CostLine, Measure, Status, Unbounded, nothing, unknown
from ._actual import cost

if TYPE_CHECKING:
    from ._bound import bound, plain_bound
    from ._prompt_bound import Gauges

__all__ = [
    "Cost",
    "CostLine",
    "Gauges",
    "Measure",
    "Status",
    "Unbounded",
    "bound",
    "cost",
    "nothing",
    "plain_bound",
    "unknown",
]


def __getattr__(name: str) -> Any:
    """The bound is loaded when it is first asked for: most calls are only priced."""
    if name not in ("bound", "plain_bound", "Gauges"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _bound  # noqa: PLC0415

    globals().update({one: getattr(_bound, one) for one in _bound.__all__})
    return globals()[name]
