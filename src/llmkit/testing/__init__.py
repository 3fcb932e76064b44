"""Testing with llmkit: a loopback simulator that speaks a provider's wire and costs nothing, and the rest of the kit.

Standard library only. Nothing in the rest of the package depends on this one at import time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import faults
from ._clock import FrozenClock
from ._network import LOOPBACK, NetworkBlockedError, no_network
from ._simulator import ReceivedRequest, Simulator

if TYPE_CHECKING:
    from ._script import Cut, ToolUse
    from ._scripted import Script, ScriptedCall, ScriptExhaustedError, SentRequest, scripted

__all__ = [
    "LOOPBACK",
    "Cut",
    "FrozenClock",
    "NetworkBlockedError",
    "ReceivedRequest",
    "Script",
    "ScriptExhaustedError",
    "ScriptedCall",
    "SentRequest",
    "Simulator",
    "ToolUse",
    "faults",
    "no_network",
    "scripted",
]

# What needs the rest of llmkit, and with it an HTTP library, is loaded when it is used.
_SCRIPTED = ("Script", "ScriptExhaustedError", "ScriptedCall", "SentRequest", "scripted")
_HOMES = {**dict.fromkeys(_SCRIPTED, "_scripted"), "Cut": "_script", "ToolUse": "_script"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
