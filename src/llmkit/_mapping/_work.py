"""The work of one ``map``: each row's call, what the checkpoint says of it, what it may cost, and what became of it."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from .._control.mapping.hearing import Hearing
from .._control.mapping.identity import digest
from .._control.mapping.kept import read_value, written
from .._control.mapping.results import MapPlan, MapResults, MapRow
from .._control.mapping.rows import Rows
from .._cost import MATH, Cost, Unbounded, unknown
from .._io.stores.checkpoint import Checkpoint, Kept
from ..errors import (
    APIError,
    ConfigurationError,
    LLMKitError,
    MissingKeyError,
    OutcomeUnknownError,
    UnsupportedParamsError,
)
from ..types._shown import plural
from ._purse import Purse
from ._target import Target

__all__ = ["Item", "Work"]

_log: Final = logging.getLogger("llmkit")
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Item:
    """One row on its way. ``about`` is what is done it with; ``key`` and ``nth`` are what its result is known by."""

    row: MapRow
    about: Any = None
    key: str = ""
    nth: int = 0
    bound: Decimal | None = None
    open: bool = False
    """Whether an earlier run had begun it, and nobody knows its end."""
    begun: bool = False
    ended: bool = False


class Work:
    """All rows of one ``map``.

    ``unknown``: what becomes of rows that an earlier run began and did not end: ``redo`` or ``keep``.
    """

    def __init__(self, target: Target, rows: Rows, *, version: str, unknown: str) -> None:
        self.target, self._rows, self._unknown = target, rows, unknown
        self.notes: list[str] = []
        self.bound: Cost | Unbounded | None = None
        self.purse: Purse | None = None
        self._version = version
        self._kept: Checkpoint | None = None
        self._job = ""
        target.checked(rows.items)
        labels = zip(rows.labels, rows.items, strict=True)
        self.items = [self._item(n, label, row) for n, (label, row) in enumerate(labels)]

    def _item(self, number: int, label: Any, row: Any) -> Item:
        item = Item(MapRow(number, label, row))
        try:
            item.about = self.target.about(row)
        except ConfigurationError:
            raise
        except APIError as error:
            item.row.error = error
        return item

    # --- the checkpoint ------------------------------------------------------------------------

    def resume(self, kept: Checkpoint) -> None:
        """Take what the checkpoint has; the rest is to be done. Raises StoreError where it cannot be read."""
        self._kept = kept
        self._job = digest(self.target.name, self._version)[:16]
        seen: Counter[str] = Counter()
        for item in self.to_do():
            key = digest(self._version, *self.target.identity(item.about))
            item.key, item.nth = key, seen[key]
            seen[key] += 1
            if (found := kept.look(key, item.nth)) is not None:
                self._recall(item, found)
        self._tell(kept)

    def _recall(self, item: Item, found: Kept) -> None:
        row = item.row
        row.earlier, row.lost = Decimal(found.spent), found.lost
        item.bound = None if found.bound is None else Decimal(found.bound)
        if found.state == "done" and found.result is not None and found.cost is not None:
            row.result = read_value(found.result, self.target.wanted)
            row.cost, row.kept = read_value(found.cost), True
        elif found.state == "begun":
            item.open = True
            row.lost += 1
            if self._unknown == "keep":
                row.error = OutcomeUnknownError(
                    "an earlier run began this row and was stopped: it may have been paid. unknown='redo' asks again"
                )
                row.cost = unknown("nobody knows how it ended")

    def _tell(self, kept: Checkpoint) -> None:
        opened = [item.row.index for item in self.items if item.open]
        if opened:
            what = (
                "they are asked again" if self._unknown == "redo" else "they are left as they are"
            )
            self._note(
                f"begun by a run that was stopped, so perhaps paid without an answer being kept: "
                f"{plural(len(opened), 'row')}; {what}: {_some(opened)}"
            )
        known = any(item.row.kept or item.row.lost or item.row.earlier for item in self.items)
        if self.items and not known and (others := kept.count()):
            self._note(
                f"{kept.path} has {plural(others, 'row')}, and none of these: a row is known by its content, the "
                "prompt, the parameters and the function, so all of these are asked"
            )

    def _note(self, text: str) -> None:
        self.notes.append(text)
        _log.warning("map: %s", text)

    def to_do(self) -> list[Item]:
        """The rows that are still to be asked."""
        return [item for item in self.items if item.row.error is None and not item.row.kept]

    # --- what it may cost ----------------------------------------------------------------------

    def checked(self) -> None:
        """See to it that the first row could be asked: what is wrong with the call is wrong with all of them.

        Raises ConfigurationError, UnsupportedParamsError: it is not for the row's sake.
        """
        try:
            for item in self.to_do()[:1]:
                self.target.bound(item.about)
        except (ConfigurationError, UnsupportedParamsError):
            raise
        except LLMKitError:
            return

    def bounded(self) -> Cost | Unbounded:
        """The most that one try of each row that is to do can cost."""
        total = Cost.zero
        for item in self.to_do():
            bound = self._bound_of(item)
            if isinstance(bound, Unbounded) or bound.total is None:
                reason = bound.reason or "its price is unknown"
                self.bound = Unbounded(f"row {item.row.index!r}: {reason}")
                return self.bound
            item.bound = bound.total
            total += bound
        self.bound = total
        return total

    def _bound_of(self, item: Item) -> Cost | Unbounded:
        try:
            found = self.target.bound(item.about)
        except LLMKitError as error:
            # What is wrong with one row is that row's; what is wrong with all shows with the first.
            if isinstance(error, ConfigurationError):
                raise
            item.row.error = error
            return Cost.zero
        return (
            Unbounded("what a function calls is not known: give max_cost=")
            if found is None
            else found
        )

    @property
    def paid(self) -> Decimal:
        """What earlier runs paid, tries whose end nobody knows at what they may have cost."""
        total = _ZERO
        for item in self.items:
            row = item.row
            unsure = row.lost + (row.kept and row.cost.total is None)
            if unsure:
                total = MATH.add(total, MATH.multiply(Decimal(unsure), self._most(item)))
            known = row.cost.total if row.kept and row.cost.total is not None else _ZERO
            total = MATH.add(total, MATH.add(row.earlier, known))
        return total

    def _most(self, item: Item) -> Decimal:
        """What a try of this row may have cost, nobody knowing what it did."""
        if item.bound is None:
            found = self.target.bound(item.about)
            item.bound = found.total if isinstance(found, Cost) else None
        return _ZERO if item.bound is None else item.bound

    # --- doing it ------------------------------------------------------------------------------

    def do(self, number: int) -> None:
        """Have one row done, blocking; what it fails with is its own. Raises what ends all of it."""
        item = self.items[number]
        if not self._begun(item):
            return
        heard = Hearing()
        try:
            with heard:
                value = self.target.call(item.about)
        except Exception as error:  # noqa: BLE001 - it is this row's
            self._failed(item, error, heard.cost)
        else:
            self._done(item, value, heard.cost)

    async def ado(self, number: int) -> None:
        """``do``, awaited. What was answered is written before anything else can happen: nothing is awaited for it."""
        item = self.items[number]
        if not self._begun(item):
            return
        heard = Hearing()
        try:
            with heard:
                value = await self.target.acall(item.about)
        except Exception as error:  # noqa: BLE001 - it is this row's
            self._failed(item, error, heard.cost)
        else:
            self._done(item, value, heard.cost)

    def _begun(self, item: Item) -> bool:
        if self.purse is not None:
            try:
                self.purse.take()
            except APIError as error:
                item.row.error = error
                return False
        if self._kept is not None:
            bound = None if item.bound is None else str(item.bound)
            self._kept.begin(item.key, item.nth, self._job, bound)
        item.begun = True
        return True

    def _done(self, item: Item, value: Any, cost: Cost) -> None:
        row = item.row
        if self.purse is not None:
            self.purse.paid(cost)
        if self._kept is not None:
            text = written(value)
            self._kept.done(item.key, item.nth, text, written(cost), str(row.earlier))
        row.result, row.cost = value, cost
        item.ended = True

    def _failed(self, item: Item, error: Exception, cost: Cost) -> None:
        row = item.row
        cost = Cost.zero if _unsent(error) and not cost.known else cost
        if self.purse is not None:
            self.purse.paid(cost)
        row.error, row.cost = error, cost
        item.ended = True
        if self._kept is not None:
            spent = str(MATH.add(row.earlier, cost.total or _ZERO))
            said = f"{type(error).__name__}: {error}"[:2000]
            self._kept.failed(item.key, item.nth, said, spent, lost=not cost.known)
        if isinstance(error, MissingKeyError) and error.sent == "no":
            # No row can be asked without it.
            raise error

    # --- what came of it -----------------------------------------------------------------------

    def results(self) -> MapResults:
        """All rows, in their order."""
        rows = (item.row for item in self.items)
        return MapResults(rows, bound=self.bound, notes=self.notes, given=self._rows.given)

    def broken_off(self) -> MapResults:
        """The same, ended in the middle: what was on its way may have been paid, the rest was not asked."""
        for item in self.to_do():
            row = item.row
            if item.begun and not item.ended:
                row.error = OutcomeUnknownError(
                    "it was on its way when all was ended: it may have been paid"
                )
                row.cost = unknown("nobody knows how it ended")
            elif not item.ended:
                row.error = LLMKitError("all was ended before this row was asked")
        return self.results()

    def plan(self) -> MapPlan:
        """What is to be done."""
        bound, to_do = self.bounded(), self.to_do()
        return MapPlan(
            rows=len(self.items),
            kept=sum(item.row.kept for item in self.items),
            to_do=len(to_do),
            unknown=sum(item.open for item in to_do),
            bound=bound,
            errors=tuple(item.row for item in self.items if item.row.error is not None),
            notes=tuple(self.notes),
        )


def _unsent(error: Exception) -> bool:
    return getattr(error, "sent", "maybe") == "no" and isinstance(error, LLMKitError)


def _some(labels: list[Any]) -> str:
    shown = ", ".join(repr(label) for label in labels[:10])
    return f"{shown}, …" if len(labels) > 10 else shown  # noqa: PLR2004 - as many as fit a line
