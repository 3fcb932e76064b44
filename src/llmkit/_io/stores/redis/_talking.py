"""What is said to a server: a generator of commands that is sent the answers, run in both colours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

__all__ = ["Commands", "arun", "run"]

T = TypeVar("T")
Commands = Generator[tuple[str | int, ...], Any, T]


def run(commands: Commands[T], execute: Callable[..., Any]) -> T:
    """Say it, blocking."""
    resume: Callable[[Any], Any] = commands.send
    value: Any = None
    while True:
        try:
            command = resume(value)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        try:
            resume, value = commands.send, execute(*command)
        except Exception as error:  # noqa: BLE001 - the generator judges it
            resume, value = commands.throw, error


async def arun(commands: Commands[T], execute: Callable[..., Awaitable[Any]]) -> T:
    """Say it, awaiting."""
    resume: Callable[[Any], Any] = commands.send
    value: Any = None
    while True:
        try:
            command = resume(value)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        try:
            resume, value = commands.send, await execute(*command)
        except Exception as error:  # noqa: BLE001 - the generator judges it
            resume, value = commands.throw, error
