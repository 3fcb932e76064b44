from __future__ import annotations

import copy
import json
import pickle
from datetime import date
from decimal import Decimal

import pytest

from llmkit import catalogue
from llmkit.catalogue import FrozenMap, ModelInfo, Rate
from llmkit.catalogue._load import parse, provider_names

ALL = catalogue.models()
EVERY_MODEL = pytest.mark.parametrize("model", ALL, ids=lambda m: f"{m.provider}/{m.name}")
CONDITIONS = {"service_tier", "input_tokens_over", "ttl", "speed", "from", "region"}
CAPABILITIES = {
    *("tools", "parallel_tools", "json_schema", "json_mode", "vision", "pdf", "audio_input"),
    *("audio_output", "video_input", "reasoning", "prompt_caching", "web_search", "prefill"),
    *("web_search_always", "computer_use"),
}
FILE = {
    "format": 2,
    "provider": "acme",
    "revision": "2026-01-02",
    "own": True,
    "sources": {"p": {"page": "https://acme.test/p", "via": "by hand", "read": "2026-01-02"}},
    "dimensions": {"input": ["input", "token", 1000000]},
    "defaults": {},
    "tiers": {"": ["standard"]},
    "cache_write_marker": None,
    "priced_as": {},
    "models": [
        {
            "name": "road",
            "aliases": ["road-1"],
            "mode": "chat",
            "limits": [1000, None],
            "in": "text",
            "out": "text",
            "can": "tools",
            "src": "p",
            "rates": [{"when": {"ttl": "5m"}, "usd": {"input": "0.1"}, "src": "p"}],
        }
    ],
}


def by_condition(model: ModelInfo, dimension: str) -> dict[FrozenMap[str | int], Decimal]:
    """The prices of one dimension by their condition."""
    found = [rate for rate in model.rates if rate.dimension == dimension]
    return {FrozenMap(rate.condition): rate.usd for rate in found}


def test_a_model_is_found_by_its_id() -> None:
    """The plain id gives the record of that model."""
    found = catalogue.find("openai", "gpt-4o")
    assert found is not None
    assert (found.provider, found.name, found.mode) == ("openai", "gpt-4o", "chat")
    assert (found.max_input_tokens, found.max_output_tokens) == (128000, 16384)
    assert found.supports("tools")
    assert not found.supports("audio_output")


