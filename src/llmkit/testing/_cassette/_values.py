"""What a cassette holds: exchanges as values. No I/O and no opinion on what may be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._call import Sent

__all__ = ["Exchange", "Failure", "Form", "Request", "Response"]

Form = Mapping[str, Any]
"""A body by its meaning: one member, whose name says the kind. None at all for no body."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. Header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Form = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered: the body in the pieces in which it came, decompressed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """What a transport raised: its class by name, its words, and what it had sent by then."""

    kind: str
    message: str = ""
    sent: Sent = "no"
    cause: str = ""
    """The words of what caused it, where they say more."""
    limit: str = ""
    """The limit that ran out, for a timeout."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came of it: a response, a failure, or a response that a failure ended."""

    request: Request
    response: Response | None = None
    failure: Failure | None = None
    left: bool = False
    """Whether the reader left before the end: what would have followed is not known."""
    seconds: Sequence[float] = ()
    """How long was waited: for the head, for each piece, and for the failure."""
    every_header: bool = True
    """Whether all headers that matter were recorded, so that one which is not there was not sent."""
