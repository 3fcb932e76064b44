"""Testing with llmkit: a loopback simulator that speaks a provider's wire and costs nothing, and the rest of the kit.

Standard library only. Nothing in the rest of the package depends on this one at import time.
"""

from __future__ import annotations

from ._clock import FrozenClock
from ._network import LOOPBACK, NetworkBlockedError, no_network
from ._simulator import ReceivedRequest, Simulator

__all__ = [
    "LOOPBACK",
    "FrozenClock",
    "NetworkBlockedError",
    "ReceivedRequest",
    "Simulator",
    "no_network",
]
