from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmkit import catalogue, providers
from llmkit.catalogue import FrozenMap, ModelInfo, Rate, _load
from llmkit.catalogue._load import index, parse, provider_names

DATA = Path(catalogue.__file__).parent / "data"
NAMES = provider_names()
# One test a provider: thousands of models would be minutes of tests.
EVERY_PROVIDER = pytest.mark.parametrize("provider", NAMES)
HAND_KEPT = ("openai", "anthropic", "gemini")

CONDITIONS = {
    *("service_tier", "input_tokens_over", "ttl", "speed", "from", "until", "region", "size"),
    *("quality", "resolution", "utc", "weekdays", "search_context_size", "search_type", "cache"),
    *("at_least", "search_tool"),
}
CAPABILITIES = {
    *("tools", "parallel_tools", "json_schema", "json_mode", "vision", "pdf", "audio_input"),
    *("audio_output", "video_input", "reasoning", "prompt_caching", "web_search", "url_context"),
    *("web_search_always", "computer_use", "assistant_prefill", "system_messages", "tool_choice"),
}
MODES = {
    *("chat", "responses", "completion", "embedding", "audio_transcription", "audio_speech"),
    *("image_generation", "image_edit", "rerank", "moderation", "ocr", "video_generation"),
    "realtime",
}
MODALITIES = {"text", "image", "audio", "video", "embedding", "score"}
UNITS = {
    *("token", "call", "request", "second", "image", "pixel", "character", "page", "search"),
    *("message", "session", "prompt", "source"),
}
FILE: dict[str, Any] = {
    "format": 3,
    "provider": "acme",
    "revision": "2026-01-02",
    "own": True,
    "sources": {
        "p": {"page": "https://acme.test/p", "via": "by hand", "read": "2026-01-02"},
        "": {"page": "https://acme.test/m", "via": "by hand", "read": "2026-01-01"},
    },
    "per": {"input": 1000000, "image_output/image": 1},
    "defaults": {},
    "tiers": {"": ["standard"]},
    "cache_write_marker": None,
    "priced_as": {"reasoning": "output"},
    "models": [
        {
            "name": "road",
            "aliases": ["road-1"],
            "limits": [1000, None],
            "can": "tools",
            "rates": {"p ttl=5m input_tokens_over=7": "input 0.1"},
            "uplifts": [[{"region": "eu"}, "1.1"]],
        },
        {"name": "lane", "like": "road", "can": "", "vector": 8, "mode": "embedding"},
        {"name": "sign", "out": "image", "rates": {"p": "image_output/image 0.04"}},
    ],
}


def by_condition(model: ModelInfo, key: str) -> dict[FrozenMap[str | int], Decimal]:
    """The prices of one key by their condition."""
    found = [rate for rate in model.rates if rate.key == key]
    return {FrozenMap(rate.condition): rate.usd for rate in found}


def models(provider: str) -> Iterator[ModelInfo]:
    """The provider's models; a failing test names the one that it was at."""
    yield from catalogue.models(provider)


