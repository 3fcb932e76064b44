"""What a fault is to the simulator: a change to the answer, to its message, or to the steps that send it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from .._sending import Message, Step, Turn, composed, sent
from .._wires import Reply

__all__ = ["Fault", "at_least", "one_of", "wire_bytes"]


class Fault:
    """Something that goes wrong with one answer; see `llmkit.testing.faults` for those there are.

    Each overrides the first of these three that is of use to it; the simulator asks for `steps`.
    """

    __slots__ = ()

    def reply(self, turn: Turn) -> Reply:
        """The answer in place of the wire's own."""
        return turn.reply

    def as_http(self, turn: Turn) -> Message:
        """The answer as HTTP."""
        return composed(replaced(turn, self.reply(turn)))

    def steps(self, turn: Turn) -> Iterator[Step]:
        """What is done with the connection."""
        return sent(self.as_http(turn))


def replaced(turn: Turn, reply: Reply) -> Turn:
    """*turn* with another answer."""
    return Turn(reply, turn.wire, turn.number, turn.now, turn.chunks, turn.last)


def wire_bytes(message: Message) -> bytes:
    """All bytes behind the head."""
    return b"".join(message.body())


def at_least(least: float, **values: float) -> None:
    """Raise `ValueError` for a value that is too small."""
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value!r}")


def one_of(options: Collection[str], **values: Any) -> None:
    """Raise `ValueError` for a value that is none of *options*."""
    for name, value in values.items():
        if value not in options:
            raise ValueError(f"{name} must be one of {', '.join(options)}, not {value!r}")
