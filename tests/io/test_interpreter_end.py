"""What is let go of while the interpreter takes its modules apart: their names are ``None`` by then."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmkit._io import _faults, _http, _lanes
from llmkit._io.stores.entries import sqlite
from llmkit.stores import RedisStore


def taken_apart(module: ModuleType, patch: pytest.MonkeyPatch) -> None:
    """As the interpreter leaves a module whose functions somebody still has."""
    for name, value in vars(module).items():
        if isinstance(value, ModuleType):
            patch.setattr(module, name, None)


def test_a_cache_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is closed, and nothing is said."""
    entries = sqlite.SQLiteEntries(tmp_path / "cache.db")
    entries._rows = entries._open()
    with monkeypatch.context() as patch:
        taken_apart(sqlite, patch)
        sqlite.SQLiteEntries.__del__(entries)
    assert entries._rows is None


def test_one_that_was_never_made_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of what is not there."""
    from llmkit._io.stores.redis import _clients

    unmade = sqlite.SQLiteEntries.__new__(sqlite.SQLiteEntries)
    redis = RedisStore("redis://127.0.0.1:1")
    with monkeypatch.context() as patch:
        taken_apart(sqlite, patch)
        taken_apart(_clients, patch)
        sqlite.SQLiteEntries.__del__(unmade)
        _clients.Clients.__del__(redis._clients)


def test_connections_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets go by themselves then; so does the mark that a lane had."""
    transports, places = _http.SyncTransports(), _lanes.deque([None])
    mark = _lanes._Mark(places)
    with monkeypatch.context() as patch:
        taken_apart(_http, patch)
        taken_apart(_lanes, patch)
        _http.SyncTransports.__del__(transports)
        _lanes._Mark.__del__(mark)
        assert list(places) == [None]
        patch.setattr(_lanes, "_marks", None)
        _lanes._Mark.__del__(mark)


def test_no_lane_is_made_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer that calls is told so; CPython 3.13.0 would crash."""
    made: list[Any] = []
    lanes = _lanes.Lanes(lambda *given: made.append(given), apart=True)
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    with pytest.raises(_faults.ConnectError, match="the interpreter is at its end"):
        lanes._new("key")
    assert not made
