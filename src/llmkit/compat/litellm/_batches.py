"""Several chats at once, by LiteLLM's names; of each its answer, or the exception that it failed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..._io._crew import crew
from ..._io._together import together
from ..._mapping._several import models_of
from ...errors import ConfigurationError
from ._calling import acall, call

__all__ = [
    "abatch_completion",
    "batch_completion",
    "batch_completion_models",
    "batch_completion_models_all_responses",
]


def batch_completion(
    model: str, messages: Sequence[Sequence[Any]] = (), *, max_workers: int = 100, **named: Any
) -> list[Any]:
    """Ask one model several things: answers in their order, or the exceptions that they failed with."""
    return _all([{"model": model, "messages": one, **named} for one in messages], max_workers)


async def abatch_completion(
    model: str, messages: Sequence[Sequence[Any]], **named: Any
) -> list[Any]:
    """``batch_completion`` for async code; all are asked at once."""
    return await together([partial(acall, "completion", (model, one), named) for one in messages])


def batch_completion_models_all_responses(*, models: Any, messages: Any, **named: Any) -> list[Any]:
    """Ask several models the same at once: all answers, or the exceptions that they failed with."""
    calls = [{"model": one, "messages": messages, **named} for one in models_of(models)]
    return _all(calls, len(calls))


def batch_completion_models(*, models: Any, messages: Any, **named: Any) -> Any:
    """Ask several models the same at once, and take the first answer; the others are stopped, and may be billed.

    Raises what the last one failed with, where all did.
    """
    calls = [{"model": one, "messages": messages, **named} for one in models_of(models)]
    found: list[Any] = [None] * len(calls)

    def each(number: int) -> None:
        if not isinstance(found[number], Exception):
            raise _First(found[number])

    try:
        crew(partial(_ask, calls, found), range(len(calls)), len(calls), each, _nothing)
    except _First as first:
        return first.answer
    raise next(error for error in reversed(found) if isinstance(error, Exception))


class _First(Exception):
    """An answer is there."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer


def _all(calls: Sequence[Mapping[str, Any]], many: int) -> list[Any]:
    if not isinstance(many, int) or (many < 1 and calls):
        raise ConfigurationError(f"max_workers is a number from 1 on, not {many!r:.80}")
    found: list[Any] = [None] * len(calls)
    crew(partial(_ask, calls, found), range(len(calls)), many, _nothing, _nothing)
    return found


def _ask(calls: Sequence[Mapping[str, Any]], found: list[Any], number: int) -> None:
    try:
        found[number] = call("completion", (), calls[number])
    except Exception as error:  # noqa: BLE001 - it is this one's outcome
        found[number] = error


def _nothing(*_: Any) -> None:
    """Nobody waits for it."""
