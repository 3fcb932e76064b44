"""The builder of the catalogue's data, on small lists made up for it, and on the real ones where they are."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmkit.catalogue import FrozenMap, ModelInfo
from llmkit.catalogue._load import DataFile, parse

ROOT = Path(__file__).resolve().parents[1]
D = Decimal


@pytest.fixture(scope="module")
def builder() -> Iterator[Any]:
    """The builder's main module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        yield importlib.import_module("catalogue.build")


@pytest.fixture
def build(builder: Any, tmp_path: Path) -> Any:
    """Builds one provider's file out of made-up lists; the page of conflicts is kept beside it."""

    def built(
        litellm: dict[str, Any], genai: list[Any], kept: Any = None, of: str = "openai"
    ) -> Built:
        head = {"own": True, "defaults": {}, "tiers": {}, "cache_write_marker": None}
        table = {"": {**head, "priced_as": {}, "notes": []}}
        (tmp_path / "_providers.json").write_text(json.dumps(table))
        (tmp_path / f"{of}.json").write_text(json.dumps(kept or {}))
        names = {
            "openai": "openai",
            "bedrock": "aws",
            "azure": "azure",
            "huggingface": "huggingface_acme",
        }
        dated = [{"id": names[of], "pricing_urls": ["https://acme.test"], "models": genai}]
        made = builder.files(builder.Sources(litellm, dated), tmp_path)
        file = made[builder.DATA / f"{of}.json"]
        return Built(parse(file.encode()), file, made[builder.REPORT], made)

    return built


class Built:
    """What was built: the file as it is read, its text, and the page of conflicts."""

    def __init__(self, file: DataFile, text: str, page: str, made: dict[Path, str]) -> None:
        self.file, self.text, self.page, self.made = file, text, page, made

    def of(self, provider: str) -> DataFile:
        paths = [path for path in self.made if path.name == f"{provider}.json"]
        return parse(self.made[paths[0]].encode())

    def model(self, name: str) -> ModelInfo:
        found = self.file.model(name)
        assert found is not None, name
        return found

    def prices(self, name: str, key: str = "input") -> dict[FrozenMap[str | int], Decimal]:
        rates = [rate for rate in self.model(name).rates if rate.key == key]
        return {FrozenMap(rate.condition): rate.usd for rate in rates}

    def price(self, name: str, key: str = "input", **condition: str | int) -> Decimal | None:
        return self.prices(name, key).get(FrozenMap(condition))

    def via(self, name: str, key: str = "input") -> str:
        return next(rate.via for rate in self.model(name).rates if rate.key == key)


def listed(usd: float = 1, *, of: str = "openai", **more: Any) -> dict[str, Any]:
    """A row of LiteLLM's: USD for a million tokens in, twice that out."""
    prices = {"input_cost_per_token": usd / 1e6, "output_cost_per_token": 2 * usd / 1e6}
    return {"litellm_provider": of, "mode": "chat", **prices, **more}


def dated(name: str, usd: str = "1", *, match: Any = None, **more: Any) -> dict[str, Any]:
    """A model of genai-prices."""
    clause = match or {"is": "ClauseEquals", "equals": name}
    return {"id": name, "match": clause, "prices": sheet(usd), **more}


def sheet(usd: str, **more: Any) -> dict[str, Any]:
    """Its prices: USD for a million tokens in, and twice that out."""
    return {"input_mtok": usd, "output_mtok": str(2 * D(usd)), **more}


def contains(word: str) -> dict[str, str]:
    """A clause that takes any name with the word in it."""
    return {"is": "ClauseContains", "contains": word}


def test_what_both_say_is_said_by_both(build: Any) -> None:
    """Agreement is noted, and rounding is no disagreement: the shorter figure is the quoted one."""
    rows = {"road": listed(1.00003), "lane": listed(2)}
    made = build(rows, [dated("road"), dated("lane", "2.00003")])
    assert made.price("road") == D(1)
    assert made.price("lane") == D(2)
    assert "which agree" in made.via("road")
    assert "road" not in made.page


def test_what_one_says_is_said_by_that_one(build: Any) -> None:
    """Each list has models, and rates, that the other has not."""
    extra = {"cache_read_input_token_cost": 1e-07}
    made = build({"road": listed(**extra), "path": listed(3)}, [dated("road"), dated("lane", "2")])
    assert made.via("road", "cached_read").startswith("litellm")
    assert (made.price("path"), made.via("path")) == (D(3), made.via("road", "cached_read"))
    assert made.price("lane") == D(2)
    assert made.via("lane").startswith("genai-prices")


