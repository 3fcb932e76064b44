"""Calls of a client with a cache: what is found, what is kept, and what it costs and tells."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit import errors, events
from llmkit._control.caching.fit import POSSIBLE
from llmkit._entries import Clear, Keep, Look, LookEach
from llmkit.budget import Budget, BudgetManager
from llmkit.cache import Cache, MemoryEntries, SQLiteEntries
from llmkit.testing import FrozenClock, Raw, Simulator, ToolUse, scripted

from ..io._colour import COLOURS, Colour
from ..io._server import completion

MODEL = "openai/gpt-4o-mini"
ASK = [{"role": "user", "content": "hi"}]


def client(cache: Any = (), **how: Any) -> Any:
    """A client with a cache."""
    return llmkit.Client(cache=Cache() if cache == () else cache, **how)


def asked(cached: Any, *, others: Any = None, **how: Any) -> int:
    """How many requests two calls make, the second one with what differs, and of ``others``."""
    first = {name: value[0] for name, value in how.items() if isinstance(value, tuple)}
    second = {name: value[1] for name, value in how.items() if isinstance(value, tuple)}
    same = {name: value for name, value in how.items() if not isinstance(value, tuple)}
    with scripted("one", "two", strict=False) as script:
        cached.completion(MODEL, ASK, **same, **first)
        (others or cached).completion(MODEL, ASK, **same, **second)
        return len(script.requests)


# --- a hit


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_same_is_not_asked_twice(store: Any, name: str, stream: Any) -> None:
    """In every store, in every colour; the answer is the one that came, chunk by chunk."""
    colour, cached = Colour(name), client(Cache(store))

    async def twice() -> None:
        with scripted("once upon a time") as script:
            if stream:
                (before, _), (after, made) = [await colour.read(cached) for _ in range(2)]
                assert [c.to_dict() for c in before] == [c.to_dict() for c in after]
                second = made.response
            else:
                first, second = [await colour.call(cached) for _ in range(2)]
                assert first.to_dict() == second.to_dict()
                assert not first.call.cache_hit
            assert len(script.requests) == 1
        assert second.text == "once upon a time"
        assert second.call.cache_hit
        assert (second.call.attempts, second.call.provider) == ([], "openai")
        assert (second.cost.total, second.cost.status) == (0, "none")
        assert second.cost.reason == "answered from the cache"
        await cached.cache.aclose() if name == "asyncio" else None

    colour.run(twice)
    assert cached.cache.stats["hits"] == 1
    assert cached.cache.stats["kept"] == 1


def test_one_terminal_event_and_one_settlement_for_a_hit() -> None:
    """It says that nothing was used, and nothing was sent."""
    told: list[Any] = []
    cached = client(callbacks=[told.append])
    assert asked(cached) == 1
    kinds = [type(event).__name__ for event in told[-3:]]
    assert kinds == ["CallStarted", "CacheHit", "CallFinished"]
    assert 0 <= told[-2].age < 60
    settlement = cached.ledger.settlements[-1]
    assert (settlement.outcome, settlement.sent, settlement.attempts) == ("completed", "no", 0)
    assert (settlement.cost, settlement.prompt_tokens, settlement.usage_source) == (0, None, "none")
    assert [type(e) for e in told].count(events.CallFinished) == 2
    assert [type(e) for e in told].count(events.CacheMissed) == 1


def test_a_stream_that_is_replayed_folds_to_the_same() -> None:
    """Tool calls, usage and all; with the usage's chunk for whoever asked for it."""
    cached = client()
    options = {"stream": True, "stream_options": {"include_usage": True}}
    with scripted(ToolUse("get", {"city": "Oslo"})) as script:
        streams = [cached.completion(MODEL, ASK, **options) for _ in range(1)]
        one = [chunk.to_dict() for chunk in streams[0]]
        again = cached.completion(MODEL, ASK, **options)
        assert [chunk.to_dict() for chunk in again] == one
        assert len(script.requests) == 1
    assert one[-1]["choices"] == []
    assert again.response.to_dict() == streams[0].response.to_dict()
    assert again.response.choices[0].message.tool_calls[0].function.name == "get"


def test_a_stream_and_a_whole_answer_are_two_entries() -> None:
    """One is not what the other would have been."""
    cached = client()
    with scripted("one", "two") as script:
        cached.completion(MODEL, ASK)
        assert cached.completion(MODEL, ASK, stream=True).until_done().text == "two"
        assert len(script.requests) == 2


