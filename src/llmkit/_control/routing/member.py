"""``Member``: one deployment under one of its keys, with what this process knows of how it does.

Times are seconds of the router's own clock, which only goes forward; ``inf`` is never. Plain values: what they mean is
decided in ``health``, who is chosen by them in ``strategies``.
"""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any, Final

from .deployment import Deployment

__all__ = ["Member"]

_WEIGHT: Final = 0.2


class Member:
    """What may be chosen. Mutable, and only ever changed under its router's lock."""

    __slots__ = (
        "cooling",
        "deployment",
        "elsewhere",
        "failing",
        "failures",
        "first_chunk",
        "host",
        "id",
        "info",
        "inside",
        "key",
        "latency",
        "measured",
        "place",
        "price",
        "prober",
        "probing",
        "reason",
        "recent",
        "running",
        "since",
        "strikes",
        "used",
    )

    def __init__(self, deployment: Deployment, key: Any = None, number: int | None = None) -> None:
        self.deployment = deployment
        self.key = key
        """The key it goes out with; ``None`` is what the call finds by itself."""
        self.id = deployment.id if number is None else f"{deployment.id}#{number}"
        """Where the deployment has several keys, they are ``id#0``, ``id#1``, …; its limits are those of ``id``."""
        self.host: Member = self
        """The member that stands for the deployment as a whole: one host's failure is all its keys' failure."""
        self.place = deployment.id
        """Whose limits it is under: those of a deployment hold for all its keys together."""
        self.info: Any = None
        """The catalogue's ``ModelInfo``; ``None`` where it lists none."""
        self.price: tuple[Decimal, Decimal] | None = None
        """USD for a token of the prompt and of the answer; ``None`` where that is not known."""
        self.inside: set[int] = set()
        """Attempts of this process on their way, by their numbers."""
        self.elsewhere = 0
        """Those of others, as of a store's last word."""
        self.running = 0
        """Calls on their way: of this process, or, with a store, of all as of its last word."""
        self.used: dict[str, int] = {}
        """What was taken of each quota in its window, as of the last word."""
        self._unknown()

    def _unknown(self) -> None:
        """Nothing is known yet of how it does."""
        self.latency: float | None = None
        """Seconds of a whole answer (for each 100 tokens of it where they are told): a moving mean."""
        self.first_chunk: float | None = None
        """Seconds until a stream's first chunk: a moving mean."""
        self.measured = 0.0
        """When it was measured last."""
        self.cooling = 0.0
        """Until when it is let be; after that, while ``strikes`` are left, one call at a time is a probe."""
        self.strikes = 0
        """Cooldowns in a row without an answer between them."""
        self.since = -inf
        """When the latest cooldown began: what began before says nothing of how it does now."""
        self.reason = ""
        self.probing = 0.0
        """Until when a probe may be out; in the past, none is."""
        self.prober = 0
        """The number of the attempt that is it."""
        self.failures = 0
        """Failures in a row."""
        self.failing = 0.0
        """The share of calls that failed: a moving mean."""
        self.recent = 0
        """Calls that ``failing`` is the mean of."""

    def enter(self, number: int) -> None:
        """An attempt is on its way. Done again, or not to its end, it is the same: interrupts come in between."""
        self.inside.add(number)
        self.running = self.elsewhere + len(self.inside)

    def leave(self, number: int) -> None:
        """An attempt is over, as ``enter``; a probe ends with it."""
        self.inside.discard(number)
        self.running = self.elsewhere + len(self.inside)
        if self.prober == number:
            self.prober, self.probing = 0, 0.0

    def took(self, seconds: float, now: float, *, first: bool = False) -> None:
        """It answered after so many seconds."""
        self.measured = now
        name = "first_chunk" if first else "latency"
        before: float | None = getattr(self, name)
        setattr(self, name, seconds if before is None else before + _WEIGHT * (seconds - before))
