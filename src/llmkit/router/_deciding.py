"""A router as what decides: who would be asked, how deployments are, and what others have seen of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from typing_extensions import Unpack

from .._control.routing import checked
from .._control.routing.decision import Decision
from .._control.routing.groups import Group
from .._control.routing.member import Member
from .._control.routing.steps import After
from .._flow import Flow, notify
from .._left import perform_late, settle_left
from .._operations import Look
from ..errors import ConfigurationError, RouterUnavailableError
from ..types.params import ChatParams
from ._routing import Routing

__all__ = ["Deciding", "DeploymentState"]


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """How a deployment is, under one of its keys, as far as this process knows. Times are seconds.

    ``state``: ``well``; ``cooling`` for ``cooling_for`` more; ``to be probed``: the next call finds out whether it is
    well again; ``probing``: one is doing so. ``latency``: of an answer, for each 100 tokens of it where they are told;
    ``first_chunk``: of a stream. ``failing``: the share of the latest calls that failed.
    """

    id: str
    deployment: str
    group: str
    model: str
    provider: str
    state: Literal["well", "cooling", "to be probed", "probing"]
    running: int
    cooling_for: float = 0.0
    reason: str = ""
    strikes: int = 0
    failures: int = 0
    failing: float = 0.0
    latency: float | None = None
    first_chunk: float | None = None
    used: Mapping[str, int] | None = None


class Deciding(Routing):
    """What a router says of itself, and is told."""

    _manages: ClassVar[bool] = True

    def route(
        self, model: str, messages: Sequence[Any] | None = None, **params: Unpack[ChatParams]
    ) -> Decision:
        """Who would be asked now, why, and why not the others. Nothing is sent, and no place is taken.

        Args:
            model: a group, an alias, or a deployment's id.
            messages: the conversation, where it matters: too long a prompt is not everybody's.
            **params: as of ``completion``.

        Raises:
            UnknownModelError: there is no such group.
            NoDeploymentError: nobody can take the call, whenever it is asked.
            RouterRateLimitError: nobody is free in time.
        """
        return self._decision(model, {"messages": messages or ()}, params)

    def deployments(self, group: str | None = None) -> tuple[DeploymentState, ...]:
        """How each deployment is, one row for each of its keys, in the order in which they were declared.

        The store is asked, where there is one, and waited for; if it cannot be reached, it is as this process knows it.

        Raises:
            UnknownModelError: there is no such group.
        """
        settle_left()
        table = self._table
        groups = table.groups.values() if group is None else (table.find(group),)
        perform_late(self, self._looked(groups))
        members = table.members if group is None else table.find(group).members
        now = self._clock.now()
        return tuple(self._state(member, now) for member in members)

    def _looked(self, groups: Iterable[Group]) -> Flow[None]:
        """See how these are."""
        table, shared = self._table, self._shared
        for group in groups:
            op = Look(group.ids, group.counted)
            if shared is None or table.lost:
                table.look(group, op, self._clock.now())
                continue
            with contextlib.suppress(RouterUnavailableError):
                if (told := (yield from shared.ask(op))) is not None:
                    table.take(group, told, self._clock.now())

    def _state(self, member: Member, now: float) -> DeploymentState:
        cooling = member.cooling > now
        return DeploymentState(
            id=member.id,
            deployment=member.place,
            group=member.deployment.group,
            model=member.deployment.model,
            provider=self._legs.named(member)[0],
            state=_state(member, now),
            running=member.running,
            cooling_for=member.cooling - now if cooling else 0.0,
            reason=member.reason if member.strikes else "",
            strikes=member.strikes,
            failures=member.failures,
            failing=member.failing,
            latency=member.latency,
            first_chunk=member.first_chunk,
            used=dict(member.used),
        )

    def mark_failure(self, deployment: str, error: Exception) -> None:
        """Count a failure of a deployment (or of one of its keys) that happened elsewhere, as if a call had had it.

        Raises:
            ConfigurationError: there is no such deployment, or the failure is no exception.
        """
        if not isinstance(error, Exception):
            raise ConfigurationError(
                f"a failure is an exception, such as RateLimitError(…), not {type(error).__name__}"
            )
        self._heard_of(self._table.mark_failure(deployment, error, self._clock.now()))

    def mark_success(self, deployment: str) -> None:
        """Say that a deployment is well: a cooldown ends, and failures are forgotten.

        Raises:
            ConfigurationError: there is no such deployment.
        """
        self._heard_of(self._table.mark_success(deployment))

    def cooldown_deployment(
        self, deployment: str, seconds: float | None = None, reason: str = "somebody said so"
    ) -> None:
        """Let a deployment be, by default for the router's ``cooldown_time``.

        Raises:
            ConfigurationError: there is no such deployment, or ``seconds`` are no number of 0 or more.
        """
        usual = self._table.settings.cooldown_time
        lasting = usual if seconds is None else checked.seconds(seconds, "seconds")
        self._heard_of(self._table.cool(deployment, lasting, self._clock.now(), reason))

    def _heard_of(self, after: After) -> None:
        """Tell the store, and whoever listens."""
        perform_late(self, self._telling(after))
        self._line.wake()

    def _telling(self, after: After) -> Flow[None]:
        for operation in after.operations if self._shared is not None else ():
            yield from self._shared.told(operation)  # type: ignore[union-attr]
        for event in after.events:
            yield from notify(event)


def _state(member: Member, now: float) -> Any:
    if member.cooling > now:
        return "cooling"
    if not member.strikes:
        return "well"
    return "probing" if member.probing > now else "to be probed"
