"""What is held for the calls of a batch, from when it is made until it is known what they cost.

One hold for each model of a batch, over all that its calls can cost at most: taken before the batch is made, settled at
what they cost, once, by whoever first sees how it ended. A hold that nobody ends becomes spend when its lease is over,
as every hold does, and is corrected by the difference if the results are seen later: at no time does less count than
may be billed. What a hold is called, and where it counts, is kept with the batch, so that any worker can end it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ... import pricing
from ..._control.attributes import attributes, noted
from ..._control.budget.asking import Ask, Taken
from ..._control.prices import is_price, price_of
from ..._control.retry import refused
from ..._cost import MATH, Unbounded
from ..._operations import Line, Reserve, Reserved, SettleHold
from ..._settlements import Outcome, Settle, Settlement
from ...catalogue import default
from ...errors import APIError, LLMKitError
from ...types.answer import Answer
from ...types.batch import BatchResult
from ..data.models import Kept
from ..gateway import Gateway
from . import places

__all__ = ["ENDED", "hold", "let_go", "owes", "settle", "uncertain"]

_log = logging.getLogger("llmkit.proxy")

ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_LEASE: Final = 3 * 86_400_000
"""Milliseconds: longer than a batch runs (see ``weighing``)."""
_ZERO: Final = Decimal(0)
_OLD: Final = "what its calls can cost was not noted when its file was sent: send the file again"
_TIER: Final = "batch"
_OUTCOMES: Final[Mapping[str, Outcome]] = {
    "completed": "completed",
    "failed": "failed",
    "expired": "completed",
    "cancelled": "cancelled",
}


# --- holding -----------------------------------------------------------------------------------


async def hold(
    gateway: Gateway, provider: str, money: Mapping[str, Any] | None, models: Sequence[str]
) -> dict[str, Any]:
    """Hold what the calls of a batch can cost at most, for whom the context around says; for ``Kept.money``.

    Args:
        gateway: whose budgets hold.
        provider: whom the batch is made at.
        money: what ``weighing`` has noted of the calls; ``None``: nothing.
        models: of the calls, where nothing was noted.

    Raises:
        BudgetError, LimitReachedError: there is no room, or nobody knows the bound; nothing is held.
    """
    bounds: Any = (money or {}).get("bounds") or {
        name: {"group": name, "usd": "0", "calls": 0, "why": _OLD} for name in models
    }
    held: list[dict[str, Any]] = []
    try:
        for model, bound in bounds.items():
            held.append(await _held(gateway, provider, model, bound))
    except BaseException:
        await let_go(gateway, {"holds": held})
        raise
    return {"holds": held, "said": dict(noted({}).get("proxy") or {}), "began": time.time()}


async def _held(
    gateway: Gateway, provider: str, model: str, bound: Mapping[str, Any]
) -> dict[str, Any]:
    name = f"{provider}/{model}"
    whose = {**attributes({}, {}, {}), "model": (name,), "provider": (provider,)}
    whose.pop("subscription", None)
    usd = Unbounded(bound["why"]) if bound["why"] else Decimal(bound["usd"])
    id_ = f"batch-{os.urandom(12).hex()}"
    ask = Ask(id_, id_, whose, usd, 0, _LEASE, requests=_ZERO)
    taken = await gateway.budget.arun(gateway.budget.book.take(ask, divert=False))
    assert isinstance(taken, Taken)  # noqa: S101 - nothing was to be diverted
    return {
        "id": id_,
        "provider": provider,
        "model": model,
        "group": bound["group"],
        "usd": str(taken.usd),
        "whose": {kind: list(values) for kind, values in whose.items()},
        "expires": taken.reserved.expires,
        "lines": [[*line[:3], str(line.amount), line.keep] for line in taken.reserved.lines],
    }


async def let_go(gateway: Gateway, money: Mapping[str, Any]) -> None:
    """The batch was not made: nothing of it will be billed."""
    for held in money["holds"]:
        taken = _taken(gateway, held)
        await _close(gateway, taken, taken.release(sent_request=False))


def uncertain(error: BaseException) -> bool:
    """Whether a batch may have been made although this came in place of an answer."""
    sent = getattr(error, "sent", "maybe") if isinstance(error, APIError) else "maybe"
    before = isinstance(error, LLMKitError) and not isinstance(error, APIError)
    return not (before or sent == "no" or refused(error))


def _taken(gateway: Gateway, held: Mapping[str, Any]) -> Taken:
    """A hold as it was taken, perhaps by another process."""
    lines = tuple(
        Line(account, bucket, width, Decimal(amount), keep)
        for account, bucket, width, amount, keep in held["lines"]
    )
    whose = {kind: tuple(values) for kind, values in held["whose"].items()}
    usd, plan = Decimal(held["usd"]), gateway.budget.book.plan(whose)
    reserve = Reserve(held["id"], (), _LEASE, usd, plan.whose)
    reserved = Reserved(0, held["expires"], lines, again=True)
    return Taken(Ask(held["id"], held["id"], whose, usd), plan, {"usd": usd}, reserve, reserved)


async def _close(gateway: Gateway, taken: Taken, operation: SettleHold) -> bool:
    """End a hold; whether the store has it. Once more changes nothing."""
    book = gateway.budget.book
    return await gateway.budget.arun(book.close(taken, operation)) is not None


# --- settling ----------------------------------------------------------------------------------


def owes(row: Kept) -> bool:
    """Whether anything is held for this batch still."""
    return bool(row.money and row.money.get("holds"))


@dataclass(slots=True)
class _Sum:
    """What the calls of one model came to. ``why``: why that is not known."""

    usd: Decimal = _ZERO
    why: str = ""
    prompt: int = 0
    completion: int = 0
    calls: int = 0


async def settle(
    gateway: Gateway, row: Kept, said: Mapping[str, Any], results: Iterable[BatchResult]
) -> dict[str, Any] | None:
    """The batch has ended: settle what is held for it at what its calls cost. What is then to be kept of it.

    Args:
        gateway: whose ledger has it.
        row: the batch, as it is kept.
        said: what its provider says of it now.
        results: what became of its calls; none: nothing was answered, and nothing is billed.

    Returns:
        ``None`` where the store could not be reached: it is done again when somebody looks next.
    """
    money = dict(row.money or {})
    holds: list[dict[str, Any]] = money["holds"]
    sums = _sums(gateway, holds, results)
    for held in holds:
        found = sums[held["id"]]
        taken = _taken(gateway, held)
        if not await _close(gateway, taken, _operation(taken, found)):
            return None
        await gateway.store.aperform(Settle(_settlement(held, found, money, said)))
    return {**money, "holds": [], "settled": [held["id"] for held in holds]}


def _operation(taken: Taken, found: _Sum) -> SettleHold:
    if not found.calls:
        return taken.release(sent_request=False)
    if found.why:
        return taken.unknown("unknown cost", found.prompt, found.completion)
    # Neither requests nor tokens of a batch count against limits by the minute.
    amounts = tuple(found.usd if line.terms.measure == "usd" else _ZERO for line in taken.lines)
    settled = taken.settle(found.usd, found.prompt, found.completion)
    return settled._replace(amounts=amounts)


def _settlement(
    held: Mapping[str, Any], found: _Sum, money: Mapping[str, Any], said: Mapping[str, Any]
) -> Settlement:
    """The row of the request log, one for each model of the batch; a second one of its id is refused."""
    began = float(money.get("began") or time.time())
    told = {**money.get("said", {}), "call_type": "batch", "group": held["group"]}
    return Settlement(
        call_id=held["id"],
        outcome=_OUTCOMES.get(str(said.get("status")), "completed"),
        provider=held["provider"],
        model=held["model"],
        stream=False,
        sent="yes",
        attempts=1,
        started=began,
        seconds=max(0.0, time.time() - began),
        prompt_tokens=found.prompt,
        completion_tokens=found.completion,
        usage_source="reported" if found.calls else "none",
        cost=None if found.why else found.usd,
        cost_status="unknown" if found.why else "exact" if found.calls else "none",
        cost_reason=found.why or None,
        request_id=str(said.get("id") or ""),
        metadata={"proxy": told},
        kind="batch",
    )


def _sums(
    gateway: Gateway, holds: Sequence[Mapping[str, Any]], results: Iterable[BatchResult]
) -> dict[str, _Sum]:
    """What the calls cost, by the hold that they are of."""
    found = {held["id"]: _Sum() for held in holds}
    priced = _Prices(gateway)
    for result in results:
        if result.status != "succeeded":
            continue
        try:
            answer = result.response
            answer = answer if isinstance(answer, Answer) else _adopted(answer)
        except TypeError:
            answer = None
        held = _of(holds, str(answer.get("model") or "") if answer is not None else "")
        _add(found[held["id"]], result, answer, priced.of(held))
    return found


def _add(found: _Sum, result: BatchResult, answer: Answer | None, price: Any) -> None:
    found.calls += 1
    usage = None if answer is None else answer.counted()
    cost = result.cost
    if answer is not None and usage is not None:
        found.prompt += usage.prompt_tokens or 0
        found.completion += usage.completion_tokens or 0
    if price is not None and answer is not None:
        cost = pricing.cost(usage, price, measures=answer.measured(None), service_tier=_TIER)
    if cost.total is None:
        found.why = cost.reason or "what a call cost is not known"
    else:
        found.usd = MATH.add(found.usd, cost.total)


def _adopted(answer: Any) -> Answer:
    """A result's answer in a provider's own form. Raises ``TypeError`` where it has none that is known."""
    from ..._control.foreign import adopted  # noqa: PLC0415 - brings all native wires along

    return adopted(answer)


def _of(holds: Sequence[Mapping[str, Any]], model: str) -> Mapping[str, Any]:
    """Whose call it was: providers answer with a model's dated name (``gpt-4o-2024-08-06``)."""
    near = [held for held in holds if model.startswith(held["model"])]
    return max(near, key=lambda held: len(held["model"]), default=holds[0])


class _Prices:
    """Prices that deployments were declared with; where there are none, the catalogue's are on the results already."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[str, Any] = {}

    def of(self, held: Mapping[str, Any]) -> Any:
        """The price for a hold's model; ``None``: none was declared."""
        if held["id"] not in self._known:
            self._known[held["id"]] = self._declared(held)
        return self._known[held["id"]]

    def _declared(self, held: Mapping[str, Any]) -> Any:
        provider, model = held["provider"], held["model"]
        for entry in self._gateway.calls.get_model_list(held["group"]):
            given = {**entry.get("model_info", {}), **entry["litellm_params"]}
            prices = {name: value for name, value in given.items() if is_price(name)}
            if prices and places.declared(entry) == (provider, model):
                return price_of(prices, "chat", default(), provider, model)
        return None
