"""LiteLLM's names, arguments and shapes. Figures were compared with LiteLLM 1.109.1 on 2026-11-22."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import catalogue
from llmkit.catalogue import FrozenMap
from llmkit.catalogue._columns import columns
from llmkit.compat import litellm
from llmkit.compat._rows import row
from llmkit.errors import (
    CatalogueError,
    ConfigurationError,
    InvalidRequestError,
    UnknownModelError,
    UnknownPriceError,
    UnknownProviderError,
)

USER = [{"role": "user", "content": "hi"}]
SUPPORTS = sorted(name for name in litellm.__all__ if name.startswith("supports_"))


@pytest.fixture
def mine() -> Iterator[str]:
    """A model of the default catalogue's that is taken off again."""
    yield "acme/mine"
    catalogue.default().unregister("acme", "mine")


# --- capabilities ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUPPORTS)
def test_a_flag_is_the_catalogues_capability(name: str) -> None:
    """True where the record has it, False for one that lacks it, and, as in LiteLLM, for one that is not listed."""
    function = getattr(litellm, name)
    flags = {f"{m.provider}/{m.name}": row(m)[name] for m in catalogue.models("gemini")}
    assert {model: function(model) for model in flags} == flags
    assert function("nobody/knows") is False
    assert list(inspect.signature(function).parameters) == ["model", "custom_llm_provider"]


def test_flags_of_a_well_known_model() -> None:
    """As LiteLLM has them."""
    said = {name.removeprefix("supports_"): getattr(litellm, name)("gpt-4o") for name in SUPPORTS}
    yes = {name for name, flag in said.items() if flag}
    assert {"function_calling", "vision", "pdf_input", "response_schema", "tool_choice"} <= yes
    assert not yes & {"reasoning", "audio_input", "audio_output", "computer_use", "url_context"}
    assert litellm.supports_vision("gpt-4o", "openai")
    assert litellm.supports_vision("gpt-4o", custom_llm_provider="nobody") is False


# --- models ----------------------------------------------------------------------------------


def test_model_info_in_litellms_fields() -> None:
    """Floats a unit, by the names that LiteLLM has."""
    info = litellm.get_model_info("gpt-4o", None, "http://unused", "unused")
    wanted = {
        "key": "openai/gpt-4o",
        "litellm_provider": "openai",
        "mode": "chat",
        "max_tokens": 16384,
        "max_input_tokens": 128000,
        "max_output_tokens": 16384,
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-06,
        "input_cost_per_token_batches": 1.25e-06,
        "output_cost_per_token_priority": 1.7e-05,
        "supports_vision": True,
        "supports_reasoning": False,
    }
    assert {name: info[name] for name in wanted} == wanted
    assert litellm.get_model_info("gpt-4o", "openai") == info
    with pytest.raises(UnknownModelError, match="did you mean openai/gpt-4o"):
        litellm.get_model_info("gpt-4oo")


def test_what_is_not_known_is_not_zero() -> None:
    """LiteLLM has an input price of 0 for a recording; here there is none, but one for each second."""
    info = litellm.get_model_info("openai/whisper-1")
    assert "input_cost_per_token" not in info
    assert info["input_cost_per_second"] == pytest.approx(0.0001)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "xai", "cohere", "bedrock"])
def test_fields_say_what_the_record_does(provider: str) -> None:
    """What is written is read back as the same rates."""
    compared = 0
    for model in catalogue.models(provider):
        fields = {k: v for k, v in row(model).items() if "cost" in k and k[:6] != "search"}
        read = columns(fields, model.mode)
        assert not read.unknown, (model.name, read.unknown)
        listed = {
            (r.key, FrozenMap(_without_defaults(r.condition, model.defaults))): r.usd / r.per
            for r in model.rates
        }
        for rate in read.rates:
            key = rate.dimension if rate.unit == "token" else f"{rate.dimension}/{rate.unit}"
            wanted = float(listed[key, FrozenMap(rate.condition)])
            # A third of something is cut after twelve digits where a float is read.
            assert float(rate.usd / rate.per) == pytest.approx(wanted, rel=1e-9)
            compared += 1
    assert compared > 10


