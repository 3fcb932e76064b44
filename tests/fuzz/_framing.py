"""Events as a wire's stream has them: server-sent, a line each, or in AWS's frames; some broken on the way."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from llmkit._eventstream import encoded

from ._mutate import framed

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from ._traffic import Event

    Framing = Callable[[Sequence[Event], random.Random | None], bytes]

__all__ = ["FRAMINGS", "frames", "framing_of", "invoked", "lines", "sent"]

_ODD: tuple[dict[str, str | int | bytes | bool], ...] = (
    {},
    {":message-type": "event"},
    {":message-type": 7},
    {":message-type": "error", ":error-code": "x", ":error-message": "y"},
    {":message-type": "exception", ":exception-type": "throttlingException"},
    {":event-type": "chunk", ":message-type": b"event"},
    {"a": True, "": -1, "b": 1 << 40},
)


def sent(events: Sequence[Event], chance: random.Random | None = None) -> bytes:
    """Server-sent events."""
    if chance is not None:
        return framed(events, chance)
    return b"".join(
        (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()
        for name, data in events
    )


def lines(events: Sequence[Event], chance: random.Random | None = None) -> bytes:
    """JSON, a line each; the last one may lack its end, and some are empty."""
    end = "\n" if chance is None else chance.choice(("\n", "\n", "\r\n"))
    said = [data for _, data in events]
    if chance is not None and chance.randrange(4) == 0:
        said.insert(chance.randrange(len(said) + 1), chance.choice(("", " ", "data: {}", "[DONE]")))
    text = end.join([*said, ""])
    text = text.rstrip() if chance is not None and chance.randrange(4) == 0 else text
    return text.encode("utf-8", "surrogatepass")


def frames(events: Sequence[Event], chance: random.Random | None = None) -> bytes:
    """AWS's frames, each under its event's name; what is named an exception is one."""
    made = [_frame(name, data.encode("utf-8", "surrogatepass"), chance) for name, data in events]
    return _spoiled(b"".join(made), chance)


def invoked(events: Sequence[Event], chance: random.Random | None = None) -> bytes:
    """A maker's events, each in a frame's JSON as base64."""
    made = []
    for name, data in events:
        inside = base64.b64encode(data.encode("utf-8", "surrogatepass")).decode()
        told = data if name.endswith("Exception") else json.dumps({"bytes": inside, "p": "abc"})
        made.append(_frame(name if name.endswith("Exception") else "chunk", told.encode(), chance))
    return _spoiled(b"".join(made), chance)


def _frame(name: str, data: bytes, chance: random.Random | None) -> bytes:
    if chance is not None and chance.randrange(12) == 0:
        return encoded(chance.choice(_ODD), data)
    kind = "exception" if name.endswith("Exception") else "event"
    return encoded({f":{kind}-type": name, ":message-type": kind}, data)


def _spoiled(data: bytes, chance: random.Random | None) -> bytes:
    """Now and then a bit is wrong, or the end is missing."""
    if chance is None or not data or chance.randrange(4):
        return data
    at = chance.randrange(len(data))
    if chance.randrange(2):
        return data[:at]
    return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]


FRAMINGS: dict[str, Framing] = {
    "ollama_chat": lines,
    "cohere_chat_v1": lines,
    "bedrock_converse": frames,
    "invoked_anthropic": invoked,
    "invoked_lines": invoked,
    "invoked_converse": invoked,
    "sagemaker": lambda events, chance: frames([("", sent(events, chance).decode())], chance),
}
"""How a wire's events come, where it is not as server-sent events."""


def framing_of(wire: str) -> Framing:
    """How a wire's events come."""
    return FRAMINGS.get(wire, sent)
