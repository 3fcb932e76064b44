"""Programs that end, whatever they are doing: with their own status, without a word, and none of them hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typing_extensions import override

from .._server import Answer, Request, Server, completion, hello, piece, streamed
from ._leaving import WAYS

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.usefixtures("own_transport"),
]
FULL = bool(os.environ.get("LLMKIT_FULL"))
# httpx has no threads of its own that could be in the way.
ROUNDS = {"httpx": 20, "reqwest": 100} if FULL else {"httpx": 1, "reqwest": 3}
PROGRAM = str(Path(__file__).with_name("_leaving.py"))


class Answering(Server):
    """Answers calls after a few milliseconds, and streams in several."""

    @override
    def _next(self, request: Request) -> Answer:
        super()._next(request)
        if request.json().get("stream"):
            return streamed(piece("a"), 0.003, piece("b"), 0.003, piece("c"), 0.003, *hello()[1:-1])
        return [0.004, *completion()]


# A process each, to start as few as can be.
GROUPS = [list(WAYS)[first::4] for first in range(4)]


@pytest.mark.parametrize("ways", WAYS if FULL else GROUPS, ids=str)
def test_a_program_that_ends(own_transport: str, ways: str | list[str]) -> None:
    """It ends as it should, time after time: no abort, no signal, no hang, no word on standard error."""
    rounds = ROUNDS[own_transport]
    # Over httpx, Ctrl-C while it connects leaves a socket to the collector.
    if own_transport == "httpx" and not isinstance(ways, str):
        ways = [way for way in ways if way != "interrupted"]
    told = ways if isinstance(ways, str) else ",".join(ways)
    with Answering() as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", PROGRAM, told, server.url, str(rounds), own_transport],
            capture_output=True,
            text=True,
            timeout=120 + 2 * rounds,
            check=False,
        )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
