"""Whose a call is: by its keywords, its metadata, and the contexts around it, in every colour."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import pytest

import llmkit
from llmkit._control.attributes import attributes
from llmkit.budget import Budget
from llmkit.errors import BudgetExceededError

from ..io._colour import COLOURS, Colour
from ._purse import ASK, HELLO, KEY, world

SECRET = "sk-" + "0123456789abcdefghijklmnop"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_call_and_what_is_around_it(colour: str) -> None:
    """Inner contexts go before outer ones, metadata before both, keywords before all; tags add up."""
    runs = Colour(colour)

    async def body() -> None:
        with world() as (_, client, _purse):
            with (
                llmkit.context(user="ann", team="red", tags="a"),
                llmkit.context(team="blue", tags=["b", "a"]),
            ):
                answer = await runs.call(client, **ASK, tags=["c"], metadata={"team": "green"})
                other = await runs.call(
                    client, **ASK, user="bob", team="grey", metadata={"team": "green"}
                )
            assert answer.call.attributes == {
                "tag": ("c", "b", "a"),
                "team": ("green",),
                "user": ("ann",),
            }
            assert other.call.attributes["user"] == ("bob",)
            assert other.call.attributes["team"] == ("grey",)
            assert (await runs.call(client, **ASK)).call.attributes == {}
            await runs.close(client)

    runs.run(body)


def test_a_context_that_is_final_goes_before_all() -> None:
    """Who makes calls that others have written says whose they are; tags still add up."""
    with world() as (_, client, _purse):
        with llmkit.context(user="ann", key="k1", final=True), llmkit.context(user="eve", team="t"):
            answer = client.completion(
                **ASK, user="bob", tags=["c"], metadata={"user_api_key_hash": "k2"}
            )
        assert answer.call.attributes == {
            "tag": ("c",),
            "user": ("ann",),
            "key": ("k1",),
            "team": ("t",),
        }
        client.close()


def test_within_a_final_context_what_is_sent_says_nothing() -> None:
    """Who has no user of their own does not get the one that a body names; nor a team, a tag or a deployment."""
    forged = {"team_id": "t", "tags": ["c"], "model_id": "d", "user_api_key_hash": "k2"}
    with world() as (_, client, _purse):
        with llmkit.context(key="k1", final=True):
            answer = client.completion(**ASK, user="bob", metadata=forged)
        assert answer.call.attributes == {"key": ("k1",)}
        client.close()


def test_metadata_of_contexts_is_kept_and_not_sent() -> None:
    """Final contexts go before the call, others after it; the provider is told what the call itself has."""
    outer = llmkit.context(metadata={"a": {"b": 1}, "mine": "outer"}, final=True)
    inner = llmkit.context(metadata={"mine": "inner", "its": "inner", "only": "inner"})
    with world() as (sim, client, _purse):
        with outer, inner:
            answer = client.completion(**ASK, metadata={"mine": "call", "its": "call"})
        expected = {"a": {"b": 1}, "mine": "outer", "its": "call", "only": "inner"}
        assert answer.call.metadata == client.ledger.settlements[0].metadata == expected
        assert sim.requests[0].json()["metadata"] == {"mine": "call", "its": "call"}
        client.close()


def test_metadata_of_a_context_is_a_mapping() -> None:
    """Anything else is said at once."""
    with pytest.raises(llmkit.ConfigurationError, match="metadata is a mapping, not str"):
        llmkit.context(metadata="x")  # type: ignore[arg-type]


SPELLED: list[tuple[dict[str, Any], dict[str, tuple[str, ...]]]] = [
    ({"user_id": "u"}, {"user": ("u",)}),
    ({"user": "u", "user_id": "v"}, {"user": ("u",)}),
    ({"user_api_key_user_id": "u"}, {"user": ("u",)}),
    ({"user_api_key_team_id": "t"}, {"team": ("t",)}),
    ({"team_id": 7}, {"team": ("7",)}),
    ({"user_api_key_org_id": "o"}, {"organisation": ("o",)}),
    ({"organization": "o"}, {"organisation": ("o",)}),
    ({"user_api_key_end_user_id": "c"}, {"customer": ("c",)}),
    ({"end_user": "c"}, {"customer": ("c",)}),
    ({"user_api_key_hash": "h", "user_api_key": "x"}, {"key": ("h",)}),
    ({"litellm_session_id": "s"}, {"session": ("s",)}),
    ({"session_id": "s"}, {"session": ("s",)}),
    ({"tags": ["a", "b", "a"]}, {"tag": ("a", "b")}),
    ({"tags": "a, b,"}, {"tag": ("a", "b")}),
    ({"model_id": "d"}, {"deployment": ("d",)}),
    ({"user": None, "team": "", "session": True, "tags": 3, "customer": {}, "else": "x"}, {}),
]


@pytest.mark.parametrize(("metadata", "said"), SPELLED, ids=[str(i) for i in range(len(SPELLED))])
def test_what_metadata_calls_it(metadata: dict[str, Any], said: dict[str, Any]) -> None:
    """Our names and LiteLLM's are read; what is no id says nothing."""
    assert attributes({}, {}, metadata) == said


def test_metadata_stays_what_it_is() -> None:
    """What is read of metadata is sent, shown and settled as it was given."""
    given = {"user_id": "ann", "other": "x"}
    with world() as (sim, client, _):
        answer = client.completion(**ASK, metadata=given, tags="t", session="s", customer="c")
        assert answer.call.metadata == given == {"user_id": "ann", "other": "x"}
        sent = sim.requests[0].body
        assert b'"other":"x"' in sent
        assert not any(name in sent for name in (b"tags", b"session", b"customer"))
        assert client.ledger.settlements[0].metadata == given


