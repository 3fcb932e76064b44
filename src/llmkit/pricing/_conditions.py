"""Whether the condition of a rate holds for a call: yes, no, or open; and which of several that hold goes first.

Compares facts. What a call's facts are is read elsewhere, and so are the rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from ..catalogue import Rate

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["AGED", "LEAST", "NEVER", "Asked", "Moment", "Open", "holds", "specific"]

AGED: Final = ("from", "until")
LEAST: Final = "at_least"
"""No condition, but said with them: the least quantity that is billed."""
# They tell one price of a thing from its next, not one thing from another.
_BY_AGE: Final = frozenset((*AGED, LEAST))
_CLOCK: Final = frozenset({"utc", "weekdays"})
# What makes or asks for something is of some size, told or not: a rate for one of them may hold.
_DESCRIBING: Final = frozenset({"size", "quality", "resolution", "search_context_size"})
_NOWHERE: Final = "global"


class Moment(NamedTuple):
    """When a call ran: its day, as an ISO date, and from when to when in UTC, where that is known.

    To the minute, and a little more on both sides: what is the same for many calls is worked out once.
    """

    day: str = ""
    early: datetime | None = None
    late: datetime | None = None


NEVER: Final = Moment()


class Asked:
    """What a condition is held against: ``facts`` by name, when the call ran, and how long its prompt was."""

    __slots__ = ("facts", "prompt", "when")

    def __init__(self, facts: Mapping[str, str], when: Moment, prompt: int) -> None:
        self.facts, self.when, self.prompt = facts, when, prompt


class Open(NamedTuple):
    """Whether a condition holds cannot be told, and why."""

    reason: str


def holds(condition: Mapping[str, str | int], asked: Asked) -> bool | Open:
    """Whether all of it holds. What surely does not outweighs what is open."""
    if not condition:
        return True
    found: bool | Open = True
    for key, wanted in condition.items():
        held = _one(key, wanted, asked) if key not in _CLOCK else True
        if held is False:
            return False
        found = held if isinstance(held, Open) else found
    if _CLOCK.isdisjoint(condition):
        return found
    inside = _in_time(condition, asked)
    return found if inside is True else inside


def _in_time(condition: Mapping[str, str | int], asked: Asked) -> bool | Open:
    from ._window import within  # noqa: PLC0415 - few prices depend on the hour

    hours, days = str(condition.get("utc", "")), str(condition.get("weekdays", ""))
    inside = within(asked.when, hours, days)
    return Open("whether the call was off-peak cannot be told") if inside is None else inside


def _one(key: str, wanted: str | int, asked: Asked) -> bool | Open:
    if key == "input_tokens_over":
        return asked.prompt > int(wanted)
    if key == "from":
        return asked.when.day >= str(wanted)
    if key in (LEAST, "until"):
        return key == LEAST or asked.when.day < str(wanted)
    told = asked.facts.get(key)
    if told is None:
        return Open(f"the {key} is not told") if key in _DESCRIBING else False
    if key == "region" and wanted == "regional":
        return told != _NOWHERE
    return told == wanted or (key in _DESCRIBING and told.lower() == str(wanted).lower())


def specific(rates: Sequence[Rate]) -> list[Rate]:
    """Those with most conditions; of several that differ only by length or age, the one for the longest, the newest."""
    most = max(map(_count, rates))
    groups: dict[object, list[Rate]] = {}
    for rate in rates:
        if _count(rate) == most:
            _join(groups.setdefault(_kin(rate), []), rate)
    return [rate for group in groups.values() for rate in group]


def _kin(rate: Rate) -> object:
    """What rates have in common that differ only by length or age."""
    pairs = (pair for pair in rate.condition.items() if pair[0] not in _RANKED)
    return frozenset(pairs), "input_tokens_over" in rate.condition


def _join(group: list[Rate], rate: Rate) -> None:
    if group and _rank(rate) > _rank(group[0]):
        group.clear()
    if not group or _rank(rate) == _rank(group[0]):
        group.append(rate)


_RANKED: Final = _BY_AGE | {"input_tokens_over"}


def _count(rate: Rate) -> int:
    return sum(1 for key in rate.condition if key not in _BY_AGE)


def _rank(rate: Rate) -> tuple[int, str, int]:
    """Of prices that hold the one for the longest prompts, the newest, the one that ends first."""
    over, since = rate.condition.get("input_tokens_over", 0), rate.condition.get("from", "")
    until = str(rate.condition.get("until", "9999-12-31"))
    return int(over), str(since), -int(until.replace("-", ""))