@pytest.mark.parametrize(
    ("provider", "alias", "name"),
    [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-5.6", "gpt-5.6-sol"),
        ("anthropic", "claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("gemini", "gemini-2.0-flash-001", "gemini-2.0-flash"),
    ],
)
def test_dated_snapshots_are_aliases(provider: str, alias: str, name: str) -> None:
    """An alias finds the very record of its model."""
    found = catalogue.find(provider, alias)
    assert found is not None
    assert found is catalogue.find(provider, name)


def test_a_snapshot_with_other_prices_is_a_model_of_its_own() -> None:
    """The first gpt-4o snapshot never became cheaper, so it is not an alias."""
    first = catalogue.find("openai", "gpt-4o-2024-05-13")
    assert first is not None
    assert by_condition(first, "input")[FrozenMap()] == Decimal(5)


@pytest.mark.parametrize("model", ["", "gpt", "GPT-4o", "gpt-4o ", "openai/gpt-4o", "claude-2"])
def test_nothing_but_an_exact_name_is_found(model: str) -> None:
    """A near miss has no price: guessing a model would be guessing money."""
    assert catalogue.find("openai", model) is None


@pytest.mark.parametrize("provider", ["", "nobody", "../data/openai", "openai.json", "ö", "a/b"])
def test_an_unknown_or_hostile_provider_finds_nothing(provider: str) -> None:
    """Provider names can come from strangers and must not reach the file system."""
    assert catalogue.find(provider, "gpt-4o") is None
    assert catalogue.models(provider) == ()


def test_a_bare_name_tells_its_vendor() -> None:
    """A model name without a provider is looked up in every file."""
    assert catalogue.providers_of("gpt-4o") == ("openai",)
    assert catalogue.providers_of("claude-sonnet-4-5-20250929") == ("anthropic",)
    assert catalogue.providers_of("gemini-2.5-flash") == ("gemini",)
    assert catalogue.providers_of("no-such-model") == ()


def test_the_revision_is_the_newest_file_date() -> None:
    """One date says how old the facts are, and every model carries its file's."""
    assert catalogue.revision() == max(model.revision for model in ALL)
    assert date.fromisoformat(catalogue.revision())


def test_the_catalogue_covers_the_three_vendors() -> None:
    """Some sixty models were promised; each vendor has a fair share of them."""
    counts = {name: len(catalogue.models(name)) for name in provider_names()}
    assert sum(counts.values()) == len(ALL)
    assert counts["openai"] >= 40
    assert counts["anthropic"] >= 20
    assert counts["gemini"] >= 12


@EVERY_MODEL
def test_every_rate_is_positive_sourced_and_dated(model: ModelInfo) -> None:
    """A figure without where and when it was read is not a fact."""
    for rate in model.rates:
        assert rate.usd > 0
        assert rate.usd.is_finite()
        assert rate.per in {1000, 1_000_000}
        assert rate.unit in {"token", "call", "request"}
        assert rate.source.startswith("https://")
        assert rate.via
        assert date.fromisoformat(rate.read) <= date.fromisoformat(model.revision)


@EVERY_MODEL
def test_every_model_is_sourced_and_coherent(model: ModelInfo) -> None:
    """Limits, modalities and capabilities must not contradict each other."""
    assert model.source.startswith("https://")
    assert date.fromisoformat(model.read)
    assert model.mode in {"chat", "responses"}
    assert model.capabilities <= CAPABILITIES
    assert ("image" in model.input_modalities) == model.supports("vision")
    assert ("audio" in model.input_modalities) == model.supports("audio_input")
    assert ("audio" in model.output_modalities) == model.supports("audio_output")
    assert model.deprecated is None or date.fromisoformat(model.deprecated)
    assert model.max_input_tokens
    assert model.max_input_tokens >= 4096
    assert model.max_output_tokens is None or model.max_output_tokens >= 4096


@EVERY_MODEL
def test_every_model_has_a_default_price_and_answers_cost_more(model: ModelInfo) -> None:
    """Without conditions a model has an input and an output rate, output the dearer."""
    default: FrozenMap[str | int] = FrozenMap()
    assert by_condition(model, "output")[default] >= by_condition(model, "input")[default]


@EVERY_MODEL
def test_no_rate_is_listed_twice(model: ModelInfo) -> None:
    """One dimension under one condition has one price."""
    keys = [(rate.dimension, FrozenMap(rate.condition)) for rate in model.rates]
    assert len(keys) == len(set(keys))


@EVERY_MODEL
def test_conditions_are_of_known_kinds(model: ModelInfo) -> None:
    """A misspelt condition would never match, and its rate never apply."""
    for rate in model.rates:
        assert set(rate.condition) <= CONDITIONS
        assert isinstance(rate.condition.get("input_tokens_over", 0), int)
        assert rate.dimension != "cache_write" or "ttl" in rate.condition
    ttls = {rate.condition["ttl"] for rate in model.rates if "ttl" in rate.condition}
    assert not ttls or model.defaults["ttl"] in ttls


@EVERY_MODEL
def test_cache_hits_are_cheaper_and_cache_writes_are_not(model: ModelInfo) -> None:
    """Under one condition: reading from the cache < reading afresh <= writing to it."""
    fresh = by_condition(model, "input")
    for condition, usd in by_condition(model, "cached_read").items():
        assert usd < fresh.get(condition, fresh[FrozenMap()])
    for condition, usd in by_condition(model, "cache_write").items():
        plain = FrozenMap({k: v for k, v in condition.items() if k != "ttl"})
        assert usd >= fresh[plain]


def same_but(rate: Rate, key: str, other: ModelInfo) -> Decimal | None:
    """The price under the rate's condition less one key."""
    rest = FrozenMap({k: v for k, v in rate.condition.items() if k != key})
    return by_condition(other, rate.dimension).get(rest)


@EVERY_MODEL
def test_tiers_and_long_prompts_move_prices_the_right_way(model: ModelInfo) -> None:
    """Batch and flex never cost more than standard; priority, speed and length never less."""
    for rate in model.rates:
        tier, plain = rate.condition.get("service_tier"), same_but(rate, "service_tier", model)
        if tier in {"batch", "flex"} and plain is not None:
            assert rate.usd <= plain
        if tier in {"priority", "ultrafast"} and plain is not None:
            assert rate.usd > plain
        for key in ("input_tokens_over", "speed"):
            shorter = same_but(rate, key, model) if key in rate.condition else None
            assert shorter is None or rate.usd > shorter


@EVERY_MODEL
def test_a_tier_that_prices_input_prices_the_rest(model: ModelInfo) -> None:
    """A dearer tier with a hole would fall back to the cheaper default."""
    priced = {
        tier: {r.dimension for r in model.rates if r.condition.get("service_tier") == tier}
        for tier in {r.condition.get("service_tier") for r in model.rates} - {None}
    }
    tokens = {r.dimension for r in model.rates if r.unit == "token"}
    for tier, dimensions in priced.items():
        assert {"input", "output"} <= dimensions
        if tier in {"priority", "ultrafast"}:
            assert dimensions == tokens


@EVERY_MODEL
def test_capabilities_with_a_price_have_one(model: ModelInfo) -> None:
    """Prompt caching and web search are only claimed with their rates."""
    dimensions = {rate.dimension for rate in model.rates}
    assert model.supports("prompt_caching") == ("cached_read" in dimensions)
    assert model.supports("web_search") == bool(dimensions & {"web_search", "request"})
    assert model.supports("web_search_always") == ("request" in dimensions)
    if model.supports("audio_input"):
        assert "audio_input" in dimensions or model.priced_as["audio_input"] == "input"


def test_a_file_is_read_row_by_row() -> None:
    """A row's groups become one rate per dimension, with the source they name."""
    found = parse(json.dumps(FILE).encode()).model("road-1")
    assert found is not None
    assert found.name == "road"
    assert found.max_output_tokens is None
    assert found.rates == (
        Rate(
            dimension="input",
            unit="token",
            usd=Decimal("0.1"),
            per=1_000_000,
            condition={"ttl": "5m"},
            source="https://acme.test/p",
            read="2026-01-02",
            via="by hand",
        ),
    )


def test_another_format_is_refused() -> None:
    """A file of a later format must not be half understood."""
    with pytest.raises(ValueError, match="format 3"):
        parse(json.dumps({**FILE, "format": 3}).encode())


def test_a_name_listed_twice_is_refused() -> None:
    """Two rows answering to one name would make the price a matter of luck."""
    twice = {**FILE, "models": FILE["models"] * 2}  # type: ignore[operator]
    with pytest.raises(ValueError, match="road is listed twice"):
        parse(json.dumps(twice).encode())


def test_facts_cannot_be_changed() -> None:
    """Records are shared by the whole process, so nothing in them may move."""
    model = ALL[0]
    with pytest.raises(AttributeError):
        model.rates[0].usd = Decimal(0)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        model.tiers._items = {}  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        model.rates[0].condition["ttl"] = "1h"  # type: ignore[index]


@EVERY_MODEL
def test_records_survive_pickling_copying_and_hashing(model: ModelInfo) -> None:
    """They travel to worker processes and serve as keys."""
    assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301
    assert copy.deepcopy(model) == model
    assert hash(copy.deepcopy(model)) == hash(model)
