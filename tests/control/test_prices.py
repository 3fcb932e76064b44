"""Prices that are given with a call, or with a client."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import llmkit
from llmkit._control import plan
from llmkit._control.prices import GIVEN, is_price, price_of
from llmkit.catalogue import Catalogue, ModelInfo
from llmkit.errors import ConfigurationError, UnsupportedParamsError
from llmkit.testing import Simulator

USER = [{"role": "user", "content": "hi"}]
CHEAP = Decimal("0.000001")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A provider on loopback."""
    with Simulator() as running:
        yield running


def legs(model: str, **keywords: Any) -> list[ModelInfo | None]:
    """The prices that hold for each deployment of a call."""
    known = keywords.pop("catalogue", None)
    asked = plan.asked({"api_key": "k-1", **keywords}, {})
    made = plan.legs(
        "c",
        model,
        {"messages": USER},
        asked,
        stream=False,
        environ={},
        keyless=True,
        catalogue=known,
    )
    return [leg.call.price for leg in made]


def unit(model: ModelInfo | None, key: str, **condition: str | int) -> Decimal | None:
    """The USD of one unit under exactly this condition."""
    rates = model.rates if model else ()
    return next((r.usd / r.per for r in rates if r.key == key and r.condition == condition), None)


def test_a_call_without_prices_has_none() -> None:
    """The catalogue is asked when the answer is there."""
    assert legs("openai/gpt-4o") == [None]


@pytest.mark.parametrize("value", ["0.000001", Decimal("0.000001"), 0.000001])
def test_a_price_goes_before_the_catalogues(value: Any) -> None:
    """As text, Decimal or float; what is not given stays as it is listed, each with its source."""
    (price,) = legs("openai/gpt-4o", input_cost_per_token=value)
    assert price
    assert unit(price, "input") == CHEAP
    assert unit(price, "output") == Decimal("0.00001")
    sources = {rate.key: rate.source for rate in reversed(price.rates) if not rate.condition}
    assert sources["input"] == GIVEN
    assert sources["output"].startswith("https://")


def test_a_model_that_is_not_listed_has_what_is_given_alone() -> None:
    """No other price is made up, and no revision is claimed."""
    (price,) = legs("openai/never-heard-of", input_cost_per_token=0.000001)
    assert price
    assert [rate.key for rate in price.rates] == ["input"]
    assert (price.name, price.revision) == ("never-heard-of", "")


def test_every_price_that_is_understood_can_be_given() -> None:
    """Not only those that are declared; conditions are read from the name."""
    (price,) = legs(
        "openai/gpt-4o",
        input_cost_per_token_above_200k_tokens="0.000002",
        output_cost_per_token_batches="0.000003",
        cache_creation_input_token_cost_above_1hr="0.000004",
    )
    assert unit(price, "input", input_tokens_over=200_000) == Decimal("0.000002")
    assert unit(price, "output", service_tier="batch") == Decimal("0.000003")
    assert unit(price, "cache_write", ttl="1h") == Decimal("0.000004")


def test_which_keywords_are_prices() -> None:
    """Those made of LiteLLM's words, and nothing that only looks so."""
    assert is_price("input_cost_per_token")
    assert is_price("output_cost_per_token_priority")
    assert not is_price("input_cost_per_tokn")
    assert not is_price("max_cost")
    assert not is_price("temperature")
    with pytest.raises(UnsupportedParamsError, match="did you mean 'input_cost_per_token'"):
        legs("openai/gpt-4o", input_cost_per_tokn=1)


@pytest.mark.parametrize("value", [-1, "cheap", float("nan"), float("inf"), True, [1], {"a": 1}])
@pytest.mark.parametrize("name", ["input_cost_per_token", "output_cost_per_token_batches"])
def test_what_is_no_price_is_an_error_that_names_the_option(name: str, value: Any) -> None:
    """With the call, and with the client already."""
    with pytest.raises(ConfigurationError, match=name):
        legs("openai/gpt-4o", **{name: value})
    with pytest.raises(ConfigurationError, match=name):
        llmkit.Client(**{name: value})


def test_free_is_a_price() -> None:
    """Whoever runs the model may say that it costs nothing."""
    (price,) = legs("openai/gpt-4o", input_cost_per_token=0)
    assert unit(price, "input") == 0


def test_a_second_means_what_the_call_does() -> None:
    """Of a transcription a second that is heard, of a speech one that is spoken, else one of waiting."""
    keys = {"transcription": "audio_input/second", "speech": "audio_output/second"}
    for kind, key in {**keys, "chat": "time/second"}.items():
        options = {"input_cost_per_second": "0.0001"}
        price = price_of(options, kind, Catalogue(), "openai", "mine")
        assert unit(price, key) == Decimal("0.0001")