def test_a_disagreement_is_listed_with_both_figures(build: Any) -> None:
    """The one that is dated is taken where it means this very model."""
    made = build({"road": listed(3)}, [dated("road", "2")])
    assert made.price("road") == D(2)
    assert (
        "| `road` | input | **2** | 3 | dated and checked against the vendor's page |" in made.page
    )


def test_a_loose_match_does_not_win(build: Any) -> None:
    """A clause for part of a name may mean another model."""
    made = build({"road-mini": listed(3)}, [dated("road", "9", match=contains("road"))])
    assert made.price("road-mini") == D(3)
    assert (
        "| `road-mini` | input | 9 | **3** | genai-prices matches the name only loosely |"
        in made.page
    )


def test_a_decision_by_hand_goes_first(build: Any) -> None:
    """With its reason, which the page repeats."""
    kept = {"choices": [["road input", "l", "we asked them"]]}
    made = build({"road": listed(3)}, [dated("road", "2")], kept)
    assert made.price("road") == D(3)
    assert made.price("road", "output") == D(4)
    assert "| 2 | **3** | we asked them |" in made.page


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("3", "2", "litellm has the former price"),
        ("2", "3", "litellm has the announced price already"),
    ],
)
def test_a_list_that_is_behind_or_ahead_is_told(build: Any, old: str, new: str, why: str) -> None:
    """Histories explain most disagreements."""
    day = "2026-06-01" if old == "3" else "2027-01-01"
    steps = [
        {"is": "ConditionalPrice", "prices": sheet(old)},
        {"is": "ConditionalPrice", "prices": sheet(new), "constraint": {"start_date": day}},
    ]
    made = build({"road": listed(3)}, [dated("road", prices=steps)])
    assert made.price("road") == D(2)
    assert why in made.page


def test_a_wrong_unit_does_not_win(build: Any) -> None:
    """A hundred times another figure is a slip, whoever made it."""
    made = build({"road": listed(400)}, [dated("road", "1")])
    assert made.price("road") == D(1)
    assert "litellm's is a hundred times off" in made.page


def test_former_and_announced_prices_are_kept(build: Any) -> None:
    """Those of the last year, each with its days, and only where they differ."""
    days = ("", "2024-01-01", "2026-03-01", "2026-08-01", "2027-02-01")
    steps = [
        {
            "prices": {"input_mtok": str(usd), "output_mtok": "9"},
            **({"constraint": {"start_date": day}} if day else {}),
        }
        for usd, day in zip((1, 2, 3, 4, 5), days, strict=True)
    ]
    made = build({}, [dated("road", prices=steps)])
    assert made.prices("road") == {
        FrozenMap(): D(4),
        FrozenMap({"until": "2026-03-01"}): D(2),
        FrozenMap({"from": "2026-03-01", "until": "2026-08-01"}): D(3),
        FrozenMap({"from": "2027-02-01"}): D(5),
    }
    assert made.prices("road", "output") == {FrozenMap(): D(9)}


def test_without_the_hour_the_dear_hours_count(build: Any) -> None:
    """A call whose time is not known may have been made at any."""
    noon = {"start_time": "01:00:00+00:00", "end_time": "04:00:00+00:00"}
    steps = [{"prices": sheet("1")}, {"prices": sheet("2"), "constraint": noon}]
    made = build({}, [dated("road", prices=steps)])
    assert made.prices("road") == {FrozenMap(): D(2)}


def test_variants_and_lengths_are_conditions(build: Any) -> None:
    """Batch, speed and long prompts; a word for the standard tier is nothing."""
    tiers = {"base": "2", "tiers": [{"start": 200000, "price": "4"}]}
    variants = [
        {"when": {"processing": "batch"}, "prices": {"input_mtok": "1"}},
        {"when": {"service_tier": "default"}, "prices": {"input_mtok": "7"}},
        {
            "when": {"service_tier": "priority"},
            "prices": {"input_mtok": "3"},
            "constraint": {"start_date": "2026-10-01"},
        },
        {
            "when": {"speed": "fast"},
            "prices": {"input_mtok": "6"},
            "constraint": {"start_date": "2027-01-01"},
        },
    ]
    made = build(
        {},
        [dated("road", prices={"input_mtok": tiers, "output_mtok": "9"}, price_variants=variants)],
    )
    assert made.prices("road") == {
        FrozenMap(): D(2),
        FrozenMap({"input_tokens_over": 200000}): D(4),
        FrozenMap({"service_tier": "batch"}): D(1),
        FrozenMap({"service_tier": "priority"}): D(3),
        FrozenMap({"speed": "fast", "from": "2027-01-01"}): D(6),
    }