def test_structured_answers_are_parsed_again_and_hooks_see_hits() -> None:
    """What is done with an answer is done with a kept one."""

    class City(BaseModel):
        name: str

    seen = []

    class Guard:
        def after_call(self, call: Any, response: Any) -> Any:
            seen.append(response.call.cache_hit)

    cached = client(hooks=[Guard()])
    with scripted('{"name": "Oslo"}'):
        answers = [cached.completion(MODEL, ASK, response_format=City).parsed for _ in range(2)]
    assert answers == [City(name="Oslo")] * 2
    assert seen == [False, True]


def test_a_kept_answer_is_nobodys_to_change() -> None:
    """Each call gets one of its own."""
    cached = client()
    with scripted("as it was"):
        cached.completion(MODEL, ASK)
        cached.completion(MODEL, ASK).choices[0].message.content = "changed"
        assert cached.completion(MODEL, ASK).text == "as it was"


# --- keys


@pytest.mark.parametrize(
    "how",
    [
        {"temperature": (0.0, 1.0)},
        {"n": (1, 2)},
        {"user": ("ann", "bob")},
        {"customer": ("ann", "bob")},
        {"api_key": ("sk-" + "one-0123456789", "sk-" + "two-0123456789")},
        {"base_url": ("http://a.example/v1", "http://b.example/v1")},
        {"extra_body": ({"a": 1}, {"a": 2})},
        {"extra_headers": ({"x-a": "1"}, {"x-a": "2"})},
        {"metadata": ({"team": "red"}, {"team": "blue"})},
        {"cache": ({"namespace": "a"}, {"namespace": "b"})},
    ],
    ids=lambda how: next(iter(how)),
)
def test_what_differs_is_asked(how: dict[str, Any]) -> None:
    """Parameters, tenants, accounts, places, and namespaces."""
    assert asked(client(), **how) == 2


@pytest.mark.parametrize(
    "how",
    [
        {"timeout": (10, 20)},
        {"num_retries": (0, 1)},
        {"tags": (["a"], ["b"])},
        {"session": ("a", "b")},
        {"extra_headers": ({"traceparent": "a"}, {"traceparent": "b"})},
    ],
    ids=lambda how: next(iter(how)),
)
def test_what_is_not_sent_and_not_whose_is_not_counted(how: dict[str, Any]) -> None:
    """How long somebody waits, how often they try, what they call it."""
    assert asked(client(), **how) == 1


def test_no_two_of_many_calls_have_one_key() -> None:
    """Whatever is said of a chat makes another question of it."""
    system, tool = (
        {"role": "system", "content": "s"},
        {"type": "function", "function": {"name": "f"}},
    )
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aaaa"}}
    ways: list[dict[str, Any]] = [
        {}, {"temperature": 0}, {"temperature": 0.5}, {"top_p": 0}, {"seed": 0}, {"seed": 1}, {"n": 1},
        {"max_tokens": 5}, {"max_tokens": 6}, {"stop": "a"}, {"stop": ["a", "b"]}, {"tools": [tool]},
        {"tools": [tool], "tool_choice": "none"}, {"logprobs": True}, {"logit_bias": {"1": 1}},
        {"response_format": {"type": "json_object"}}, {"presence_penalty": 0.1}, {"frequency_penalty": 0.1},
        {"service_tier": "flex"}, {"user": "a"}, {"user": "b"}, {"organization": "o"}, {"stream": True},
        {"model": "openai/gpt-4o"}, {"store": False},
        {"base_url": "http://a.example/v1"}, {"messages": [system, *ASK]}, {"messages": [*ASK, *ASK]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, picture]}]},
        {"messages": [{"role": "user", "content": "hi "}]}, {"messages": [{"role": "system", "content": "hi"}]},
        {"messages": [{"role": "user", "content": "hi", "name": "ann"}]}, {"cache": {"namespace": "x"}},
        {"extra_body": {"seed": 7}}, {"extra_body": {"x": None}}, {"extra_headers": {"x": "1"}}, {"team": "t"},
        {"model": "azure/d", "base_url": "https://a.example", "api_version": "2024-06-01"},
        {"model": "azure/d", "base_url": "https://a.example", "api_version": "2024-10-21"},
        {"model": "azure/e", "base_url": "https://a.example", "api_version": "2024-10-21"},
    ]  # fmt: skip
    keys: list[str] = []
    cached = client(
        callbacks=[lambda e: keys.append(e.key) if isinstance(e, events.CacheMissed) else None]
    )
    with scripted(otherwise="one", strict=False):
        for how in ways:
            asking = {
                "model": MODEL,
                "messages": ASK,
                "api_key": "sk-" + "made-up-0123456789",
                **how,
            }
            answer = cached.completion(**asking)
            assert not (answer.until_done() if how.get("stream") else answer).call.cache_hit, how
    assert len(set(keys)) == len(keys) == len(ways)


