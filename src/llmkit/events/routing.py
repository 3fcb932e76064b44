"""What routers tell: which deployment answers, and why; which are let be; whether their shared state can be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

__all__ = [
    "Continued",
    "DeploymentCooledDown",
    "DeploymentRecovered",
    "Hedged",
    "Queued",
    "Rerouted",
    "StateReached",
    "StateUnreachable",
]


@dataclass(frozen=True, slots=True)
class Rerouted:
    """Another deployment of the group is tried at once; ``error`` is what the last one failed with."""

    call_id: str
    group: str
    deployment: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Queued:
    """No deployment of the group is free: the call waits, ``seconds`` at most before it looks again."""

    call_id: str
    group: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Hedged:
    """A second deployment is asked beside the first, which has not answered for ``after`` seconds."""

    call_id: str
    deployment: str
    after: float


@dataclass(frozen=True, slots=True)
class Continued:
    """A stream broke, and another deployment writes on; ``error`` is what it broke with."""

    call_id: str
    deployment: str
    error: Exception


@dataclass(frozen=True, slots=True)
class DeploymentCooledDown:
    """A deployment is let be for ``seconds``, ``strikes`` times in a row by now; ``reason``: what it failed with."""

    deployment: str
    group: str
    seconds: float
    reason: str
    strikes: int


@dataclass(frozen=True, slots=True)
class DeploymentRecovered:
    """A deployment that had been cooling down has answered."""

    deployment: str
    group: str


@dataclass(frozen=True, slots=True)
class StateUnreachable:
    """A router's store cannot be reached: no call goes out, or, if ``local``, this process keeps to its share."""

    store: str
    error: Exception
    local: bool
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        so = "this process keeps to its share of each limit" if self.local else "calls are refused"
        return f"the router's store is unreachable, {so} until it is back: {self.error}"


@dataclass(frozen=True, slots=True)
class StateReached:
    """A router's store is there again, after ``seconds``."""

    store: str
    seconds: float
