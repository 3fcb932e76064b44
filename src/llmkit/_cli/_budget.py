"""``llmkit budget``: what a store's limits are, what was used, and whether its counters are what its ledger says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .. import BudgetManager
from .._control.budget.scopes import Spelled
from ..errors import StoreError
from ._tables import aligned
from ._usage import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from ..budget import BudgetInfo

__all__ = ["lines"]

_NONE: Final = "-"


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    """What to print. The store is opened, and closed behind it; a file that is not there is not made."""
    store = arguments.store
    if "://" not in store and not Path(store).is_file():
        raise UsageError(f"there is no file {store}")
    with BudgetManager(store) as manager:
        yield from _ACTIONS[arguments.action](manager, arguments)


def _limits(manager: BudgetManager, _: argparse.Namespace) -> Iterator[str]:
    head = ("SCOPE", "MEASURE", "WINDOW", "LIMIT", "SPENT", "HELD")
    rows = [_limit(manager, one) for one in manager.list_budgets()]
    if not rows:
        return iter(
            ("no limits are stored here; those declared in code are not known to the store",)
        )
    return aligned([head, *rows], right=range(3, 6))


def _limit(manager: BudgetManager, info: BudgetInfo) -> tuple[str, ...]:
    spent = held = _NONE
    if "*" not in info.scope:
        checked = manager.check_budget(**_whose(info.scope)).limits
        keys = (info.scope, info.measure, info.window)
        found = next(one for one in checked if (one.scope, one.measure, one.window) == keys)
        spent, held = _amount(found.spent), _amount(found.held)
    limit = _NONE if info.limit is None else _amount(info.limit)
    return info.scope, info.measure, info.window, limit, spent, held


def _whose(scope: str) -> dict[str, Any]:
    pairs = (part.partition("=") for part in scope.split("&") if scope != "global")
    # As they are written: what stands for a key, or for a very long name, is not to be spelled again.
    return {kind: Spelled(value) for kind, _, value in pairs}


def _usage(manager: BudgetManager, arguments: argparse.Namespace) -> Iterator[str]:
    groups = arguments.by.split(",")
    head = (*(group.upper() for group in groups), "CALLS", "PROMPT", "COMPLETION", "USD")
    report = manager.get_usage(arguments.scope, group_by=groups, since=arguments.since)
    rows = [
        (
            *(str(getattr(one, group) or _NONE) for group in groups),
            f"{one.calls:,}",
            f"{one.prompt_tokens:,}",
            f"{one.completion_tokens:,}",
            _amount(one.usd),
        )
        for one in report
    ]
    return aligned([head, *rows], right=range(len(groups), len(head)))


def _audit(manager: BudgetManager, _: argparse.Namespace) -> Iterator[str]:
    found = manager.audit()
    yield f"entries      {found.entries:,}"
    yield f"holds        {found.holds:,}"
    yield f"expired      {found.expired:,}"
    yield f"differences  {len(found.differences):,}"
    for one in found.differences:
        expected, is_there = _amount(one.expected), _amount(one.found)
        yield f"{one.what} of {one.key}: the ledger says {expected}, the counter {is_there}"
    if found.differences:
        raise StoreError("the counters are not what the ledger says")


def _amount(given: Any) -> str:
    return f"{given.normalize():f}"


_ACTIONS: Final[Mapping[str, Callable[[BudgetManager, argparse.Namespace], Iterator[str]]]] = {
    "audit": _audit,
    "show": _limits,
    "usage": _usage,
}