# --- fallbacks -------------------------------------------------------------------------------


def test_a_price_holds_for_its_model_alone() -> None:
    """Not for another provider's, nor for another model; for the same one with another key it does."""
    prices = legs(
        "openai/gpt-4o",
        input_cost_per_token="0.000001",
        output_cost_per_token_batches="0.000001",
        fallbacks=[
            "anthropic/claude-haiku-4-5",
            "openai/gpt-4o-mini",
            {"model": "openai/gpt-4o", "api_key": "k-2"},
            {"model": "openai/gpt-4o-mini", "input_cost_per_token": "0.000002"},
        ],
    )
    given = [unit(price, "input") for price in prices]
    assert given == [CHEAP, None, None, CHEAP, Decimal("0.000002")]
    assert unit(prices[4], "output", service_tier="batch") != CHEAP


def test_names_that_a_caller_chose_may_stand_for_one_model() -> None:
    """Deployments of Azure's: the price goes along."""
    prices = legs(
        "azure/east",
        base_url="https://r.openai.azure.com",
        input_cost_per_token="0.000001",
        fallbacks=["azure/west"],
    )
    assert [unit(price, "input") for price in prices] == [CHEAP, CHEAP]


def test_the_base_models_other_prices_hold() -> None:
    """What is not given is the price of the model behind the deployment."""
    known = Catalogue()
    known.register_fields({"azure/base-x": {"output_cost_per_token": "0.000009"}})
    (price,) = legs(
        "azure/mine",
        base_url="https://r.openai.azure.com",
        base_model="base-x",
        input_cost_per_token="0.000001",
        catalogue=known,
    )
    assert unit(price, "input") == CHEAP
    assert unit(price, "output") == Decimal("0.000009")


# --- whole calls -----------------------------------------------------------------------------


def made(simulator: Simulator, model: str = "openai/gpt-4o", **options: Any) -> Any:
    """An answer with its usage."""
    key = "sk-" + "made-up"
    with llmkit.Client(base_url=simulator.base_url, api_key=key) as client:
        return client.completion(model=model, messages=USER, **options)


def test_a_response_costs_what_was_said(simulator: Simulator) -> None:
    """Each line says whose price it is."""
    answer = made(simulator, input_cost_per_token="0.5", output_cost_per_token="0.25")
    used = answer.usage
    assert (
        answer.cost.total == Decimal(used.prompt_tokens) / 2 + Decimal(used.completion_tokens) / 4
    )
    assert {line.source for line in answer.cost.lines} == {GIVEN}


def test_what_neither_says_is_unknown(simulator: Simulator) -> None:
    """Half a price is no cost."""
    answer = made(simulator, "openai/never-heard-of", input_cost_per_token="0.5")
    assert answer.cost.total is None
    assert answer.cost.reason == "no output rate for never-heard-of"


def test_prices_of_a_client(simulator: Simulator) -> None:
    """They hold for its calls; one that is given with a call goes before them; streams, too."""
    key = "sk-" + "made-up"
    prices: dict[str, Any] = {"input_cost_per_token": "0.5", "output_cost_per_token": "0.25"}
    with llmkit.Client(base_url=simulator.base_url, api_key=key, **prices) as client:
        one = client.completion(model="openai/own", messages=USER)
        other = client.completion(model="openai/own", messages=USER, output_cost_per_token=0)
        with client.completion(model="openai/own", messages=USER, stream=True) as stream:
            list(stream)
        embedded = client.embedding(model="openai/own-2", input="hi")
    assert one.usage
    assert stream.cost.total == one.cost.total
    assert other.cost.total == Decimal(one.usage.prompt_tokens) / 2
    assert embedded.cost.total == Decimal(embedded.usage.prompt_tokens) / 2


def test_nothing_of_a_price_is_sent(simulator: Simulator) -> None:
    """It is between the caller and llmkit."""
    made(simulator, input_cost_per_token="0.5", output_cost_per_token_batches=1)
    (request,) = simulator.requests
    assert "cost" not in str(request.json)


def test_prices_are_laid_over_a_model_of_a_list_that_holds_too() -> None:
    """Azure AI sells by Azure's list as well: what a call does not give stays priced."""
    found = price_of({"input_cost_per_token": 1e-6}, "chat", Catalogue(), "azure_ai", "GPT-4o-mini")
    assert found is not None
    assert {"input", "output", "cached_read"} <= {rate.key for rate in found.rates}
