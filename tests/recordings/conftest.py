"""Fixtures for replaying recordings: rows by kind, and one server, client and loop for all."""

from __future__ import annotations

import asyncio
import os
from functools import cache
from typing import TYPE_CHECKING, NoReturn

import pytest

from . import _oracle, _reader
from ._scope import OPENAI_CHAT
from ._server import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import llmkit

    from ._reader import Row

_ABSENT = "no recordings: LLMKIT_RECORDINGS must name the directory that holds them"


@cache
def _groups() -> dict[str, list[Row]]:
    recordings = _reader.directory()
    rows = [] if recordings is None else _all(recordings)
    failed = {row.id for row in rows if _oracle.failure(row) is not None}
    fine = [row for row in rows if row.id not in failed]
    return {
        "plain": [row for row in fine if not row.is_event_stream],
        "stream": [row for row in fine if row.is_event_stream],
        "anystream": [row for row in rows if row.is_event_stream],
        "failed": [row for row in rows if row.id in failed],
        "asked": [row for row in rows if row.request is not None],
    }


def _all(recordings: Path) -> list[Row]:
    return [row for api in OPENAI_CHAT for row in _reader.rows(recordings, api)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for every row of the group it asks for."""
    for name in {"plain", "stream", "anystream", "failed", "asked"} & set(metafunc.fixturenames):
        rows = _groups()[name]
        ids = [row.id for row in rows] or ["none"]
        metafunc.parametrize(name, rows or [None], ids=ids, indirect=True)


def _present(row: Row | None) -> Row:
    return _refuse() if row is None else row


def _refuse() -> NoReturn:
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(_ABSENT)
    pytest.skip(_ABSENT)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The directory of recordings; skips where it is absent, and fails there in CI."""
    found = _reader.directory()
    return _refuse() if found is None else found


@pytest.fixture
def plain(request: pytest.FixtureRequest) -> Row:
    """An answer in one piece."""
    return _present(request.param)


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> Row:
    """A streamed answer without an error."""
    return _present(request.param)


@pytest.fixture
def anystream(request: pytest.FixtureRequest) -> Row:
    """A stream, with or without an error in it."""
    return _present(request.param)


@pytest.fixture
def failed(request: pytest.FixtureRequest) -> Row:
    """An error, by its status or inside a 200."""
    return _present(request.param)


@pytest.fixture
def asked(request: pytest.FixtureRequest) -> Row:
    """An exchange whose request was recorded."""
    return _present(request.param)


@pytest.fixture(scope="session")
def replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; none where there are no recordings."""
    groups = _groups()
    server = Replay({row.id: row for name in groups for row in groups[name]})
    yield server
    server.close()


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all asynchronous halves."""
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="session")
def client(runner: asyncio.Runner) -> Iterator[llmkit.Client]:
    """One client for both colours."""
    import llmkit

    made = llmkit.Client(num_retries=0, timeout=30)
    yield made
    runner.run(made.aclose())
