"""The rules of letting calls in once more, from their words and in the simplest way: lists of all that ever happened.

Nothing here is taken from the library but the names of operations and answers. It forgets nothing: it is right while a
clock jumps back by less than a window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from llmkit._operations import (
    FOR_EVER,
    Admit,
    Admitted,
    Candidate,
    Cool,
    Full,
    Health,
    Leave,
    Look,
    Looked,
    Quota,
)

DAY = 86_400_000
MINUTE = 60_000


@dataclass
class Taken:
    """What a call took of one quota, in one bucket."""

    deployment: str
    quota: str
    width: int
    bucket: int
    amount: int


@dataclass
class Timed:
    """What began at a time, and lasts so long."""

    since: int
    lease: int

    def over(self, now: int) -> bool:
        return now >= self.since + self.lease

    def begin_now_at_the_latest(self, now: int) -> None:
        self.since = min(self.since, now)


@dataclass
class Ticket(Timed):
    """A call that is in; at no deployment, one that may not come in."""

    deployment: str | None
    probe: bool = False
    taken: list[Taken] = field(default_factory=list)


@dataclass
class Cooldown(Timed):
    """The latest cooldown of a deployment."""

    strikes: int
    reason: str

    def nothing(self, now: int) -> bool:
        """Whether nobody need know of it any more."""
        return self.over(now) and (not self.strikes or now >= self.since + self.lease + DAY)


class AdmissionModel:
    """What must come of each operation."""

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.cooldowns: dict[str, Cooldown] = {}
        self.taken: list[Taken] = []

    def perform(self, operation: Any, now: int) -> Any:
        """Do it, and say what the answer must be."""
        for name, ticket in [*self.tickets.items()]:
            if ticket.over(now):
                del self.tickets[name]
        return getattr(self, f"_{type(operation).__name__.lower()}")(operation, now)

    # --- looking -----------------------------------------------------------------------------

    def at(self, deployment: str, now: int) -> list[Ticket]:
        """Who is in at a deployment. Whoever looks sees to it that nothing of it begins in the future."""
        found = [one for one in self.tickets.values() if one.deployment == deployment]
        for one in [*found, *self._cooldown(deployment)]:
            one.begin_now_at_the_latest(now)
        return found

    def _cooldown(self, deployment: str) -> list[Cooldown]:
        return [one for name, one in self.cooldowns.items() if name == deployment]

    def cooldown(self, deployment: str, now: int) -> Cooldown | None:
        """What is to be known of a cooldown."""
        known = [one for one in self._cooldown(deployment) if not one.nothing(now)]
        return known[0] if known else None

    def used(self, deployment: str, quota: str, width: int, now: int) -> int:
        """What counts of a quota at a time."""
        return sum(
            one.amount
            for one in self.taken
            if (one.deployment, one.quota, one.width) == (deployment, quota, width)
            and one.bucket >= now // width - 60
        )

    def health(self, deployment: str, quotas: tuple[tuple[str, int], ...], now: int) -> Health:
        """How a deployment is."""
        within = self.at(deployment, now)
        cooldown = self.cooldown(deployment, now)
        used = tuple(self.used(deployment, name, width, now) for name, width in quotas)
        rest = any(one.probe for one in within), len(within), used
        if cooldown is None:
            return Health(deployment, 0, 0, "", *rest)
        until = cooldown.since + cooldown.lease
        return Health(deployment, until, cooldown.strikes, cooldown.reason, *rest)

    def wait(self, candidate: Candidate, now: int) -> int | None:
        """How long to wait; 0 where there is room."""
        within = self.at(candidate.deployment, now)
        cooldown = self.cooldown(candidate.deployment, now)
        if cooldown and not cooldown.over(now):
            return cooldown.since + cooldown.lease - now
        if cooldown and cooldown.strikes and any(one.probe for one in within):
            return None
        if candidate.parallel is not None and len(within) >= candidate.parallel:
            return None
        return max(
            [0, *(self.until(candidate.deployment, one, now) - now for one in candidate.quotas)]
        )

    def until(self, deployment: str, quota: Quota, now: int) -> int:
        """The first moment at which a quota has room, should nobody come before."""
        if quota.amount > quota.limit:
            return now + FOR_EVER
        ends = sorted(
            {(one.bucket + 61) * quota.width for one in self.taken if one.width == quota.width}
        )
        for moment in [now, *(end for end in ends if end > now)]:
            used = self.used(deployment, quota.name, quota.width, moment)
            if used + quota.amount <= quota.limit:
                return moment
        raise AssertionError("a quota never has room")

    # --- doing -------------------------------------------------------------------------------

    def _admit(self, op: Admit, now: int) -> Admitted | Full:
        if (known := self.tickets.get(op.ticket)) is not None:
            for place, candidate in enumerate(op.candidates):
                if candidate.deployment == known.deployment:
                    return Admitted(now, place, known.probe, True)
            return Full(now, tuple(None for _ in op.candidates))
        waits: list[int | None] = []
        for place, candidate in enumerate(op.candidates):
            wait = self.wait(candidate, now)
            if wait == 0:
                return Admitted(now, place, self._let_in(op, candidate, now))
            waits.append(wait)
        return Full(now, tuple(waits))

    def _let_in(self, op: Admit, candidate: Candidate, now: int) -> bool:
        """Whether as a probe."""
        cooldown = self.cooldown(candidate.deployment, now)
        probe = cooldown is not None and cooldown.strikes > 0
        taken = [
            Taken(candidate.deployment, one.name, one.width, now // one.width, one.amount)
            for one in candidate.quotas
        ]
        self.taken += taken
        self.tickets[op.ticket] = Ticket(now, op.lease, candidate.deployment, probe, taken)
        return probe

    def _leave(self, op: Leave, now: int) -> bool:
        known = self.tickets.get(op.ticket)
        if known is None:
            self.tickets[op.ticket] = Ticket(now, MINUTE, None)
            return False
        if known.deployment is None:
            return False
        self.at(known.deployment, now)
        del self.tickets[op.ticket]
        for one in known.taken:
            if one.bucket >= now // one.width - 60:
                one.amount = dict(op.used).get(one.quota, one.amount)
        cooldown = self.cooldown(known.deployment, now)
        if op.worked and cooldown and known.since > cooldown.since:
            del self.cooldowns[known.deployment]
        return True

    def _cool(self, op: Cool, now: int) -> Health:
        self.at(op.deployment, now)
        cooldown = self.cooldown(op.deployment, now)
        if not op.lease and not op.strikes:
            self.cooldowns.pop(op.deployment, None)
        elif cooldown and cooldown.since + cooldown.lease > now + op.lease:
            cooldown.strikes = max(cooldown.strikes, op.strikes)
        else:
            strikes = max(cooldown.strikes if cooldown else 0, op.strikes)
            self.cooldowns[op.deployment] = Cooldown(now, op.lease, strikes, op.reason)
        return self.health(op.deployment, (), now)

    def _look(self, op: Look, now: int) -> Looked:
        return Looked(now, tuple(self.health(one, op.quotas, now) for one in op.deployments))
