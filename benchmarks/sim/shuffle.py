"""A model of LiteLLM's router as it is by default, from what its 1.106.2 does (read 2026-11-22); none of its code.

* simple-shuffle: one of those that do not cool down, at random, weighted by rpm.
* Two retries, at once while anybody is well; otherwise after half a second, doubled each time, with jitter.
* A 429 cools a deployment down for what its ``Retry-After`` says, else 5 s; so do failures of more than half of at
  least five requests in the current minute of the clock, but for failed connections, which never do.
* Where all cool down, the attempt fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from llmkit.errors import APIConnectionError, APITimeoutError, RateLimitError

from .clock import Clock
from .world import Answer, Call, Host, World

__all__ = ["Shuffle"]

_RETRIES: Final = 2
_COOLDOWN: Final = 5.0
_ENOUGH: Final = 5


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
        well = [h for h in self._world.hosts if self._states[h.name].cooling <= now]
        if not well:
            self._again(call, ended, retries)
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
        unheeded = isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError)
        if isinstance(error, RateLimitError) or (failing > 0.5 and not unheeded):
            state.cooling = now + (error.retry_after or _COOLDOWN)
        self._again(call, ended, retries)

    def _again(self, call: Call, ended: Callable[[Host | None], None], retries: int) -> None:
        if not retries:
            ended(None)
            return
        now = self._clock.now
        wait = 0.0
        if all(state.cooling > now for state in self._states.values()):
            nth = _RETRIES - retries
            wait = min(8.0, 0.5 * 2**nth) * (1 + 0.75 * self._dice.random())
        self._clock.at(now + wait, partial(self.ask, call, ended, retries - 1))
