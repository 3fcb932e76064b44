from __future__ import annotations

import json
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import llmkit.catalogue as catalogue_package
from llmkit import tokens
from llmkit.catalogue import counting
from llmkit.catalogue._counting import FORMAT
from llmkit.errors import ConfigurationError
from llmkit.pricing import _prompt_bound
from llmkit.tokens._image_size import Size
from llmkit.tokens._images import at_level, picture_tokens

SETS = ("image", "pdf", "audio", "video", "text", "around", "bound", "notes")


@cache
def data() -> dict[str, Any]:
    """The file as it lies in the package."""
    file = Path(catalogue_package.__file__).with_name("token_rules.json")
    return json.loads(file.read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("provider", "model", "rule"),
    [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "chatgpt-4o-latest", "gpt-4o"),
        ("openai", "gpt-4o-mini", "gpt-4o-mini"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:me::x", "gpt-4o-mini"),
        ("openai", "gpt-4o-audio-preview", "gpt-4o-audio"),
        ("openai", "gpt-4o-mini-audio-preview", "gpt-4o-audio"),
        ("openai", "gpt-4o-search-preview", "gpt-4o-search"),
        ("openai", "gpt-5-chat-latest", "gpt-5-chat"),
        ("openai", "o1-mini", "o1-mini"),
        ("openai", "gpt-4.1", "gpt-4o"),
        ("openai", "gpt-4.1-nano-2025-04-14", "gpt-4.1-nano"),
        ("openai", "gpt-4.5-preview", "gpt-4o"),
        ("openai", "o1", "o1"),
        ("openai", "o3-mini", "o1"),
        ("openai", "o4-mini-2025-04-16", "o4-mini"),
        ("openai", "gpt-5", "gpt-5"),
        ("openai", "gpt-5.1", "gpt-5"),
        ("openai", "gpt-5-codex", "gpt-5"),
        ("openai", "gpt-5-mini", "gpt-5-mini"),
        ("openai", "gpt-5.1-codex-mini", "gpt-5-mini"),
        ("openai", "gpt-5.4-mini", "gpt-5-mini"),
        ("openai", "gpt-5-nano", "gpt-5-nano"),
        ("openai", "gpt-5.2", "gpt-5-mini"),
        ("openai", "gpt-5.4", "gpt-5.4"),
        ("openai", "gpt-5.6-sol", "gpt-5.5"),
        ("openai", "gpt-6", "gpt-5.5"),
        ("openai", "gpt-4-turbo-2024-04-09", "gpt-4-vision"),
        ("openai", "gpt-4-vision-preview", "gpt-4-vision"),
        ("openai", "gpt-4-0613", "gpt-4"),
        ("openai", "gpt-3.5-turbo", "gpt-4"),
        ("openai", "gpt-3.5-turbo-0301", "gpt-3.5-0301"),
        ("openai", "gpt-3.5-turbo-instruct", "cl100k"),
        ("openai", "text-embedding-3-large", "cl100k"),
        ("openai", "babbage-002", "cl100k"),
        ("openai", "text-davinci-003", "p50k"),
        ("openai", "text-davinci-edit-001", "p50k-edit"),
        ("openai", "davinci", "r50k"),
        ("openai", "computer-use-preview", "computer-use"),
        ("openai", "something-new", "openai"),
        ("azure", "gpt-35-turbo", "gpt-35-turbo"),
        ("azure", "my-deployment", "openai"),
        ("azure", "claude-sonnet-4-5", "claude"),
        ("azure", "grok-4-fast-reasoning", "grok"),
        ("openrouter", "openai/gpt-4o-mini", "gpt-4o-mini"),
        ("openrouter", "openai/o3", "o1"),
        ("github", "openai/gpt-4.1-mini", "gpt-4.1-mini"),
        ("groq", "openai/gpt-oss-120b", "gpt-oss"),
        ("bedrock", "openai.gpt-oss-20b-1:0", "gpt-oss"),
        ("anthropic", "claude-3-5-haiku-20241022", "claude"),
        ("anthropic", "claude-sonnet-4-20250514", "claude"),
        ("anthropic", "claude-opus-4-6", "claude"),
        ("anthropic", "claude-opus-4-7", "claude-new"),
        ("anthropic", "claude-opus-4-10", "claude-new"),
        ("anthropic", "claude-sonnet-5", "claude-new"),
        ("anthropic", "something-else", "claude-new"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude"),
        ("bedrock", "anthropic.claude-v2:1", "claude"),
        ("bedrock", "anthropic.claude-instant-v1", "claude"),
        ("vertex_ai", "claude-opus-4@20250514", "claude"),
        ("openrouter", "anthropic/claude-opus-4.8", "claude-new"),
        ("gemini", "gemini-1.5-flash", "gemini-2.0"),
        ("gemini", "gemini-2.0-flash", "gemini-2.0"),
        ("gemini", "gemini-2.5-pro", "gemini"),
        ("vertex_ai", "gemini-3-flash-preview", "gemini-3"),
        ("gemini", "gemini-flash-latest", "gemini-3"),
        ("gemini", "gemma-3-27b-it", "gemma"),
        ("mistral", "pixtral-12b", "pixtral"),
        ("mistral", "mistral-small-latest", "mistral-small"),
        ("mistral", "something", "mistral"),
        ("openrouter", "mistralai/devstral-small-2505", "mistral-hidden"),
        ("cohere", "command-r-plus", "command-r"),
        ("cohere", "command-r7b-12-2024", "cohere"),
        ("cohere", "command-a-03-2025", "cohere"),
        ("groq", "llama-3.3-70b-versatile", "llama-3"),
        ("groq", "meta-llama/llama-4-scout-17b-16e-instruct", "llama-4"),
        ("groq", "meta-llama/llama-guard-4-12b", "llama-guard"),
        ("together_ai", "Qwen/Qwen2.5-VL-7B-Instruct", "qwen-2.5"),
        ("groq", "qwen/qwen3-32b", "qwen"),
        ("deepseek", "deepseek-chat", "deepseek"),
        ("xai", "grok-4-0709", "grok-4"),
        ("xai", "grok-4-fast", "grok-fast"),
        ("xai", "grok-2-latest", "grok"),
        ("xai", "something", "grok-4"),
        ("zai", "glm-4.6", "glm"),
        ("moonshot", "kimi-k2", "kimi"),
        ("openrouter", "minimax/minimax-m1", "minimax"),
        ("bedrock", "us.amazon.nova-lite-v1:0", "nova"),
        ("nobody", "anything", "default"),
        ("", "", "default"),
    ],
)
def test_a_model_finds_its_rule(provider: str, model: str, rule: str) -> None:
    """By the provider's own list, or else by whoever makes a model of that name."""
    assert counting(provider, model)["name"] == rule


def test_any_name_finds_a_rule() -> None:
    """Names of any length and kind, twice the same."""
    noise = random.Random(3)
    for _ in range(300):
        name = "".join(chr(noise.randrange(1, 0x300)) for _ in range(noise.randrange(40)))
        assert counting(name, name) is counting(name, name)
    assert counting("openai", "gpt-4o" + "x" * 10**6)["name"] == "gpt-4o"
    assert counting("x" * 10**6, "GPT-4O")["name"] == "gpt-4o"


def test_a_name_is_no_rule() -> None:
    """Who has a model's name is told what takes it."""
    with pytest.raises(ConfigurationError, match="token_counter takes a model's name"):
        tokens.count("openai/gpt-4o", text="x")  # type: ignore[arg-type]


def test_a_rule_is_read_only_and_whole() -> None:
    """The sets that a rule names are in it, with their source, and nothing can be changed."""
    rule = counting("gemini", "gemini-2.5-flash")
    assert rule["image"]["tokens"] == 258
    assert rule["image"]["src"] in data()["sources"]
    with pytest.raises(TypeError):
        rule["image"] = {}  # type: ignore[index]
    with pytest.raises(TypeError):
        rule["image"]["tokens"] = 0
    assert counting("xai", "grok-4")["notes"][0].startswith("the provider puts a prompt of its own")
    assert counting("openai", "new")["assumed"] is True


def test_the_file_names_nothing_that_is_missing_and_keeps_nothing_unused() -> None:
    """Every set, rule, list and source is there, and is used."""
    file = data()
    assert file["format"] == FORMAT
    rules = file["rules"].values()
    for kind in SETS:
        named = {name for rule in rules for name in _listed(rule.get(kind))}
        assert named == set(file[kind]), kind
    shared = [item for kind in SETS[:4] for item in file[kind].values()]
    assert {item["src"] for item in shared} <= set(file["sources"])
    chosen = {rule for rows in file["lists"].values() for _, rule in rows}
    chosen |= {entry["otherwise"] for entry in file["providers"].values()}
    assert chosen == set(file["rules"])
    used = {name for entry in file["providers"].values() for name in entry["lists"]}
    assert used == set(file["lists"])


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def test_every_pattern_is_a_pattern() -> None:
    """Each compiles, and none matches everything."""
    for rows in data()["lists"].values():
        for pattern, _ in rows:
            assert re.compile(pattern).search("zzz") is None, pattern


def test_sources_say_where_and_when() -> None:
    """A page and a day for each."""
    for source in data()["sources"].values():
        assert source["page"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", source["read"])


def test_the_bound_has_the_terms_of_the_cost_bound() -> None:
    """What a message and a tool may bring along is one set of numbers, wherever a bound is made."""
    for bound in data()["bound"].values():
        assert bound["message"] == _prompt_bound.MESSAGE_TOKENS
        assert bound["tool"] == _prompt_bound.TOOL_TOKENS


@pytest.mark.parametrize("name", sorted(data()["image"]))
def test_no_picture_costs_more_than_the_stated_maximum(name: str) -> None:
    """Pictures of thousands of sizes stay below it, at every level of detail, and one comes close to it."""
    image = data()["image"][name]
    noise = random.Random(11)
    for level in (None, *image.get("levels", {})):
        rule = at_level(image, level)
        if "most" not in rule:
            continue
        top = max(picture_tokens(Size(*size), rule)[0] for size in _sizes(noise))
        assert 0 < top <= rule["most"]


def _sizes(noise: random.Random) -> list[tuple[int, int]]:
    sides = [1, 27, 28, 384, 385, 512, 513, 768, 769, 1568, 2048, 2576, 3072, 6000, 16000]
    grid = [(a, b) for a in sides for b in sides]
    return grid + [
        (noise.randint(1, noise.choice([600, 9000])), noise.randint(1, noise.choice([600, 9000])))
        for _ in range(3000)
    ]


@pytest.mark.parametrize(
    ("name", "size", "tokens", "sure"),
    [
        ("tiles-85", (1024, 1024), 765, True),
        ("tiles-85", (2048, 4096), 1105, True),
        ("tiles-85", (2049, 513), 1445, False),
        ("tiles-85", (2050, 513), 765, False),
        ("tiles-85", (1, 100_000), 765, True),
        ("tiles-70", (2560, 1706), 910, True),
        ("patches-1.62", (1024, 1024), 1659, True),
        ("patches-1.62", (1800, 2400), 2353, False),
        ("patches-1.62", (166, 282), 88, True),
        ("patches-1.62", (1, 100_000), 2489, False),
        ("patches-1.72", (128, 64), 14, True),
        ("claude", (166, 282), 69, True),
        ("claude", (1092, 1092), 1524, True),
        ("claude", (8000, 8000), 1524, False),
        ("claude-fine", (8000, 8000), 4764, False),
        ("gemini", (384, 384), 258, True),
        ("gemini", (960, 540), 1548, False),
        ("gemini-3", (60, 30), 1120, True),
        ("mistral", (64, 64), 12, True),
        ("cohere", (32, 32), 259, True),
    ],
)
def test_pictures_cost_what_the_pages_say(
    name: str, size: tuple[int, int], tokens: int, *, sure: bool
) -> None:
    """The providers' own examples, and recorded ones."""
    assert picture_tokens(Size(*size), data()["image"][name]) == (tokens, sure)


def test_a_level_of_detail_goes_before_the_rest() -> None:
    """A low picture has one price; an unknown level changes nothing."""
    tiles = data()["image"]["tiles-85"]
    assert picture_tokens(Size(4000, 4000), at_level(tiles, "low")) == (85, True)
    assert at_level(tiles, "auto") is tiles
    assert at_level(tiles, None) is tiles
    fine = data()["image"]["patches-5.4"]
    assert at_level(fine, "high")["most"] < at_level(fine, "original")["most"]
