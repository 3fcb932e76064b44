"""Several awaited calls at the same time, on asyncio or trio: all of them, or the first that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio

__all__ = ["fastest", "together"]

Call = Callable[[], Awaitable[Any]]


async def together(calls: Sequence[Call]) -> list[Any]:
    """What each comes to, in their order: an answer, or the exception that it failed with."""
    found: list[Any] = [None] * len(calls)

    async def one(number: int) -> None:
        try:
            found[number] = await calls[number]()
        except Exception as error:  # noqa: BLE001 - it is this one's outcome
            found[number] = error

    async with anyio.create_task_group() as tasks:
        for number in range(len(calls)):
            tasks.start_soon(one, number)
    return found


async def fastest(calls: Sequence[Call]) -> Any:
    """The first answer; the others are cancelled. Raises what the last one failed with, where all did."""
    answers: list[Any] = []
    failures: list[Exception] = []

    async def one(call: Call, scope: anyio.CancelScope) -> None:
        try:
            answer = await call()
        except Exception as error:  # noqa: BLE001 - raised below, where nobody answers
            failures.append(error)
            return
        answers.append(answer)
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(one, call, tasks.cancel_scope)
    if answers:
        return answers[0]
    raise failures[-1]
