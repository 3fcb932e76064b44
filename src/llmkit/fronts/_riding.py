"""What an answer holds that a front's format has no field for, as an opaque text that comes back with the next request.

Each format has one place for a text that means something to the provider alone (a signature, encrypted reasoning). What
is packed is the client's own: who changes it changes only what it says itself. Base64, as every place takes it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from .._json import NotJSON, dump, load

__all__ = ["is_packed", "merge", "pack", "riding", "unpack"]

# Nine bytes are twelve characters, whatever follows.
_MARK = b"llmkit.1:"
_START = base64.b64encode(_MARK).decode()
_URLSAFE = str.maketrans("-_", "+/")

_FIELDS = ("thinking_blocks", "provider_specific_fields")
_CALLS = "calls"


def is_packed(value: Any) -> bool:
    """Whether a text is one of ours."""
    return isinstance(value, str) and value.startswith(_START)


def pack(value: Mapping[str, Any]) -> str:
    """A text that stands for these fields."""
    return base64.b64encode(_MARK + dump(value)).decode()


def unpack(packed: Any) -> dict[str, Any] | None:
    """The fields that a text stands for; ``None`` where it is none of ours, or broken."""
    if not is_packed(packed):
        return None
    try:
        raw = base64.b64decode(packed.translate(_URLSAFE), validate=True)
        made = load(raw[len(_MARK) :])
    except (ValueError, NotJSON):
        return None
    return made if isinstance(made, dict) else None


def riding(message: Mapping[str, Any], told: tuple[str, ...] = ()) -> dict[str, Any]:
    """What must ride along with this message; nothing, mostly. ``told``: fields that the format says by itself."""
    made = {name: message[name] for name in _FIELDS if message.get(name) and name not in told}
    signed = {
        str(call.get("id")): call.get("provider_specific_fields")
        for call in message.get("tool_calls") or ()
        if call.get("provider_specific_fields")
    }
    return made | ({_CALLS: signed} if signed else {})


def merge(message: dict[str, Any], packed: Mapping[str, Any]) -> None:
    """Put back what rode along: lists grow, anything else is set."""
    blocks = packed.get("thinking_blocks")
    if isinstance(blocks, list):
        message["thinking_blocks"] = [*message.get("thinking_blocks", ()), *blocks]
    beside = packed.get("provider_specific_fields")
    if isinstance(beside, Mapping):
        message["provider_specific_fields"] = {
            **message.get("provider_specific_fields", {}),
            **beside,
        }
    signed = packed.get(_CALLS)
    for call in message.get("tool_calls", ()) if isinstance(signed, Mapping) else ():
        if isinstance(signed, Mapping) and signed.get(str(call.get("id"))):
            call["provider_specific_fields"] = signed[str(call.get("id"))]
