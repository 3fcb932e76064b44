"""Calls of several requests under a budget: one hold for all, and one more for each that may be billed again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import Field

from llmkit import errors, providers
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.budget import Budget, RateLimit
from llmkit.errors import APIError, BudgetExceededError
from llmkit.providers import Provider
from llmkit.testing import faults
from llmkit.types import Answer
from llmkit.wires import Step, Steps
from llmkit.wires._errors import api_error, unreadable

from ..io._colour import COLOURS, Colour
from ._purse import KEY, world

HELD = Decimal("0.01")
# One of them in the middle only looks.
METHODS = ("POST", "GET", "POST")


class Told(Answer):
    """What a made-up wire answers."""

    said: list[Any] = Field(default_factory=list)


@dataclass(frozen=True)
class Three:
    """A wire of three requests, the second of which is a look."""

    fails: bool = False

    def build(self, call: Any, to: Endpoint) -> HTTPRequest:
        """What makes something."""
        body = json.dumps({"model": call.model, "input": list(call.inputs)}).encode()
        return HTTPRequest("POST", f"{to.base_url}/embeddings", dict(to.headers), body)

    def steps(self, call: Any, to: Endpoint) -> Steps:
        """Each in turn."""
        for method in METHODS:
            made = self.build(call, to)
            if method == "GET":
                made = HTTPRequest("GET", f"{to.base_url}/models", dict(to.headers), b"")
            yield Step(made)
        if self.fails:
            raise unreadable(call, HTTPResponse(200), "it failed")
        return Told(said=[1])

    def error(self, call: Any, response: HTTPResponse) -> errors.APIError:
        """An answer of 300 and above."""
        return api_error(call, response)


@pytest.fixture(autouse=True)
def stepping() -> Iterator[None]:
    """There is a provider of this wire while it lasts."""
    wires = {"embedding": Three()}
    failing = {"embedding": Three(fails=True)}
    one = Provider(name="stepping", base_url="https://h.test", calls=wires, key_env=("STEP_KEY",))
    other = Provider(
        name="failing", base_url="https://h.test", calls=failing, key_env=("STEP_KEY",)
    )
    with providers.lend(one), providers.lend(other):
        yield


async def embedded(runs: Colour, client: Any, retries: int, model: str) -> Any:
    """One call in this colour."""
    given = {"max_cost": HELD, "num_retries": retries}
    if runs.is_sync:
        return client.embedding(model, "text", **given)
    return await client.aembedding(model, "text", **given)


REFUSED, UNKNOWN = faults.Status(503), faults.Status(502)
CASES: dict[str, tuple[list[Any], list[str]]] = {
    "well": ([], ["unknown"]),
    "first refused": ([REFUSED], ["release", "unknown"]),
    "first unknown": ([UNKNOWN], ["unknown", "unknown"]),
    "look refused": ([None, REFUSED], ["unknown"]),
    "look unknown": ([None, UNKNOWN], ["unknown"]),
    "last refused": ([None, None, REFUSED], ["unknown"]),
    "last unknown": ([None, None, UNKNOWN], ["unknown", "unknown"]),
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("case", CASES)
def test_a_request_that_is_repeated(case: str, colour: str) -> None:
    """Who looks again pays nothing again; who may have made two of something has held, and spent, twice."""
    runs, (script, kinds) = Colour(colour), CASES[case]

    async def body() -> None:
        with world(Budget(1), RateLimit(parallel=1)) as (sim, client, purse):
            sim.fail(*script)
            await embedded(runs, client, 1, "stepping/m")
            assert len(sim.requests) == 3 + bool(script)
            # The price of what a made-up model made is not known.
            purse.check(HELD * kinds.count("unknown"), kinds)
            await runs.close(client)

    runs.run(body)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("case", [name for name in CASES if name != "well"])
def test_a_request_that_fails_for_good(case: str, colour: str) -> None:
    """Behind a first request that went well, nobody knows what it all cost; before that, it is as with other calls."""
    runs, (script, kinds) = Colour(colour), CASES[case]

    async def body() -> None:
        with world(Budget(1)) as (sim, client, purse):
            sim.fail(*script)
            with pytest.raises(APIError):
                await embedded(runs, client, 0, "stepping/m")
            purse.check(kinds=kinds[:1])
            await runs.close(client)

    runs.run(body)


def test_what_the_steps_come_to_may_be_an_error() -> None:
    """A failure that the wire finds at the end is no refusal: it may be billed."""
    with world(Budget(1)) as (_, client, purse):
        with pytest.raises(errors.APIResponseValidationError):
            client.embedding("failing/m", "text", max_cost=HELD)
        purse.check(HELD, ["unknown"])


def test_a_repeated_request_for_which_there_is_no_money() -> None:
    """It is not sent; what was made before is spent."""
    with world(Budget(HELD)) as (sim, client, purse):
        sim.fail(None, None, UNKNOWN)
        with pytest.raises(BudgetExceededError):
            client.embedding("stepping/m", "text", max_cost=HELD, num_retries=3)
        assert [request.method for request in sim.requests] == list(METHODS)
        purse.check(HELD, ["unknown"])


def test_the_next_leg_of_a_call_of_several_requests() -> None:
    """What was begun is settled before another model is asked."""
    with world(Budget(HELD + Decimal("0.005"))) as (sim, client, purse):
        sim.fail(None, None, REFUSED)
        where = {"api_key": KEY, "base_url": sim.base_url}
        model = {"model": "openai/text-embedding-3-small", "max_cost": "0.005", **where}
        answer = client.embedding(
            "stepping/m", "text", max_cost=HELD, num_retries=0, fallbacks=[model]
        )
        assert answer.call.provider == "openai"
        purse.check(HELD + answer.cost.total, ["unknown", "settle"])