def test_no_secret_is_shown() -> None:
    """A key counts by itself, and is not shown."""
    with world(Budget(1, scope="key")) as (_, client, purse):
        answer = client.completion(**ASK, metadata={"user_api_key": SECRET})
        assert SECRET not in repr(answer.call.attributes)
        assert SECRET not in repr(purse.entries)
        assert len(purse.entries[0].lines) == 1


def test_a_client_without_a_budget_shows_it_too() -> None:
    """Whose a call is can be read without a budget."""
    with world() as (sim, _, _purse), llmkit.Client(api_key=KEY, base_url=sim.base_url) as client:
        with llmkit.context(user="ann"):
            assert client.completion(**ASK).call.attributes == {"user": ("ann",)}
        assert client.completion(**ASK, tags=["a"]).call.attributes == {"tag": ("a",)}
        assert client.completion(**ASK).call.attributes == {}


def test_a_client_can_say_it_for_all_its_calls() -> None:
    """What a client was made with holds where the call says nothing."""
    with world() as (_, _client, purse):
        pass
    with world() as (sim, _, purse):
        client = purse.client(sim, team="red", max_cost=1)
        assert client.completion(**ASK).call.attributes == {"team": ("red",)}
        assert client.completion(**ASK, team="blue").call.attributes == {"team": ("blue",)}
        client.close()


@pytest.mark.parametrize("colour", COLOURS)
def test_it_counts_for_whom_it_is(colour: str) -> None:
    """Each user's budget counts his calls, and nobody else's."""
    runs = Colour(colour)

    async def body() -> None:
        with world(Budget("0.00014", scope="user")) as (_, client, purse):
            with llmkit.context(user="ann"):
                await runs.call(client, **ASK)
                with pytest.raises(BudgetExceededError) as raised:
                    await runs.call(client, **ASK)
            assert raised.value.scope == "user=ann"
            await runs.call(client, **ASK, user="bob")
            await runs.call(client, **ASK)
            purse.check()
            await runs.close(client)

    runs.run(body)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_tasks_have_contexts_of_their_own(loop: str) -> None:
    """Tasks that run at once do not see each other's; each sees the one it was begun in."""
    seen: dict[str, Any] = {}

    async def body() -> None:
        with world() as (_, client, _purse):

            async def one(name: str) -> None:
                with llmkit.context(user=name):
                    await anyio.lowlevel.checkpoint()
                    seen[name] = (await client.acompletion(**ASK)).call.attributes

            with llmkit.context(team="red"):
                async with anyio.create_task_group() as group:
                    for name in ("ann", "bob", "cid"):
                        group.start_soon(one, name)
            await client.aclose()

    anyio.run(body, backend=loop)
    assert seen == {n: {"team": ("red",), "user": (n,)} for n in ("ann", "bob", "cid")}


def test_a_stream_belongs_to_whom_it_was_opened_for() -> None:
    """Where it is read, and dropped, does not matter."""
    with world(Budget(1, scope="user")) as (_, client, purse):
        with llmkit.context(user="ann"):
            stream = client.completion(**ASK, stream=True)
        with llmkit.context(user="bob"):
            stream.until_done()
        assert [line[0] for line in purse.entries[0].lines] == ["usd:month:user=ann"]


def test_generators_leave_out_of_turn() -> None:
    """A generator that is closed late takes out its own context, and nobody else's."""

    def generator() -> Iterator[int]:
        with llmkit.context(user="inner", tags="g"):
            yield 1

    with llmkit.context(team="red"):
        running = generator()
        next(running)
    with llmkit.context(team="blue"):
        running.close()
        assert attributes({}, {}, {}) == {"team": ("blue",)}
    assert attributes({}, {}, {}) == {}


def test_an_async_generator_that_is_closed_elsewhere() -> None:
    """One that ends in another task's context changes nothing there."""

    async def generator() -> AsyncIterator[int]:
        with llmkit.context(user="inner"):
            yield 1

    async def body() -> None:
        running = generator()

        async def begin() -> None:
            await anext(running)

        await asyncio.create_task(begin())
        with llmkit.context(team="blue"):
            await running.aclose()  # type: ignore[attr-defined]
            assert attributes({}, {}, {}) == {"team": ("blue",)}

    asyncio.run(body())


def test_one_context_can_be_entered_twice() -> None:
    """It holds until it was left as often as it was entered."""
    made = llmkit.context(user="ann")
    with made:
        with made:
            assert attributes({}, {}, {}) == {"user": ("ann",)}
        assert attributes({}, {}, {}) == {"user": ("ann",)}
    assert attributes({}, {}, {}) == {}


def test_a_thread_of_ones_own_begins_without() -> None:
    """As with every context variable, a thread that somebody starts has a context of its own, unless it is copied."""
    seen = []
    with llmkit.context(user="ann"):
        copied = contextvars.copy_context()
        for target in (lambda: seen.append(attributes({}, {}, {})), None):
            run = target or (lambda: copied.run(lambda: seen.append(attributes({}, {}, {}))))
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
    assert seen == [{}, {"user": ("ann",)}]


def test_other_kinds_of_call_are_somebodys_too() -> None:
    """An embedding takes the same keywords, and is held and spent alike."""
    with world(Budget(1, scope="team")) as (sim, client, purse):
        client.embedding("openai/text-embedding-3-small", HELLO[0]["content"], team="red", tags="a")
        assert b"red" not in sim.requests[0].body
        [entry] = purse.entries
        assert entry.kind == "settle"
        assert [line[0] for line in entry.lines] == ["usd:month:team=red"]
        purse.check()
