"""Redis: what scripts can count exactly, names of any kind, a ledger of years, and an audit that sees everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from llmkit._io.stores.redis._units import amount, counted, dollars, limit, units
from llmkit._operations import (
    Attribution,
    Audit,
    Balances,
    Charge,
    Claim,
    Post,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Refused,
    Reserve,
    Reserved,
    Reset,
    SettleHold,
    Sweep,
    Window,
    WriteRule,
)
from llmkit._settlements import Settle, Settlement, Settlements
from llmkit.errors import StoreError
from llmkit.stores import RedisStore

from ._redis import RedisServer, running
from ._redis_asking import ACCOUNT, at_once, held, hold, name, settled

MOST = 2**53 - 1
MOST_MONEY = Decimal(MOST).scaleb(-9)
GRAIN = Decimal("1e-9")


@pytest.fixture
def ledger() -> str:
    """Its name."""
    return name()


@pytest.fixture
def key(ledger: str) -> str:
    """What all its keys begin with."""
    return f"llmkit:{{{ledger}}}"


@pytest.fixture
def store(redis_server: RedisServer, ledger: str) -> Iterator[RedisStore]:
    """A ledger of its own."""
    store = RedisStore(redis_server.url, name=ledger)
    yield store
    store.close()


def test_up_to_the_last_unit(store: RedisStore) -> None:
    """At the largest limit that can be counted, one unit more or less still makes the difference."""
    assert isinstance(store.perform(hold("a", str(MOST_MONEY), str(MOST_MONEY))), Reserved)
    refused = store.perform(hold("b", str(GRAIN), str(MOST_MONEY)))
    assert isinstance(refused, Refused)
    assert refused.refusals[0].used == refused.refusals[0].limit == MOST_MONEY
    store.perform(settled("a", str(MOST_MONEY - GRAIN)))
    assert isinstance(store.perform(hold("c", str(GRAIN), str(MOST_MONEY))), Reserved)
    assert held(store) == (MOST_MONEY - GRAIN, GRAIN)
    assert store.perform(Audit()).differences == ()


@pytest.mark.parametrize(
    "operation",
    [
        hold("x", str(MOST_MONEY + GRAIN), None),
        hold("x", "1", str(MOST_MONEY + 1)),
        hold("x", str(MOST + 1), None, "tokens:ever:global"),
        hold("x", "NaN", None),
        hold("x", "Infinity", None),
        hold("x", "1E+999999", None),
        hold("x", "1", str(MOST_MONEY))._replace(usd=Decimal(10) ** 12),
        settled("held", str(MOST_MONEY + 1)),
        settled("held", "1")._replace(amounts=(MOST_MONEY,)),
        settled("held", "1")._replace(amounts=()),
        settled("held", "1")._replace(amounts=(Decimal(1), Decimal(1))),
        Post("p", (Charge(ACCOUNT, Window(), MOST_MONEY),)),
        Post("held", ()),
        Reset("held", ()),
    ],
    ids=str,
)
def test_nothing_is_rounded(store: RedisStore, operation: Any) -> None:
    """What cannot be counted exactly, or would not be the ledger's own, is refused, and changes nothing."""
    store.perform(Post("before", (Charge(ACCOUNT, Window(), Decimal(1)),)))
    store.perform(hold("held", "2"))
    with pytest.raises(StoreError):
        store.perform(operation)
    assert held(store) == (1, 2)
    assert [entry.id for entry in store.perform(ReadEntries())] == ["before"]
    assert store.perform(Audit()).differences == ()


def test_a_limit_and_what_is_added_to_it(store: RedisStore) -> None:
    """A limit that is counted exactly by itself is refused where its increase takes it beyond."""
    claim = Claim(ACCOUNT, Window(), GRAIN, MOST_MONEY, extra=GRAIN, extra_until=MOST)
    with pytest.raises(StoreError, match="2\\^53"):
        store.perform(Reserve("x", (claim,), 1000))
    assert isinstance(store.perform(Reserve("x", (claim._replace(extra_until=0),), 1000)), Reserved)


@pytest.mark.parametrize(
    ("value", "up", "down"),
    [("0.0000000001", 1, 0), ("-0.0000000001", 0, -1), ("1", 10**9, 10**9), ("1.5E-9", 2, 1)],
)
def test_rounded_against_who_spends(value: str, up: int, down: int) -> None:
    """Amounts go up to the unit and limits down; of everything but money the unit is one."""
    assert units("usd:x", Decimal(value)) == up
    assert limit("usd:x", Decimal(value)) == down
    assert units("tokens:x", Decimal("0.1")) == 1
    assert limit("tokens:x", Decimal("1.9")) == 1
    assert amount("usd:x", str(up)) == up * GRAIN