def test_a_zero_is_left_out_where_nothing_is_free(build: Any) -> None:
    """LiteLLM writes 0 for what it does not know; a free name means it."""
    made = build({"road": listed(0), "omni-moderation-latest": listed(0, mode="moderation")}, [])
    assert made.model("road").rates == ()
    assert made.prices("omni-moderation-latest") == {FrozenMap(): D(0)}


IMPOSSIBLE = [
    ({"cache_read_input_token_cost": 2e-06}, "cached_read", "reading from the cache dearer"),
    (
        {"input_cost_per_token_batches": 2e-06},
        "input service_tier=batch",
        "batch dearer than standard",
    ),
    ({"input_cost_per_token_priority": 5e-07}, "input service_tier=priority", "priority cheaper"),
    (
        {"input_cost_per_token_above_200k_tokens": 5e-07},
        "input input_tokens_over=200000",
        "a long prompt cheaper",
    ),
    (
        {"input_cost_per_audio_token": 2e-03},
        "audio_input",
        "no price of a million tokens is like that",
    ),
    (
        {"output_cost_per_reasoning_token": 1e-10},
        "reasoning",
        "no price of a million tokens is like that",
    ),
]


@pytest.mark.parametrize(("fields", "rate", "why"), IMPOSSIBLE)
def test_what_cannot_be_is_left_out_and_listed(
    build: Any, fields: dict[str, float], rate: str, why: str
) -> None:
    """Unknown is better than wrong."""
    made = build({"road": listed(**fields)}, [])
    key, *condition = rate.split()
    when = dict(pair.split("=") for pair in condition)
    assert made.price("road", key, **when) is None
    assert f"| `road` | {rate} |" in made.page
    assert why in made.page
    assert made.price("road") == D(1)


def test_a_region_is_a_factor_where_one_explains_it(build: Any) -> None:
    """Azure's data zones cost a tenth more, but for LiteLLM's rounding of the cache."""
    cached = {"cache_read_input_token_cost": 1.25e-07}
    there = {"cache_read_input_token_cost": 1.38e-07}
    rows = {"azure/gpt-road": listed(of="azure", **cached)}
    rows["azure/eu/gpt-road"] = listed(1.1, of="azure", **there)
    made = build(rows, [], of="azure")
    assert [(dict(up.condition), up.factor) for up in made.model("gpt-road").uplifts] == [
        ({"region": "eu"}, D("1.1"))
    ]
    assert made.prices("gpt-road") == {FrozenMap(): D(1)}


def test_a_place_of_processing_is_a_factor(build: Any) -> None:
    """However the list spells it: as a column, or among what is special to a vendor."""
    special = {"provider_specific_entry": {"us": 1.1, "fast": 2}}
    column = {"regional_processing_uplift_multiplier_eu": 1.2}
    made = build({"road": listed(**special), "lane": listed(**column)}, [])
    ups = [made.model(name).uplifts[0] for name in ("road", "lane")]
    assert [(dict(up.condition), up.factor) for up in ups] == [
        ({"region": "us"}, D("1.1")),
        ({"region": "eu"}, D("1.2")),
    ]


def test_a_region_is_a_condition_where_no_factor_explains_it(build: Any) -> None:
    """And where it costs the same, nothing."""
    rows = {"acme.road-v1:0": listed(of="bedrock")}
    rows["bedrock/eu-west-1/acme.road-v1:0"] = listed(of="bedrock", output_cost_per_token=3e-06)
    rows["bedrock/us-west-2/acme.road-v1:0"] = listed(of="bedrock")
    rows["bedrock/us-west-2/1-month-commitment/acme.road-v1:0"] = listed(9, of="bedrock")
    made = build(rows, [], of="bedrock")
    assert [model.name for model in made.file.models()] == ["acme.road-v1:0"]
    assert made.prices("acme.road-v1:0", "output") == {
        FrozenMap(): D(2),
        FrozenMap({"region": "eu-west-1"}): D(3),
    }
    assert made.model("acme.road-v1:0").uplifts == ()


