"""From what a row says to the rules that hold it, and from the ledger to what it has spent. Nothing is counted here.

A row's limits are stored rules of the ``BudgetManager``: they hold at once, in every process. Keys, users, teams and
organisations are scopes of one kind; a model's limit of any of these is a rule of two kinds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from ..._control.budget.scopes import scope_of
from ...budget import Budget, BudgetStatus, RateLimit
from ...errors import ConfigurationError
from ..failure import Refused
from ..gateway import Gateway
from .durations import window_of

__all__ = ["Limits", "Spent", "checked", "hold", "limits_of", "release", "spent"]

Scope = Mapping[str, str]
Rule = Budget | RateLimit
_MODELS: Final = ("model_rpm_limit", "model_tpm_limit")
_PLANNED: Final = ("tpm_limit", "rpm_limit", "max_parallel_requests")
_NONE: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Limits:
    """What limits a bearer, with what its plan (``budget_id``) says where it says nothing itself. Amounts are USD."""

    max_budget: Decimal | None = None
    soft_budget: Decimal | None = None
    budget_duration: str | None = None
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    max_parallel_requests: int | None = None
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By model: ``max_budget``, ``budget_duration``, ``rpm_limit``, ``tpm_limit``."""
    increase: Decimal = Decimal(0)
    """Added to ``max_budget`` until ``increased_until`` (Unix time, seconds)."""
    increased_until: float = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What a bearer spent, in USD: in its budget's window of now where it has one, else ever."""

    usd: Decimal
    resets_at: datetime | None = None


def limits_of(row: Any, plan: Any = None) -> Limits:
    """The limits of a key, user, team or organisation.

    Raises:
        Refused: 400, a model's limit is none.
    """
    source = plan if plan is not None and row.max_budget is None else row
    soft = row.soft_budget if row.soft_budget is not None or plan is None else plan.soft_budget
    counts = {name: _first(name, row, plan) for name in _PLANNED}
    details = row.details or _NONE
    increase, until = _increase(details)
    models = dict(_models(getattr(plan, "model_max_budget", None), _NONE))
    return Limits(
        max_budget=source.max_budget,
        soft_budget=soft,
        budget_duration=source.budget_duration,
        models=models | dict(_models(row.model_max_budget, details)),
        increase=increase,
        increased_until=until,
        **counts,
    )


def _first(name: str, row: Any, plan: Any) -> Any:
    own = getattr(row, name)
    return own if own is not None or plan is None else getattr(plan, name)