def _without_defaults(condition: Any, defaults: Any) -> dict[str, Any]:
    usual = {"service_tier": "standard", "ttl": "5m", **defaults}
    return {k: v for k, v in condition.items() if usual.get(k) != v}


def test_a_record_with_all_there_is(mine: str) -> None:
    """Searches, sizes of films, vectors and dates have their names, too; a region has none."""
    llmkit.register_model(
        mine,
        mode="video_generation",
        deprecated="2027-01-01",
        vector_size=3,
        rates=[
            {"usd": {"video_output/second": "0.5", "web_search/call": "10"}},
            {"when": {"resolution": "1080p"}, "usd": {"video_output/second": "1"}},
            {"when": {"region": "eu"}, "usd": {"input": "1"}},
            {"when": {"input_tokens_over": 1234, "ttl": "1h"}, "usd": {"cache_write": "1"}},
            {"when": {"service_tier": "odd"}, "usd": {"input": "1"}},
            {"when": {"search_context_size": "high"}, "usd": {"web_search/call": "20"}},
            {"usd": {"input/moon": "1"}},
        ],
    )
    info = litellm.get_model_info(mine)
    assert {name: value for name, value in info.items() if "cost" in name} == {
        "output_cost_per_second": 0.5,
        "output_cost_per_second_1080p": 1.0,
        "cache_creation_input_token_cost_above_1hr_above_1234_tokens": 1e-06,
        "search_context_cost_per_query": {
            "search_context_size_low": 0.01,
            "search_context_size_medium": 0.01,
            "search_context_size_high": 0.02,
        },
    }
    assert (info["deprecation_date"], info["output_vector_size"]) == ("2027-01-01", 3)


def test_most_tokens_of_an_answer() -> None:
    """``None`` where that is not known, an error where the model is not."""
    assert litellm.get_max_tokens("gpt-4o") == litellm.get_max_tokens("openai/gpt-4o") == 16384
    assert litellm.get_max_tokens("text-embedding-3-small") is None
    with pytest.raises(UnknownModelError):
        litellm.get_max_tokens("nobody/knows")


def test_the_price_map_is_the_catalogue() -> None:
    """Looked up by both forms of a name, made when it is asked; what is set is registered."""
    prices = litellm.model_cost
    assert prices["gpt-4o"] == prices["openai/gpt-4o"] == litellm.get_model_info("gpt-4o")
    assert "gpt-4o" in prices
    assert "nobody/knows" not in prices
    assert 5 not in prices
    assert prices.get("nobody/knows") is None
    with pytest.raises(KeyError):
        prices["nobody/knows"]
    assert len(prices) == len(list(prices)) > 4000
    assert "openai/gpt-4o" in list(prices)
    assert repr(prices) == f"<model_cost: the catalogue of {catalogue.revision()}>"
    with pytest.raises(CatalogueError):
        prices["gpt-4o"] = {"input_cost_per_token": "much"}
    with pytest.raises(ConfigurationError, match="register_model"):
        litellm.model_cost = {}