def test_a_regional_call_raises_what_only_one_list_has(build: Any) -> None:
    """Where the regional price was taken, the global one of a single rate would not fit to it."""
    rows = {"acme.road": listed(of="bedrock", cache_read_input_token_cost=1e-07)}
    made = build(rows, [dated("regional.acme.road", "1.1")], of="bedrock")
    assert made.price("acme.road") == D("1.1")
    assert made.price("acme.road", "cached_read") == D("0.11")
    assert "a tenth for a regional call" in made.via("acme.road", "cached_read")


def test_sizes_and_qualities_make_one_model(build: Any) -> None:
    """LiteLLM lists a row for each; prices by pixel become those of the picture."""
    picture = {"litellm_provider": "azure", "mode": "image_generation"}
    rows = {
        "azure/standard/1024-x-1024/dall-e-9": {**picture, "input_cost_per_pixel": 4.19617e-08},
        "azure/hd/1024-x-1792/dall-e-9": {**picture, "output_cost_per_image": 0.12},
        "azure/hd/max-x-max/dall-e-9": {**picture, "output_cost_per_image": 0.2},
    }
    made = build(rows, [], of="azure")
    assert made.prices("dall-e-9", "image_output/image") == {
        FrozenMap({"quality": "standard", "size": "1024x1024"}): D("0.044"),
        FrozenMap({"quality": "hd", "size": "1024x1792"}): D("0.12"),
    }


def test_a_picture_is_not_priced_twice(build: Any) -> None:
    """Where its tokens are billed, the figure for a picture restates them."""
    picture = {"litellm_provider": "openai", "mode": "image_generation"}
    rows = {
        "gpt-image-9": {
            **picture,
            "output_cost_per_image_token": 4e-05,
            "output_cost_per_image": 0.04,
        },
        "low/1024-x-1024/gpt-image-9": {**picture, "input_cost_per_image": 0.011},
    }
    made = build(rows, [])
    assert made.prices("gpt-image-9", "image_output") == {FrozenMap(): D(40)}
    assert made.prices("gpt-image-9", "image_output/image") == {}


def test_an_hour_is_as_it_was_quoted(build: Any) -> None:
    """LiteLLM divides into seconds and rounds."""
    heard = {"litellm_provider": "openai", "mode": "audio_transcription"}
    rows = {
        name: {**heard, "input_cost_per_second": usd}
        for name, usd in {"a": 7.167e-05, "b": 3.333e-05}.items()
    }
    made = build(rows, [])
    assert made.price("a", "audio_input/second") == D("0.258")
    assert made.price("b", "audio_input/second") == D("0.12")
    assert made.model("a").rates[0].per == 3600


def test_equal_snapshots_are_aliases_and_others_are_not(build: Any) -> None:
    """A date is only folded into the plain name where nothing else differs."""
    rows = {
        "road": listed(),
        "road-2026-01-02": listed(),
        "road-2025-01-02": listed(2),
        "road-mini": listed(),
    }
    made = build(rows, [])
    assert made.model("road-2026-01-02") is made.model("road")
    assert made.price("road-2025-01-02") == D(2)
    assert made.model("road-mini") is not made.model("road")
    assert '"like":"road"' in made.text


def test_facts_come_from_litellm(build: Any) -> None:
    """Limits, abilities, dates, and what is seen and made."""
    more = {"max_input_tokens": 1000, "max_output_tokens": 50, "deprecation_date": "2027-01-01"}
    more |= {
        "supports_function_calling": True,
        "supports_vision": True,
        "supports_web_search": False,
    }
    found = build({"road": listed(**more)}, []).model("road")
    assert (found.max_input_tokens, found.max_output_tokens, found.deprecated) == (
        1000,
        50,
        "2027-01-01",
    )
    assert found.capabilities == {"tools", "vision"}
    assert found.input_modalities == {"text", "image"}


def test_facts_are_lent_where_a_list_has_prices_alone(build: Any) -> None:
    """What more than half of the other hosts of a model say; nothing that is the host's own service."""
    able = {"supports_function_calling": True, "supports_vision": True, "supports_web_search": True}
    rows = {f"{host}/acme/Road-1": listed(of=host, **able) for host in ("deepinfra", "novita")}
    rows["nebius/acme/road-1"] = listed(of="nebius", supports_pdf_input=True)
    made = build(rows, [dated("road-1")])
    assert made.model("road-1").capabilities == {"tools", "vision"}
    assert made.model("road-1").input_modalities == {"text", "image"}
    assert made.model("road-1").via.endswith("of the same model elsewhere")


def test_a_price_makes_the_claim(build: Any) -> None:
    """Who bills cached tokens has a cache, whatever the flags say."""
    made = build({"road": listed(cache_read_input_token_cost=1e-07)}, [])
    assert made.model("road").supports("prompt_caching")


