"""Faults that the simulator can be told to show, each a small frozen value: `Simulator.fail(Cut(at=120), Status(503))`.

They work on every wire, streamed or not, and are the same every time. `ALL` has one of each kind, by a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ._answers import ContentType, ErrorInside, HTMLPage, Malformed, RateLimited, Status
from ._fault import Fault
from ._junk import Bomb, BreakTLS, Endless, Garbage
from ._transport import (
    CloseEarly,
    Cut,
    DripBody,
    DripHead,
    Length,
    Reset,
    SlowStart,
    Split,
    Stall,
    Unasked,
)

__all__ = [
    "ALL",
    "Bomb",
    "BreakTLS",
    "CloseEarly",
    "ContentType",
    "Cut",
    "DripBody",
    "DripHead",
    "Endless",
    "ErrorInside",
    "Fault",
    "Garbage",
    "HTMLPage",
    "Length",
    "Malformed",
    "RateLimited",
    "Reset",
    "SlowStart",
    "Split",
    "Stall",
    "Status",
    "Unasked",
]

ALL: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "cut": Cut(at=120),
        "cut at the head's end": Cut(at=0),
        "stall": Stall(at=120),
        "stall at the head's end": Stall(at=0),
        "split": Split(size=1),
        "malformed": Malformed(),
        "malformed from the start": Malformed(after=0),
        "malformed sse": Malformed(how="sse"),
        "error inside": ErrorInside(),
        "error inside, later": ErrorInside(status=529, after=2),
        "400": Status(400),
        "408": Status(408),
        "500": Status(500),
        "503": Status(503),
        "529": Status(529),
        "429, retry-after": RateLimited(0.05, "retry-after"),
        "429, retry-after-date": RateLimited(0, "retry-after-date"),
        "429, retry-after-ms": RateLimited(0.05, "retry-after-ms"),
        "429, x-ratelimit-reset": RateLimited(0.05, "x-ratelimit-reset"),
        "429, anthropic-ratelimit-reset": RateLimited(0, "anthropic-ratelimit-reset"),
        "429, epoch": RateLimited(0, "epoch"),
        "429, epoch-ms": RateLimited(0.05, "epoch-ms"),
        "429, body": RateLimited(0.05, "body"),
        "429, none": RateLimited(style="none"),
        "slow start": SlowStart(0.1),
        "drip head": DripHead(),
        "drip body": DripBody(),
        "reset before": Reset("before"),
        "reset during": Reset("during"),
        "reset after": Reset("after"),
        "garbage": Garbage(),
        "garbage body": Garbage("body"),
        "content type": ContentType(),
        "content type html": ContentType("text/html"),
        "html page": HTMLPage(),
        "html page, 200": HTMLPage(200),
        "length too long": Length(7),
        "length too short": Length(-7),
        "unasked": Unasked(),
        "endless": Endless(),
        "endless line": Endless(newline=False),
        "bomb": Bomb(),
        "close early": CloseEarly(),
        "tls reset": BreakTLS("reset"),
        "tls garbage": BreakTLS("garbage"),
        "tls alert": BreakTLS("alert"),
        "tls stall": BreakTLS("stall"),
    }
)
"""One fault of each kind, by a name that suits a test's id; those whose times matter wait little, or for ever.

A `BreakTLS` needs a client that connects with ``https://``.
"""
