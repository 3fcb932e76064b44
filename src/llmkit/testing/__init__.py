"""Testing with llmkit: a loopback simulator that speaks a provider's wire, and cassettes of real exchanges.

No library but those that llmkit has anyway. Nothing in the rest of the package depends on this one at import time.
"""

from __future__ import annotations

from ._cassette import cassette, record, replay
from ._simulator import ReceivedRequest, Simulator

__all__ = ["ReceivedRequest", "Simulator", "cassette", "record", "replay"]
