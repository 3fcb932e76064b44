"""LiteLLM's ``BudgetManager``, over a store: floats outside, exact amounts and one ledger for all processes inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, unquote

from .. import _json, stores
from .._api._default import default_client
from .._call import whole_of
from .._control.budget.checking import BudgetStatus
from .._control.budget.planning import NOTE
from .._control.costing import Terms, cost_of_answer, cost_of_texts
from .._cost import Cost
from .._operations import ReadRules, Rule, WriteRule, Written
from ..budget import Budget
from ..budget import BudgetManager as Manager
from ..errors import ConfigurationError, UnknownPriceError
from ._money import cost_per_token
from ._tokens import token_counter

__all__ = ["BudgetManager"]

_DAYS: Final = {"daily": 1, "weekly": 7, "monthly": 28, "yearly": 365}
_DAY_SECONDS: Final = 86_400
_OURS: Final = f"{NOTE}litellm:user="
_EACH_MODEL: Final = Budget(None, None, {"user": "*", "model": "*"})


class BudgetManager:
    """Budgets of users, and what they have cost, by LiteLLM's names and in its units: floats of USD.

    What differs from LiteLLM 1.109.1 (https://docs.litellm.ai/docs/budget_manager, read 2026-11-22): it is kept in a
    SQLite file of the project's name in the working directory (``my-app.budget.db``), which several processes may use
    at once, and not in one JSON file of all projects that the last to write overwrites. It is written before a method
    returns, so ``save_data`` and ``load_data`` have nothing left to do. Amounts are exact. ``created_at`` is by
    default the time of the call. A cost that is not known raises ``UnknownPriceError``. ``get_model_cost`` is a dict
    where nothing was spent, too.

    These methods record; they stop nothing. What they set are limits all the same: with
    ``llmkit.Client(budget=manager.budgets)`` a call of ``user="ann"`` is held against ann's, and refused before it
    could exceed it. ``update_cost`` is not called then: the client records.

    Args:
        project_name: names the file.
        client_type: ``local``; or ``hosted``: at ``api_base``.
        api_base: with ``hosted``, where the store is: ``postgresql://…`` or ``redis://…``, one for each project.
            LiteLLM's own service is none.
        headers: taken for LiteLLM's sake.

    Raises:
        ConfigurationError: ``client_type`` is another, or says ``hosted`` with no store.
    """

    def __init__(
        self,
        project_name: str,
        client_type: str = "local",
        api_base: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.project_name, self.client_type = project_name, client_type
        self.api_base, self.headers = api_base, headers
        self.budgets = Manager(_store(project_name, client_type, api_base), [_EACH_MODEL])
        """The ``llmkit.BudgetManager`` behind this one."""

    @property
    def user_dict(self) -> dict[str, dict[str, Any]]:
        """Everything, by user, as it is now; changing it changes nothing."""
        return {user: self._record(user, note) for user, note in self._notes().items()}

    def create_budget(
        self,
        total_budget: float,
        user: str,
        duration: str | None = None,
        created_at: float | None = None,
    ) -> dict[str, Any]:
        """Give a user a budget, in place of one he has, and of what that has cost; returns its record.

        Args:
            total_budget: in USD.
            user: whose.
            duration: ``daily``, ``weekly``, ``monthly`` (28 days) or ``yearly``: after so long
                ``reset_on_duration`` sets the cost to 0. ``None``: never.
            created_at: Unix time in seconds; by default now.

        Raises:
            ValueError: another ``duration``.
        """
        if duration is not None and duration not in _DAYS:
            raise ValueError(f"duration must be one of {', '.join(_DAYS)}, not {duration!r}")
        note: dict[str, Any] = {}
        if duration is not None:
            at = time.time() if created_at is None else created_at
            note = {"duration": _DAYS[duration], "created_at": at, "last_updated_at": at}
        self.budgets.set_budget(Budget(total_budget, None, {"user": user}))
        self._reset(user)
        self._write(user, lambda _: note)
        return self._record(user, note)

    def projected_cost(self, model: str, messages: Sequence[Any], user: str) -> float:
        """What the user's calls have cost, and what this prompt would; the answer to it is not counted.

        Raises:
            KeyError: there is no such user.
            UnknownPriceError: the model has no price.
        """
        texts = [message["content"] for message in messages]
        if all(isinstance(text, str) for text in texts):
            tokens = token_counter(model, text="".join(texts))
        else:
            tokens = token_counter(model, messages=messages)
        into, _ = cost_per_token(model, prompt_tokens=tokens, completion_tokens=0)
        return into + self.get_current_cost(user)

    def update_cost(
        self,
        user: str,
        completion_obj: Any = None,
        model: str | None = None,
        input_text: str | None = None,
        output_text: str | None = None,
    ) -> dict[str, Any]:
        """Record what a call cost: that of an answer, or of a prompt's and an answer's texts, which is an estimate.

        Raises:
            KeyError: there is no such user.
            ValueError: neither an answer, nor a model and both texts were given.
            UnknownPriceError: what it cost is not known.
        """
        self._note(user)
        known = default_client().catalogue
        if model and input_text and output_text:
            prompt = [{"role": "user", "content": input_text}]
            cost = cost_of_texts(prompt, None, output_text, Terms(known, model))
        elif completion_obj:
            whole = whole_of(completion_obj)
            cost = cost_of_answer(whole, Terms(known))
            model = str(whole["model"])
        else:
            raise ValueError("give a completion object, or model, input_text and output_text")
        self.budgets.update_spend(_amount(cost), user=user, model=model)
        return {"user": self._record(user, self._note(user))}

    def get_total_budget(self, user: str) -> float:
        """The user's budget in USD; ``KeyError`` where there is no such user."""
        self._note(user)
        limit = self._standing(user).limit
        return float("inf") if limit is None else float(limit)

    def get_current_cost(self, user: str) -> float:
        """What the user's calls have cost in USD; ``KeyError`` where there is no such user."""
        self._note(user)
        return float(self._standing(user).spent)

    def get_model_cost(self, user: str) -> dict[str, float]:
        """The same by model; ``KeyError`` where there is no such user."""
        self._note(user)
        return {model: float(cost) for model, cost in self._by_model(user) if cost}

    def is_valid_user(self, user: str) -> bool:
        """Whether the user has a budget."""
        return user in self._notes()

    def get_users(self) -> list[str]:
        """All who have one."""
        return list(self._notes())

    def reset_cost(self, user: str) -> dict[str, Any]:
        """Set what the user's calls have cost to 0, and by model too; ``KeyError`` where there is no such user."""
        note = self._note(user)
        self._reset(user)
        return {"user": {**self._record(user, note), "current_cost": 0.0, "model_cost": {}}}

    def reset_on_duration(self, user: str) -> None:
        """``reset_cost``, if the budget's time has passed since it was last done; one process of several does it.

        ``KeyError`` where there is no such user, or his budget has no duration.
        """
        now = time.time()

        def renewed(note: dict[str, Any]) -> dict[str, Any] | None:
            due = now - note["last_updated_at"] >= note["duration"] * _DAY_SECONDS
            return {**note, "last_updated_at": now} if due else None

        self._note(user)
        if self._write(user, renewed):
            self._reset(user)

    def update_budget_all_users(self) -> None:
        """``reset_on_duration`` for all whose budgets have one."""
        for user, note in self._notes().items():
            if "duration" in note:
                self.reset_on_duration(user)

    def save_data(self) -> dict[str, str]:
        """Everything is saved already."""
        return {"status": "success"}

    def load_data(self) -> None:
        """Everything is read when it is asked for."""

    def close(self) -> None:
        """Close the store. It can be used again after it."""
        self.budgets.close()
        self.budgets.store.close()

    # --- notes: what a store's limits do not say ------------------------------------------------

    def _notes(self) -> dict[str, dict[str, Any]]:
        rules: tuple[Rule, ...] = self.budgets.run(self.budgets.book.perform(ReadRules()))
        return {
            unquote(rule.scope.removeprefix(_OURS)): _json.load(rule.body)
            for rule in rules
            if rule.scope.startswith(_OURS) and rule.body is not None
        }

    def _read(self, user: str) -> Rule:
        scope = _OURS + quote(user, safe="")
        rules: tuple[Rule, ...] = self.budgets.run(self.budgets.book.perform(ReadRules((scope,))))
        return rules[0]

    def _note(self, user: str) -> dict[str, Any]:
        body = self._read(user).body
        if body is None:
            raise KeyError(user)
        note: dict[str, Any] = _json.load(body)
        return note

    def _write(self, user: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> bool:
        """Write what becomes of a note, over the one that was read; ``False`` where nothing shall."""
        while True:
            rule = self._read(user)
            note = change({} if rule.body is None else _json.load(rule.body))
            if note is None:
                return False
            operation = WriteRule(rule.scope, _json.dump_text(note), rule.version)
            written: Written = self.budgets.run(self.budgets.book.perform(operation))
            if written.done:
                return True

    # --- amounts -------------------------------------------------------------------------------

    def _standing(self, user: str, **more: str) -> BudgetStatus:
        """How the budget of the user stands, or of the user and a model."""
        limits = self.budgets.check_budget(user=user, **more).limits  # type: ignore[arg-type]
        total = [one for one in limits if (one.measure, one.window) == ("usd", "total")]
        return next(one for one in total if one.scope.count("&") == len(more))

    def _by_model(self, user: str) -> Iterator[tuple[str, Decimal]]:
        for line in self.budgets.get_usage({"user": user}, group_by="model"):
            if line.model:
                yield line.model, self._standing(user, model=line.model).spent

    def _reset(self, user: str) -> None:
        for model, cost in self._by_model(user):
            if cost:
                self.budgets.reset({"user": user, "model": model}, window="total")
        self.budgets.reset({"user": user}, window="total")

    def _record(self, user: str, note: Mapping[str, Any]) -> dict[str, Any]:
        record = {"total_budget": self.get_total_budget(user), **note}
        if cost := self.get_current_cost(user):
            record |= {"current_cost": cost, "model_cost": self.get_model_cost(user)}
        return record


def _store(project: str, kind: str, base: str | None) -> Any:
    if kind == "local":
        return stores.SQLiteStore(f"{quote(project, safe=' ')}.budget.db")
    if kind != "hosted":
        raise ConfigurationError(f"client_type is 'local' or 'hosted', not {kind!r}")
    if base is None or "://" not in base:
        raise ConfigurationError(
            "client_type='hosted' needs api_base=, the address of a store: postgresql://… or redis://…"
        )
    return base


def _amount(cost: Cost) -> Decimal:
    if cost.total is None:
        raise UnknownPriceError(f"the cost is not known: {cost.reason}")
    return cost.total
