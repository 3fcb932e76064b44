"""The formats that chats are asked in beside chat's own, each loaded when somebody first asks in it.

With a front come the wires that it has its words from; most gateways are asked in one format or two.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ...fronts import generate_content, messages, responses

__all__ = ["generate_content", "messages", "responses"]

_FRONTS: Final = f"{__package__.partition('.')[0]}.fronts"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = import_module(f"{_FRONTS}.{name}")
    return found
