"""What one call is billed for, when it has ended: its answer, and what of its other attempts may have been done.

Decided once, from what is known then; nothing is rounded here, and what is not known is not zero. Events are
``wording``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._call import Call
from ..._cost import Cost, Measure
from ..._settlements import Settlement, UsageSource
from ...pricing._usage import plain
from ...types.usage import Usage
from .charge import Charge

if TYPE_CHECKING:
    from ..settle import Account

__all__ = ["Part", "Parts", "charged", "numbers"]


class Part(NamedTuple):
    """What may be billed for one request, or for several that are one."""

    number: int
    """Of its attempt."""
    call: Call
    address: str
    at: int = 0
    """When it ended, in milliseconds of Unix time; 0: it has not."""
    known: tuple[Usage | None, UsageSource, Cost] | None = None
    """What it has come to, where anything of its answer came."""


class Parts(NamedTuple):
    """What a call has asked for. ``last``: what it comes to, if anything; ``now``: when it ended.

    ``rows``: what charges for the rows of a batch, where the call looks at one.
    """

    before: tuple[Part, ...]
    last: Part | None
    now: int
    rows: Callable[[Any], Iterable[Charge]] | None = None


def charged(
    account: Account, settlement: Settlement, answer: Any, parts: Parts
) -> tuple[Charge, ...]:
    """What is billed for: each attempt that may have been done, in their order, and then what the call came to."""
    return tuple(charge for charge in _all(account, settlement, answer, parts) if charge)


def _all(
    account: Account, settlement: Settlement, answer: Any, parts: Parts
) -> Iterator[Charge | None]:
    call_id, kind, last = settlement.call_id, settlement.kind, parts.last
    for part in parts.before:
        # What is known to have come went on in the answer: its reader has it.
        outcome = "attempt" if part.known is None else "interrupted"
        yield _of_part(account, part, f"{call_id}-{part.number}", outcome, kind)
    if parts.rows is not None and answer is not None:
        yield from parts.rows(answer)
    elif answer is not None:
        yield _of_answer(account, settlement, answer, parts.now)
    elif last is not None:
        last = last if last.at else last._replace(at=parts.now)
        yield _of_part(account, last, call_id, settlement.outcome, kind)


def _of_answer(account: Account, settlement: Settlement, answer: Any, now: int) -> Charge | None:
    call = account.call
    if account.mocked or (call is not None and call.concerns is not None):
        return None
    usage, source, cost = account.part(answer)
    who = settlement.provider, settlement.model, settlement.kind
    return _charge(
        (settlement.call_id, now, settlement.outcome, *who),
        cost,
        source,
        numbers(usage, answer.measured(call)),
    )


def _of_part(account: Account, part: Part, id_: str, outcome: str, kind: str) -> Charge | None:
    """One that has no answer, or only the beginning of one."""
    call = part.call
    usage, source, cost = part.known or account.asked(call, part.address)
    about = (id_, part.at, outcome, call.provider, call.model, kind)
    return _charge(about, cost, source, numbers(usage))


def _charge(
    about: tuple[str, int, str, str, str, str],
    cost: Cost,
    source: UsageSource,
    usage: Mapping[str, Any],
) -> Charge | None:
    """``None`` where nobody bills for it."""
    if cost.status == "none":
        return None
    guessed = source == "estimated" or (cost.status == "estimated" and source != "reported")
    return Charge(*about, cost.total, cost.status, cost.reason or "", guessed, usage)


def numbers(usage: Usage | None, measures: Iterable[Measure] = ()) -> Mapping[str, Any]:
    """What was counted, by its names; ``measures`` is a list of what is not counted in tokens."""
    counts = {} if usage is None else _counts(plain(usage))
    if others := [_measured(one) for one in measures]:
        counts["measures"] = others
    return counts


def _counts(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if type(value) is int or type(value) is float:
            found[name] = value
        elif isinstance(value, dict) and (inner := _counts(value)):
            found[name] = inner
    return found


def _measured(one: Measure) -> Mapping[str, Any]:
    told = {"dimension": one.dimension, "quantity": str(one.quantity), "unit": one.unit}
    return {**told, "facts": dict(one.facts)} if one.facts else told
