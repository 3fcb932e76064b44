"""What is done after an attempt: its place given back, what it has shown of its deployment, whom to tell.

With a store, what it has to know is given to who can perform it; without, admission is told here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..._operations import Cool, Leave
from ...events import DeploymentCooledDown, DeploymentRecovered
from . import health
from .failing import may_be_done
from .quotas import used
from .steps import NOTHING_MORE, After, Go

if TYPE_CHECKING:
    from .member import Member
    from .table import Table

__all__ = ["Used", "cooled", "failed", "left", "opened", "recovered", "worked"]

_NO_TOKENS: Final = (("tpm", 0), ("tpd", 0), ("itpm", 0), ("otpm", 0))
_TICKETS: Final = 60.0
"""Seconds for which every ticket is sure to be known to the store."""


class Used(NamedTuple):
    """What an answer came to: seconds, those to its first chunk, tokens of prompt and answer, as far as is known."""

    seconds: float
    first_chunk: float | None
    prompt: int | None
    answer: int | None


def failed(table: Table, go: Go, what: health.Failure, now: float) -> After:
    """It has failed: cool down first, then give the place back, or another gets in between."""
    member = go.member
    with table.lock:
        member.leave(go.number)
        struck = health.failed(member, table.keys_of(member), what, table.settings, now)
        after = cooled(table, struck, now)
        # What was refused used no tokens; what nobody knows of may have.
        none = () if may_be_done(what.error) else _NO_TOKENS
        leave = _leave(table, go, Leave(go.ticket, none, False), now)
        return After((*after.operations, *leave), after.events)


def worked(table: Table, go: Go, what: Used, now: float) -> After:
    """It has answered."""
    member = go.member
    with table.lock:
        member.leave(go.number)
        if what.first_chunk is not None:
            member.took(what.first_chunk, now, first=True)
        if what.answer:
            member.took(what.seconds * 100 / what.answer, now)
        elif what.answer is None:
            member.took(what.seconds, now)
        events = _well(table, go)
        leave: tuple[Leave, ...] = ()
        if go.ticket:
            op = Leave(go.ticket, used(what.prompt, what.answer), True)
            leave = _leave(table, go, op, now)
        if not events:
            return After(leave) if leave else NOTHING_MORE
        ticket = go.shared and now - go.began < _TICKETS
        told = _ended(table, events, go.member if ticket else None)
        return After((*told, *leave), [each for _, each in events])


def opened(table: Table, go: Go, seconds: float, now: float) -> After:
    """It has begun to answer: that is enough to know that it is well."""
    if not go.member.strikes and not go.member.host.strikes:
        return NOTHING_MORE
    with table.lock:
        events = _well(table, go)
        # Its ticket says so at its end only, and until then all others would take it for a probe.
        return After(_ended(table, events), [each for _, each in events])


def left(table: Table, go: Go, now: float) -> After:
    """Somebody gave it up. Whoever calls has the lock."""
    go.member.leave(go.number)
    return After(_leave(table, go, Leave(go.ticket), now))


def _leave(table: Table, go: Go, op: Leave, now: float) -> tuple[Leave, ...]:
    if not go.ticket:
        return ()
    if go.shared:
        return (op,)
    table.admission.perform(op, int(now * 1000))
    return ()


def _well(table: Table, go: Go) -> list[tuple[Member, Any]]:
    member = go.member
    if member.prober == go.number:
        member.prober, member.probing = 0, 0.0
    well = health.worked(member, member.host.keys or (member,), go.began)
    if not well:
        return []
    return [(one, DeploymentRecovered(one.id, one.deployment.group)) for one in well]


def _ended(
    table: Table, well: Iterable[tuple[Member, Any]], ticket: Member | None = None
) -> tuple[Cool, ...]:
    """Tell the store of those who are well again, but for the one whose ticket says so."""
    if not table.shared:
        return ()
    told = ticket if ticket is not None and ticket.place == ticket.id else None
    return tuple([Cool(one.id, 0, "", 0) for one, _ in well if one is not told])


def cooled(table: Table, members: Iterable[Member], now: float) -> After:
    """Tell of members that are let be since just now."""
    events, operations = [], []
    for one in members:
        seconds = one.cooling - now
        group = one.deployment.group
        events.append(DeploymentCooledDown(one.id, group, seconds, one.reason, one.strikes))
        if table.shared:
            operations.append(Cool(one.id, int(seconds * 1000), one.reason, one.strikes))
    return After(operations, events)


def recovered(table: Table, members: Iterable[Member]) -> After:
    """Forget that they cooled down, because somebody says so. Whoever calls has the lock."""
    known = [one for one in members if one.strikes]
    for one in known:
        health.recover(one)
    events = [DeploymentRecovered(one.id, one.deployment.group) for one in known]
    operations = [Cool(one.id, 0, "", 0) for one in known] if table.shared else []
    return After(operations, events)