def test_tenants_and_accounts_share_where_they_are_told_to() -> None:
    """It is for the cache's owner to say."""
    keys = {"api_key": ("sk-" + "one-0123456789", "sk-" + "two-0123456789")}
    assert asked(client(Cache(accounts="shared")), **keys) == 1
    assert asked(client(Cache(separate=())), customer=("ann", "bob")) == 1
    assert asked(client(Cache(separate=["session"])), session=("a", "b")) == 2


def test_a_context_separates(store: Any) -> None:
    """Who is served by a gateway is told by its context."""
    cached = client(Cache(store))
    with scripted("ann's", "bob's"):
        for user in ("ann", "bob", "ann"):
            with llmkit.context(user=user, final=True):
                assert cached.completion(MODEL, ASK).text == f"{user}'s"


def test_a_store_by_its_name() -> None:
    """What is no path is no file's name; and no key in it is repeated."""
    assert isinstance(Cache("memory").store, MemoryEntries)
    for given in ("redis", "disk", "redsi://:s3cret@host", "https://a.test/x?k=s3cret"):
        with pytest.raises(errors.ConfigurationError, match="a path such as") as caught:
            llmkit.Client(cache=given)
        assert "s3cret" not in str(caught.value)


def test_a_key_that_a_function_says_is_an_account_like_any() -> None:
    """Two functions that say one key share; two keys do not."""
    cached = client()
    one, two = "sk-" + "one-0123456789", "sk-" + "two-0123456789"
    with scripted("one", "two") as script:
        for said in (one, lambda: one, lambda: two):
            cached.completion(MODEL, ASK, api_key=said)
        assert len(script.requests) == 2


def test_clients_share_a_cache(tmp_path: Path) -> None:
    """As objects, and as a file."""
    cache = Cache()
    assert asked(client(cache), others=client(cache)) == 1
    path = tmp_path / "answers.db"
    assert asked(client(path), others=client(str(path))) == 1


# --- controls


def test_no_cache_asks_and_keeps_no_store_looks_and_does_not_keep() -> None:
    """As LiteLLM's."""
    cached = client()
    with scripted("one", "two", "three") as script:

        def text(**control: Any) -> str:
            return cached.completion(MODEL, ASK, cache=control or None).text or ""

        assert text(**{"no-store": True}) == "one"
        assert text() == "two"
        assert text(**{"no-store": True}) == "two"
        assert text(**{"no-cache": True}) == "three"
        assert text() == "three"
        assert len(script.requests) == 3


def test_answers_have_an_age() -> None:
    """``ttl`` ends them, ``s-maxage`` refuses those that are older; a ``ttl`` of 0 keeps nothing."""
    assert asked(client(), cache=({"ttl": 0}, {})) == 2
    assert asked(client(Cache(ttl=0.001)), cache=({}, {"ttl": 60})) in (1, 2)
    assert asked(client(), cache=({}, {"s-maxage": 0})) == 2
    assert asked(client(), cache=({}, {"s-maxage": 60})) == 1
    assert asked(client(), cache=({}, {"s-max-age": 60})) == 1