def test_a_copied_price_of_search_makes_no_claim(build: Any) -> None:
    """LiteLLM repeats the maker's price of a search at hosts without one; a dated list prices what there is."""
    fee = {"search_context_cost_per_query": {"search_context_size_medium": 0.01}}
    priced = {**dated("lane"), "prices": sheet("1", web_searches_kcount="10")}
    refused = {**dated("path"), "prices": sheet("1", web_searches_kcount="10")}
    rows = {"road": listed(**fee), "path": listed(supports_web_search=False)}
    made = build(rows, [priced, refused])
    assert made.price("road", "web_search/call") == D(10)
    assert not made.model("road").supports("web_search")
    assert made.model("lane").supports("web_search")
    assert not made.model("path").supports("web_search")


def test_two_rows_of_one_model_are_read_together(build: Any) -> None:
    """What one of them leaves out is no denial."""
    one = listed(max_input_tokens=1000, supports_vision=True)
    other = listed(max_output_tokens=50, supports_reasoning=True)
    found = build({"road": one, "openai/road": other}, []).model("road")
    assert found.capabilities == {"vision", "reasoning"}
    assert (found.max_input_tokens, found.max_output_tokens) == (1000, 50)


def test_facts_are_lent_to_a_dated_preview(build: Any) -> None:
    """It is a snapshot of the model of that name; a preview without a day may be another one."""
    rows = {"road": listed(supports_reasoning=True)}
    made = build(rows, [dated("road-preview-06-17", "2"), dated("road-preview", "3")])
    assert made.model("road-preview-06-17").supports("reasoning")
    assert not made.model("road-preview").capabilities


def test_facts_are_lent_where_a_row_has_prices_alone(build: Any) -> None:
    """Be it one of LiteLLM's, without a flag."""
    rows = {"road": listed(), "novita/acme/road": listed(of="novita", supports_vision=True)}
    assert build(rows, []).model("road").supports("vision")


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("openai/gpt-road", (1000, 50)),
        ("openai/gpt-road:batch", (1000, 50)),
        ("openai/gpt-road:extended", (None, None)),
        ("openai/gpt-oss-road", (None, None)),
        ("acme/gpt-road", (None, None)),
    ],
)
def test_only_makers_that_run_their_models_alone_lend_limits(
    build: Any, name: str, limits: tuple[int | None, int | None]
) -> None:
    """A router passes their models on; of open ones each host sets its own limits."""
    told = {"max_input_tokens": 1000, "max_output_tokens": 50}
    rows = {key: listed(**told) for key in ("gpt-road", "gpt-oss-road")}
    rows[f"openrouter/{name}"] = listed(of="openrouter", supports_vision=True)
    found = build(rows, []).of("openrouter").model(name)
    assert found is not None
    assert (found.max_input_tokens, found.max_output_tokens) == limits


def test_a_router_needs_the_host_in_the_name(build: Any) -> None:
    """At Hugging Face the price is that of the host behind the colon."""
    made = build({}, [dated("acme/road", match=contains("road"))], of="huggingface")
    assert [model.name for model in made.file.models()] == ["acme/road:acme"]


def test_what_is_kept_by_hand_is_laid_over(build: Any) -> None:
    """Corrections, patterns, further models, names, and what is left out."""
    kept = {
        "skip": ["path.*"],
        "names": ["road-old"],
        "order": ["lane"],
        "models": {
            "~road.*": {
                "can": "+pdf -tools",
                "drop": ["output"],
                "rates": {"hand ttl=1h": "cache_write 5"},
            },
            "lane": {
                "mode": "embedding",
                "out": "embedding",
                "limits": [9, None],
                "rates": {"hand": "input 7"},
            },
        },
    }
    rows = {"road": listed(supports_function_calling=True), "path-1": listed()}
    made = build(rows, [dated("roads", "2", match=contains("road-"))], kept)
    assert [model.name for model in made.file.models()] == ["lane", "road", "road-old"]
    assert made.model("road").capabilities == {"pdf"}
    assert made.prices("road", "output") == {}
    assert made.price("road", "cache_write", ttl="1h") == D(5)
    assert made.price("road-old") == D(2)
    assert (made.price("lane"), made.model("lane").max_input_tokens) == (D(7), 9)
    assert made.via("lane").startswith("no data package")


