"""Testing with llmkit: a loopback simulator that speaks a provider's wire and costs nothing.

Standard library only. Nothing in the rest of the package depends on this one at import time.
"""

from __future__ import annotations

from . import faults
from ._simulator import ReceivedRequest, Simulator

__all__ = ["ReceivedRequest", "Simulator", "faults"]
