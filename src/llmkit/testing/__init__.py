"""Testing with llmkit: a simulator of providers, scripts, cassettes, faults, a frozen clock, a guard for the network.

No library but those that llmkit has anyway. Nothing in the rest of the package depends on this one at import time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._late_names import late_names
from . import faults
from ._clock import FrozenClock
from ._network import LOOPBACK, NetworkBlockedError, no_network
from ._simulator import ReceivedRequest, Simulator

if TYPE_CHECKING:
    from . import lago_faults
    from ._cassette import cassette, record, replay
    from ._lago import FakeLago, LagoRequest
    from ._script import Cut, Raw, ToolUse
    from ._scripted import Script, ScriptedCall, ScriptExhaustedError, SentRequest, scripted

__all__ = [
    "LOOPBACK",
    "Cut",
    "FakeLago",
    "FrozenClock",
    "LagoRequest",
    "NetworkBlockedError",
    "Raw",
    "ReceivedRequest",
    "Script",
    "ScriptExhaustedError",
    "ScriptedCall",
    "SentRequest",
    "Simulator",
    "ToolUse",
    "cassette",
    "faults",
    "lago_faults",
    "no_network",
    "record",
    "replay",
    "scripted",
]

# What needs the rest of llmkit, and with it an HTTP library, is loaded when it is used.
_SCRIPTED = ("Script", "ScriptExhaustedError", "ScriptedCall", "SentRequest", "scripted")
_HOMES = {
    **dict.fromkeys(_SCRIPTED, "._scripted"),
    **dict.fromkeys(("Cut", "Raw", "ToolUse"), "._script"),
    **dict.fromkeys(("FakeLago", "LagoRequest"), "._lago"),
    **dict.fromkeys(("cassette", "record", "replay"), "._cassette"),
    "lago_faults": ".lago_faults",
}

__getattr__, __dir__ = late_names(globals(), _HOMES)
