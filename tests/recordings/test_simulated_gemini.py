"""What the real Gemini is recorded to have accepted, the simulated one accepts, but for what it cannot do.

What the real one refused for its contents is refused the same way; keys, fetched addresses and what single models
lack are not contents.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmkit.testing._answer import answer
from llmkit.testing._wires.gemini import Gemini

from . import _reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METHODS = ("generateContent", "streamGenerateContent", "countTokens")
# It has no caches, and speaks only in text.
UNABLE = ("CachedContent not found", "combination of response modalities")
REFUSALS = ("Please use a valid role", "Unable to submit request because it has a temperature")


def rows(recordings: Path, host: str) -> Iterator[_reader.Row]:
    """Every recorded request of one host that is an object."""
    for method in METHODS:
        for row in _reader.rows(recordings, f"{host}.{method}"):
            if row.sent() is not None:
                yield row


def simulated(row: _reader.Row) -> tuple[int, str]:
    """Status and body of the simulator's answer to a recorded request."""
    host, method = row.api.split(".")
    at = "/v1beta1/projects/p/locations/l/publishers/google" if host == "vertex" else "/v1beta"
    model = row.model.removeprefix("models/") or "m"
    path = f"{at}/models/{model}:{method}" + ("?alt=sse" if row.streaming else "")
    headers = {"authorization": "Bearer a"}
    reply = Gemini().reply("POST", path, headers, (row.request or "").encode(), answer)
    return reply.status, reply.body.decode()


@pytest.mark.parametrize("host", ["gemini", "vertex"])
def test_what_was_accepted_is_accepted(recordings: Path, host: str) -> None:
    """No recorded request with a 200 is refused."""
    refused: dict[str, Any] = {}
    accepted = 0
    for row in (row for row in rows(recordings, host) if row.status == 200):
        status, body = simulated(row)
        accepted += status == 200
        if status != 200 and not any(words in body for words in UNABLE):
            refused[row.id] = body
    assert refused == {}
    assert accepted > 100


def test_what_was_refused_is_refused(recordings: Path) -> None:
    """The recorded 400s that are about a request's contents come with the recorded words."""
    compared = 0
    for row in (row for row in rows(recordings, "vertex") if row.status == 400):
        recorded = json.loads(row.body)["error"]["message"]
        if recorded.startswith(REFUSALS):
            status, body = simulated(row)
            assert (status, json.loads(body)["error"]["message"]) == (400, recorded)
            compared += 1
    assert compared == 2