def test_models_are_registered_as_litellm_does(tmp_path: Path, mine: str) -> None:
    """A dict or a file; what is given comes back; an address is not fetched."""
    rows = {"mine": {"litellm_provider": "acme", "input_cost_per_token": 1e-06, "max_tokens": 9}}
    assert litellm.register_model(rows) is rows
    assert litellm.get_model_info(mine)["input_cost_per_token"] == 1e-06
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({mine: {"output_cost_per_token": 2e-06}}), encoding="utf-8")
    litellm.register_model(path)
    info = litellm.get_model_info(mine)
    assert (info["input_cost_per_token"], info["output_cost_per_token"]) == (1e-06, 2e-06)
    assert litellm.get_max_tokens(mine) == 9
    for content, message in (("[]", "must hold an object"), ("{", "rows.json")):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(CatalogueError, match=message):
            litellm.register_model(str(path))
    with pytest.raises(CatalogueError, match="No such file"):
        litellm.register_model(str(tmp_path / "none"))
    with pytest.raises(CatalogueError, match="fetches nothing"):
        litellm.register_model("https://a.test/x.json")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"model": "gpt-4o"}, ("gpt-4o", "openai", None, None)),
        ({"model": "openai/gpt-4o", "api_key": "k"}, ("gpt-4o", "openai", "k", None)),
        ({"model": "groq/x"}, ("x", "groq", None, "https://api.groq.com/openai/v1")),
        ({"model": "x", "custom_llm_provider": "anthropic"}, ("x", "anthropic", None, None)),
        (
            {"model": "openai/x", "litellm_params": {"api_base": "http://h/v1", "api_key": "k"}},
            ("x", "openai", "k", "http://h/v1"),
        ),
    ],
)
def test_whose_model_it_is(arguments: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    """Model, provider, key and address."""
    assert litellm.get_llm_provider(**arguments) == wanted


def test_a_model_of_nobodys() -> None:
    """As in LiteLLM, an error."""
    with pytest.raises(UnknownProviderError):
        litellm.get_llm_provider("nobody-knows")


def test_models_that_can_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of providers whose keys are there."""
    assert litellm.get_valid_models() == []
    monkeypatch.setenv("GROQ_API_KEY", "test-" + "key")
    found = litellm.get_valid_models()
    assert found
    assert all(name.startswith("groq/") for name in found)
    assert "openai/gpt-4o" in litellm.get_valid_models(custom_llm_provider="openai")


# --- money -----------------------------------------------------------------------------------


def test_cost_per_token() -> None:
    """Two floats, as LiteLLM's are."""
    assert litellm.cost_per_token("gpt-4o", 1000, 100) == (0.0025, 0.001)
    assert litellm.cost_per_token(
        model="gpt-4o", prompt_tokens=1000, completion_tokens=100, cache_read_input_tokens=400
    ) == (0.002, 0.001)
    used = {"prompt_tokens": 1000, "completion_tokens": 100}
    assert litellm.cost_per_token("gpt-4o", usage_object=used) == (0.0025, 0.001)
    with pytest.raises(UnknownPriceError, match="nobody/knows"):
        litellm.cost_per_token("nobody/knows", 1000, 100)


def test_costs_of_what_is_not_counted_in_tokens(mine: str) -> None:
    """Seconds that are heard, characters that are spoken, searches."""
    heard = litellm.cost_per_token("openai/whisper-1", audio_transcription_file_duration=60.0)
    assert heard == (pytest.approx(0.006), 0.0)
    llmkit.register_model(mine, mode="rerank", input_cost_per_query="0.002")
    assert litellm.cost_per_token(mine, number_of_queries=2) == (0.004, 0.0)
    assert litellm.cost_per_token(mine, rerank_billed_units={"search_units": 3})[0] == 0.006
    spoken = litellm.cost_per_token("openai/tts-1", prompt_characters=1000)
    assert sum(spoken) == pytest.approx(0.015)


def test_prices_of_ones_own() -> None:
    """They hold alone; a price by the second is of the time that it took."""
    own = {"input_cost_per_token": 1e-06, "output_cost_per_token": "0.000002"}
    assert litellm.cost_per_token("gpt-4o", 1000, 100, custom_cost_per_token=own) == (0.001, 0.0002)
    used = {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
    assert litellm.completion_cost(used, "any", custom_cost_per_token=own) == 0.0012
    assert litellm.cost_per_token("x", response_time_ms=2500, custom_cost_per_second=0.1) == (
        0.25,
        0.0,
    )
    assert litellm.completion_cost(model="x", total_time=500, custom_cost_per_second=0.1) == 0.05
    half = {"input_cost_per_token": 1e-06}
    with pytest.raises(UnknownPriceError, match="no output rate"):
        litellm.cost_per_token("gpt-4o", 1000, 100, custom_cost_per_token=half)
    with pytest.raises(ConfigurationError, match="input_cost_per_token: -1 is not a price"):
        litellm.cost_per_token("gpt-4o", 1, 1, custom_cost_per_token={"input_cost_per_token": -1})


def test_completion_cost() -> None:
    """Of an answer in any form, of texts, of pictures; unknown is an error, never 0."""
    used = {"model": "gpt-4o", "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
    assert (
        litellm.completion_cost(used) == litellm.completion_cost(completion_response=used) == 0.0035
    )
    assert litellm.completion_cost(used, base_model="openai/gpt-4o-mini") < 0.0035
    assert 0 < litellm.completion_cost(model="gpt-4o", prompt="hello", completion="there") < 0.001
    assert litellm.completion_cost(model="gpt-4o", messages=USER, completion="there") > 0
    with pytest.raises(UnknownPriceError):
        litellm.completion_cost({**used, "model": "nobody/knows"})
    with pytest.raises(TypeError):
        litellm.completion_cost(5)


def test_what_pictures_cost(mine: str) -> None:
    """By size, as it is listed."""
    rates = [{"when": {"size": "1024x1024"}, "usd": {"image_output/image": "0.04"}}]
    llmkit.register_model(mine, mode="image_generation", rates=rates)
    assert litellm.completion_cost(model=mine, n=2, size="1024-x-1024") == 0.08
    with pytest.raises(UnknownPriceError):
        litellm.completion_cost(model=mine, n=2, size="1x1")


# --- tokens ----------------------------------------------------------------------------------


def test_tokens_are_counted() -> None:
    """Whole numbers, LiteLLM's for OpenAI's models; without a model by the older encoding, as there."""
    text = "Hello, wörld! 東京"
    assert litellm.token_counter("gpt-4o", text=text) == 7
    assert litellm.token_counter("gpt-4", text=text) == 9
    assert litellm.token_counter(text=text) == 9
    assert type(litellm.token_counter("gpt-4o", messages=USER)) is int
    with pytest.raises(InvalidRequestError):
        litellm.token_counter("gpt-4o")
    assert litellm.token_counter("gpt-4o", default_token_count=5) == 5
    with pytest.raises(ConfigurationError, match="custom_tokenizer is not taken"):
        litellm.token_counter("gpt-4o", custom_tokenizer={"type": "x"}, text=text)


def test_texts_are_encoded_and_decoded() -> None:
    """There and back."""
    tokens = litellm.encode("gpt-4o", "hello there")
    assert litellm.decode("gpt-4o", tokens) == "hello there"
    assert litellm.decode(tokens=litellm.encode(text="hello")) == "hello"
    with pytest.raises(ConfigurationError):
        litellm.encode("gpt-4o", "x", custom_tokenizer={})


def test_messages_are_trimmed() -> None:
    """The newest stay; how many tokens are left comes along where it is asked for."""
    many = [{"role": "user", "content": f"number {number} " * 20} for number in range(20)]
    trimmed = litellm.trim_messages(many, "gpt-4o", max_tokens=200)
    assert trimmed == many[-len(trimmed) :]
    assert 0 < len(trimmed) < len(many)
    messages, left = litellm.trim_messages(
        many, "gpt-4o", max_tokens=200, return_response_tokens=True
    )
    assert messages == trimmed
    assert left == 200 - litellm.token_counter("gpt-4o", messages=trimmed)
    assert litellm.trim_messages(many) == many
    assert litellm.trim_messages(many, return_response_tokens=True) == (many, None)
    assert litellm.trim_messages(many, max_tokens=200)[-1] == many[-1]


def test_every_name_is_there() -> None:
    """What the module promises, with the signatures that a program may use by position."""
    assert [name for name in litellm.__all__ if not hasattr(litellm, name)] == []
    first = list(inspect.signature(litellm.completion_cost).parameters)[:5]
    assert first == ["completion_response", "model", "prompt", "messages", "completion"]
    assert Decimal(repr(litellm.cost_per_token("gpt-4o", 1, 0)[0])) == Decimal("0.0000025")