def test_the_same_gives_the_same_bytes(build: Any) -> None:
    """In whatever order the lists have it."""
    rows = {"road": listed(), "path": listed(2), "lane-2026-01-01": listed(3), "lane": listed(3)}
    models = [dated("road"), dated("hill", "4"), dated("path", "5")]
    one = build(rows, models)
    other = build(dict(reversed(rows.items())), models[::-1])
    assert one.made == other.made


def test_subscriptions_and_strangers_are_left_out(build: Any) -> None:
    """A seat has no price of a token, and a provider that nobody can call needs no file."""
    rows = {
        "road": listed(),
        "chatgpt/road": listed(of="chatgpt"),
        "x/road": listed(of="nobody"),
    }
    made = build(rows, [])
    assert [path.stem for path in made.made if path.parent.name == "data"] == ["openai"]


def test_saving_and_comparing(builder: Any, build: Any, tmp_path: Path) -> None:
    """What was saved differs in nothing; a file too many or another text is named, and put right."""
    made = build({"road": listed()}, []).made
    (tmp_path / builder.DATA).mkdir(parents=True)
    (tmp_path / builder.REPORT).parent.mkdir()
    assert len(builder.differing(tmp_path, made)) == 3
    builder.save(tmp_path, made)
    assert builder.differing(tmp_path, made) == []
    (tmp_path / builder.DATA / "old.json").write_text("{}")
    (tmp_path / builder.REPORT).write_text("")
    assert builder.differing(tmp_path, made) == [
        str(builder.REPORT),
        str(builder.DATA / "old.json"),
    ]
    builder.save(tmp_path, made)
    assert builder.differing(tmp_path, made) == []


# --- sources ---------------------------------------------------------------------------------

_PRICES = """
from decimal import Decimal
class Thing:
    def __init__(self, **fields): self.__dict__ |= fields
prices = Thing(input_mtok=Decimal("0.10"))
road = Thing(id="road", prices=prices, _hidden=1, name=None)
providers = [Thing(id="acme", pricing_urls=["https://acme.test"], models=[road])]
"""


@pytest.fixture
def sources(builder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Path]:
    """The reader of sources, and a directory with a small wheel and a small package, pinned."""
    module = importlib.import_module("catalogue.sources")
    listed_file, dated_file = module.PINNED
    table = b'{"road": {"mode": "chat"}}'
    with zipfile.ZipFile(tmp_path / "litellm-9-py3-none-any.whl", "w") as wheel:
        wheel.writestr(listed_file, table)
    (tmp_path / dated_file).parent.mkdir()
    (tmp_path / dated_file).write_text(_PRICES)
    (tmp_path / dated_file).with_name("__init__.py").write_text("")
    hashes = {listed_file: hashlib.sha256(table), dated_file: hashlib.sha256(_PRICES.encode())}
    monkeypatch.setattr(
        module, "PINNED", {name: found.hexdigest() for name, found in hashes.items()}
    )
    return module, tmp_path


def test_both_lists_are_read(sources: tuple[Any, Path]) -> None:
    """One is JSON in a wheel; the other is Python, which a process of its own evaluates."""
    module, directory = sources
    read = module.read(directory)
    assert read.litellm == {"road": {"mode": "chat"}}
    assert read.genai[0]["models"][0]["id"] == "road"
    assert read.genai[0]["models"][0]["prices"] == {"is": "Thing", "input_mtok": "0.10"}
    assert set(read.genai[0]["models"][0]) == {"is", "id", "prices"}


def test_another_version_is_refused(sources: tuple[Any, Path]) -> None:
    """New figures come by decision, with a new hash."""
    module, directory = sources
    (directory / "genai_prices" / "data.py").write_text(_PRICES + "\n")
    with pytest.raises(module.SourceError, match="has SHA-256"):
        module.read(directory)


def test_a_missing_source_is_told(sources: tuple[Any, Path], tmp_path: Path) -> None:
    """Half of the figures would be half of a catalogue."""
    module, directory = sources
    (directory / "litellm-9-py3-none-any.whl").unlink()
    with pytest.raises(module.SourceError, match="neither a wheel of litellm"):
        module.read(directory)


REAL = os.environ.get("LLMKIT_PRICE_SOURCES")


@pytest.mark.skipif(not REAL, reason="LLMKIT_PRICE_SOURCES names no directory with the two wheels")
def test_the_data_is_what_is_built(builder: Any) -> None:
    """Nobody edited what is generated, and nothing was forgotten to be generated."""
    module = importlib.import_module("catalogue.sources")
    made = builder.files(module.read(Path(str(REAL))))
    assert builder.differing(ROOT, made) == []
