"""What a call cost, and the most that one can cost: Decimal end to end, pure.

Reads the catalogue's rates and a usage object; sends nothing, knows no provider by name. An
amount that cannot be worked out is unknown with a reason, never zero. Budgets, holds and
ledgers do not live here.
"""

from __future__ import annotations

from .._cost import Cost, CostLine, Measure, Status, Unbounded, nothing, unknown
from ._actual import cost
from ._bound import MESSAGE_TOKENS, PREAMBLE_TOKENS, TOOL_TOKENS, bound

__all__ = [
    "MESSAGE_TOKENS",
    "PREAMBLE_TOKENS",
    "TOOL_TOKENS",
    "Cost",
    "CostLine",
    "Measure",
    "Status",
    "Unbounded",
    "bound",
    "cost",
    "nothing",
    "unknown",
]
