"""What letting calls in costs: an ``Admit`` and its ``Leave``, at one deployment that all want, and at several."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping
from typing import Any

from bench.section import Table
from llmkit._operations import Admit, Admitted, Candidate, Leave, Quota

LEASE = 600_000
SEVERAL = 8
_numbers = itertools.count()
# Limits that are never reached: what is measured is what a call pays that is let in. Requests and tokens of a minute.
_QUOTAS = (Quota("requests", 1000, 10**9, 1), Quota("tokens", 1000, 10**12, 2000))
_CANDIDATES = tuple(Candidate(f"d{number}", _QUOTAS, 10**6) for number in range(SEVERAL))
_ORDERS = tuple(_CANDIDATES[n:] + _CANDIDATES[:n] for n in range(SEVERAL))

HEADS = (
    "admissions a second",
    "64 tasks",
    "8 processes, one deployment",
    f"8 processes, {SEVERAL} deployments",
)


def _admit(candidates: tuple[Candidate, ...]) -> Admit:
    return Admit(f"{os.getpid()}-{next(_numbers)}", candidates, LEASE)


def _leave(ticket: str, admitted: Any) -> Leave:
    if not isinstance(admitted, Admitted):
        raise TypeError(admitted)
    return Leave(ticket, (("tokens", 700),), worked=True)


def pair(store: Any, client: int = 0) -> None:
    """Come, and leave with fewer tokens than were reckoned with. All come to the same deployment."""
    admit = _admit(_CANDIDATES[:1])
    store.perform(_leave(admit.ticket, store.perform(admit)))


def spread(store: Any, client: int = 0) -> None:
    """The same, by one of eight deployments, whose first choice is each client's own."""
    admit = _admit(_ORDERS[client % SEVERAL])
    store.perform(_leave(admit.ticket, store.perform(admit)))


async def apair(store: Any) -> None:
    """``pair``, by whatever the store has for async code."""
    admit = _admit(_CANDIDATES[:1])
    if not hasattr(store, "aperform"):
        leave = _leave(admit.ticket, store.perform(admit))
        await asyncio.sleep(0)
        store.perform(leave)
        return
    await store.aperform(_leave(admit.ticket, await store.aperform(admit)))


def table(rates: Mapping[str, tuple[float, ...]]) -> Table:
    """A row for each store: tasks, processes at one deployment, processes at several."""
    return Table(HEADS, [(name, *map(_told, row)) for name, row in rates.items()])


def _told(rate: float) -> str:
    return f"{rate:,.0f}" if rate else "–"