def free(model: ModelInfo) -> bool:
    """Whether the model is said to cost nothing: local servers, free names, OpenAI's moderation."""
    said = model.name.endswith(":free") or model.name.startswith("omni-moderation")
    said |= model.provider == "zai" and model.name.endswith("-flash")
    return said or model.provider in {"ollama", "lemonade"}


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
        ("anthropic", "claude-3-5-sonnet-20241022", "claude-3-5-sonnet-latest"),
        ("gemini", "gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("azure", "gpt-4o-2024-08-06", "gpt-4o"),
        ("fireworks_ai", "gpt-oss-120b", "accounts/fireworks/models/gpt-oss-120b"),
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


HOSTILE = ["", "nobody", "../data/openai", "openai.json", "ö", "a/b", "index", "openai\0"]


@pytest.mark.parametrize("provider", HOSTILE)
def test_an_unknown_or_hostile_provider_finds_nothing(provider: str) -> None:
    """Provider names can come from strangers and must not reach the file system."""
    assert catalogue.find(provider, "gpt-4o") is None
    assert catalogue.models(provider) == ()


def test_strangers_names_are_not_kept() -> None:
    """However many providers nobody has are asked for, what is held in memory stays the same."""
    catalogue.find("openai", "gpt-4o")
    held = set(_load._FILES)
    for number in range(100):
        assert catalogue.find(f"nobody-{number}", "gpt-4o") is None
    assert set(_load._FILES) == held


def test_a_bare_name_tells_its_maker() -> None:
    """Dozens of hosts serve gpt-4o; without one named it is its maker's."""
    assert catalogue.providers_of("gpt-4o") == ("openai",)
    assert catalogue.providers_of("claude-sonnet-4-5-20250929") == ("anthropic",)
    assert catalogue.providers_of("gemini-2.5-flash") == ("gemini",)
    assert catalogue.providers_of("mistral-large-latest") == ("mistral",)
    assert catalogue.providers_of("deepseek-chat") == ("deepseek",)
    assert catalogue.providers_of("rerank-v3.5") == ("cohere",)
    assert catalogue.providers_of("grok-4") == ("xai",)
    assert catalogue.providers_of("no-such-model") == ()


def test_hosts_are_named_where_no_maker_is() -> None:
    """Who serves an open model is told by all that do."""
    assert set(catalogue.providers_of("qwen-max")) == {"dashscope", "qwen_ai_platform", "qwencloud"}
    assert len(catalogue.providers_of("openai/gpt-oss-120b")) > 3


def test_no_model_has_two_makers() -> None:
    """A bare name that two makers list could lead to neither."""
    seen: dict[str, str] = {}
    for provider in index()["makers"]:
        for model in models(provider):
            for name in (model.name, *model.aliases):
                assert "/" in name or seen.setdefault(name, provider) == provider, name


def test_the_index_tells_what_there_is() -> None:
    """Names and the revision are known without opening a file, and none is missing."""
    assert {path.stem for path in DATA.glob("*.json")} == set(NAMES)
    assert catalogue.revision() == max(model.revision for model in catalogue.models())
    assert date.fromisoformat(catalogue.revision())
    for provider in NAMES:
        made = json.loads((DATA / f"{provider}.json").read_bytes())["own"]
        assert made == (provider in index()["makers"])


def test_every_file_is_of_a_provider() -> None:
    """Rows under a name that nobody can call would never be found."""
    assert set(NAMES) <= set(providers.names())


def test_the_data_is_small() -> None:
    """It is in every installation: a megabyte at most."""
    assert sum(path.stat().st_size for path in DATA.iterdir()) <= 1_000_000


def test_the_catalogue_covers_its_providers() -> None:
    """Thousands of models were promised; each vendor has a fair share of them."""
    counts = {name: len(catalogue.models(name)) for name in NAMES}
    assert sum(counts.values()) >= 4000
    least = {"openai": 150, "anthropic": 30, "gemini": 80, "bedrock": 350, "azure": 130}
    least |= {"openrouter": 700, "vertex_ai": 150, "fireworks_ai": 250, "together_ai": 100}
    assert {name: count for name, count in counts.items() if count < least.get(name, 1)} == {}


OFFERED = {
    "anthropic": "chat",
    "azure": "chat embedding audio_transcription audio_speech image_generation",
    "azure_ai": "chat embedding rerank image_generation",
    "bedrock": "chat embedding rerank image_generation",
    "cerebras": "chat",
    "cloudflare": "chat embedding",
    "cohere": "chat embedding rerank",
    "dashscope": "chat audio_speech",
    "databricks": "chat embedding",
    "deepgram": "audio_transcription audio_speech",
    "deepinfra": "chat",
    "deepseek": "chat",
    "elevenlabs": "audio_transcription audio_speech",
    "fireworks_ai": "chat embedding",
    "gemini": "chat embedding image_generation audio_speech",
    "groq": "chat audio_transcription audio_speech",
    "huggingface": "chat",
    "jina_ai": "rerank",
    "minimax": "chat audio_speech",
    "mistral": "chat embedding ocr audio_transcription",
    "moonshot": "chat",
    "openai": "chat embedding audio_transcription audio_speech image_generation moderation completion",
    "openrouter": "chat embedding",
    "perplexity": "chat embedding",
    "sambanova": "chat",
    "together_ai": "chat embedding rerank",
    "vercel_ai_gateway": "chat embedding",
    "vertex_ai": "chat embedding image_generation audio_speech",
    "volcengine": "chat",
    "voyage": "embedding rerank",
    "watsonx": "chat",
    "xai": "chat image_generation",
    "zai": "chat",
}


@pytest.mark.parametrize("provider", OFFERED)
def test_each_kind_of_call_has_priced_models(provider: str) -> None:
    """What a provider of the first tier sells, and a source prices, has a price here."""
    priced = {model.mode for model in models(provider) if model.rates}
    assert set(OFFERED[provider].split()) <= priced


@EVERY_PROVIDER
def test_every_rate_is_positive_sourced_and_dated(provider: str) -> None:
    """A figure without where and when it was read is not a fact; a zero is one only where it is said."""
    for model in models(provider):
        for rate in model.rates:
            assert rate.usd > 0 or (free(model) and rate.usd == 0), model.name
            assert rate.usd.is_finite()
            assert rate.per in {1, 1000, 3600, 1_000_000}
            assert rate.unit in UNITS
            assert rate.source.startswith("https://")
            assert rate.via
            assert date.fromisoformat(rate.read) <= date.fromisoformat(model.revision)


@EVERY_PROVIDER
def test_every_model_is_sourced_and_coherent(provider: str) -> None:
    """Limits, modalities and capabilities must not contradict each other."""
    for model in models(provider):
        assert model.source.startswith("https://")
        assert date.fromisoformat(model.read)
        assert model.mode in MODES
        assert model.capabilities <= CAPABILITIES
        assert model.input_modalities | model.output_modalities <= MODALITIES
        assert model.deprecated is None or date.fromisoformat(model.deprecated)
        assert model.max_input_tokens is None or model.max_input_tokens > 0
        assert model.max_output_tokens is None or model.max_output_tokens > 0
        assert model.vector_size is None or model.vector_size > 0
        if model.mode in {"chat", "responses"}:
            seen, made = model.input_modalities, model.output_modalities
            assert ("image" in seen) == model.supports("vision"), model.name
            assert ("audio" in seen) == model.supports("audio_input"), model.name
            assert ("audio" in made) == model.supports("audio_output"), model.name


@EVERY_PROVIDER
def test_names_are_such_as_callers_write(provider: str) -> None:
    """What stands in a price list beside models (sizes, commitments, regions) is no name."""
    for model in models(provider):
        for name in (model.name, *model.aliases):
            assert name
            assert name == name.strip()
            assert " " not in name
            assert "-x-" not in name
            assert "commitment" not in name
            assert not name.startswith((f"{provider}/us-", "hd/", "standard/"))


# Its answers are mostly pictures, which cost more.
CHEAP_ANSWERS = {"gpt-5-image-mini"}


@pytest.mark.parametrize("provider", HAND_KEPT)
def test_answers_cost_more_than_questions(provider: str) -> None:
    """Without conditions a model has an input and an output rate, output the dearer."""
    default: FrozenMap[str | int] = FrozenMap()
    for model in models(provider):
        priced = model.mode == "chat" and model.rates and not free(model)
        if priced and model.name not in CHEAP_ANSWERS:
            prices = by_condition(model, "output"), by_condition(model, "input")
            assert prices[0][default] >= prices[1][default], model.name


@EVERY_PROVIDER
def test_no_rate_is_listed_twice(provider: str) -> None:
    """One key under one condition has one price."""
    for model in models(provider):
        keys = [(rate.key, FrozenMap(rate.condition)) for rate in model.rates]
        assert len(keys) == len(set(keys)), model.name


@EVERY_PROVIDER
def test_conditions_are_of_known_kinds(provider: str) -> None:
    """A misspelt condition would never match, and its rate never apply."""
    for model in models(provider):
        for rate in model.rates:
            assert set(rate.condition) <= CONDITIONS
            assert isinstance(rate.condition.get("input_tokens_over", 0), int)
            for key in {"from", "until"} & set(rate.condition):
                assert date.fromisoformat(str(rate.condition[key]))
        if provider in HAND_KEPT:
            writes = [rate for rate in model.rates if rate.key == "cache_write"]
            assert all("ttl" in rate.condition for rate in writes)
            ttls = {rate.condition["ttl"] for rate in writes}
            assert not ttls or model.defaults["ttl"] in ttls


def plain(model: ModelInfo, key: str, rate: Rate) -> Decimal | None:
    """The price of a key under the rate's condition, or under none."""
    prices = by_condition(model, key)
    return prices.get(FrozenMap(rate.condition), prices.get(FrozenMap()))


@EVERY_PROVIDER
def test_cache_hits_are_cheaper_and_cache_writes_are_not(provider: str) -> None:
    """Under one condition: reading from the cache <= reading afresh <= writing to it."""
    for model in models(provider):
        for rate in model.rates:
            fresh = plain(model, "input", rate)
            if rate.key == "cached_read" and fresh is not None:
                assert rate.usd < fresh if provider in HAND_KEPT else rate.usd <= fresh, model.name
            if rate.key == "cache_write" and provider in HAND_KEPT:
                rest = {k: v for k, v in rate.condition.items() if k != "ttl"}
                assert rate.usd >= by_condition(model, "input")[FrozenMap(rest)], model.name


def same_but(rate: Rate, key: str, other: ModelInfo) -> Decimal | None:
    """The price under the rate's condition less one key."""
    rest = FrozenMap({k: v for k, v in rate.condition.items() if k != key})
    return by_condition(other, rate.key).get(rest)


@EVERY_PROVIDER
def test_tiers_and_long_prompts_move_prices_the_right_way(provider: str) -> None:
    """Batch and flex never cost more than standard; priority, speed and length never less."""
    for model in models(provider):
        for rate in model.rates:
            tier, standard = (
                rate.condition.get("service_tier"),
                same_but(rate, "service_tier", model),
            )
            if tier in {"batch", "flex"} and standard is not None:
                assert rate.usd <= standard, model.name
            if tier in {"priority", "ultrafast"} and standard is not None:
                assert rate.usd >= standard, model.name
            for key in ("input_tokens_over", "speed"):
                shorter = same_but(rate, key, model) if key in rate.condition else None
                assert shorter is None or rate.usd >= shorter, model.name


@pytest.mark.parametrize("provider", HAND_KEPT)
def test_a_tier_that_prices_input_prices_the_rest(provider: str) -> None:
    """A dearer tier with a hole would fall back to the cheaper default."""
    for model in (one for one in models(provider) if one.mode == "chat"):
        tiers = {rate.condition.get("service_tier") for rate in model.rates} - {None}
        tokens = {rate.key for rate in model.rates if rate.unit == "token"}
        for tier in tiers:
            priced = {r.key for r in model.rates if r.condition.get("service_tier") == tier}
            assert {"input", "output"} <= priced, model.name
            if tier in {"priority", "ultrafast"}:
                assert priced == tokens, model.name


@pytest.mark.parametrize("provider", HAND_KEPT)
def test_capabilities_with_a_price_have_one(provider: str) -> None:
    """Prompt caching is only claimed with its rate, and a rate makes the claim."""
    for model in (one for one in models(provider) if one.mode in {"chat", "responses"}):
        keys = {rate.key for rate in model.rates}
        assert model.supports("prompt_caching") == ("cached_read" in keys), model.name
        assert model.supports("web_search_always") == ("request/request" in keys), model.name


# --- samples ---------------------------------------------------------------------------------

M, HOUR = 1_000_000, 3600
# Figures that are widely known, written by hand: a builder's mistake would show in them.
SAMPLES = """
openai gpt-4o input 2.5
openai gpt-4o output 10
openai gpt-4o cached_read 1.25
openai gpt-4o input 1.25 service_tier=batch
openai gpt-4o-mini input 0.15
openai gpt-4o-mini output 0.6
openai gpt-4.1 input 2
openai gpt-4.1 cached_read 0.5
openai gpt-3.5-turbo-instruct input 1.5
openai o1-pro output 600
openai o3-mini input 1.1
openai text-embedding-3-small input 0.02
openai text-embedding-3-large input 0.13
openai text-embedding-ada-002 input 0.1
openai whisper-1 audio_input/second 0.36
openai gpt-4o-transcribe audio_input 6
openai tts-1 input/character 15
openai tts-1-hd input/character 30
openai dall-e-3 image_output/image 0.08 quality=hd size=1024x1024
openai dall-e-3 image_output/image 0.04 quality=standard size=1024x1024
openai dall-e-2 image_output/image 0.016 size=256x256
openai gpt-image-1 image_output 40
openai gpt-image-1 input 5
openai omni-moderation-latest request/request 0
openai gpt-4o-search-preview request/request 25
anthropic claude-opus-4-5 input 5
anthropic claude-opus-4-5 output 25
anthropic claude-sonnet-4-5 cache_write 3.75 ttl=5m
anthropic claude-sonnet-4-5 cache_write 6 ttl=1h
anthropic claude-haiku-4-5 cached_read 0.1
anthropic claude-3-haiku-20240307 output 1.25
anthropic claude-sonnet-4-0 web_search/call 10
gemini gemini-2.5-flash input 0.3
gemini gemini-2.5-flash audio_input 1
gemini gemini-2.5-pro output 10
gemini gemini-2.5-pro input 2.5 input_tokens_over=200000
gemini gemini-embedding-001 input 0.15
gemini gemini-2.5-flash-image image_output 30
vertex_ai gemini-2.5-pro input 1.25
vertex_ai claude-haiku-4-5@20251001 output 5
vertex_ai text-embedding-005 input/character 0.025
azure gpt-4o-mini output 0.6
azure dall-e-3 image_output/image 0.044 quality=standard size=1024x1024
azure tts-1 input/character 15
bedrock amazon.nova-pro-v1:0 input 0.8
bedrock amazon.titan-embed-text-v2:0 input 0.02
bedrock global.anthropic.claude-sonnet-4-5-20250929-v1:0 input 3
bedrock us.anthropic.claude-sonnet-4-5-20250929-v1:0 input 3.3
bedrock anthropic.claude-3-haiku-20240307-v1:0 output 1.25
bedrock cohere.rerank-v3-5:0 search/search 2
cohere rerank-v3.5 search/search 2
cohere command-a-03-2025 output 10
cohere embed-v4.0 input 0.12
mistral mistral-large-2411 output 6
mistral codestral-embed input 0.15
mistral mistral-embed input 0.1
deepseek deepseek-chat input 0.28
deepseek deepseek-chat output 0.42
groq whisper-large-v3 audio_input/second 0.111 at_least=10
gemini gemini-2.5-flash web_search/prompt 35
gemini gemini-3.8-flash web_search/call 14
groq llama-3.3-70b-versatile output 0.79
voyage voyage-3.5 input 0.06
voyage rerank-2.5 input 0.05
deepgram nova-3 audio_input/second 0.258
elevenlabs scribe_v1 audio_input/second 0.22
perplexity sonar input 1
perplexity sonar-pro output 15
xai grok-4.3 web_search/call 5
xai grok-4 input 3
xai grok-4 output 15
moonshot kimi-k2-0905-preview input 0.6
zai glm-4.6 output 2.2
openrouter openai/gpt-4o input 2.5
openrouter deepseek/deepseek-r1:free input 0
together_ai mistralai/Mixtral-8x7B-Instruct-v0.1 input 0.6
"""


@pytest.mark.parametrize("sample", SAMPLES.strip().splitlines())
def test_well_known_figures(sample: str) -> None:
    """Each as the vendor quotes it: a million tokens or characters, an hour, a thousand searches, a picture."""
    provider, name, key, usd, *conditions = sample.split()
    model = catalogue.find(provider, name)
    assert model is not None
    words = (pair.split("=") for pair in conditions)
    when = FrozenMap({k: int(v) if k == "input_tokens_over" else v for k, v in words})
    assert by_condition(model, key)[when] == Decimal(usd)


FACTS = """
bedrock anthropic.claude-sonnet-4-5-20250929-v1:0 64000 +vision -web_search
bedrock anthropic.claude-3-5-haiku-20241022-v1:0 8192 +tools
bedrock anthropic.claude-3-5-sonnet-20241022-v2:0 8192 +computer_use
bedrock us.anthropic.claude-3-7-sonnet-20250219-v1:0 64000 +reasoning
vertex_ai claude-sonnet-4-5 64000 +web_search
vertex_ai gemini-2.0-flash 8192 +vision -reasoning
azure gpt-4.1 32768 -web_search
openai gpt-4.1 32768 +web_search
openai gpt-5-chat-latest 16384 -reasoning
openai o1-preview 32768 +reasoning -vision
xai grok-3-mini 131072 +reasoning -vision
xai grok-4 256000 +vision +web_search
groq llama-3.3-70b-versatile 32768 +tools
deepseek deepseek-chat 8192 +json_mode -json_schema
gemini gemini-2.5-flash-lite-preview-06-17 None +reasoning
openrouter openai/gpt-4o 16384 +vision
openrouter openai/gpt-4o:extended None +vision
openrouter openai/gpt-oss-120b None +reasoning
"""


@pytest.mark.parametrize("sample", FACTS.strip().splitlines())
def test_well_known_facts(sample: str) -> None:
    """Limits of answers, and what models can and cannot do, as their vendors say."""
    provider, name, most, *said = sample.split()
    model = catalogue.find(provider, name)
    assert model is not None
    assert str(model.max_output_tokens) == most
    for word in said:
        assert model.supports(word[1:]) is (word[0] == "+"), word


def test_units_are_those_of_the_quotes() -> None:
    """A figure means nothing without how much it buys."""
    quoted = {rate.key: rate.per for model in catalogue.models() for rate in model.rates}
    expected = {
        "input": M,
        "input/character": M,
        "audio_input/second": HOUR,
        "image_output/image": 1,
    }
    expected |= {"search/search": 1000, "web_search/call": 1000, "input/page": 1000}
    expected |= {"video_output/second": 1, "request/request": 1000}
    assert {key: quoted[key] for key in expected} == expected


def test_former_and_announced_prices_carry_their_days() -> None:
    """A call of last spring is not priced by today's list, nor today's by next year's."""
    model = catalogue.find("gemini", "gemini-3.8-flash")
    assert model is not None
    prices = by_condition(model, "input")
    assert prices[FrozenMap()] == Decimal("0.75")
    assert prices[FrozenMap({"from": "2027-01-01"})] == Decimal("1.5")
    former = catalogue.find("openai", "gpt-5.6-luna")
    assert former is not None
    assert by_condition(former, "output")[FrozenMap({"until": "2026-07-30"})] == Decimal(6)


def test_where_a_picture_is_tokens_it_is_not_priced_again() -> None:
    """A model with a rate for pictures' tokens has none for pictures: both would be billed."""
    for model in catalogue.models():
        keys = {rate.key for rate in model.rates}
        assert not ("image_output" in keys and "image_output/image" in keys), model.name


def test_a_host_of_claude_that_does_not_price_cache_writes_leaves_them_unknown() -> None:
    """They cost more than reading there, so what stands in elsewhere would be too little."""
    for model in catalogue.models():
        keys = {rate.key for rate in model.rates}
        if "claude" in model.name and "cached_read" in keys and "cache_write" not in keys:
            assert not model.priced_as["cache_write"], model.name


# --- the format ------------------------------------------------------------------------------


def test_a_file_is_read_row_by_row() -> None:
    """A row's groups become one rate per key, with the source they name."""
    found = parse(json.dumps(FILE).encode()).model("road-1")
    assert found is not None
    assert (found.name, found.mode) == ("road", "chat")
    assert (found.max_input_tokens, found.max_output_tokens) == (1000, None)
    assert found.uplifts[0].factor == Decimal("1.1")
    assert found.rates == (
        Rate(
            dimension="input",
            unit="token",
            usd=Decimal("0.1"),
            per=1_000_000,
            condition={"ttl": "5m", "input_tokens_over": 7},
            source="https://acme.test/p",
            read="2026-01-02",
            via="by hand",
        ),
    )


def test_a_row_takes_from_another_what_it_does_not_say() -> None:
    """All but the names: an alias of one is no alias of the other."""
    file = parse(json.dumps(FILE).encode())
    road, lane = file.model("road"), file.model("lane")
    assert road is not None
    assert lane is not None
    assert (lane.rates, lane.max_input_tokens, lane.uplifts) == (road.rates, 1000, road.uplifts)
    assert (lane.aliases, lane.mode, lane.vector_size) == ((), "embedding", 8)
    assert lane.capabilities == frozenset()


def test_a_key_tells_its_unit() -> None:
    """What is no token has its unit behind a slash."""
    found = parse(json.dumps(FILE).encode()).model("sign")
    assert found is not None
    (rate,) = found.rates
    assert (rate.dimension, rate.unit, rate.per, rate.key) == (
        *("image_output", "image", 1),
        "image_output/image",
    )


def test_another_format_is_refused() -> None:
    """A file of a later format must not be half understood."""
    with pytest.raises(ValueError, match="format 4"):
        parse(json.dumps({**FILE, "format": 4}).encode())


def test_a_name_listed_twice_is_refused() -> None:
    """Two rows answering to one name would make the price a matter of luck."""
    twice = {**FILE, "models": FILE["models"] * 2}
    with pytest.raises(ValueError, match="road is listed twice"):
        parse(json.dumps(twice).encode())


def test_facts_cannot_be_changed() -> None:
    """Records are shared by the whole process, so nothing in them may move."""
    model = catalogue.find("openai", "gpt-4o")
    assert model is not None
    with pytest.raises(AttributeError):
        model.rates[0].usd = Decimal(0)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        model.tiers._items = {}  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        model.rates[0].condition["ttl"] = "1h"  # type: ignore[index]


@pytest.mark.parametrize("provider", HAND_KEPT)
def test_records_survive_pickling_copying_and_hashing(provider: str) -> None:
    """They travel to worker processes and serve as keys."""
    for model in models(provider):
        assert pickle.loads(pickle.dumps(model)) == model  # noqa: S301
        assert copy.deepcopy(model) == model
        assert hash(copy.deepcopy(model)) == hash(model)
