"""What is said to the server for one operation: a generator of commands, sent the answers, run in both colours.

An operation is one command. It is repeated once where the connection breaks, since each is idempotent by its id, and
sent with the script's whole text where the server has lost it. Nothing else is repeated, a timeout least of all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from ._durability import Promise
from ._failures import is_broken, is_unknown_script
from ._scripts import Script

__all__ = ["Commands", "arun", "exchange", "run"]

T = TypeVar("T")
Commands = Generator[tuple[str | int, ...], Any, T]


def exchange(script: Script, key: str, argument: str, promise: Promise) -> Commands[str]:
    """Run a script on a ledger; return what it answers."""
    repeated = False
    sent: str = script.sha
    while True:
        try:
            yield from promise.kept()
            name = "EVALSHA" if sent is script.sha else "EVAL"
            return (yield (name, sent, 1, key, argument))  # type: ignore[no-any-return]
        except Exception as error:
            if is_unknown_script(error) and sent is script.sha:
                sent = script.text
            elif is_broken(error) and not repeated:
                repeated = True
                # It may be another server that answers now, or the same one with other settings.
                promise.ask_again()
            else:
                raise


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
