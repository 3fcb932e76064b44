"""Listening: for one process, or several that share a socket. Who watches over several loads nothing of the gateway.

What answers is ``serving``'s, and loaded where it answers.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from typing import Final

from ...errors import ConfigurationError
from ..loading import as_text, from_text
from ..settings import Settings
from .logs import begin
from .workers import Workers

__all__ = ["CHECK", "check", "serve"]

_log = logging.getLogger("llmkit.proxy")
_BACKLOG: Final = 2048
CHECK: Final = "--check-settings"
"""The only argument of a process that looks whether settings can be served, and ends."""


def serve(settings: Settings) -> int:
    """Listen until told to end (SIGTERM, SIGINT); the exit code.

    Raises:
        ConfigurationError: something is wrong in the settings, or the address cannot be had.
    """
    begin(settings.log_level)
    with _listener(settings) as listener:
        if settings.workers == 1:
            from .serving import served  # noqa: PLC0415 - see above

            return served(settings, listener, lambda: _tell(listener))
        # What is wrong is said once, and before anything is started.
        if code := _checked(settings):
            return code
        workers = Workers(settings, listener)
        _tell(listener)
        return workers.run()


def _tell(listener: socket.socket) -> None:
    """Say where it is, once nothing is found wrong any more."""
    host, port = listener.getsockname()[:2]
    _log.info("the gateway is at http://%s:%d", f"[{host}]" if ":" in host else host, port)


def check() -> int:
    """Be the process that looks: the settings come by standard input. Raises ``ConfigurationError``."""
    from ..app import create_app  # noqa: PLC0415 - see above

    create_app(from_text(sys.stdin.readline()))
    return 0


def _checked(settings: Settings) -> int:
    """What a process of its own says of the settings, by its exit code; in words it says so itself.

    What it takes to look, 60 MB, goes with it.
    """
    command = [sys.executable, "-m", "llmkit.proxy", CHECK]
    told = as_text(settings) + "\n"
    return subprocess.run(command, input=told, text=True, check=False).returncode  # noqa: S603 - our own program


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise ConfigurationError(
            f"cannot listen at {where}: {error.strerror or error}; choose another with --host and --port"
        ) from None