@pytest.mark.parametrize(
    ("value", "usage"),
    [
        ("0.000000000000000001", "0.000000000000000001"),
        ("12.3456789012345678", "12.3456789012345678"),
        ("-1.0000000005", "-1.0000000005"),
        ("0.0000000000000000001", "0.000000000000000001"),
        ("0", "0"),
    ],
)
def test_usage_has_eighteen_decimals(value: str, usage: str) -> None:
    """The dollars of usage are exact to 18 decimals, and rounded up beyond."""
    assert counted(Decimal(value)) == Decimal(usage)
    assert Decimal(dollars(Decimal(value))[0]) == Decimal(value)


def test_exact_in_the_ledger(store: RedisStore) -> None:
    """The entry has every digit of what was paid; the account counts it in units, rounded up."""
    paid = "0.00000000012345678901234567890"
    store.perform(hold("a"))
    store.perform(settled("a", paid))
    (entry,) = store.perform(ReadEntries())
    assert str(entry.usd) == str(Decimal(paid))
    assert entry.lines == ((ACCOUNT, 0, GRAIN),)
    assert held(store) == (GRAIN, 0)
    assert store.perform(Audit()).differences == ()


def test_a_correction_is_exact(redis_server: RedisServer, ledger: str) -> None:
    """What a late settlement takes back of an expired hold is subtracted exactly, digit by digit."""
    time = [1000.0]
    store = RedisStore(redis_server.url, name=ledger, clock=lambda: time[0])
    store.perform(hold("a", "0.3333333333333333333333333333"))
    time[0] += 100
    assert store.perform(Sweep()) == 1
    assert store.perform(settled("a", "0.1111111111111111111111111111")).status == "corrected"
    assert store.perform(ReadEntries())[1].usd == Decimal("-0.2222222222222222222222222222")
    assert store.perform(Audit()).differences == ()
    store.close()


