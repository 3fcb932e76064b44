"""A model of LiteLLM's router as it is by default, from what its 1.106.2 does (read 2026-11-22); none of its code.

* simple-shuffle: one of those that do not cool down, at random, weighted by rpm.
* Two retries, at once; but none where all cool down: then the call fails with what it has.
* A 429 cools a deployment down for what its ``Retry-After`` says, else 5 s; so do failures of more than half of at
  least five requests in the current minute of the clock. Failed connections count: they come as internal errors.
* Where all cool down, a call that comes fails at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from llmkit.errors import RateLimitError

from .clock import Clock
from .world import Answer, Call, Host, World

__all__ = ["Shuffle"]

_RETRIES: Final = 2
_COOLDOWN: Final = 5.0
_ENOUGH: Final = 5
_HALF: Final = 0.5


class _State:
    """What it knows of a host."""

    __slots__ = ("cooling", "failed", "minute", "worked")

    def __init__(self) -> None:
        self.cooling = 0.0
        self.minute = self.failed = self.worked = 0

    def count(self, now: float, *, worked: bool) -> float:
        """Count an attempt of this minute; the share that failed, where there were enough."""
        if int(now // 60) != self.minute:
            self.minute, self.failed, self.worked = int(now // 60), 0, 0
        self.worked += worked
        self.failed += not worked
        total = self.failed + self.worked
        return self.failed / total if total >= _ENOUGH else 0.0


class Shuffle:
    """The model."""

    def __init__(self, world: World, clock: Clock, seed: int) -> None:
        self._world, self._clock = world, clock
        self._dice = random.Random(seed)
        self._states = {host.name: _State() for host in world.hosts}

    def ask(
        self, call: Call, ended: Callable[[Host | None], None], retries: int = _RETRIES
    ) -> None:
        """A call comes; say how it ended."""
        now = self._clock.now
        well = self._well()
        if not well:
            ended(None)
            return
        host = self._dice.choices(well, [h.rpm for h in well])[0]
        answer = self._world.ask(host, call, now)
        self._clock.at(
            now + answer.seconds, partial(self._done, host, answer, call, ended, retries)
        )

    def _done(
        self,
        host: Host,
        answer: Answer,
        call: Call,
        ended: Callable[[Host | None], None],
        retries: int,
    ) -> None:
        now, state, error = self._clock.now, self._states[host.name], answer.error
        failing = state.count(now, worked=error is None)
        if error is None:
            ended(host)
            return
        if isinstance(error, RateLimitError) or failing > _HALF:
            state.cooling = now + (error.retry_after or _COOLDOWN)
        if not retries or not self._well():
            ended(None)
            return
        # A retry does not wait while anybody is well, and is not made otherwise.
        self._clock.at(now, partial(self.ask, call, ended, retries - 1))

    def _well(self) -> list[Host]:
        now = self._clock.now
        return [host for host in self._world.hosts if self._states[host.name].cooling <= now]
