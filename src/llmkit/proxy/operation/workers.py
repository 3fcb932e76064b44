"""Several processes of one gateway: begun, begun anew when one dies, ended together.

They share the listening socket. Each is told its settings by a pipe, so that no key is in a command line or in an
environment, and ends when the pipe does: with whoever began it.
"""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ...errors import ConfigurationError
from ..loading import as_text
from ..settings import Settings

__all__ = ["WORKER", "Workers"]

_log = logging.getLogger("llmkit.proxy")
WORKER: Final = "--worker-of"
"""The argument that a worker's command line has, with the descriptor of the socket."""
_UNABLE: Final = frozenset({1, 2, 3})
"""What a process ends with that could not begin."""
_EARLY: Final = 10.0
"""Seconds within which such an end means that it could not begin."""
_BRIEF: Final = 1.0
"""Seconds; one that dies sooner than that is not begun anew at once."""
_MARGIN: Final = 5
"""Seconds that a worker has to settle and close, beside those to drain."""


class Workers:
    """So many processes as the settings say."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        if sys.platform == "win32":
            raise ConfigurationError("several workers are not for Windows: use --workers 1")
        self._settings, self._listener = settings, listener
        self._running: dict[subprocess.Popen[bytes], float] = {}
        self._leaving: set[subprocess.Popen[bytes]] = set()
        self._ending = False
        self._code = 0

    def run(self) -> int:
        """Wait until all have ended; the exit code."""
        told = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, told)
        try:
            with TemporaryDirectory(prefix="llmkit-proxy-") as shared:
                if self._settings.metrics_directory is None:
                    directory = Path(shared)
                    self._settings = replace(self._settings, metrics_directory=directory)
                return self._run(told)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _run(self, told: set[signal.Signals]) -> int:
        try:
            for _ in range(self._settings.workers):
                self._begin()
            while self._running:
                self._heed(signal.Signals(signal.sigwait(told)))
        finally:
            for process in self._running:
                process.kill()
                process.wait()
        return self._code

    def _begin(self) -> None:
        descriptor = self._listener.fileno()
        # The module by its name: how this process was begun may be another program's affair.
        command = [sys.executable, "-m", "llmkit.proxy", WORKER, str(descriptor)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[descriptor])  # noqa: S603 - our own program
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(as_text(self._settings).encode() + b"\n")
        process.stdin.flush()
        self._running[process] = time.monotonic()

    def _heed(self, number: signal.Signals) -> None:
        if number is signal.SIGCHLD:
            self._look()
        elif number is signal.SIGALRM:
            for process in self._running:
                process.kill()
        elif number is signal.SIGHUP:
            self._renew()
        else:
            self._end()

    def _renew(self) -> None:
        """New ones come before the old ones leave: somebody listens all the time."""
        if self._ending or self._leaving:
            return
        self._leaving = set(self._running)
        for _ in self._leaving:
            self._begin()
        for process in self._leaving:
            process.terminate()

    def _end(self) -> None:
        self._ending = True
        signal.alarm(round(self._settings.drain) + _MARGIN)
        for process in self._running:
            process.terminate()

    def _look(self) -> None:
        for process in [one for one in self._running if one.poll() is not None]:
            began = self._running.pop(process)
            if process.stdin is not None:
                process.stdin.close()
            if process in self._leaving:
                self._leaving.remove(process)
            elif not self._ending:
                self._replace(process, time.monotonic() - began)

    def _replace(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        if process.returncode in _UNABLE and seconds < _EARLY:
            _log.error("a worker could not begin (exit code %d)", process.returncode)
            self._code = 1
            self._end()
            return
        _log.warning("a worker has ended (exit code %s): another one begins", process.returncode)
        if seconds < _BRIEF:
            time.sleep(_BRIEF - seconds)
        self._begin()
