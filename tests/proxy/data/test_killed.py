"""A gateway that is killed at any moment: every call that was answered is in the log, once, at its price."""

from __future__ import annotations

import os
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from llmkit._settlements import SettlementsAfter
from llmkit.proxy.data.database import Database
from llmkit.proxy.data.models import Request
from llmkit.proxy.made import made
from llmkit.testing import Simulator

from .._kit import MASTER, settings_of, shown
from ._gateways import Callers, Process
from .conftest import rows

FULL = bool(os.environ.get("LLMKIT_FULL"))
KILLS, MOST = (25, 300) if FULL else (1, 40)


@pytest.mark.parametrize("workers", [1, 2] if FULL else [1])
def test_no_answered_call_is_lost(url: str, tmp_path: Path, workers: int) -> None:
    """Killed again and again under load; what the last one finds in the ledger, it writes."""
    chance = random.Random(workers)
    with Simulator() as simulator:
        settings = settings_of(simulator, tmp_path, database_url=url)
        process = Process(settings, "--workers", str(workers))
        callers = Callers(f"http://127.0.0.1:{process.port}", shown(MASTER))
        for number in range(KILLS):
            callers.until(chance.randrange(5, MOST), str(number))
            process.kill()
            callers.leave()
            process.begin()
        callers.until(MOST, "last")
        callers.leave()
        assert process.end() == 0, process.log.read_text()
    database = Database(url)
    logged = Counter(row[0] for row in rows(database, select(Request.http_id)))
    assert {request: logged[request] for request in callers.answered} == dict.fromkeys(
        callers.answered, 1
    )
    store = made(settings).store
    settlements = [s for _, s in store.perform(SettlementsAfter(0, 10**6)).rows]
    assert sum(logged.values()) == len(settlements)
    known = [s.cost for s in settlements if s.cost is not None]
    spent = rows(database, select(func.sum(Request.spend)))[0][0]
    assert spent == sum(known, Decimal(0)) > 0
    store.close()
    database.close()
