"""What ``map`` returns: ``MapResults``, a list of ``MapRow``; and ``MapPlan``, what it would do. And how they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from typing_extensions import override

from ..._cost import MATH, Cost, Unbounded, unknown
from ...types._shown import plural
from ...types.answer import Answer

__all__ = ["MapPlan", "MapProgress", "MapResults", "MapRow"]


_LONGEST = 80


@dataclass(slots=True, repr=False)
class MapRow:
    """What became of one row.

    ``index`` is its label (a data frame's own, else its number), ``row`` what it was made of, ``error`` what it failed
    with. ``cost`` is what its result cost; of a failed row, what trying it did. ``kept``: it comes from the checkpoint,
    and nothing was sent for it now. ``lost``: so many earlier tries were begun whose end nobody knows (the program was
    killed, or interrupted): they may have been paid, beside ``cost``. ``earlier``: USD that tries in earlier runs cost.
    """

    number: int
    index: Any
    row: Any
    result: Any = None
    error: Exception | None = None
    cost: Cost = Cost.zero
    kept: bool = False
    lost: int = 0
    earlier: Decimal = Decimal(0)

    @override
    def __repr__(self) -> str:
        """Short: rows stand in lists, and answers are long."""
        if self.error is not None:
            said = f"{type(self.error).__name__}: {self.error}"
        else:
            said = repr(self.text if self.text is not None else self.result)
        said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
        return f"<MapRow {self.index!r}: {said} · {self.cost}{' · kept' if self.kept else ''}>"

    def _repr_html_(self) -> str:
        from .looks import row_page  # noqa: PLC0415 - only in notebooks

        return row_page(self)

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.error is None

    @property
    def value(self) -> Any:
        """The result; raises ``error`` where the row failed."""
        if self.error is not None:
            raise self.error
        return self.result

    @property
    def text(self) -> str | None:
        """The result's text; ``None`` where the row failed, or has none."""
        if isinstance(self.result, str):
            return self.result
        text = getattr(self.result, "text", None)
        return text if isinstance(text, str) else None

    @property
    def spent(self) -> Cost:
        """All that is known to have been paid for it; unknown where there are ``lost`` tries."""
        cost = self.cost
        if self.earlier:
            cost += Cost(self.earlier, "exact", reason="with tries that failed in earlier runs")
        return cost + unknown("a try was begun whose end nobody knows") if self.lost else cost


class MapProgress(NamedTuple):
    """How far a ``map`` has come, for ``progress=`` functions. ``known_cost`` is in USD, of this run alone."""

    done: int
    total: int
    failed: int
    known_cost: Decimal
    unknown_costs: int

    @property
    def cost(self) -> str:
        """What it cost so far, as people read it."""
        more = f" + {self.unknown_costs} unknown" if self.unknown_costs else ""
        return f"${_short(self.known_cost)}{more}"


class MapResults(list[MapRow]):
    """One ``MapRow`` for each row, in the rows' order.

    ``labels`` name the rows. ``bound`` is the most that one try of each row that was not in the checkpoint could
    cost, where that was worked out (``budget=``). ``notes`` is what nobody may miss.
    """

    def __init__(
        self,
        rows: Iterable[MapRow],
        *,
        bound: Cost | Unbounded | None = None,
        notes: Sequence[str] = (),
        given: Any = None,
    ) -> None:
        super().__init__(rows)
        self.bound, self.notes = bound, tuple(notes)
        self._given = given

    @property
    def labels(self) -> list[Any]:
        """The rows' labels: a data frame's own, else their numbers."""
        return [row.index for row in self]

    @property
    def values(self) -> list[Any]:
        """The results; ``None`` for rows that failed."""
        return [row.result for row in self]

    @property
    def texts(self) -> list[str | None]:
        """The results' texts; ``None`` for rows that failed or have none."""
        return [row.text for row in self]

    @property
    def errors(self) -> list[MapRow]:
        """The rows that failed; each has its ``error``."""
        return [row for row in self if row.error is not None]

    @property
    def unknown(self) -> list[MapRow]:
        """The rows with earlier tries whose end nobody knows: they may have been paid beside what is counted."""
        return [row for row in self if row.lost]

    @property
    def cost(self) -> Cost:
        """What all rows cost, in this run and in earlier ones; unknown where one of them is."""
        return sum((row.spent for row in self), Cost.zero)

    @property
    def known_cost(self) -> Decimal:
        """What is known of it, in USD: never less than this was paid."""
        total = Decimal(0)
        for row in self:
            total = MATH.add(total, MATH.add(row.earlier, row.cost.total or Decimal(0)))
        return total

    def raise_errors(self) -> None:
        """Raise the errors of all rows that failed, as an ``ExceptionGroup``; nothing where none did."""
        if failed := [row.error for row in self if row.error is not None]:
            raise ExceptionGroup(f"{len(failed)} of {len(self)} rows failed", failed)

    def to_dicts(self) -> list[dict[str, Any]]:
        """One flat dict a row, for data frames and CSV: ``index``, the columns, ``answer``, ``error``, ``cost``."""
        return [{"index": row.index, **_columns(row), **_outcome(row)} for row in self]

    def to_frame(self) -> Any:
        """The data frame that was given, with the columns ``answer``, ``error`` and ``cost``, in its order and index.

        Raises:
            TypeError: no data frame was given; ``pandas.DataFrame(results.to_dicts())`` makes one.
        """
        outcomes = [_outcome(row) for row in self]
        columns = {name: [one[name] for one in outcomes] for name in ("answer", "error", "cost")}
        frame = self._given
        if callable(getattr(frame, "to_frame", None)):  # a column
            frame = frame.to_frame()
        if callable(getattr(frame, "assign", None)):  # pandas
            return frame.assign(**columns)
        if callable(getattr(frame, "with_columns", None)):  # polars
            return frame.with_columns(type(frame)(columns, strict=False).get_columns())
        raise TypeError("the rows were no data frame: pandas.DataFrame(results.to_dicts())")

    def summary(self) -> str:
        """Everything in a line or two, as people read it."""
        kept = sum(row.kept for row in self)
        said = [plural(len(self), "row"), f"{len(self.errors):,} failed"]
        if kept:
            said.append(f"{kept:,} from the checkpoint")
        cost = self.cost
        known = "" if cost.known else f", ${_short(self.known_cost)} known"
        said.append(f"{cost}{known}" if cost.total is None else f"${_short(cost.total)}")
        return "\n".join([" · ".join(said), *self.notes])

    @override
    def __repr__(self) -> str:
        return f"<MapResults {self.summary()}>"

    def _repr_html_(self) -> str:
        from .looks import results_page  # noqa: PLC0415 - only in notebooks

        return results_page(self)


@dataclass(frozen=True, slots=True, repr=False)
class MapPlan:
    """What a ``map`` would do (``dry_run=True``): nothing was sent, and the checkpoint is as it was.

    ``kept`` rows are in the checkpoint, ``to_do`` are not, of which ``unknown`` were begun by a run that was killed.
    ``bound`` is the most that one try of each of ``to_do`` can cost. ``errors`` are rows that cannot be asked at all.
    """

    rows: int
    kept: int
    to_do: int
    unknown: int
    bound: Cost | Unbounded
    errors: tuple[MapRow, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @override
    def __str__(self) -> str:
        bound = self.bound
        most = (
            str(bound)
            if isinstance(bound, Unbounded) or bound.total is None
            else f"${_short(bound.total)} at most"
        )
        said = f"{plural(self.rows, 'row')}: {self.kept:,} in the checkpoint, {self.to_do:,} to do, {most}"
        if self.errors:
            said += f", {plural(len(self.errors), 'row')} that cannot be asked"
        return "\n".join([said, *self.notes])

    @override
    def __repr__(self) -> str:
        return f"<MapPlan {self}>"


def _columns(row: MapRow) -> dict[str, Any]:
    return dict(row.row) if isinstance(row.row, dict) else {"row": row.row}


def _outcome(row: MapRow) -> dict[str, Any]:
    """In words and numbers: an answer's text is what a table wants of it."""
    result = row.result
    answer = row.text if isinstance(result, Answer) and row.text is not None else result
    error = None if row.error is None else f"{type(row.error).__name__}: {row.error}"
    return {"answer": answer, "error": error, "cost": row.cost.total}


def _short(amount: Decimal) -> str:
    """An amount with as many digits as matter."""
    if not amount:
        return "0"
    digits = max(2, 3 - amount.adjusted())
    return f"{amount:.{min(digits, 12)}f}".rstrip("0").rstrip(".") or "0"
