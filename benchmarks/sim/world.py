"""The world: a hundred deployments, what befalls them when, and what each makes of a request.

All is decided by the seed and by virtual time; nothing waits.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from llmkit.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    RateLimitError,
    ServiceUnavailableError,
)

__all__ = ["DEPLOYMENTS", "PHASES", "Answer", "Call", "Host", "Phase", "World", "calls"]

DEPLOYMENTS: Final = 100
TIMEOUT: Final = 20.0
"""Seconds until a request is given up that nobody answers."""
REFUSED: Final = 0.02
"""Seconds until a connection is refused, or an error comes back."""
Kind = Literal["down", "hangs", "brown-out", "slow", "limited"]


class Phase(NamedTuple):
    """From ``start`` to ``end``, as shares of the whole time, the hosts from ``first`` to ``last`` suffer ``kind``."""

    name: str
    kind: Kind
    start: float
    end: float
    first: int
    last: int


PHASES: Final = (
    Phase("30 of 100 refuse connections", "down", 0.08, 0.15, 0, 30),
    Phase("10 hang until the timeout", "hangs", 0.20, 0.25, 40, 50),
    Phase("brown-out: 20 fail 40 % of requests", "brown-out", 0.30, 0.38, 60, 80),
    Phase("10 are eight times as slow", "slow", 0.43, 0.52, 10, 20),
    Phase("20 take a fifth of what they say", "limited", 0.57, 0.66, 30, 50),
    Phase("60 of 100 refuse connections", "down", 0.71, 0.80, 20, 80),
    Phase("nobody answers for 15 s", "down", 0.90, 0.0, 0, DEPLOYMENTS),
)
BLACKOUT: Final = 15.0


class Call(NamedTuple):
    """A call: when it comes, tokens of its prompt and of its answer."""

    number: int
    at: float
    prompt: int
    answer: int


class Answer(NamedTuple):
    """What a host makes of a request: after so many seconds, an error or none."""

    seconds: float
    error: APIError | None


@dataclass(slots=True)
class Host:
    """One deployment as it really is."""

    name: str
    seconds: float
    """Median of an answer of 200 tokens."""
    rpm: int
    price: float
    """USD for a million tokens."""
    faults: list[tuple[float, float, Kind]] = field(default_factory=list)
    taken: deque[float] = field(default_factory=deque)
    """When it took the requests of the last minute."""
    answered: int = 0
    asked: int = 0

    def fault(self, now: float) -> Kind | None:
        """What it suffers."""
        return next((kind for start, end, kind in self.faults if start <= now < end), None)

    def room(self, now: float, fault: Kind | None) -> bool:
        """Whether it takes one more this minute."""
        while self.taken and self.taken[0] <= now - 60:
            self.taken.popleft()
        return len(self.taken) < (self.rpm // 5 if fault == "limited" else self.rpm)


_UNWELL: Final[Mapping[Kind, type[APIError]]] = MappingProxyType(
    {
        "down": APIConnectionError,
        "hangs": APITimeoutError,
        "brown-out": ServiceUnavailableError,
    }
)


class World:
    """Hosts, and the dice of what happens at them."""

    def __init__(self, seed: int, span: float) -> None:
        self.dice = random.Random(seed)
        self.span = span
        self.hosts = [self._host(n) for n in range(DEPLOYMENTS)]
        for phase in PHASES:
            start = phase.start * span
            end = phase.end * span or start + BLACKOUT
            for host in self.hosts[phase.first : phase.last]:
                host.faults.append((start, end, phase.kind))

    def _host(self, number: int) -> Host:
        seconds = self.dice.uniform(0.5, 2.0)
        rpm = 20 * round(self.dice.uniform(20, 40))
        return Host(f"d{number:02}", seconds, rpm, round(self.dice.uniform(0.5, 2.0), 2))

    def ask(self, host: Host, call: Call, now: float) -> Answer:
        """Send a request."""
        host.asked += 1
        fault = host.fault(now)
        if fault in {"down", "hangs"} or (fault == "brown-out" and self.dice.random() < 0.4):
            return _failed(fault, host)
        if not host.room(now, fault):
            wait = math.ceil(host.taken[0] + 60 - now) if host.taken else 60
            error = RateLimitError("too many requests", retry_after=float(wait), sent="yes")
            return Answer(REFUSED, error)
        host.taken.append(now)
        host.answered += 1
        slow = 8.0 if fault == "slow" else 1.0
        jitter = self.dice.lognormvariate(0.0, 0.35)
        return Answer(host.seconds * slow * jitter * (0.3 + 0.7 * call.answer / 200), None)

    def capacity(self, now: float) -> bool:
        """Whether any host would answer for certain."""
        for host in self.hosts:
            fault = host.fault(now)
            if fault in {None, "slow", "limited"} and host.room(now, fault):
                return True
        return False


def _failed(kind: Kind | None, host: Host) -> Answer:
    assert kind is not None  # noqa: S101 - whoever calls has looked
    error = _UNWELL[kind](f"{host.name}: {kind}", sent="no" if kind == "down" else "yes")
    return Answer(TIMEOUT if kind == "hangs" else REFUSED, error)


def calls(seed: int, count: int, rate: float) -> Iterable[Call]:
    """``count`` calls, ``rate`` a second, at random."""
    dice = random.Random(seed)
    now = 0.0
    for number in range(count):
        now += dice.expovariate(rate)
        prompt = int(dice.lognormvariate(6.0, 0.6))
        yield Call(number, now, prompt, 20 + int(dice.expovariate(1 / 180)))


def spread(hosts: Sequence[Host]) -> float:
    """How evenly requests were spread, by capacity: the standard deviation of the hosts' loads over their mean."""
    loads = [host.answered / host.rpm for host in hosts]
    mean = sum(loads) / len(loads)
    return math.sqrt(sum((load - mean) ** 2 for load in loads) / len(loads)) / mean
