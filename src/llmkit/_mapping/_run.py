"""One ``map`` from its arguments to its results, in both colours."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from .._control.budget.rules import Budget, amount_of
from .._control.mapping.results import MapPlan, MapProgress, MapResults
from .._control.mapping.rows import rows_of
from .._cost import MATH, Unbounded
from .._io._bar import progress_bar
from .._io._crew import StoppableClock, acrew, crew
from .._io.stores.checkpoint import Checkpoint
from ..budget import BudgetManager
from ..errors import ConfigurationError, UnboundedCostError
from ._purse import Purse, exceeded
from ._target import CallTarget, FunctionTarget, target_of
from ._work import Work

__all__ = ["Asked", "arun", "run"]

_ZERO: Final = Decimal(0)
_MOST: Final = 1000


@dataclass(slots=True)
class Asked:
    """The arguments of a ``map``, as they were given."""

    rows: Any
    what: Any
    params: Mapping[str, Any]
    call: str | None = None
    client: Any = None
    budget: Any = None
    max_cost: Any = None
    concurrency: int = 8
    checkpoint: str | os.PathLike[str] | None = None
    version: str = ""
    unknown: str = "redo"
    progress: Any = None
    raise_errors: bool = False
    dry_run: bool = False


class _Job:
    """A ``map`` with its arguments understood; nothing was sent or opened yet."""

    def __init__(self, asked: Asked, *, awaited: bool) -> None:
        self.asked = asked
        if not isinstance(asked.concurrency, int) or not 1 <= asked.concurrency <= _MOST:
            raise ConfigurationError(f"concurrency is 1 to {_MOST}, not {asked.concurrency!r}")
        if asked.unknown not in {"redo", "keep"}:
            raise ConfigurationError(f"unknown is 'redo' or 'keep', not {asked.unknown!r}")
        self.target = target_of(asked.what, asked.client, asked.call, asked.params)
        if not awaited and isinstance(self.target, FunctionTarget) and self.target.is_async:
            raise ConfigurationError("this function is async: await llmkit.amap(…)")
        self._awaited = awaited
        self.clock: StoppableClock | None = None
        self.work = Work(
            self.target, rows_of(asked.rows), version=asked.version, unknown=asked.unknown
        )
        self._failed = self._unknown = self._done = 0
        self._cost = _ZERO

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """With the checkpoint, if there is one."""
        if self.asked.checkpoint is None:
            yield
            return
        with Checkpoint(self.asked.checkpoint) as kept:
            self.work.resume(kept)
            yield

    def ready(self) -> MapPlan | None:
        """See to the budget; the plan, where nothing is to be done but that. Raises BudgetError."""
        self.work.checked()
        if self.asked.dry_run:
            self._bounds()
            return self.work.plan()
        budget = self.asked.budget
        if budget is None:
            self._clocked({})
        elif isinstance(budget, BudgetManager):
            if not isinstance(self.target, CallTarget):
                raise ConfigurationError(
                    "a function's calls go by a client of its own: give that one the budget"
                )
            self._clocked({"budget": budget})
        else:
            self._limited(amount_of(budget, "budget"))
        return None

    def _bounds(self) -> None:
        if isinstance(self.target, FunctionTarget) and self.asked.max_cost is not None:
            self.target.most = amount_of(self.asked.max_cost, "max_cost")

    def _limited(self, limit: Decimal) -> None:
        """Hold the whole of it to an amount: what earlier runs paid, and the most that the rest can cost."""
        self._bounds()
        own = getattr(getattr(self.target, "client", None), "budget", None)
        if own is not None:
            raise ConfigurationError(
                "this client has a BudgetManager: give this work a limit there, such as Budget(2, None, "
                "{'tag': 'my-map'}) with tags=['my-map'], and no budget= here"
            )
        bound, paid = self.work.bounded(), self.work.paid
        if isinstance(bound, Unbounded) or bound.total is None:
            raise UnboundedCostError(f"no budget can hold this: {bound.reason}", sent="no")
        if MATH.add(paid, bound.total) > limit:
            raise exceeded(limit, paid, _ZERO, bound.total)
        left = MATH.subtract(limit, paid)
        if isinstance(self.target, FunctionTarget):
            self.work.purse = Purse(left, self.target.most or _ZERO)
        else:
            self._clocked({"budget": BudgetManager(budgets=[Budget(left, None, thresholds=())])})

    def _clocked(self, changes: Mapping[str, Any]) -> None:
        if not isinstance(self.target, CallTarget):
            return
        if not self._awaited:
            self.clock = StoppableClock(self.target.client._clock)  # noqa: SLF001 - a copy gets it
            changes = {**changes, "_clock": self.clock}
        self.target.under(**changes)

    def numbers(self) -> list[int]:
        """The rows to do."""
        return [item.row.number for item in self.work.to_do()]

    def teller(self, total: int) -> tuple[Callable[[int], None], Callable[[], None]]:
        """Who is told of each row that is done, and how that ends."""
        said = self.asked.progress
        if said is not None and not isinstance(said, bool):
            if not callable(said):
                raise ConfigurationError("progress is True, False, or a function of a MapProgress")
            return (lambda number: said(self._after(number, total))), _nothing
        bar = progress_bar(total, wanted=said)

        def told(number: int) -> None:
            now = self._after(number, total)
            failed = f", {now.failed} failed" if now.failed else ""
            bar.moved(1, now.cost + failed)

        return told, bar.close

    def _after(self, number: int, total: int) -> MapProgress:
        row = self.work.items[number].row
        self._done += 1
        self._failed += row.error is not None
        self._unknown += not row.cost.known
        self._cost = MATH.add(self._cost, row.cost.total or _ZERO)
        if row.error is not None and self.asked.raise_errors:
            raise row.error
        return MapProgress(self._done, total, self._failed, self._cost, self._unknown)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """What ends it in the middle has what was answered so far, as ``results``: it was paid for."""
        try:
            yield
        except BaseException as error:
            if self.asked.raise_errors:
                raise
            # Whatever becomes of this, that is what is raised: some exceptions take no more than they have.
            with contextlib.suppress(Exception):
                results = self.work.broken_off()
                done = sum(row.ok for row in results)
                error.results = results  # type: ignore[attr-defined]
                error.add_note(
                    f"{done:,} of {len(results):,} rows were answered: this exception's attribute results has them "
                    "(in a notebook: sys.last_value.results)"
                )
            raise

    def stop(self) -> None:
        """Let nobody wait any more."""
        if self.clock is not None:
            self.clock.stop()


def _nothing() -> None:
    """There is nothing to end."""


def run(asked: Asked) -> MapResults | MapPlan:
    """See ``llmkit.map``."""
    job = _Job(asked, awaited=False)
    with job.opened():
        if (plan := job.ready()) is not None:
            return plan
        numbers = job.numbers()
        told, ended = job.teller(len(numbers))
        try:
            with job.kept():
                crew(job.work.do, numbers, asked.concurrency, told, job.stop)
        finally:
            ended()
    return job.work.results()


async def arun(asked: Asked) -> MapResults | MapPlan:
    """See ``llmkit.amap``."""
    job = _Job(asked, awaited=True)
    with job.opened():
        if (plan := job.ready()) is not None:
            return plan
        numbers = job.numbers()
        told, ended = job.teller(len(numbers))
        try:
            with job.kept():
                await acrew(job.work.ado, numbers, asked.concurrency, told)
        finally:
            ended()
    return job.work.results()
