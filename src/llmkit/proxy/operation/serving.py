"""Answering at a socket that listens, and an end that lets requests under way finish.

Only here is uvicorn known.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, cast

import uvicorn
from typing_extensions import override

from ..app import Proxy, create_app
from ..loading import from_text
from ..settings import Settings
from .joining import Joining
from .logs import begin

__all__ = ["served", "work"]

_BACKLOG: Final = 2048
_INTERRUPTED: Final = 130
_YOUNG: Final = 10_000
"""Objects made since the last look for circles, before the next one. Few are in circles here."""


def work(descriptor: int) -> int:
    """Be one of several workers: the socket is inherited, the settings come by standard input."""
    settings = from_text(sys.stdin.readline())
    begin(settings.log_level)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    threading.Thread(target=_orphaned, daemon=True).start()
    with socket.socket(fileno=descriptor) as listener:
        return served(settings, listener)


def _orphaned() -> None:
    """End when the input does: whoever began this process is no more."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def served(
    settings: Settings, listener: socket.socket, begun: Callable[[], None] = lambda: None
) -> int:
    """Answer until told to end; the exit code. Raises ``ConfigurationError`` where the settings are wrong.

    ``begun`` is called once requests are answered.
    """
    _small()
    gc.disable()
    app = create_app(settings)
    server = _Server(_configuration(settings, app), begun, app.end_soon)
    caught: list[int] = []

    def catch(number: int, _: Any) -> None:
        caught.append(number)

    # uvicorn ends by the signal that it was told to end by: a graceful end is none by a signal.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, catch)
    with contextlib.suppress(SystemExit):  # of a start that failed, which was told
        server.run([listener])
    if not server.started:
        return 1
    return _INTERRUPTED if signal.SIGINT in caught else 0


def _small() -> None:
    """Ask for no huge pages: of 2 MB each, pyreqwest's allocator would hold 12 to 18 MB for what takes 2 to 5.

    It (mimalloc, by whose name the variable goes) looks when it is loaded. Who has said otherwise is heeded.
    Measured 2026-11-23 with pyreqwest 0.15, after chats and streams at 16 and 64 at once.
    """
    os.environ.setdefault("MIMALLOC_ALLOW_THP", "0")


class _Server(uvicorn.Server):
    """One that says when it has begun, and tells its app that it is to end before it waits for what is under way."""

    def __init__(
        self, config: uvicorn.Config, begun: Callable[[], None], tell: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._begun, self._tell = begun, tell

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _settle()
        if self.started:
            self._begun()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._tell()
        await super().shutdown(sockets)


def _settle() -> None:
    """What there is by now stays to the end: the collector need not look through it again and again.

    That takes a tenth of a second each time, in which nobody is answered. At 800 requests a second, the slowest
    hundredth took 110 ms, and takes 32 so (measured 2026-11-23).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
    gc.enable()


def _conversing(**given: Any) -> Any:
    """What takes over a connection that becomes a WebSocket: all that uvicorn does with it is calling it."""
    from .conversing import Conversing  # noqa: PLC0415 - few open one

    return Conversing(**given)


def _configuration(settings: Settings, app: Proxy) -> uvicorn.Config:
    return uvicorn.Config(
        app.answered,
        interface="asgi3",
        http=Joining,
        ws=cast("Any", _conversing),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=round(settings.drain),
        backlog=_BACKLOG,
    )
