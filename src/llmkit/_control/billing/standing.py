"""How billing stands: ``Stats``, ``Health``, ``Flushed``, and what makes one of the other. Pure; values and rules.

What is counted here was counted already: nothing of this asks Lago anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from typing_extensions import override

from ..._outbox import WAITING, Counted

__all__ = ["Colour", "Flushed", "Health", "Looks", "Stats", "judged", "stats_of"]

Colour = Literal["green", "yellow", "red"]
_COLOURS: Final[tuple[Colour, ...]] = ("green", "yellow", "red")


class _Shown:
    """Prints well, and is a dict where one is wanted."""

    __slots__ = ()

    def dump(self) -> dict[str, Any]:
        """All of it as a dict of plain values."""
        return {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Flushed(_Shown):
    """What a flush came to. ``left`` wait to be sent still.

    ``deduped`` of the ``delivered`` were there already; ``dead`` were refused for a reason that does not pass.
    """

    delivered: int = 0
    deduped: int = 0
    dead: int = 0
    left: int = 0

    @override
    def __str__(self) -> str:
        return f"{self.delivered} delivered ({self.deduped} of them were there), {self.dead} dead, {self.left} left"


@dataclass(frozen=True, slots=True)
class Stats(_Shown):
    """Numbers of an outbox, of all processes that share it, and of what this process did.

    ``calls``: on their way, as far as the outbox knows. ``queued``: to be sent; ``in_flight`` of them are in a
    request of this process just now. ``oldest_seconds``: the age of the oldest queued one. ``delivered``: as long as
    they are kept (``keep_days``), ``deduped`` of them were there already. ``dead`` … ``discarded``: the rooms of
    those names. ``spilled``: of this process, not in the outbox because it cannot be written; ``lost``: calls that
    could not be written at all, as their callers were told. ``doubtful``: queued, and refused here without a reason,
    tried again alone. ``requests``: of this object in this process, to Lago.
    """

    calls: int = 0
    queued: int = 0
    in_flight: int = 0
    oldest_seconds: float | None = None
    delivered: int = 0
    deduped: int = 0
    dead: int = 0
    unpriced: int = 0
    unattributed: int = 0
    held: int = 0
    listed: int = 0
    unknown: int = 0
    discarded: int = 0
    spilled: int = 0
    lost: int = 0
    doubtful: int = 0
    requests: int = 0

    @override
    def __str__(self) -> str:
        return "\n".join(f"{name:<15} {_number(value)}" for name, value in self.dump().items())


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f} s" if isinstance(value, float) else f"{value:,}"


@dataclass(frozen=True, slots=True)
class Health(_Shown):
    """Whether billing is well. ``bool(health)`` is ``ok``: not red.

    ``colour``: ``green``: nothing to do. ``yellow``: nothing is lost, and something waits for a person, or passes by
    itself. ``red``: bills cannot be written or delivered, or are late. ``durable``: whether what is queued outlives
    this process. ``reasons``: a sentence each, the worst first.
    """

    ok: bool
    colour: Colour
    durable: bool
    reasons: tuple[str, ...]
    stats: Stats

    def __bool__(self) -> bool:
        return self.ok

    @override
    def dump(self) -> dict[str, Any]:
        """All of it as a dict of plain values."""
        return {**_Shown.dump(self), "reasons": list(self.reasons), "stats": self.stats.dump()}

    @override
    def __str__(self) -> str:
        return "\n".join((self.colour, *(f"- {reason}" for reason in self.reasons)))


@dataclass(frozen=True, slots=True)
class Looks:
    """What this process knows of delivery and of its outbox, beside what the outbox has counted.

    ``unreachable``: why nothing can be delivered just now. ``failing``: why the outbox cannot be written or read.
    ``refusing``: why the last call that was to begin was not let go out. ``sender``: why the sender's last round
    failed. ``since``: Unix time at which the first failure of these came.
    """

    durable: bool
    late_after: float
    unreachable: str = ""
    wrong_key: bool = False
    failing: str = ""
    refusing: str = ""
    quarantined: int = 0
    sender: str = ""
    spilled: int = 0
    lost: int = 0
    doubtful: int = 0
    in_flight: int = 0
    requests: int = 0


def stats_of(counted: Counted | None, looks: Looks) -> Stats:
    """The numbers."""
    states: Mapping[str, int] = {} if counted is None else counted.states
    names = ("queued", "delivered", "listed", "discarded", *WAITING)
    oldest = None if counted is None or counted.oldest is None else counted.now - counted.oldest
    return Stats(
        calls=states.get("intent", 0),
        oldest_seconds=None if oldest is None else max(0, oldest) / 1000,
        deduped=0 if counted is None else counted.deduped,
        in_flight=looks.in_flight,
        spilled=looks.spilled,
        lost=looks.lost,
        doubtful=looks.doubtful,
        requests=looks.requests,
        **{name: states.get(name, 0) for name in names},
    )


def judged(stats: Stats, looks: Looks) -> Health:
    """What the numbers mean."""
    found = sorted(_findings(stats, looks), key=lambda one: -one[0])
    colour = _COLOURS[found[0][0] if found else 0]
    reasons = tuple(text for _, text in found)
    return Health(colour != "red", colour, looks.durable, reasons, stats)


_YELLOW, _RED = 1, 2
_WAITS: Final[Mapping[str, str]] = {
    "dead": "were refused: dead_letter.list() says why",
    "unpriced": "have no price: unpriced.reprice() gives them one",
    "unattributed": "name nobody to bill: unattributed.attribute() says whom",
    "unknown": "are of calls whose end nobody saw (a crash?): unknown.list()",
    "held": "are guesses that wait for your word: held.list()",
}


def _findings(stats: Stats, looks: Looks) -> Iterator[tuple[int, str]]:
    yield from _failures(looks)
    late = stats.oldest_seconds
    if late is not None and late > looks.late_after:
        yield _RED, f"{stats.queued} bills are not delivered, the oldest for {late:.0f} s"
    if not looks.durable:
        yield (
            _YELLOW,
            "bills are kept in this process's memory only, and are lost with it: give outbox='billing.db'",
        )
    if stats.doubtful:
        yield (
            _YELLOW,
            f"{stats.doubtful} bills are refused without a reason, and tried again now and then",
        )
    for name, what in _WAITS.items():
        if count := getattr(stats, name):
            yield _YELLOW, f"{count} {what}"


def _failures(looks: Looks) -> Iterator[tuple[int, str]]:
    if looks.wrong_key:
        yield _RED, f"the key is wrong, or may not do this; bills are kept: {looks.unreachable}"
    elif looks.unreachable:
        yield _YELLOW, f"bills cannot be delivered now, and are kept: {looks.unreachable}"
    if looks.lost:
        yield (
            _RED,
            f"{looks.lost} calls are not billed: the outbox could not be written, and their callers were told",
        )
    if looks.failing:
        yield _RED, f"the outbox fails: {looks.failing}"
    elif looks.refusing:
        yield _RED, f"calls are not let go out, as the outbox cannot be written: {looks.refusing}"
    if looks.spilled:
        yield _YELLOW, f"{looks.spilled} bills are in memory until the outbox can be written"
    if looks.quarantined:
        yield (
            _YELLOW,
            f"{looks.quarantined} damaged outbox files were moved aside, and new ones begun",
        )
    if looks.sender:
        yield _RED, f"the sender fails, and tries again: {looks.sender}"
