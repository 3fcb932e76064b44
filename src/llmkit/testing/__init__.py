"""Testing with llmkit: a simulator of providers, scripts, cassettes, faults, a frozen clock, a guard for the network.

No library but those that llmkit has anyway. Nothing in the rest of the package depends on this one at import time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
    **dict.fromkeys(_SCRIPTED, "_scripted"),
    **dict.fromkeys(("Cut", "Raw", "ToolUse"), "_script"),
    **dict.fromkeys(("FakeLago", "LagoRequest"), "_lago"),
    **dict.fromkeys(("cassette", "record", "replay"), "_cassette"),
}


def __getattr__(name: str) -> Any:
    if name == "lago_faults":
        return importlib.import_module(".lago_faults", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
