"""Which event loop is running, and httpcore's network for it. Nothing else is known of loops here."""

from __future__ import annotations

from typing import Any

import anyio
import httpcore
import sniffio

__all__ = ["async_backend", "running_loop", "turn"]


def running_loop() -> Any:
    """What stands for the running loop: asyncio's loop itself, trio's token. anyio's own token is new each time."""
    if sniffio.current_async_library() == "trio":
        import trio  # noqa: PLC0415 - only under trio, which is then installed

        return trio.lowlevel.current_trio_token()
    import asyncio  # noqa: PLC0415 - only under asyncio

    return asyncio.get_running_loop()


def async_backend() -> httpcore.AsyncNetworkBackend:
    """Httpcore's network for the running loop."""
    if sniffio.current_async_library() == "trio":
        return httpcore.TrioBackend()
    return httpcore.AnyIOBackend()


async def turn() -> None:
    """Let the loop do what it has to do, even while being cancelled."""
    with anyio.CancelScope(shield=True):
        await anyio.sleep(0)  # noqa: ASYNC115 - its other name is in a module that nobody needs