HOSTILE = [
    'it\'s "quoted" \\ and {braced} [1] <&> $1 %s',
    "line\nbreak\r\ttab\x1f\x7f",
    "größe 日本語 🎉 \u202e",
    "half a pair \ud83d of surrogates",
    "usd:ever:user=ann' OR 1=1; return redis.call('FLUSHALL') --",
    "S",
    "[]",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_of_any_kind(store: RedisStore, text: str) -> None:
    """Every name comes back as it was, wherever it stood, and nothing is taken for something else."""
    who = Attribution((f"user={text}", text), text, text, text)
    claim = Claim(f"usd:{text}", Window(), Decimal(1), Decimal(3))
    op = Reserve(text, (claim,), 60_000, Decimal(1), who)
    assert store.perform(op).lines[0].account == f"usd:{text}"
    assert store.perform(op).again is True
    assert store.perform(SettleHold(text, flag=text)).lines[0].account == f"usd:{text}"
    (entry,) = store.perform(ReadEntries())
    assert (entry.id, entry.flag, entry.whose) == (text, text, who)
    assert entry.lines[0][0] == f"usd:{text}"
    rows = store.perform(ReadUsage((text,)))
    assert [(row.scope, row.provider, row.model) for row in rows] == [(text, text, text)]
    rule = store.perform(WriteRule(text, json.dumps({"a": text}))).rule
    assert store.perform(ReadRules((text,))) == store.perform(ReadRules()) == (rule,)
    settlement = Settlement(text, "completed", text, text, False, "yes", 1, 1.5, 0.1)
    assert store.perform(Settle(settlement._replace(metadata={text: text}))) is True
    (kept,) = store.perform(Settlements())
    assert kept == settlement._replace(metadata={text: text})
    assert store.perform(Audit()).differences == ()


def test_settlements_as_they_were(store: RedisStore) -> None:
    """The latest settlements come back oldest first, with exact costs, and metadata of any kind."""
    for n in range(5):
        settlement = Settlement(
            f"c{n}", "failed", "p", "m", True, "maybe", 2, 1.25, 0.1, cost=Decimal("0.10")
        )
        odd: Any = {"path": Settlement} if n < 4 else {("a", 1): store}  # no text as a key
        store.perform(Settle(settlement._replace(metadata=odd)))
    found = store.perform(Settlements(3))
    assert [one.call_id for one in found] == ["c2", "c3", "c4"]
    assert str(found[0].cost) == "0.10"
    assert "Settlement" in found[0].metadata["path"]
    assert list(found[2].metadata) == ["('a', 1)"]


def keys(server: RedisServer) -> set[str]:
    """Every key of the server."""
    lines = server.ask("KEYS", "*").decode(errors="replace").split("\r\n")
    return {line for line in lines if line.startswith("llmkit:")}


def test_all_keys_in_one_slot() -> None:
    """Whatever is done, every key begins with the ledger's, whose braces are the hash tag of a cluster."""
    with running() as server:
        store = RedisStore(server.url, name="of mine")
        _do_everything(store)
        found = keys(server)
        store.close()
    assert len(found) == 12
    assert all(f"{one}:".startswith("llmkit:{of mine}:") for one in found)


def _do_everything(store: RedisStore) -> None:
    store.perform(hold("a"))
    store.perform(settled("a"))
    store.perform(hold("b"))
    store.perform(WriteRule("global", "{}"))
    store.perform(Settle(Settlement("c", "failed", "p", "m", False, "no", 1, 1.0, 0.1)))


def counts(server: RedisServer, command: str) -> int:
    """How often a command was called."""
    for line in server.ask("INFO", "commandstats").decode().splitlines():
        if line.startswith(f"cmdstat_{command}:"):
            return int(line.split("calls=")[1].split(",")[0])
    return 0


def test_years_of_rows(store: RedisStore, redis_server: RedisServer, key: str) -> None:
    """Neither an account's thousand periods nor a long ledger are looked through to reserve and to settle."""
    day = 86_400_000
    windows = [Window(starts=(n * day, (n + 1) * day)) for n in range(1000)]
    charges = [(Charge("usd:day:g", window, GRAIN),) for window in windows]
    at_once(store, [Post(f"p{n:03}", one, at=n * day) for n, one in enumerate(charges)])
    now = store.perform(Balances(())).now // day * day
    window = Window(starts=(now, now + 2 * day))
    rolling = Claim("usd:30d:g", Window(43_200_000), Decimal(1), Decimal(10))
    daily = Claim("usd:day:g", window, Decimal(1), Decimal(10))
    store.perform(Reserve("warm", (rolling, daily), 60_000))
    store.perform(Reserve("warmer", (rolling, daily), 60_000))
    before = [counts(redis_server, c) for c in ("hgetall", "xrange", "smembers", "keys")]
    for n in range(3):
        assert isinstance(store.perform(Reserve(f"h{n}", (rolling, daily), 60_000)), Reserved)
        store.perform(SettleHold(f"h{n}"))
    assert [counts(redis_server, c) for c in ("hgetall", "xrange", "smembers", "keys")] == before
    assert len(store.perform(ReadEntries(limit=10**6))) == 1003
    assert [e.id for e in store.perform(ReadEntries(1000))] == ["h0", "h1", "h2"]
    assert store.perform(Audit()).entries == 1003


def test_usage_of_many_days(store: RedisStore) -> None:
    """Usage is read in parts, which nobody sees."""
    day = 86_400_000
    who = Attribution(tuple(f"user={i}" for i in range(5)), "acme", "m")
    at_once(store, [Post(f"p{n}", (), GRAIN, who, 1, 2, 3, at=n * day) for n in range(500)])
    rows = store.perform(ReadUsage())
    assert len(rows) == 2500
    assert rows[-1] == (499, "user=4", "acme", "m", 3, 1, 2, GRAIN)
    assert [row.day for row in store.perform(ReadUsage(("user=3",), 100, 299))] == [
        *range(100, 300)
    ]
    assert store.perform(ReadUsage(())) == ()


def test_old_buckets_are_forgotten(redis_server: RedisServer, ledger: str, key: str) -> None:
    """An account of a rolling window stays small however long it is used."""
    time = [10_000.0]
    store = RedisStore(redis_server.url, name=ledger, clock=lambda: time[0])
    claim = Claim("usd:1m:g", Window(1000), GRAIN, Decimal(1))
    for n in range(200):
        time[0] += 1
        store.perform(Reserve(f"h{n}", (claim,), 60_000))
        store.perform(SettleHold(f"h{n}"))
    fields = redis_server.ask("HLEN", f"{key}:account:usd:1m:g")
    assert int(fields[1:]) <= 121 + 3
    assert store.perform(Balances((claim,))).lines[0].spent == 61 * GRAIN
    assert store.perform(Audit()).differences == ()
    store.close()


@pytest.mark.parametrize(
    ("command", "what", "found"),
    [
        (("HINCRBY", ":account:" + ACCOUNT, "s0", "1"), "spent", Decimal("1.000000001")),
        (("HINCRBY", ":account:" + ACCOUNT, "h0", "1"), "held", Decimal("1.000000001")),
        (("HDEL", ":holds", "b"), "held", Decimal(1)),
        (("DEL", ":account:" + ACCOUNT), "held", Decimal(0)),
        (("HINCRBY", ":usage:DAY", 'u["global","acme","m"]', "1"), "usage", Decimal("1.000000001")),
    ],
)
def test_an_audit_sees_it(
    store: RedisStore, redis_server: RedisServer, key: str, command: Any, what: str, found: Any
) -> None:
    """A counter that is off by the smallest unit is found."""
    store.perform(hold("a"))
    store.perform(settled("a"))
    store.perform(hold("b"))
    assert store.perform(Audit()).differences == ()
    day = store.perform(Audit()).now // 86_400_000
    verb, where, *rest = command
    redis_server.ask(verb, key + where.replace("DAY", str(day)), *rest)
    (difference,) = store.perform(Audit()).differences
    assert (difference.what, difference.found) == (what, found)


def test_an_audit_while_others_spend(
    redis_server: RedisServer, ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is entered while an audit reads the ledger is seen by its last part, which sees all at one moment."""
    store, other = (RedisStore(redis_server.url, name=ledger) for _ in range(2))
    store.perform(Audit())
    asked, turns = store._clients.execute, iter("abc")

    def meanwhile(*command: Any) -> Any:
        entry = next(turns)
        other.perform(Post(entry, (Charge(ACCOUNT, Window(), Decimal(1)),)))
        return asked(*command)

    monkeypatch.setattr(store._clients, "execute", meanwhile)
    audit = store.perform(Audit())
    assert audit.differences == ()
    assert audit.entries == 2
    assert next(turns) == "c"
    store.close()
    other.close()


def test_what_is_held_is_not_forgotten(redis_server: RedisServer, ledger: str) -> None:
    """An old bucket in which something is held stays, with what was spent in it, until that is settled."""
    time = [10_000.0]
    store = RedisStore(redis_server.url, name=ledger, clock=lambda: time[0])
    claim = Claim("usd:1m:g", Window(1000), Decimal(1), Decimal(10))
    for id_ in ("spent", "held"):
        store.perform(Reserve(id_, (claim,), 10**9))
    store.perform(SettleHold("spent"))
    time[0] += 200
    store.perform(Reserve("later", (claim,), 10**9))
    assert store.perform(Audit()).differences == ()
    store.perform(SettleHold("held", amounts=(Decimal(3),)))
    assert store.perform(Audit()).differences == ()
    assert store.perform(Balances((claim,))).lines[0][2:4] == (1, 0)
    store.close()


def test_a_sum_over_buckets_has_an_end_too(redis_server: RedisServer, ledger: str) -> None:
    """Where each bucket could be counted and their sum could not, nothing is done, and the account goes on."""
    time = [10_000.0]
    store = RedisStore(redis_server.url, name=ledger, clock=lambda: time[0])
    window = Window(1000)
    store.perform(Post("a", (Charge("usd:1m:g", window, MOST_MONEY),)))
    time[0] += 1
    claim = Claim("usd:1m:g", window, GRAIN)
    for operation in (
        Post("b", (Charge("usd:1m:g", window, GRAIN),)),
        Reserve("c", (claim,), 1000),
    ):
        with pytest.raises(StoreError, match=r"2\^53"):
            store.perform(operation)
    assert store.perform(Balances((claim,))).lines[0].spent == MOST_MONEY
    assert store.perform(Audit()).differences == ()
    store.close()


def test_one_bucket_has_an_end_too(redis_server: RedisServer, ledger: str) -> None:
    """A bucket that counts no more is not counted beyond what can be counted, either."""
    time = [10_000.0]
    store = RedisStore(redis_server.url, name=ledger, clock=lambda: time[0])
    charge = Charge("usd:1m:g", Window(1000), MOST_MONEY)
    store.perform(Post("a", (charge,)))
    time[0] += 100
    more = charge._replace(amount=GRAIN)
    assert store.perform(Post("b", (more,))).lines[0].spent == GRAIN
    with pytest.raises(StoreError, match=r"2\^53"):
        store.perform(Post("c", (more,), at=10_000_000))
    # What counts now is as much as there can be; a bucket beside it has room all the same.
    store.perform(Post("d", (charge._replace(amount=MOST_MONEY - GRAIN),)))
    assert store.perform(Post("e", (more,), at=10_001_000)).lines[0].spent == MOST_MONEY
    assert store.perform(Audit()).differences == ()
    store.close()


def test_no_more_is_taken_back_than_is_there(redis_server: RedisServer, ledger: str) -> None:
    """A late settlement after a reset makes no room that there is not, and the ledger says what it took back."""
    time = [10_000.0]
    store = RedisStore(redis_server.url, name=ledger, clock=lambda: time[0])
    store.perform(hold("a", "5"))
    time[0] += 100
    assert store.perform(Sweep()) == 1
    store.perform(Reset("r", ((ACCOUNT, Window()),)))
    store.perform(Post("p", (Charge(ACCOUNT, Window(), Decimal(1)),)))
    assert store.perform(settled("a", "2")).lines == ((ACCOUNT, 0, 0, -1),)
    assert store.perform(ReadEntries())[-1].lines == ((ACCOUNT, 0, Decimal(-1)),)
    assert store.perform(Audit()).differences == ()
    store.close()
