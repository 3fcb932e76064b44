"""What the rows of a batch are billed for, whoever looks at its results, and however often: the same, each time.

Their ids are made of the provider's id of the batch and of each call's in it, their time is when the batch had ended.
Nothing is priced here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ...types.answer import Answer
from ...types.batch import Batch, BatchResult
from ...types.usage import Usage
from ..foreign import adopted
from ..job import Leg
from .charge import Charge
from .charging import numbers

__all__ = ["charges_of", "of_batch"]

_ENDS: Final = (
    "completed_at",
    "cancelled_at",
    "expired_at",
    "failed_at",
    "finalizing_at",
    "created_at",
)
"""When it had ended, as far as its provider says; that does not change any more."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_DIGITS: Final = 40


def of_batch(leg: Leg) -> Leg:
    """The leg that asks for the batch itself, instead of its results."""
    asked: Any = leg.call
    return replace(leg, call=replace(asked, action="retrieve", stream=False, params={}))


def charges_of(batch: Batch, provider: str, results: Any) -> Iterator[Charge]:
    """One for each row that was answered, and costs anything. ``results``: the answer, its rows priced."""
    at = _ended(batch)
    for place, row in enumerate(results.rows()):
        if row.cost.status != "none":
            yield _of_row(_id(batch, row, place), at, provider, row)


def _of_row(id_: str, at: int, provider: str, row: BatchResult) -> Charge:
    cost, (model, usage) = row.cost, _used(row)
    return Charge(
        id_,
        at,
        "completed",
        provider,
        model,
        "batch",
        cost.total,
        cost.status,
        cost.reason or "",
        usage=numbers(usage),
    )


def _used(row: BatchResult) -> tuple[str, Usage | None]:
    try:
        answer = row.response if isinstance(row.response, Answer) else adopted(row.response)
    except TypeError:
        return "", None
    return str(answer.get("model") or ""), answer.counted()


def _id(batch: Batch, row: BatchResult, place: int) -> str:
    """Of two rows never the same, and URL-safe."""
    whose, own = str(batch.id), str(row.custom_id or row.get("id") or f"row-{place}")
    if _PLAIN.fullmatch(whose) and _PLAIN.fullmatch(own):
        return f"{whose}.{own}"
    written = json.dumps([whose, own], separators=(",", ":"))
    return f"batch.{hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]}"


def _ended(batch: Batch) -> int:
    for name in _ENDS:
        told = batch.get(name)
        if isinstance(told, int | float) and told > 0:
            return int(told * 1000)
    return 0
