"""What the request log adds up to, in both databases alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from llmkit._settlements import Settle
from llmkit.proxy.data import reports
from llmkit.proxy.data.database import Database
from llmkit.proxy.data.reports import Chosen, Visible
from llmkit.proxy.data.requests import RequestLog
from llmkit.stores import MemoryStore

from ._settled import ANN, settled
from .conftest import new_url

DAY = 86_400
NOON = 1_800_014_400.0
"""2027-01-15, 12:00 UTC."""
BOB: dict[str, Any] = ANN | {"key": "1e" * 32, "user": "bob", "team": "red", "tags": ["b"]}
ELSE: dict[str, Any] = {"key": "", "call_type": "aembedding"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def log(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """Five calls of three people on two days, which nobody changes."""
    database = Database(new_url(request, tmp_path_factory.mktemp("log")))
    database.migrate()
    store = MemoryStore()
    for made in (
        settled("a1", started=NOON),
        settled("a2", started=NOON + 1, cost=Decimal("0.000000000001"), model="gpt-5"),
        settled("a3", started=NOON + DAY, cost=None, outcome="failed", prompt_tokens=None),
        settled("b1", started=NOON + 2, said=BOB, cost=Decimal(2)),
        settled("e1", started=NOON + 3, said=ELSE, outcome="closed"),
    ):
        store.perform(Settle(made))
    following = RequestLog(store, database)
    while following.step():
        pass
    yield database
    database.close()


def ids(database: Database, limit: int = 100, offset: int = 0, **chosen: Any) -> list[str]:
    """The calls that are chosen, which are counted, too."""
    found = database.read_sync(lambda s: reports.rows(s, Chosen(**chosen), limit, offset))
    counted = database.read_sync(lambda s: reports.count(s, Chosen(**chosen)))
    assert counted == len(found) or limit == len(found)
    return [row.request_id for row in found]


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({}, "a3 e1 b1 a2 a1"),
        ({"request_id": "a2"}, "a2"),
        ({"http_id": "http-1"}, "a3 b1 a2 a1"),
        ({"key": "1e" * 32}, "b1"),
        ({"key": ""}, "e1"),
        ({"user": "ann"}, "a3 a2 a1"),
        ({"team": "red"}, "b1"),
        ({"organisation": "acme", "user": "bob"}, "b1"),
        ({"end_user": "customer-7", "session": "s-1", "model": "gpt-5"}, "a2"),
        ({"group": "fast", "provider": "openai", "status": "failed"}, "a3"),
        ({"tag": "a"}, "a3 a2 a1"),
        ({"tag": "b", "user": "bob"}, "b1"),
        ({"tag": '"'}, ""),
        ({"since": datetime(2027, 1, 16)}, "a3"),  # noqa: DTZ001
        ({"since": datetime(2027, 1, 15, 12, 0, 1), "until": datetime(2027, 1, 15, 12, 0, 3)}, "b1 a2"),  # noqa: DTZ001
        ({"visible": Visible()}, ""),
        ({"visible": Visible(user="ann", teams={"red"})}, "a3 b1 a2 a1"),
        ({"visible": Visible(key="1e" * 32), "user": "bob"}, "b1"),
        ({"visible": Visible(user="bob"), "user": "ann"}, ""),
    ],
)  # fmt: skip
def test_rows_are_chosen(log: Database, chosen: dict[str, Any], found: str) -> None:
    """By whatever is said, all of it; the latest first."""
    assert " ".join(ids(log, **chosen)) == found


def test_pages(log: Database) -> None:
    """A page is as long as it is asked to be, and begins where it is."""
    assert ids(log, 2, 1) == ["e1", "b1"]


def sums(database: Database, *by: Any, **chosen: Any) -> Collection[tuple[Any, ...]]:
    """(what they have in common, calls, failed, spend, unpriced) of each total."""
    found = database.read_sync(lambda s: reports.totals(s, Chosen(**chosen), by))
    return [(*t.by.values(), t.calls, t.failed, t.spend, t.unpriced) for t in found]


def test_totals_are_exact(log: Database) -> None:
    """Dollars to the last digit; what is unknown is counted, not added."""
    assert sums(log) == [(5, 1, Decimal("2.002000000001"), 1)]
    (whole,) = log.read_sync(lambda s: reports.totals(s, Chosen()))
    assert (whole.prompt_tokens, whole.completion_tokens) == (44, 35)
    assert sums(log, user="nobody") == [(0, 0, Decimal(0), 0)]
    assert sums(log, "user", user="nobody") == []


def test_totals_by_what_calls_have_in_common(log: Database) -> None:
    """Days are UTC's; a call counts for each of its tags."""
    ann, bob = Decimal("0.001000000001"), Decimal(2)
    assert set(sums(log, "user")) == {
        (None, 1, 0, Decimal("0.001"), 0),
        ("ann", 3, 1, ann, 1),
        ("bob", 1, 0, bob, 0),
    }
    assert sums(log, "day") == [
        ("2027-01-15", 4, 0, ann + bob + Decimal("0.001"), 0),
        ("2027-01-16", 1, 1, Decimal(0), 1),
    ]
    assert sums(log, "tag") == [("a", 3, 1, ann, 1), ("b", 4, 1, ann + bob, 1)]
    assert sums(log, "key", "model", team="blue") == [
        ("0f" * 32, "gpt-4o-mini", 2, 1, Decimal("0.001"), 1),
        ("0f" * 32, "gpt-5", 1, 0, Decimal("0.000000000001"), 0),
    ]
    assert sums(log, "tag", "day", user="bob") == [("b", "2027-01-15", 1, 0, bob, 0)]


@pytest.mark.parametrize("by", ["team", "organisation", "end_user", "group", "provider", "status"])
def test_every_total_has_all_calls(log: Database, by: Any) -> None:
    """Whatever they are told apart by, none is missing."""
    assert sum(row[1] for row in sums(log, by)) == 5
