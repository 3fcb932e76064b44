"""Whose a call is that is billed: the option, the context and the metadata that say it; budgets do not hear of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit import ConfigurationError
from llmkit._control.billing.charge import Begin, Finish
from llmkit._operations import ReadUsage
from llmkit.budget import Budget, BudgetManager
from llmkit.router import Router
from llmkit.testing import FrozenClock, scripted

from ..io._colour import COLOURS, KEY, MESSAGES, Colour, each_colour
from ..io._server import completion
from ._recorded import ASK, Billing, Desk, billed


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


SAID: dict[str, dict[str, Any]] = {
    "option": {"subscription": "sub-1"},
    "a number": {"subscription": 17},
    "metadata": {"metadata": {"subscription": "sub-1"}},
    "metadata, as an id": {"metadata": {"subscription_id": "sub-1"}},
    "metadata, as Lago has it": {"metadata": {"external_subscription_id": "sub-1"}},
    "both": {"subscription": "sub-1", "metadata": {"subscription": "other"}},
}


@pytest.mark.parametrize("name", SAID)
@each_colour
async def test_a_subscription(colour: Colour, name: str) -> None:
    """It is said in the call or its metadata, the call first, and is told at the beginning and the end."""
    with billed(completion()) as world:
        answer = await colour.call(world.client, **SAID[name])
        expected = "17" if name == "a number" else "sub-1"
        assert answer.call.attributes["subscription"] == (expected,)
        for told in (*world.desk.begins, *world.desk.finishes):
            assert told.attributes["subscription"] == (expected,)
        body = json.loads(world.server.requests[0].body)
        assert "subscription" not in body
        await colour.close(world.client)


@each_colour
async def test_a_context(colour: Colour) -> None:
    """A context says it for the calls within; what a call says goes before it."""
    with billed(completion()) as world:
        with llmkit.context(subscription="outer", customer="ann"):
            with llmkit.context(subscription="inner"):
                await colour.call(world.client)
            await colour.call(world.client, subscription="own")
            stream = await colour.open(world.client, mock_response="hi")
        await stream.aclose()
        assert [begin.attributes for begin in world.desk.begins] == [
            {"subscription": ("inner",), "customer": ("ann",)},
            {"subscription": ("own",), "customer": ("ann",)},
        ]
        await colour.close(world.client)


def test_a_default() -> None:
    """A client's own option is that of all its calls."""
    with billed(completion(), subscription="ours") as world:
        world.client.completion(**ASK)
        assert world.desk.begins[0].attributes == {"subscription": ("ours",)}


def test_an_id_that_looks_like_a_key() -> None:
    """Billing is told the id as it is; what is shown of the call hides what looks like a key."""
    given = "sk-" + "live-0123456789abcdef0123456789abcdef"
    with billed(completion()) as world:
        answer = world.client.completion(**ASK, subscription=given)
        assert world.desk.begins[0].attributes["subscription"] == (given,)
        assert given not in repr(answer.call.attributes)


@pytest.mark.parametrize("given", [["a", "b"], {"id": "a"}, 1.5, True])
def test_what_is_no_subscription(given: Any) -> None:
    """What is no id is refused before anything is sent."""
    with billed() as world, pytest.raises(ConfigurationError, match="subscription is a text"):
        world.client.completion(**ASK, subscription=given)
    with pytest.raises(ConfigurationError, match="subscription is a text"):
        llmkit.context(subscription=given)


def test_a_user_is_not_a_subscription() -> None:
    """Who uses it is told as that, and as nothing else."""
    with billed(completion()) as world:
        world.client.completion(**ASK, user="mallory")
        assert world.desk.begins[0].attributes == {"user": ("mallory",)}


def test_budgets_know_no_subscription() -> None:
    """A budget counts the call as if no subscription had been named; there is none of a subscription."""
    budget = BudgetManager(budgets=[Budget(10, scope="customer")])
    with billed(completion(), budget=budget) as world:
        world.client.completion(**ASK, subscription="sub-1", customer="ann", max_tokens=9)
        rows = budget.store.perform(ReadUsage())
        assert {row.scope.partition("=")[0] for row in rows} == {"global", "customer", "key"}
    with pytest.raises(ConfigurationError):
        Budget(1, scope="subscription")


def test_without_billing() -> None:
    """Without billing it is only noted whose the call is."""
    with billed(completion(), billing=None) as world:
        answer = world.client.completion(**ASK, subscription="sub-1")
        assert answer.call.attributes == {"subscription": ("sub-1",)}
        assert "subscription" not in json.loads(world.server.requests[0].body)


# --- routers ----------------------------------------------------------------------------------


def routed(desk: Desk, **how: Any) -> Router:
    """A router of one deployment that is billed."""
    entry = {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": KEY}}
    return Router([entry], billing=Billing(desk), clock=FrozenClock(), **how)


@pytest.mark.parametrize("name", SAID)
def test_through_a_router(name: str) -> None:
    """A router's calls say it in the same ways."""
    desk = Desk()
    with routed(desk) as router, scripted("hi"):
        router.completion("g", MESSAGES, **SAID[name])
    begin, finish = desk.told
    assert isinstance(begin, Begin)
    assert isinstance(finish, Finish)
    assert begin.attributes == finish.attributes
    assert begin.attributes["subscription"] == ("17" if name == "a number" else "sub-1",)


def test_a_router_without_anything_said() -> None:
    """A call that says nothing is announced all the same."""
    desk = Desk()
    with routed(desk) as router, scripted("hi", "hi", "hi"):
        router.completion("g", MESSAGES)
        router.completion("g", MESSAGES, user="ann")
        with llmkit.context(subscription="sub-2"):
            router.completion("g", MESSAGES)
    assert [begin.attributes for begin in desk.begins] == [
        {}, {"user": ("ann",)}, {"subscription": ("sub-2",)},
    ]  # fmt: skip
    desk.check()


def test_a_router_of_a_configuration() -> None:
    """It takes billing as a client does."""
    desk = Desk()
    entry = {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": KEY}}
    made = Router.from_config({"model_list": [entry]}, billing=Billing(desk), clock=FrozenClock())
    with made as router, scripted("hi"):
        router.completion("g", MESSAGES)
        assert router.billing.desk is desk
    assert len(desk.told) == 2
    with pytest.raises(ConfigurationError, match="billing must be"):
        Router([entry], billing=5)
