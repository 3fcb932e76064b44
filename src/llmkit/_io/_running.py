"""Which event loop is running. Nothing else is known of loops here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import sniffio

__all__ = ["Ended", "asyncio_loop", "is_trio", "running_loop", "turn"]


# Older versions of sniffio have only the second.
_thread: Any = getattr(sniffio, "thread_local", None)
_hint = sniffio.current_async_library_cvar


def running_loop() -> Any:
    """What stands for the running loop: asyncio's loop itself, trio's token. anyio's own token is new each time."""
    # ``is_trio``, in place: every operation of a store asks.
    if getattr(_thread, "name", None) != "trio" and _hint.get() != "trio":
        import asyncio  # noqa: PLC0415 - only under asyncio

        return asyncio.get_running_loop()
    import trio  # noqa: PLC0415 - only under trio, which is then installed

    return trio.lowlevel.current_trio_token()


class Ended:
    """What one task waits for, once: on asyncio a future, which takes a third of what an event takes."""

    __slots__ = ("_event", "_future")

    def __init__(self, loop: Any) -> None:
        create = getattr(loop, "create_future", None)
        self._future: Any = create and create()
        self._event = None if create else anyio.Event()

    def awaited(self) -> Awaitable[Any]:
        """What to await until it is set, once. Its task may be cancelled."""
        waits: Awaitable[Any] = self._future if self._event is None else self._event.wait()
        return waits

    def set(self) -> None:
        """In the loop: it has ended."""
        if self._event is not None:
            self._event.set()
        elif not self._future.done():
            self._future.set_result(None)


def asyncio_loop() -> Callable[[], Any]:
    """What says which loop of asyncio is running, and raises nothing where none is."""
    import asyncio  # noqa: PLC0415 - only under asyncio

    return asyncio._get_running_loop  # noqa: SLF001 - documented for those who make event loops


def is_trio() -> bool:
    """Whether it is trio that runs, perhaps within asyncio's loop. What says so is ``sniffio``'s to know."""
    return getattr(_thread, "name", None) == "trio" or _hint.get() == "trio"


async def turn() -> None:
    """Let the loop do what it has to do, even while being cancelled."""
    with anyio.CancelScope(shield=True):
        await anyio.sleep(0)  # noqa: ASYNC115 - its other name is in a module that nobody needs
