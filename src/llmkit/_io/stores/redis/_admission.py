"""What routers ask for in Redis' form: letting calls in at deployments, and how those are. Generators of commands.

The scripts (``lua/router/``) keep the rules of ``_control.admission``. None of it is money, and all of it may be lost:
it is asked over connections of its own, and of any server, whatever that promises to keep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ...._operations import Admit, Admitted, Cool, Full, Health, Leave, Look, Looked
from ._forms import Ask
from ._talking import Commands

__all__ = ["ADMISSION"]


def admit(op: Admit, ask: Ask) -> Commands[Admitted | Full]:
    """Let a call in at the first candidate that has room."""
    given = {"ticket": op.ticket, "lease": op.lease, "candidates": op.candidates}
    answer = yield from ask("router/admit", given)
    now = int(answer[0])
    if answer[1] is False:
        return Full(now, tuple([None if wait is False else int(wait) for wait in answer[2]]))
    return Admitted(now, *answer[1:])


def leave(op: Leave, ask: Ask) -> Commands[bool]:
    """Free a place. Where the connection broke and it had been done, the repetition finds nobody, and says so."""
    given = {"ticket": op.ticket, "used": op.used, "worked": bool(op.worked)}
    was_in: bool = yield from ask("router/leave", given)
    return was_in


def cool(op: Cool, ask: Ask) -> Commands[Health]:
    """Let a deployment be."""
    return _health(op.deployment, *(yield from ask("router/cool", op._asdict())))


def look(op: Look, ask: Ask) -> Commands[Looked]:
    """See how deployments are."""
    now, rows = yield from ask("router/look", op._asdict())
    pairs = zip(op.deployments, rows, strict=True)
    return Looked(int(now), tuple([_health(name, *row) for name, row in pairs]))


def _health(
    deployment: str,
    until: str,
    strikes: str,
    reason: str,
    probing: bool,  # noqa: FBT001 - as it is answered
    running: int,
    used: Any = (),
) -> Health:
    taken = tuple([int(amount) for amount in used])
    return Health(deployment, int(until), int(strikes), reason, probing, running, taken)


ADMISSION: Final[dict[type, Callable[[Any, Ask], Commands[Any]]]] = {
    Admit: admit,
    Leave: leave,
    Cool: cool,
    Look: look,
}
"""What is done in one command each, and needs no server that keeps what it has acknowledged."""