def test_who_uses_it_can_be_said() -> None:
    """By the cache's mode, and by each call."""
    assert asked(client(), caching=False) == 2
    off = Cache(mode="off")
    assert asked(client(off)) == 2
    assert asked(client(off), caching=True) == 1
    assert asked(client(Cache(mode="off")), cache={"use-cache": True}) == 1
    assert asked(client(Cache(kinds=["embedding"]))) == 2


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"cache": {"no-cash": True}}, "did you mean 'no-cache'"),
        ({"cache": {"speed": 1}}, "it has no-cache, no-store"),
        ({"cache": {"ttl": -1}}, "ttl is a number of seconds"),
        ({"cache": {"ttl": "long"}}, "ttl is a number of seconds"),
        ({"cache": {"no-store": "yes"}}, "no-store is True or False"),
        ({"cache": {"namespace": 1}}, "namespace is a text"),
        ({"cache": "no"}, "cache says what a call wants"),
        ({"caching": "yes"}, "caching is True or False"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(how: dict[str, Any], said: str) -> None:
    """Before anything is sent, with a cache and without."""
    for cached in (client(), client(None)):
        with scripted(strict=False) as script, pytest.raises(errors.ConfigurationError, match=said):
            cached.completion(MODEL, ASK, **how)
        assert not script.requests


def test_without_a_cache_nobody_is_left_in_the_belief_that_there_is_one() -> None:
    """Who wants something of it hears that there is none; not to look, and not to keep, is done."""
    without = client(None)
    for how in ({"caching": True}, {"cache": {"ttl": 5}}, {"cache": {"use-cache": True}}):
        with pytest.raises(errors.ConfigurationError, match="needs a cache"):
            without.completion(MODEL, ASK, **how)
    assert asked(without, cache={"no-cache": True, "no-store": True}, caching=False) == 2


@pytest.mark.parametrize(
    "how",
    [
        {"ttl": -1},
        {"mode": "always"},
        {"kinds": ["files"]},
        {"separate": ["house"]},
        {"accounts": "mine"},
        {"lease": "long"},
        {"max_entry_bytes": 0},
        {"store": 7},
        {"namespace": 3},
    ],
    ids=str,
)
def test_a_cache_that_cannot_be_meant_is_refused(how: dict[str, Any]) -> None:
    """When it is made."""
    with pytest.raises(errors.ConfigurationError):
        Cache(**how)


# --- what is not kept


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": None}]},
        {"choices": []},
        {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "error"}]},
        {"choices": [{"index": 0, "message": {"content": 5}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "content_filter"}]},
    ],
    ids=["unfinished", "empty", "error", "malformed", "filtered"],
)
def test_half_an_answer_is_not_kept(answer: dict[str, Any]) -> None:
    """Nor one that could not be read."""
    cached = client()
    raw = Raw(
        {
            "id": "1",
            "model": "gpt-4o-mini",
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
            **answer,
        }
    )
    with scripted(raw, raw) as script:
        for _ in range(2):
            cached.completion(MODEL, ASK)
        assert len(script.requests) == 2
    assert cached.cache.weigh().entries == 0


def test_errors_are_not_kept() -> None:
    """The next call asks."""
    cached = client(num_retries=0)
    with scripted(400, 500, "well"):
        for error in (errors.BadRequestError, errors.InternalServerError):
            with pytest.raises(error):
                cached.completion(MODEL, ASK)
        assert cached.completion(MODEL, ASK).text == "well"


def test_a_stream_that_does_not_end_is_not_kept() -> None:
    """Closed, dropped or broken."""
    cached = client()
    from llmkit.testing import Cut

    with scripted("a b c d e f", "a b c d e f", Cut("a b c d", after=2), "whole") as script:
        stream = cached.completion(MODEL, ASK, stream=True)
        next(stream)
        stream.close()
        del stream
        stream = cached.completion(MODEL, ASK, stream=True)
        next(stream)
        del stream
        with pytest.raises(errors.LLMKitError):
            cached.completion(MODEL, ASK, stream=True).until_done()
        assert cached.completion(MODEL, ASK, stream=True).until_done().text == "whole"
        assert len(script.requests) == 4
    assert cached.cache.weigh().entries == 1


def test_dry_runs_and_mocks_neither_look_nor_keep() -> None:
    """Nothing is asked there, either."""
    cached = client()
    with scripted("one"):
        cached.completion(MODEL, ASK)
    assert not hasattr(cached.dry_run("completion", model=MODEL, messages=ASK), "choices")
    assert cached.completion(MODEL, ASK, mock_response="mock").text == "mock"
    assert cached.cache.stats["hits"] == 0


def test_what_is_too_large_is_not_kept() -> None:
    """Streamed, too."""
    cached = client(Cache(max_entry_bytes=500))
    with scripted(*["x" * 1000] * 2, *["y " * 1000] * 2) as script:
        for stream in (False, False, True, True):
            answer = cached.completion(MODEL, ASK, stream=stream)
            assert len((answer.until_done() if stream else answer).text) >= 1000
        assert len(script.requests) == 4
    assert cached.cache.stats["unkept"] == 4


def test_a_fallbacks_answer_is_kept_as_its_own() -> None:
    """It is not taken for the answer of who has failed once that one is well again."""
    cached = client(num_retries=0)
    with scripted(500, "spare", "well"):
        answer = cached.completion(MODEL, ASK, fallbacks=["openai/gpt-4o"])
        assert answer.text == "spare"
        assert cached.completion(MODEL, ASK).text == "well"
        assert cached.completion("openai/gpt-4o", ASK).text == "spare"