def _increase(details: Mapping[str, Any]) -> tuple[Decimal, float]:
    amount, until = details.get("temp_budget_increase"), details.get("temp_budget_expiry")
    if amount is None or until is None:
        return Decimal(0), 0
    end = datetime.fromisoformat(until)
    return Decimal(str(amount)), (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()


def _models(said: Any, details: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    budgets: dict[str, Any] = dict(said or {})
    requests, tokens = (dict(details.get(name) or {}) for name in _MODELS)
    for model in dict.fromkeys((*budgets, *requests, *tokens)):
        found = _model(budgets.get(model, _NONE))
        counts = {"rpm_limit": requests.get(model), "tpm_limit": tokens.get(model)}
        yield model, found | {name: n for name, n in counts.items() if n is not None}


def _model(given: Any) -> dict[str, Any]:
    """``5``, ``{"max_budget": 5, "budget_duration": "1d"}``, or the older ``budget_limit``, ``time_period``."""
    if not isinstance(given, Mapping):
        return {"max_budget": given}
    older = {"budget_limit": "max_budget", "time_period": "budget_duration"}
    found: dict[str, Any] = {
        older.get(str(name), str(name)): value for name, value in given.items()
    }
    known = {"max_budget", "budget_duration", "rpm_limit", "tpm_limit"}
    if unknown := found.keys() - known:
        named = ", ".join(sorted(map(str, unknown)))
        raise _refused(f"a model's limit is {', '.join(sorted(known))}, not {named:.100}")
    return found


def _rules(scope: Scope, said: Any, window: str | None) -> Iterator[Rule]:
    """The rules of a scope, by what has the fields of limits."""
    if said.max_budget is not None or said.soft_budget is not None:
        yield Budget(said.max_budget, window, dict(scope), soft=said.soft_budget)
    counts = said.rpm_limit, said.tpm_limit, said.max_parallel_requests
    if any(count is not None for count in counts):
        yield RateLimit(*counts, scope=dict(scope))


def checked(gateway: Gateway, scope: Scope, limits: Limits) -> list[tuple[Scope, list[Rule]]]:
    """The rules of each scope that these limits are of, that of their bearer first.

    Raises:
        Refused: 400, something of them is none.
    """
    try:
        found = [(scope, list(_rules(scope, limits, window_of(limits.budget_duration))))]
        for name, said in limits.models.items():
            own = {**scope, "model": _asked(gateway, name)}
            one = Limits(**said)
            found.append((own, list(_rules(own, one, window_of(one.budget_duration)))))
    except ConfigurationError as error:
        raise _refused(str(error)) from None
    if limits.increase and limits.max_budget is None:
        raise _refused("there is no max_budget that temp_budget_increase could be added to")
    return found


def _asked(gateway: Gateway, name: str) -> str:
    """The model that a group's deployments ask; limits are of models, since groups come and go."""
    entries = gateway.calls.get_model_list(name)
    models = dict.fromkeys(str(one["litellm_params"]["model"]) for one in entries)
    if not models or any("*" in one for one in models):
        return name
    if len(models) > 1:
        named = ", ".join(sorted(models))
        raise _refused(f"{name!r:.100} is answered by several models: limit each of {named:.300}")
    return next(iter(models))


async def hold(
    gateway: Gateway, scope: Scope, limits: Limits, before: Limits | None = None
) -> None:
    """Let these limits hold for a scope, and those that it had ``before`` no more. What was spent stays spent.

    Raises:
        Refused: 400, something of them is none.
        StoreError: they cannot be stored.
    """
    wanted = checked(gateway, scope, limits)
    await _set_back(gateway, scope, before, {one.get("model") for one, _ in wanted})
    for one, rules in wanted:
        await gateway.budget.aset_budgets(dict(one), rules)
    if limits.increased_until or (before is not None and before.increased_until):
        await _increased(gateway, scope, limits)


async def _set_back(
    gateway: Gateway, scope: Scope, before: Limits | None, but: set[str | None]
) -> None:
    for name in before.models if before is not None else ():
        if (model := _asked(gateway, name)) not in but:
            await gateway.budget.aset_budgets({**scope, "model": model}, ())


async def _increased(gateway: Gateway, scope: Scope, limits: Limits) -> None:
    if limits.max_budget is None:
        return
    over = limits.increased_until <= time.time()
    await gateway.budget.aincrease_budget(
        dict(scope),
        0 if over else limits.increase,
        max(limits.increased_until, time.time()),
        window=window_of(limits.budget_duration) or "total",
    )


async def release(gateway: Gateway, scope: Scope, before: Limits) -> None:
    """Let no limit of a scope hold any more. What was spent stays in the ledger."""
    await hold(gateway, scope, Limits(), before)


async def spent(gateway: Gateway, scope: Scope, limits: Limits) -> Spent:
    """What a scope spent, as the ledger has it."""
    if limits.max_budget is None and limits.soft_budget is None:
        return Spent((await gateway.budget.aget_usage(dict(scope), group_by=())).usd)
    whose: Any = dict(scope)
    status = _own(scope, (await gateway.budget.acheck_budget(**whose)).limits)
    return Spent(Decimal(0)) if status is None else Spent(status.spent, status.resets_at)


def _own(scope: Scope, statuses: tuple[BudgetStatus, ...]) -> BudgetStatus | None:
    text = scope_of(dict(scope)).text
    return next((one for one in statuses if one.scope == text and one.measure == "usd"), None)


def _refused(message: str) -> Refused:
    return Refused(400, message, "bad_request_error")
