"""``BudgetManager``: budgets and rate limits over a store, in both colours.

What counts and what is refused is decided in ``_control.budget``; what is counted, in the store.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Any, Final, Literal, Never, Self, TypeVar

from typing_extensions import Unpack, override

from .._control.budget.asking import Taken
from .._control.budget.book import Book, Output
from .._control.budget.checking import BudgetCheck, check
from .._control.budget.rules import Budget, RateLimit, amount_of
from .._control.budget.scopes import scope_of
from .._control.budget.spending import cleared, spent
from .._control.budget.stored import BudgetInfo, increased, listed, set_rule, set_rules, taken_back
from .._control.budget.usage import UsageReport, used
from .._control.budget.whose import Whose, attributes_of
from .._flow import Flow
from .._io._observe import Observers
from .._io.aio import AsyncDriver
from .._io.sync import SyncDriver
from .._operations import Audit, Audited, Entry, Posted, ReadEntries, Sweep
from ..errors import ConfigurationError, StoreError
from ._arguments import (
    amounts_of,
    asked,
    budget_of,
    listed_callbacks,
    new_id,
    seconds,
    spend_of,
    until_of,
    which_of,
    whole,
)
from ._hold import Hold
from ._opening import Listeners, opened, outage

__all__ = ["BudgetManager"]

T = TypeVar("T")
_LEASE: Final = 600.0


def _sends_nothing(*_: Any) -> Any:
    raise AssertionError("a budget sends nothing")


class BudgetManager:
    """Budgets and rate limits that cannot be overspent, for ``Client(budget=…)`` or by hand.

    Args:
        store: where it is counted: a path (SQLite, shared by the processes of a machine), ``postgresql://…``,
            ``redis://…``, a store of ``llmkit.stores``; by default this process's memory. Nothing is opened yet.
        budgets: limits that are declared in code: ``Budget(…)``, ``RateLimit(…)``. Those that ``set_budget``
            stores hold for every process, and overrule these.
        callbacks: callables (or coroutine functions) of one event: ``BudgetThresholdCrossed``, ``BudgetOverrun``.
        unreachable: ``closed``: nothing is let out while the store cannot be reached; ``open``: calls go, and what
            they may cost is written to ``catch_up`` first and posted once, when the store is back.
        catch_up: the path of a file that keeps what the store is owed; each store needs one of its own.
        open_limit: the most, in USD, that may be spent while the store cannot be reached.
        output: what a call without ``max_tokens`` gets: ``derive``, as much as there is room for, or ``refuse``.
        least_output: how many tokens of output must fit, where they are derived.
        margin: seconds that a hold outlives the call's total timeout.

    Raises:
        ConfigurationError: an argument is none of these.
    """

    def __init__(
        self,
        store: Any = None,
        budgets: Iterable[Budget | RateLimit] = (),
        *,
        callbacks: Sequence[Callable[[Any], Any]] = (),
        unreachable: Literal["closed", "open"] = "closed",
        catch_up: str | os.PathLike[str] | None = None,
        open_limit: Any = None,
        output: Output = "derive",
        least_output: int = 16,
        margin: float = 60.0,
    ) -> None:
        if output not in {"derive", "refuse"}:
            raise ConfigurationError(f"output is 'derive' or 'refuse', not {output!r}")
        margin = seconds(margin, "margin", 0, _LEASE * 144)
        self._owned = store is None or isinstance(store, str | os.PathLike)
        self.store: Any = opened(store)
        self.callbacks = listed_callbacks(callbacks)
        self._observers = Observers(self.callbacks)
        self.book = Book(
            self.store,
            budgets,
            wall=time.time,
            outage=outage(self.store, unreachable, catch_up, open_limit),
            listeners=Listeners(self._observers) if self.callbacks else None,
            output=output,
            least_output=whole(least_output, "least_output"),
            margin=int(margin * 1000),
        )
        nobody = Observers(())
        self._driver = SyncDriver(_sends_nothing, nobody, self.store)
        self._async_driver = AsyncDriver(_sends_nothing, nobody, self.store, _sends_nothing)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow of this manager, blocking."""
        value: T = self._driver.run(flow)
        return value

    async def arun(self, flow: Flow[T]) -> T:
        """Run a flow of this manager, awaiting."""
        value: T = await self._async_driver.run(flow)
        return value

    def catch_up(self) -> int:
        """Do all that the store is owed after an outage; how much was done. Calls do so by the way.

        Raises:
            StoreUnavailableError: it cannot be reached; nothing is lost.
        """
        return self.run(self.book.outage.catch_up())

    async def acatch_up(self) -> int:
        """``catch_up``, awaited."""
        return await self.arun(self.book.outage.catch_up())

    def close(self) -> None:
        """Do what is left to do; close the store, if it was opened here. Callbacks end what they have put off."""
        self.run(self.book.finish())
        if self._owned and hasattr(self.store, "close"):
            self.store.close()
        self._observers.flush()

    async def aclose(self) -> None:
        """``close``, awaited."""
        await self.arun(self.book.finish())
        if self._owned and hasattr(self.store, "aclose"):
            await self.store.aclose()
        await self._observers.aflush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    @override
    def __reduce__(self) -> Never:
        raise TypeError(
            "a BudgetManager cannot be copied or pickled: make one in each process, with the same store"
        )

    @override
    def __repr__(self) -> str:
        return f"BudgetManager({self.store!r}, budgets={len(self.book.rules.declared)})"

    def _repr_html_(self) -> str:
        from .._control.budget.looks import limits_page, standing  # noqa: PLC0415 - only in notebooks

        try:
            return limits_page(*self.run(standing(self.book)))
        except StoreError as error:
            return limits_page((), [str(error)])

    # --- looking -------------------------------------------------------------------------------

    def check_budget(self, usd: Any = 0, *, tokens: int = 0, **whose: Unpack[Whose]) -> BudgetCheck:
        """Whether a call of so much would be let out now, and how each limit stands. It changes nothing.

        Args:
            usd: what it may cost at most.
            tokens: how many it may use at most. It is one request.
            **whose: who and what spends: ``user="ann"``, ``tags=["batch"]``, ``model="openai/gpt-4o"`` …

        Raises:
            ConfigurationError: an argument is none of these.
            StoreError: the store cannot say.
        """
        return self.run(self._check(usd, tokens, whose))

    async def acheck_budget(
        self, usd: Any = 0, *, tokens: int = 0, **whose: Unpack[Whose]
    ) -> BudgetCheck:
        """``check_budget``, awaited."""
        return await self.arun(self._check(usd, tokens, whose))

    def _check(self, usd: Any, tokens: int, whose: Whose) -> Flow[BudgetCheck]:
        amounts = amounts_of(usd, tokens)
        return check(self.book, attributes_of(whose), amounts)

    def get_usage(
        self,
        scope: Any = "global",
        *,
        group_by: str | Iterable[str] = ("day", "provider", "model"),
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> UsageReport:
        """What was used, by day (UTC's), provider and model.

        Args:
            scope: whose: ``"global"``, ``{"user": "ann"}``; ``"user"`` is each by itself. Kept are the kinds of
                a call's attributes (sessions and deployments, and products, where they have a limit).
            group_by: some of ``scope``, ``day``, ``provider``, ``model``; ``()`` adds everything up.
            since: the first day: a date, or ``"2026-11-22"``.
            until: the last day.
        """
        return self.run(used(self.book, scope, group_by, since, until))

    async def aget_usage(
        self,
        scope: Any = "global",
        *,
        group_by: str | Iterable[str] = ("day", "provider", "model"),
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> UsageReport:
        """``get_usage``, awaited."""
        return await self.arun(used(self.book, scope, group_by, since, until))

    # --- spending ------------------------------------------------------------------------------

    def reserve(
        self,
        usd: Any,
        *,
        tokens: int = 0,
        lease: float = _LEASE,
        id: str | None = None,  # noqa: A002 - it is one
        **whose: Unpack[Whose],
    ) -> Hold:
        """Hold what a call may cost at most, in every scope or in none, before you make it.

        Args:
            usd: what it may cost at most.
            tokens: how many it may use at most.
            lease: seconds after which the hold becomes spend: longer than the call can last.
            id: the hold's id; the same id again, while it is held, is the same hold.
            **whose: who and what spends.

        Raises:
            BudgetExceededError, LimitReachedError: there is no room, and nothing is held.
            BudgetUnavailableError: the store cannot be reached.
            ConfigurationError: an argument is none of these, or the hold of this id has ended.
        """
        return self._held(
            self.run(self.book.take(asked(usd, tokens, lease, id, whose), divert=False))
        )

    async def areserve(
        self,
        usd: Any,
        *,
        tokens: int = 0,
        lease: float = _LEASE,
        id: str | None = None,  # noqa: A002 - it is one
        **whose: Unpack[Whose],
    ) -> Hold:
        """``reserve``, awaited: ``async with await manager.areserve(…) as hold``."""
        ask = asked(usd, tokens, lease, id, whose)
        return self._held(await self.arun(self.book.take(ask, divert=False)))

    def _held(self, taken: Any) -> Hold:
        assert isinstance(taken, Taken)  # noqa: S101 - nothing was to be diverted
        asked_for: Any = taken.ask.usd
        if taken.usd < asked_for:
            raise ConfigurationError(
                f"a hold of ${taken.usd:f} has this id, and ${asked_for:f} are asked for: another call needs another id"
            )
        return Hold(self.book, taken, self.run, self.arun)

    def update_spend(
        self,
        usd: Any,
        *,
        id: str | None = None,  # noqa: A002 - it is one
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        at: datetime | float | None = None,
        flag: str = "",
        **whose: Unpack[Whose],
    ) -> Posted:
        """Record what was spent elsewhere, whatever the limits.

        Args:
            usd: what it cost.
            id: of what was spent: the same id again changes nothing, and the answer's ``status`` is ``again``.
            prompt_tokens: what it read.
            completion_tokens: what it wrote.
            at: when; a ``datetime`` with a time zone, or Unix time in seconds. By default now.
            flag: a word for the ledger.
            **whose: who and what spent.
        """
        what = spend_of(usd, id, (prompt_tokens, completion_tokens), at, flag)
        return self.run(spent(self.book, attributes_of(whose), what))

    async def aupdate_spend(
        self,
        usd: Any,
        *,
        id: str | None = None,  # noqa: A002 - it is one
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
        at: datetime | float | None = None,
        flag: str = "",
        **whose: Unpack[Whose],
    ) -> Posted:
        """``update_spend``, awaited."""
        what = spend_of(usd, id, (prompt_tokens, completion_tokens), at, flag)
        return await self.arun(spent(self.book, attributes_of(whose), what))

    def reset(
        self, scope: Any = "global", *, window: str | None = None, measure: str | None = None
    ) -> bool:
        """Set what one scope spent in its windows of now to nothing; whether it has a limit at all.

        The ledger keeps it, and usage too; what is held stays held.
        """
        return self.run(self._cleared(scope, window, measure)) is not None

    async def areset(
        self, scope: Any = "global", *, window: str | None = None, measure: str | None = None
    ) -> bool:
        """``reset``, awaited."""
        return await self.arun(self._cleared(scope, window, measure)) is not None

    def _cleared(self, scope: Any, window: str | None, measure: str | None) -> Flow[Posted | None]:
        return cleared(self.book, scope_of(scope), new_id(), **which_of(window, measure))

    # --- rules ---------------------------------------------------------------------------------

    def set_budget(self, budget: Budget | RateLimit) -> None:
        """Store a limit, over what there was of this scope, window and measure. It holds at once, in every process."""
        self.run(set_rule(self.book, budget_of(budget)))

    async def aset_budget(self, budget: Budget | RateLimit) -> None:
        """``set_budget``, awaited."""
        await self.arun(set_rule(self.book, budget_of(budget)))

    def set_budgets(self, scope: Any, budgets: Iterable[Budget | RateLimit]) -> None:
        """Store these limits of a scope and no others, in one write: at no time is there none. ``()``: none."""
        self.run(set_rules(self.book, scope_of(scope), map(budget_of, budgets)))

    async def aset_budgets(self, scope: Any, budgets: Iterable[Budget | RateLimit]) -> None:
        """``set_budgets``, awaited."""
        await self.arun(set_rules(self.book, scope_of(scope), map(budget_of, budgets)))

    def remove_budget(
        self, scope: Any = "global", *, window: str | None = None, measure: str | None = None
    ) -> int:
        """Take stored limits of a scope back; how many there were. What is declared in code holds again."""
        return self.run(taken_back(self.book, scope_of(scope), **which_of(window, measure)))

    async def aremove_budget(
        self, scope: Any = "global", *, window: str | None = None, measure: str | None = None
    ) -> int:
        """``remove_budget``, awaited."""
        return await self.arun(taken_back(self.book, scope_of(scope), **which_of(window, measure)))

    def increase_budget(
        self,
        scope: Any,
        amount: Any,
        until: datetime | float,
        *,
        window: str | None = None,
        measure: str = "usd",
    ) -> None:
        """Raise a scope's limit by an amount until a time; an amount of 0 ends it.

        Args:
            scope: whose. One of many (``{"user": "ann"}`` of ``"user"``) gets a stored limit of its own.
            amount: how much more.
            until: a ``datetime`` with a time zone, or Unix time in seconds.
            window: which limit, where there are several.
            measure: of what: ``usd``, ``requests``, ``tokens``, ``parallel``.
        """
        self.run(self._increased(scope, amount, until, window, measure))

    async def aincrease_budget(
        self,
        scope: Any,
        amount: Any,
        until: datetime | float,
        *,
        window: str | None = None,
        measure: str = "usd",
    ) -> None:
        """``increase_budget``, awaited."""
        await self.arun(self._increased(scope, amount, until, window, measure))

    def _increased(
        self, scope: Any, amount: Any, until: Any, window: str | None, measure: str
    ) -> Flow[None]:
        which = which_of(window, measure)
        more = amount_of(amount, "amount")
        end = until_of(until)
        return increased(
            self.book, scope_of(scope), more, end, window=which["window"], measure=measure
        )

    def list_budgets(self) -> list[BudgetInfo]:
        """All limits that hold, declared and stored."""
        return self.run(listed(self.book))

    async def alist_budgets(self) -> list[BudgetInfo]:
        """``list_budgets``, awaited."""
        return await self.arun(listed(self.book))

    # --- the ledger ----------------------------------------------------------------------------

    def audit(self) -> Audited:
        """Compare what is counted with the ledger and the holds, to the last unit: ``differences`` is empty."""
        return self.run(self._perform(Audit()))  # type: ignore[no-any-return]

    async def aaudit(self) -> Audited:
        """``audit``, awaited."""
        return await self.arun(self._perform(Audit()))

    def sweep(self, limit: int = 1000) -> int:
        """Make spend of holds whose lease is over; how many there were. Calls do so by the way, eight at a time."""
        return self.run(self._perform(Sweep(limit)))  # type: ignore[no-any-return]

    async def asweep(self, limit: int = 1000) -> int:
        """``sweep``, awaited."""
        return await self.arun(self._perform(Sweep(limit)))

    def entries(self, after: int = 0, limit: int = 1000) -> tuple[Entry, ...]:
        """The ledger behind the entry of this number, the oldest first."""
        return self.run(self._perform(ReadEntries(after, limit)))

    async def aentries(self, after: int = 0, limit: int = 1000) -> tuple[Entry, ...]:
        """``entries``, awaited."""
        return await self.arun(self._perform(ReadEntries(after, limit)))

    def _perform(self, operation: Any) -> Flow[Any]:
        return self.book.perform(operation)