def test_no_key_is_kept(store: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A provider that says it back is not kept; nor is it in what is kept, or how it is called."""
    key = "sk-" + "made-up-0123456789"
    cached = client(Cache(store))
    kept: list[Any] = []
    perform = store.perform

    def watched(operation: Any) -> Any:
        kept.append(operation)
        return perform(operation)

    store.perform = watched
    with scripted("fine", f"your key is {key}", strict=False):
        cached.completion(MODEL, ASK, api_key=key)
        cached.completion(MODEL, [{"role": "user", "content": "my key?"}], api_key=key)
    keeps = [op for op in kept if isinstance(op, Keep)]
    assert len(keeps) == 1
    assert key not in repr(kept)
    assert cached.cache.stats["unkept"] == 1


# --- what goes wrong


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "another's", "version"])
def test_what_is_damaged_is_a_miss(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """With a warning, but for what another version wrote."""
    entries = MemoryEntries()
    told: list[Any] = []
    cached = client(Cache(entries), callbacks=[told.append])
    with scripted("one", "two"):
        cached.completion(MODEL, ASK)
        (key, kept) = next(iter(entries._entries.items()))
        data = kept.entry
        other = {
            "cut": data[:-3],
            "flipped": data[:-1] + bytes([data[-1] ^ 1]),
            "foreign": b"something else",
            "version": data.replace(b"\x01", b"\x02", 1),
        }
        if damage == "another's":
            from llmkit._control.caching.entry import packed, unpacked

            entry = unpacked(data, [key])
            assert entry is not None
            other[damage] = packed(entry._replace(key="b" * 60)) or b""
        entries.perform(Keep(key, other[damage], None))
        with caplog.at_level(logging.WARNING, logger="llmkit"):
            assert cached.completion(MODEL, ASK).text == "two"
        assert cached.completion(MODEL, ASK).text == "two"
    warned = [event for event in told if isinstance(event, events.EntryUnreadable)]
    assert len(warned) == (damage != "version")
    assert cached.cache.stats["unreadable"] == len(warned)


class Broken:
    """A store that fails."""

    well = False

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self._entries = MemoryEntries()

    def perform(self, operation: Any) -> Any:
        self.asked.append(operation)
        if not self.well:
            raise errors.StoreUnavailableError("away")
        return self._entries.perform(operation)


def test_a_cache_that_is_down_breaks_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once, counted, let be for a while, and used when it is back."""
    store = Broken()
    told: list[Any] = []
    cached = client(Cache(store), callbacks=[told.append])
    with scripted("one", "two", "three") as script:
        assert cached.completion(MODEL, ASK).text == "one"
        asked_once = len(store.asked)
        assert cached.completion(MODEL, ASK).text == "two"
        assert len(store.asked) == asked_once == 1
        cached.cache._until, store.well = 0.0, True
        for _ in range(2):
            assert cached.completion(MODEL, ASK).text == "three"
        assert len(script.requests) == 3
    kinds = [type(event) for event in told]
    assert kinds.count(events.CacheUnreachable) == kinds.count(events.CacheReached) == 1
    assert cached.cache.stats["failures"] == 1
    assert cached.cache.stats["skipped"] >= 1


def test_one_failure_that_many_calls_meet_is_one() -> None:
    """The cache is let be for a second, however many were on their way; then for two."""
    cache = Cache()
    assert [cache.broke() for _ in range(6)] == [True] + [False] * 5
    assert cache._rest == 2.0
    cache._until = 0.0
    cache.broke()
    assert cache._rest == 4.0
    assert cache.stats["failures"] == 7


def test_a_store_that_was_emptied_is_shared_again() -> None:
    """Who comes later founds it anew; the others learn of it, and what they keep is found by all."""
    entries = MemoryEntries()
    one, two = client(Cache(entries)), client(Cache(entries))
    with scripted("one", "two", "three"):
        one.completion(MODEL, ASK)
        entries._salt = None
        entries.perform(Clear())
        two.completion(MODEL, ASK)
        assert one.completion(MODEL, ASK).text == "three"
        one.cache.founded -= 100
        assert one.completion(MODEL, ASK).text == "two"


def test_what_was_kept_in_the_future_is_not_taken_for_young(tmp_path: Path) -> None:
    """A clock that was put back: how old such an entry is, nobody knows."""
    now = [2_000_000_000.0]
    store = SQLiteEntries(tmp_path / "a.db", clock=lambda: now[0])
    for name, seconds in (("a", 60.0), ("b", None)):
        store.perform(Keep(name, b"1", seconds))
    now[0] -= 30_000_000
    assert store.perform(LookEach(("a", "b"))) == (None, b"1")
    store.perform(Keep("a", b"2", 60.0))
    assert store.perform(Look(("a",))) == b"2"
    store.close()
    cache = Cache()
    late, early = (
        client(cache, clock=FrozenClock(at)) for at in (2_000_000_000.0, 1_900_000_000.0)
    )
    with scripted("one", "two"):
        late.completion(MODEL, ASK)
        assert early.completion(MODEL, ASK).call.cache_hit
        assert early.completion(MODEL, ASK, cache={"s-maxage": 60}).text == "two"
        assert early.completion(MODEL, ASK, cache={"s-maxage": 60}).call.cache_hit


def test_a_store_that_breaks_while_it_keeps_breaks_nothing() -> None:
    """The answer is there, and settled."""
    store = Broken()
    store.well = True
    perform: Any = store.perform
    store.perform = lambda op: 1 / 0 if isinstance(op, Keep) else perform(op)  # type: ignore[method-assign, assignment]
    cached = client(Cache(store))
    with scripted("one"):
        assert cached.completion(MODEL, ASK).text == "one"
    assert cached.ledger.settlements[-1].outcome == "completed"
    assert cached.cache.stats["failures"] == 1


# --- money


def test_a_hit_needs_no_budget() -> None:
    """Nothing is held for it, and nothing is spent by it."""
    budget = BudgetManager(budgets=[Budget(Decimal("0.00005"), "1d", scope="user")])
    cached = client(budget=budget)
    with scripted("one"):
        first = cached.completion(MODEL, ASK, user="ann", max_tokens=10)
        for _ in range(5):
            cached.completion(MODEL, ASK, user="ann", max_tokens=10)
        again = cached.completion(MODEL, ASK, user="ann", max_tokens=10)
        assert (first.cost.total or 0) > 0
        assert again.call.cache_hit
        with pytest.raises(errors.BudgetExceededError):
            cached.completion(MODEL, ASK, user="ann", max_tokens=1000)


def test_a_hit_is_not_billed() -> None:
    """Billing hears of what was asked for, and of nothing else."""
    from ..billing._recorded import billed

    with billed(completion()) as world:
        world.client.cache = True
        for _ in range(2):
            world.client.completion(MODEL, ASK, num_retries=0)
        assert world.client.cache.stats["hits"] == 1
        assert len(world.desk.told) == 2, world.desk.told


# --- other calls


def test_every_kind_that_asks_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked twice is answered once; what a provider keeps is always asked for."""
    (tmp_path / "a.wav").write_bytes(b"RIFF0000WAVEdata")
    (tmp_path / "b.wav").write_bytes(b"RIFF0000WAVEdata")
    with Simulator() as simulator:
        monkeypatch.setenv("OPENAI_BASE_URL", simulator.base_url)
        cached = client(Cache(kinds=POSSIBLE))
        calls: list[Any] = [
            lambda: cached.embedding("openai/text-embedding-3-small", ["a", "b"]),
            lambda: cached.moderation("a", model="openai/omni-moderation-latest"),
            lambda: cached.text_completion(model="openai/gpt-3.5-turbo-instruct", prompt="a"),
            lambda: cached.responses("a", model=MODEL),
            lambda: cached.messages(MODEL, ASK, max_tokens=5),
            lambda: cached.speech("openai/tts-1", "a", voice="alloy"),
        ]
        for call in calls:
            one, two = call(), call()
            assert (one.call.cache_hit, two.call.cache_hit) == (False, True), one
            assert one.to_dict() == two.to_dict()
            assert two.cost.total == 0
        heard = [
            cached.transcription("openai/whisper-1", tmp_path / name) for name in ("a.wav", "b.wav")
        ]
        assert [one.call.cache_hit for one in heard] == [False, True]
        (tmp_path / "b.wav").write_bytes(b"RIFF0000WAVEdatb")
        assert not cached.transcription("openai/whisper-1", tmp_path / "b.wav").call.cache_hit
        streams = [cached.responses("a", model=MODEL, stream=True) for _ in range(1)]
        told = [event.to_dict() for event in streams[0]]
        again = cached.responses("a", model=MODEL, stream=True)
        assert [event.to_dict() for event in again] == told
        assert again.call.cache_hit
        count = len(simulator.requests)
        for _ in range(2):
            cached.list_models("openai")
        assert len(simulator.requests) == count + 2


def test_a_call_of_several_requests_is_kept_as_one() -> None:
    """A wire with steps reads its answers once more, and says the same."""
    cached = client()
    raw = Raw(
        {"embeddings": {"float": [[0.1, 0.2]]}, "meta": {"billed_units": {"input_tokens": 1}}}
    )
    with scripted(*[raw] * 3) as script:
        # Pictures are kept together, and asked for one by one of this model.
        inputs = [f"data:image/png;base64,{number}" for number in ("aaaa", "bbbb")]
        one, two = (
            cached.embedding("cohere/embed-english-v3.0", inputs, api_key="made-up")
            for _ in range(2)
        )
        assert two.call.cache_hit
        assert one.to_dict() == two.to_dict()
        cached.embedding("cohere/embed-english-v3.0", inputs[:1], api_key="made-up")
        assert len(script.requests) == 3


# --- routers


def test_any_of_a_group_has_answered(store: Any) -> None:
    """Whoever would be asked now; what a fallback said is not the group's."""
    entries = [
        {"model_name": group, "litellm_params": {"model": model, "api_key": f"sk-{name}-0123456789"}}
        for name, group, model in (
            ("one", "g", MODEL), ("two", "g", MODEL), ("three", "g", MODEL), ("other", "h", "openai/gpt-4o"),
        )
    ]  # fmt: skip
    router = llmkit.Router(entries, cache=Cache(store), fallbacks=[{"g": ["h"]}], num_retries=0)
    with scripted("one") as script:
        answers = [router.completion("g", ASK) for _ in range(8)]
        assert {answer.text for answer in answers} == {"one"}
        assert [answer.call.cache_hit for answer in answers] == [False] + [True] * 7
        assert len({answer.call.deployment for answer in answers}) == 1
        assert answers[-1].call.group == "g"
        assert len(script.requests) == 1


def test_hooks_are_consulted_once_unless_they_are_pure() -> None:
    """Who may do more than change the call is asked for the one deployment that would be asked."""
    entries = [
        {"model_name": "g", "litellm_params": {"model": MODEL, "api_key": f"sk-{name}-0123456789"}}
        for name in ("one", "two", "three")
    ]

    class Guard:
        pure = False

        def __init__(self) -> None:
            self.seen = 0

        def before_call(self, call: Any) -> None:
            self.seen += 1

    guard = Guard()
    router: Any = llmkit.Router(entries, cache=True, hooks=[guard])
    with scripted(otherwise="one") as script:
        for _ in range(4):
            router.completion("g", ASK)
        assert (guard.seen, len(script.requests) <= 3) == (4, True)
        guard.pure = True
        assert router.completion("g", ASK).call.cache_hit
        assert guard.seen == 7


def test_what_a_fallback_group_says_is_not_the_groups() -> None:
    """Once the group is well again, it is asked; the other group's call finds its own."""
    entries = [
        {"model_name": group, "litellm_params": {"model": model, "api_key": "sk-" + group * 9}}
        for group, model in (("g", MODEL), ("h", "openai/gpt-4o"))
    ]
    router = llmkit.Router(
        entries, cache=True, fallbacks=[{"g": ["h"]}], num_retries=0, disable_cooldowns=True
    )
    with scripted(401, "spare", "well") as script:
        assert [router.completion("g", ASK).text for _ in range(3)] == ["spare", "well", "well"]
        assert router.completion("h", ASK).call.cache_hit
        assert len(script.requests) == 3


def test_the_default_client_can_have_one() -> None:
    """And functions take what calls say of it."""
    llmkit.default_client().cache = True
    assert isinstance(llmkit.default_client().cache, Cache)
    try:
        with scripted("one") as script:
            for _ in range(2):
                assert llmkit.completion(MODEL, ASK, cache={"ttl": 60}).text == "one"
            assert len(script.requests) == 1
    finally:
        llmkit.default_client().cache = None


def test_it_can_be_cleared_and_weighed(store: Any) -> None:
    """By namespace, or wholly."""
    cached = client(Cache(store))
    with scripted("one", "two"):
        cached.completion(MODEL, ASK)
        cached.completion(MODEL, ASK, cache={"namespace": "mine"})
    assert cached.cache.weigh().entries == 2
    assert cached.cache.clear("mine") == 1
    assert Cache(store).clear("") == 1
    assert cached.cache.weigh().entries == 0


def test_one_answer_can_be_forgotten(store: Any) -> None:
    """By the key that it says, streamed or not; no other is."""
    cached = client(Cache(store))
    with scripted("one", "two", "three", "four") as script:
        first = cached.completion(MODEL, ASK)
        stream = cached.completion(MODEL, ASK, stream=True).until_done()
        key, other = first.call.cache_key, stream.call.cache_key
        assert None not in {key, other}
        assert cached.completion(MODEL, ASK).call.cache_key == key != other
        assert cached.cache.forget(key)
        assert not cached.cache.forget(key)
        assert cached.completion(MODEL, ASK).text == "three"
        assert cached.completion(MODEL, ASK, stream=True).until_done().call.cache_hit
        assert cached.completion(MODEL, ASK, caching=False).call.cache_key is None
        assert len(script.requests) == 4
    for wrong in ("", key[:-1], None, "*"):
        with pytest.raises(errors.ConfigurationError, match=r"call\.cache_key"):
            cached.cache.forget(wrong)


def test_what_is_shown_says_what_it_is(tmp_path: Path) -> None:
    """For people at a prompt."""
    shown = repr(Cache(tmp_path / "a.db", ttl=5))
    assert shown == f"Cache(SQLiteEntries('{tmp_path}/a.db'), ttl=5.0, mode='on')"
    assert "hits=0" in repr(Cache().stats)
    assert json.dumps(dict(Cache().stats))
    assert isinstance(Cache(tmp_path / "a.db").store, SQLiteEntries)
    assert Look(("a",)) == Look(("a",))


# --- configurations


def test_a_configuration_brings_its_cache(tmp_path: Path) -> None:
    """LiteLLM's words for it; what is not honoured is reported."""
    models = [{"model_name": "g", "litellm_params": {"model": MODEL, "api_key": "sk-" + "x" * 9}}]
    params = {
        "type": "disk",
        "disk_cache_dir": str(tmp_path),
        "ttl": 60,
        "mode": "default_off",
        "supported_call_types": ["acompletion", "completion", "assistants"],
        "similarity_threshold": 0.8,
    }
    config = {
        "model_list": models,
        "litellm_settings": {"cache": True, "cache_params": params, "num_retries": 0},
    }
    router = llmkit.Router.from_config(config, environ={})
    assert repr(router.cache.store) == f"SQLiteEntries('{tmp_path}/answers.db')"
    assert (router.cache.ttl, router.cache.mode) == (60, "off")
    assert router.cache.kinds == {"chat"}
    assert sorted(row.key.rpartition("params.")[2] for row in router.report) == [
        "similarity_threshold",
        "supported_call_types.assistants",
    ]
    with scripted("one") as script:
        for _ in range(2):
            assert router.completion("g", ASK, caching=True).text == "one"
        assert len(script.requests) == 1
    router.cache.close()


@pytest.mark.parametrize(
    ("said", "environ", "store"),
    [
        ({"cache": True}, {}, "MemoryEntries"),
        ({"cache": True}, {"REDIS_HOST": "h", "REDIS_PASSWORD": "p"}, "RedisEntries('h:6379'"),
        (
            {"cache": True, "cache_params": {"host": "h", "port": 7, "ssl": True}},
            {},
            "RedisEntries('h:7'",
        ),
        (
            {"cache": True, "cache_params": {"host": "h"}},
            {"REDIS_URL": "redis://other:1"},
            "RedisEntries('h:6379'",
        ),
        (
            {
                "cache": True,
                "cache_params": {"redis_startup_nodes": [{"host": "n", "port": "7001"}]},
            },
            {"REDIS_HOST": "h"},
            "RedisEntries('n:7001'",
        ),
        (
            {"cache": True},
            {"REDIS_CLUSTER_NODES": '[{"host": "n", "port": 7}]'},
            "RedisEntries('n:7'",
        ),
        ({"cache": "os.environ/WITH"}, {"WITH": "false"}, None),
        ({"cache": False, "cache_params": {"type": "s3"}}, {}, None),
    ],
    ids=str,
)
def test_where_a_configuration_has_it(said: Any, environ: Any, store: Any) -> None:
    """In memory, or where the environment says that Redis is."""
    models = [{"model_name": "g", "litellm_params": {"model": MODEL, "api_key": "sk-" + "x" * 9}}]
    router = llmkit.Router.from_config(
        {"model_list": models, "litellm_settings": said}, environ=environ
    )
    shown = None if router.cache is None else repr(router.cache.store)
    assert shown is store if store is None else str(shown).startswith(store)
    assert not router.report
    with pytest.raises(errors.ConfigurationError, match=r"type is local, disk, redis"):
        llmkit.Router.from_config(
            {
                "model_list": models,
                "litellm_settings": {"cache": True, "cache_params": {"type": "s3"}},
            }
        )


@pytest.mark.parametrize(
    ("params", "ttl"),
    [
        ({"type": "local", "ttl": 5, "default_in_memory_ttl": 6, "default_in_redis_ttl": 7}, 6),
        ({"default_in_redis_ttl": 7, "ttl": 5}, 5),
        ({"type": "redis", "default_in_redis_ttl": 7, "ttl": 5, "default_in_memory_ttl": 6}, 7),
        ({"type": "disk", "default_in_redis_ttl": 7}, None),
    ],
    ids=str,
)
def test_a_kinds_own_time_goes_before_that_of_all(
    params: dict[str, Any], ttl: float | None
) -> None:
    """In whichever order they stand; another kind's says nothing."""
    from llmkit._control.caching.configured import configured

    assert configured(params, {}).how.get("ttl") == ttl
    for wrong in ({"mode": "always"}, {"redis_startup_nodes": ["n:7001"]}):
        with pytest.raises(
            errors.ConfigurationError, match=r"mode is 'default_on'|is a list of nodes"
        ):
            configured(wrong, {})
