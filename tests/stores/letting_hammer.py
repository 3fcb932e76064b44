"""A worker of the router's hammer: tasks that come, leave, forget to leave, cool down and look, until they are killed.

Run as ``python letting_hammer.py SPEC`` (JSON). It writes what it was told to a log, as ``hammer.py`` does.
"""

from __future__ import annotations

import random
import time
from typing import Any

from hammer import Steps, Worker, work

from llmkit._operations import Admit, Admitted, Candidate, Cool, Leave, Look, Quota


class Caller(Worker):
    """Comes to a deployment with limits, or to one that cools down now and then."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.rules = spec["rules"]

    def task(self, name: str) -> Steps:
        """One thing after another; nobody is told twice who had said it first."""
        dice = random.Random(name)
        for number in range(10**9):
            if self.stop.exists():
                return
            fate, ticket = dice.random(), f"{name}.{number}"
            if fate < 0.7:
                yield from self.call(ticket, self.hot(dice), dice)
            elif fate < 0.96:
                yield from self.call(ticket, Candidate("cold"), dice)
            elif fate < 0.97:
                yield from self.cool(ticket, dice)
            else:
                yield from self.look()

    def hot(self, dice: random.Random) -> Candidate:
        """What has limits; a call takes a few of its tokens."""
        width, tokens = self.rules["width"], dice.randint(1, 9)
        quotas = (
            Quota("rpm", width, self.rules["rpm"], 1),
            Quota("tpm", width, self.rules["tpm"], tokens),
        )
        return Candidate("hot", quotas, self.rules["parallel"])

    def call(self, ticket: str, asked: Candidate, dice: random.Random) -> Steps:
        """One call and what becomes of it."""
        admit = Admit(ticket, (asked,), self.lease)
        self.say("ask", ticket)
        answer = yield admit
        if not isinstance(answer, Admitted):
            self.say("refused", ticket, asked.deployment)
            yield dice.choice((0.001, 0.01, 0.03))
            return
        taken = asked.quotas[1].amount if asked.quotas else 0
        self.say("granted", ticket, asked.deployment, answer.now, taken, int(answer.probe))
        if dice.random() < 0.1:
            again = yield admit
            if (
                isinstance(again, Admitted)
                and not again.again
                and again.now < answer.now + self.lease
            ):
                self.say("WRONG", f"{ticket} was let in twice: {again!r}")
        yield 0.0 if dice.random() < 0.8 else dice.choice((0.005, 0.02, self.lease / 1000 * 1.5))
        yield from self.leave(ticket, taken, dice)

    def leave(self, ticket: str, taken: int, dice: random.Random) -> Steps:
        """With less than was taken; sometimes twice, sometimes never."""
        if dice.random() < 0.05:
            self.say("forgotten", ticket)
            return
        used = dice.randint(0, taken)
        self.say("leaving", ticket, int(time.time() * 1000), used)
        leave = Leave(ticket, (("tpm", used),), dice.choice((True, False, None)))
        yield leave
        if dice.random() < 0.1:
            again = yield leave
            if again:
                self.say("WRONG", f"{ticket} left twice")

    def cool(self, reason: str, dice: random.Random) -> Steps:
        """For a while; a longer cooldown stays, and is somebody else's."""
        lease = dice.choice((20, 60, 150))
        found = yield Cool("cold", lease, reason, dice.randint(1, 3))
        if found.reason == reason:
            told = int(time.time() * 1000)
            self.say("cooled", reason, found.until - lease, found.until, told)

    def look(self) -> Steps:
        """Until when the one cools."""
        found = yield Look(("cold",))
        self.say("looked", found.now, found.health[0].until)
        yield 0.01


if __name__ == "__main__":
    work(Caller)
