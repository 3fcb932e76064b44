"""The request log has every settlement once, whoever writes it and whatever becomes of him."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from sqlalchemy import func, select

from llmkit._settlements import Settle
from llmkit.proxy.data import requests
from llmkit.proxy.data.contents import contents_of, keep
from llmkit.proxy.data.database import Database
from llmkit.proxy.data.models import Content, Progress, Request
from llmkit.proxy.data.pages import Page
from llmkit.proxy.data.requests import RequestLog, running
from llmkit.proxy.settings import Settings
from llmkit.stores import MemoryStore, PostgresStore, SQLiteStore

from ._settled import settled
from .conftest import rows

OFTEN = 0.005


@pytest.fixture
def open_ledger(url: str, tmp_path: Path) -> Callable[[], Any]:
    """The ledger that belongs to a database: a file beside it, or a schema on the same server."""
    if url.startswith("sqlite"):
        return lambda: SQLiteStore(tmp_path / "ledger.db")
    return lambda: PostgresStore(url)


@pytest.fixture
def ledger(open_ledger: Callable[[], Any]) -> Iterator[Any]:
    """Such a ledger."""
    made = open_ledger()
    yield made
    made.close()


def logged(database: Database) -> list[str]:
    """The ids of all calls in the log."""
    return sorted(row[0] for row in rows(database, select(Request.request_id)))


def written(log: RequestLog) -> None:
    """Write until there is nothing more."""
    while log.step():
        pass


def test_a_row_says_whose_call_it_was(database: Database, ledger: Any) -> None:
    """Everything that reports go by stands in its own column, money exactly."""
    cost = Decimal("0.000000012345")
    ledger.perform(Settle(settled("c1", cost=cost, error="RateLimitError 429", request_id="up-1")))
    written(RequestLog(ledger, database))
    ((row,),) = rows(database, select(Request))
    assert (row.request_id, row.http_id, row.call_type) == ("c1", "http-1", "acompletion")
    assert (row.api_key, row.user, row.team_id) == ("0f" * 32, "ann", "blue")
    assert (row.organization_id, row.end_user, row.session_id) == ("acme", "customer-7", "s-1")
    assert (row.spend, row.prompt_tokens, row.completion_tokens) == (cost, 11, 7)
    assert row.started == datetime(2027, 1, 15, 8, 0)  # noqa: DTZ001 - columns have no zone
    assert (row.seconds, row.provider, row.model) == (0.25, "openai", "gpt-4o-mini")
    assert (row.model_group, row.tags, row.status) == ("fast", ["a", "b"], "completed")
    assert (row.error, row.requester_ip_address) == ("RateLimitError 429", "127.0.0.1")
    assert row.details["metadata"] == {"trace": 1}
    assert row.details["key_alias"] == "ann's"
    assert row.details["request_id"] == "up-1"


@pytest.mark.parametrize(
    "said",
    [
        None,
        "text",
        {"user": "nul\0 and \ud800 half", "tags": "no list", "group": "g" * 400},
        {"metadata": {"number": math.nan}, "tags": ["x" * 400, 5, None]},
    ],
)
def test_odd_metadata_holds_up_nothing(database: Database, ledger: Any, said: Any) -> None:
    """A poorer row is better than a log that stands still."""
    odd = settled("odd", said=said, prompt_tokens=2**53 - 1, cost=None, model="m" * 999)
    ledger.perform(Settle(odd))
    ledger.perform(Settle(settled("after")))
    written(RequestLog(ledger, database))
    assert logged(database) == ["after", "odd"]
    ((row,),) = rows(database, select(Request).where(Request.request_id == "odd"))
    assert row.spend is None
    assert row.prompt_tokens == 2**31 - 1
    assert row.user in {None, "nul and ? half", "nul and \\ud800 half"}


def test_a_log_goes_on_where_another_has_ended(
    database: Database, ledger: Any, open_ledger: Callable[[], Any]
) -> None:
    """How far it is stands in the database, not in the process."""
    for number in range(3):
        ledger.perform(Settle(settled(f"c{number}")))
    written(RequestLog(ledger, database))
    database.run_sync(lambda session: session.query(Request).delete())
    ledger.perform(Settle(settled("c3")))
    again = open_ledger()
    written(RequestLog(again, database))
    again.close()
    assert logged(database) == ["c3"]
    assert [row.number for (row,) in rows(database, select(Progress))] == [4]


def test_pages_are_read_to_the_end(database: Database, ledger: Any) -> None:
    """More than one page is more than one transaction, and nothing falls between two."""
    many = 2 * requests._PAGE + 3
    for number in range(many):
        ledger.perform(Settle(settled(f"c{number}")))
    log = RequestLog(ledger, database)
    written(log)
    assert len(logged(database)) == many
    assert log.step() is False


def test_a_page_is_written_wholly_or_not_at_all(
    database: Database, ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows without how far that is, or the other way round, would be lost or counted twice one day."""
    ledger.perform(Settle(settled("c1")))
    log = RequestLog(ledger, database)
    log.step()
    with monkeypatch.context() as broken:
        broken.setattr(Page, "note", _failing)
        with pytest.raises(OSError, match="no disk"):
            log.step()
    assert logged(database) == []
    written(log)
    assert logged(database) == ["c1"]
    assert log.step() is False


def _failing(*_: Any) -> None:
    raise OSError("no disk")


