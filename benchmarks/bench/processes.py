"""What the processes of a run share: the server on one core, contestants on another, and their environment."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]


def environment() -> dict[str, str]:
    """What contestants' processes are given: no proxies, no keys, and hashing that is the same each time."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "TEMP")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PYTHONPATH": str(HOME),
        "PYTHONHASHSEED": "0",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it fetches one when imported
        "NO_COLOR": "1",
    }


def cores() -> tuple[int | None, int | None]:
    """A core for contestants and one for the server, where processes can be pinned and there are two."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else (None, None)


def pin(core: int | None) -> None:
    """Put this process, and what it starts, on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


class Server:
    """The loopback server, from outside."""

    def __init__(self, port: int) -> None:
        self.port = port

    def served(self) -> dict[str, float]:
        """How many requests it has answered so far, and its CPU seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/served")
            state: dict[str, float] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return state


@contextlib.contextmanager
def serving(core: int | None) -> Iterator[Server]:
    """A server that ends with the block."""
    command = [sys.executable, "-m", "bench.server", *([] if core is None else [str(core)])]
    process = subprocess.Popen(
        command,
        cwd=HOME,
        env=environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield Server(int(process.stdout.readline()))
        finally:
            process.terminate()