def test_several_write_at_once(
    database: Database, url: str, open_ledger: Callable[[], Any]
) -> None:
    """Four processes' worth of logs on a ledger that grows: every call once, and no deadlock."""
    ledgers = [open_ledger() for _ in range(4)]
    databases = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor(5) as pool:

        def follow(number: int) -> None:
            log = RequestLog(ledgers[number], databases[number])
            while not done.done() or log.step():
                log.step()

        def settle() -> None:
            for number in range(150):
                ledgers[number % 4].perform(Settle(settled(f"c{number:03}")))

        done = pool.submit(settle)
        for following in [pool.submit(follow, number) for number in range(4)]:
            following.result(60)
        done.result()
    assert logged(database) == [f"c{number:03}" for number in range(150)]
    for one in (*ledgers, *databases):
        one.close()


def test_another_ledger_is_read_from_its_beginning(database: Database) -> None:
    """One that was made anew has the same numbers, and other calls."""
    for name in ("a", "b"):
        ledger = MemoryStore()
        ledger.perform(Settle(settled(f"{name}1")))
        ledger.perform(Settle(settled(f"{name}2")))
        written(RequestLog(ledger, database))
    assert logged(database) == ["a1", "a2", "b1", "b2"]


def test_a_ledger_that_was_put_back_is_read_again(tmp_path: Path) -> None:
    """Its numbers begin below those that are known; what is in the log already is not written twice."""
    database = Database(f"sqlite:///{tmp_path / 'proxy.db'}")
    database.migrate()
    ledger = SQLiteStore(tmp_path / "ledger.db")
    ledger.perform(Settle(settled("c1")))
    ledger.close()
    kept = (tmp_path / "ledger.db").read_bytes()
    for number in range(2, 5):
        ledger.perform(Settle(settled(f"c{number}")))
    written(RequestLog(ledger, database))
    ledger.close()
    (tmp_path / "ledger.db").write_bytes(kept)
    ledger.perform(Settle(settled("d2")))
    written(RequestLog(ledger, database))
    assert logged(database) == ["c1", "c2", "c3", "c4", "d2"]
    ledger.close()
    database.close()


def gateway_of(ledger: Any, database: Database, **settings: Any) -> Any:
    """As much of a gateway as the log needs."""
    return SimpleNamespace(store=ledger, database=database, settings=Settings(**settings))


@pytest.mark.anyio
async def test_it_follows_while_the_gateway_runs(
    database: Database, ledger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls appear by themselves, also after a failure, and the last ones at the end."""
    monkeypatch.setattr(requests, "_IDLE", OFTEN)
    monkeypatch.setattr(requests, "_FAILED", OFTEN)
    real, failures = ledger.perform, [OSError("no disk"), ValueError("odd")]

    def failing(operation: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(operation)

    monkeypatch.setattr(ledger, "perform", failing, raising=False)
    async with running(gateway_of(ledger, database)):
        real(Settle(settled("c1")))
        with anyio.fail_after(20):
            while await database.read(_count) < 1:  # noqa: ASYNC110 - there is nobody to tell
                await anyio.sleep(OFTEN)
        monkeypatch.setattr(requests, "_IDLE", 1000.0)
        await anyio.sleep(20 * OFTEN)
        real(Settle(settled("c2")))
    assert logged(database) == ["c1", "c2"]
    assert failures == []


def _count(session: Any) -> int:
    found: int = session.execute(select(func.count()).select_from(Request)).scalar_one()
    return found


@pytest.mark.anyio
async def test_old_rows_go(database: Database, ledger: Any) -> None:
    """And do not come back when a ledger is read again; what is recent stays."""
    now = time.time()
    day = timedelta(days=1).total_seconds()
    ages = {"old": 40, "older": 400, "recent": 20}
    for name, age in ages.items():
        ledger.perform(Settle(settled(name, started=now - age * day)))
    written(RequestLog(ledger, database))
    await keep(gateway_of(ledger, database, log_content=True), "recent", {"messages": []})
    log = RequestLog(ledger, database, days=30)
    assert len(logged(database)) == 3
    assert log.forget() is False
    assert logged(database) == ["recent"]
    database.run_sync(lambda session: session.query(Progress).delete())
    written(log)
    assert logged(database) == ["recent"]
    assert log.forget() is False
    assert [row[0] for row in rows(database, select(Content.request_id))] == ["recent"]


@pytest.mark.anyio
async def test_content_is_kept_only_where_it_is_wanted(database: Database) -> None:
    """And without what looks like a key in it; what is very long, in part."""
    said = {"messages": [{"role": "user", "content": "my key is sk-" + "1a2b3c4d" * 4}]}
    await keep(gateway_of(None, database), "c1", said)
    assert rows(database, select(Content)) == []
    wanted = gateway_of(None, database, log_content=True)
    await keep(wanted, "c1", said)
    await keep(wanted, "c1", said | {"response": "ü"})
    await keep(wanted, "c2", {"input": "x" * 1_000_001})
    found = database.read_sync(lambda session: contents_of(session, ["c1", "c2", "c3"]))
    assert found["c1"]["messages"][0]["content"] == "my key is [redacted]"
    assert found["c1"]["response"] == "ü"
    assert len(found["c2"]["text"]) == 1_000_000
    assert list(found) == ["c1", "c2"]
