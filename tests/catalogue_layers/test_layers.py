"""Layers of a catalogue: built-in data under files under what a program registers."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from llmkit import catalogue
from llmkit.catalogue import Catalogue, FrozenMap, ModelInfo, Rate
from llmkit.catalogue._load import mentions
from llmkit.errors import CatalogueError, ConfigurationError, UnknownModelError


def price(model: ModelInfo | None, key: str, **condition: str | int) -> Decimal | None:
    """The USD for one unit, under exactly this condition."""
    for rate in model.rates if model else ():
        if rate.key == key and rate.condition == condition:
            return rate.usd / rate.per
    return None


def registered(models: dict[str, dict[str, Any]], **options: Any) -> Catalogue:
    """A catalogue of its own with these fields laid over the built-in data."""
    known = Catalogue()
    known.register_fields(models, **options)
    return known


def test_without_layers_the_built_in_records_are_handed_out() -> None:
    """A catalogue of one's own shares the data that was read already."""
    known = Catalogue()
    assert known.find("openai", "gpt-4o") is catalogue.find("openai", "gpt-4o")
    assert known.revision == catalogue.revision()
    assert known.models("openai") == catalogue.models("openai")


def test_a_price_goes_before_the_same_one_and_others_stay() -> None:
    """What is registered replaces one rate; the batch price, the limits and the tools are as they were."""
    before = catalogue.find("openai", "gpt-4o")
    after = registered({"openai/gpt-4o": {"input_cost_per_token": "0.000001"}}).find(
        "openai", "gpt-4o"
    )
    assert before
    assert after
    assert price(after, "input") == Decimal("0.000001")
    for key, condition in (("output", {}), ("input", {"service_tier": "batch"})):
        assert price(after, key, **condition) == price(before, key, **condition) is not None
    assert after.capabilities == before.capabilities
    assert next(rate.source for rate in after.rates if rate.key == "input") == "registered"


def test_a_price_holds_for_the_dated_snapshots_of_its_model() -> None:
    """A snapshot that is the same record is not billed by the list beside it."""
    known = registered({"openai/gpt-4o": {"input_cost_per_token": "0.000001"}})
    snapshot = known.find("openai", "gpt-4o-2024-08-06")
    assert price(snapshot, "input") == Decimal("0.000001")
    assert snapshot is known.find("openai", "gpt-4o")


def test_a_snapshot_can_have_a_price_of_its_own() -> None:
    """Registered under its own name, it alone changes."""
    known = registered({"openai/gpt-4o-2024-08-06": {"input_cost_per_token": "0.000001"}})
    snapshot = known.find("openai", "gpt-4o-2024-08-06")
    assert snapshot
    assert (snapshot.name, snapshot.aliases) == ("gpt-4o-2024-08-06", ())
    assert price(snapshot, "input") == Decimal("0.000001")
    assert price(snapshot, "output") == price(catalogue.find("openai", "gpt-4o"), "output")
    assert known.find("openai", "gpt-4o") == catalogue.find("openai", "gpt-4o")


def test_a_later_price_of_the_list_does_not_come_back() -> None:
    """A price announced for a later day gives way, too: who says what he pays goes on paying that."""
    when = FrozenMap[str | int]({"from": "2027-01-01"})
    listed = catalogue.find("openai", "gpt-4o")
    assert listed
    raised = Rate("input", "token", Decimal(9), 1_000_000, when, "https://a.test", "2026-11-22")
    known = Catalogue()
    known.register([replace(listed, rates=(*listed.rates, raised))])
    known.register_fields({"openai/gpt-4o": {"input_cost_per_token": "0.000001"}})
    assert price(known.find("openai", "gpt-4o"), "input", **when) is None
    known.register_fields({"openai/gpt-4o": {"rates": [{"when": when, "usd": {"input": 3}}]}})
    both = known.find("openai", "gpt-4o")
    assert price(both, "input") == Decimal("0.000001")
    assert price(both, "input", **when) == Decimal("0.000003")


def test_a_new_model_can_be_like_another() -> None:
    """It has that one's facts and prices but its own name, and no aliases."""
    known = registered({"acme/road": {"output_cost_per_token": "0.000003"}}, like="openai/gpt-4o")
    road, like = known.find("acme", "road"), catalogue.find("openai", "gpt-4o")
    assert road
    assert like
    assert (road.provider, road.name, road.aliases) == ("acme", "road", ())
    assert (road.max_input_tokens, road.capabilities) == (like.max_input_tokens, like.capabilities)
    assert price(road, "input") == price(like, "input")
    assert price(road, "output") == Decimal("0.000003")


def test_a_model_can_be_like_a_registered_one() -> None:
    """It has what was said of that one, and what that one is like; what is said later of either stays with it."""
    known = registered(
        {"acme/one": {"max_output_tokens": 5, "aliases": ["first"]}}, like="openai/gpt-4o"
    )
    known.register_fields({"acme/two": {"max_input_tokens": 7}}, like="acme/first")
    known.register_fields({"acme/one": {"max_output_tokens": 6}})
    two, four = known.lookup("acme/two"), known.lookup("openai/gpt-4o")
    assert (two.max_input_tokens, two.max_output_tokens, two.aliases) == (7, 5, ())
    assert (two.rates, two.capabilities) == (four.rates, four.capabilities)
    assert known.counting("acme", "two") == known.counting("acme", "one")
    assert known.unregister("acme", "one")
    assert known.lookup("acme/two") == two


def test_a_model_can_be_like_a_whole_registered_record() -> None:
    """Which takes nothing from below."""
    whole = replace(
        catalogue.default().lookup("openai/gpt-4o"), provider="acme", name="one", aliases=()
    )
    known = Catalogue()
    known.register([whole])
    known.register_fields({"acme/two": {"max_input_tokens": 7}}, like="acme/one")
    assert (known.lookup("acme/two").rates, known.lookup("acme/two").max_input_tokens) == (
        whole.rates,
        7,
    )


def test_a_new_model_knows_nothing_that_was_not_said() -> None:
    """No limit, no capability and no price is made up."""
    road = registered({"acme/road": {"input_cost_per_token": 1e-06}}).find("acme", "road")
    assert road
    assert (road.max_input_tokens, road.max_output_tokens) == (None, None)
    assert road.capabilities == frozenset()
    assert [rate.key for rate in road.rates] == ["input"]
    assert price(road, "input") == Decimal("0.000001")


def test_whole_takes_nothing_from_below() -> None:
    """Where the list is not to show through, ``whole`` says so."""
    known = registered({"openai/gpt-4o": {"whole": True, "input_cost_per_token": "0.000001"}})
    found = known.find("openai", "gpt-4o")
    assert found
    assert [rate.key for rate in found.rates] == ["input"]
    assert found.max_input_tokens is None


def test_what_is_said_twice_adds_up() -> None:
    """A second registration changes what it names and leaves the first's other words."""
    known = registered({"acme/road": {"input_cost_per_token": "1", "supports_vision": True}})
    known.register_fields({"acme/road": {"output_cost_per_token": "2", "supports_vision": False}})
    found = known.find("acme", "road")
    assert (price(found, "input"), price(found, "output")) == (1, 2)
    assert found
    assert not found.supports("vision")
    known.register_fields({"acme/road": {"whole": True, "input_cost_per_token": "3"}})
    assert price(known.find("acme", "road"), "output") is None


def test_single_capabilities_are_added_and_taken_away() -> None:
    """``supports_…`` changes one, ``capabilities`` says all of them."""
    one = registered({"openai/gpt-4o": {"supports_vision": False, "supports_url_context": True}})
    found, before = one.find("openai", "gpt-4o"), catalogue.find("openai", "gpt-4o")
    assert found
    assert before
    assert found.capabilities == (before.capabilities - {"vision"}) | {"url_context"}
    every = registered({"openai/gpt-4o": {"capabilities": ["tools"]}}).find("openai", "gpt-4o")
    assert every
    assert every.capabilities == {"tools"}


def test_unregistering_brings_the_built_in_data_back() -> None:
    """Nothing is left of a registered model, under none of its names."""
    known = registered({"openai/gpt-4o": {"input_cost_per_token": 1, "aliases": "mine"}})
    known.register_fields({"acme/road": {"input_cost_per_token": 1}})
    assert known.find("openai", "mine") is known.find("openai", "gpt-4o")
    assert known.unregister("openai", "mine")
    assert known.find("openai", "mine") is None
    assert known.find("openai", "gpt-4o") == catalogue.find("openai", "gpt-4o")
    assert not known.unregister("openai", "gpt-4o")
    assert known.unregister("acme", "road")
    assert known.revision == catalogue.revision()


def test_whole_records_can_be_registered() -> None:
    """A record is found under its name and aliases, marked with what it is."""
    listed = catalogue.find("openai", "gpt-4o")
    assert listed
    known = Catalogue()
    known.register([replace(listed, provider="acme", name="road", aliases=("road-1",))])
    found = known.find("acme", "road-1")
    assert found is known.find("acme", "road")
    assert found
    assert (found.rates, found.tiers) == (listed.rates, listed.tiers)
    assert found.revision != listed.revision


# --- revisions -------------------------------------------------------------------------------


def test_a_revision_names_what_was_laid_over() -> None:
    """Same words, same revision; other words, another; a record that was not touched keeps its own."""
    words = {"openai/gpt-4o": {"input_cost_per_token": "1", "output_cost_per_token": "2"}}
    turned = {"openai/gpt-4o": {"output_cost_per_token": "2", "input_cost_per_token": "1"}}
    one, same = registered(words), registered(turned)
    other = registered({"openai/gpt-4o": {"input_cost_per_token": "1"}})
    built_in = catalogue.revision()
    assert one.revision == same.revision
    assert len({one.revision, other.revision, built_in}) == 3
    assert one.revision.startswith(f"{built_in}+")
    touched, untouched = one.find("openai", "gpt-4o"), one.find("openai", "gpt-4")
    assert touched
    assert untouched
    assert touched.revision.startswith(f"{built_in}+")
    assert "+" not in untouched.revision


def test_revisions_do_not_depend_on_the_order_of_sets() -> None:
    """What Python's hashing shuffles is put in order before it is hashed."""
    first = {"acme/a": {"capabilities": {"tools", "vision", "pdf"}}}
    second = {"acme/a": {"capabilities": {"pdf", "vision", "tools"}}}
    assert registered(first).revision == registered(second).revision


# --- looking up ------------------------------------------------------------------------------


def test_a_bare_name_leads_to_its_maker_alone() -> None:
    """Hosts that list it too do not make it ambiguous."""
    known = registered({"acme/gpt-4o": {"input_cost_per_token": 1}})
    assert known.providers_of("gpt-4o") == ("openai",)
    assert known.lookup("gpt-4o").provider == "openai"
    assert "acme" in known.providers()
    assert known.providers().index("openai") < known.providers().index("acme")


def test_a_name_that_only_hosts_list_leads_to_them() -> None:
    """With one of them it is clear, with two it has to be said which."""
    known = registered({"acme/road-9": {"input_cost_per_token": 1}})
    assert known.providers_of("road-9") == ("acme",)
    assert known.lookup("road-9").provider == "acme"
    known.register_fields({"other/road-9": {"input_cost_per_token": 1}})
    with pytest.raises(UnknownModelError, match="write acme/road-9 or other/road-9"):
        known.lookup("road-9")
    assert known.lookup("road-9", "other").provider == "other"
    assert known.lookup("other/road-9", "other").provider == "other"


def test_a_file_is_not_parsed_where_its_text_has_not_the_name() -> None:
    """That the text is looked at first hides no name and no alias."""
    for provider in catalogue.default().providers():
        for model in catalogue.models(provider):
            assert all(mentions(provider, name) for name in (model.name, *model.aliases))
    assert not mentions("openai", "nobody-knows-this")
    assert mentions("openai", 'what "json" escapes')
    assert catalogue.providers_of("nobody-knows-this") == ()


@pytest.mark.parametrize(
    ("model", "provider", "message"),
    [
        ("gpt-4oo", None, "did you mean openai/gpt-4o"),
        ("openai/gpt-4oo", None, "does not list openai/gpt-4oo; did you mean openai/gpt-4o"),
        ("gpt-4oo", "openai", "does not list openai/gpt-4oo; did you mean openai/gpt-4o"),
        ("claude-haiku-4.5", "anthropic", "did you mean anthropic/claude-haiku-4-5"),
        ("nobody/knows-this", None, "does not list nobody/knows-this$"),
        ("", None, "must be a text"),
        (None, None, "must be a text"),
    ],
)
def test_an_unknown_model_is_an_error_that_helps(
    model: Any, provider: str | None, message: str
) -> None:
    """It says what is near, of the provider that was named or of all."""
    with pytest.raises(UnknownModelError, match=message):
        Catalogue().lookup(model, provider)


def test_what_a_model_supports() -> None:
    """A capability that is not there is an error, not a no; so is a model of which nothing is known."""
    known = Catalogue()
    assert known.supports("openai", "gpt-4o", "vision")
    assert not known.supports("openai", "gpt-4o", "audio_output")
    for name, hint in (
        ("visoin", "did you mean 'vision'"),
        ("function_calling", "did you mean 'tools'"),
        ("supports_response_schema", "did you mean 'json_schema'"),
        ("zzz", "there are assistant_prefill"),
    ):
        with pytest.raises(ConfigurationError, match=hint):
            known.supports("openai", "gpt-4o", name)
    with pytest.raises(UnknownModelError):
        known.supports("openai", "gpt-400", "vision")


def test_the_list_of_models_has_those_laid_over() -> None:
    """New ones come behind, changed ones stand where they stood, nothing twice."""
    known = registered(
        {
            "openai/gpt-4o": {"input_cost_per_token": 1},
            "openai/mine": {"input_cost_per_token": 1},
        }
    )
    names = [model.name for model in known.models("openai")]
    before = [model.name for model in catalogue.models("openai")]
    assert names == [*before, "mine"]
    assert {model.provider for model in known.models()} >= {"openai", "anthropic"}
    assert len(known.models()) == len(catalogue.models()) + 1
    assert known.models("nobody") == ()


# --- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (
            {"acme/a": {"input_cost_per_tokn": 1}},
            "a: 'input_cost_per_tokn' is not.*did you mean inp",
        ),
        (
            {"acme/a": {"input_cost_per_token": -1}},
            "acme/a: input_cost_per_token: -1 is not a price",
        ),
        ({"acme/a": {"input_cost_per_token": float("nan")}}, "nan is not a price"),
        ({"acme/a": {"input_cost_per_token": "cheap"}}, "'cheap' is not a price"),
        ({"acme/a": {"input_cost_per_token": True}}, "True is not a price"),
        ({"acme/a": {"mode": "chatt"}}, "did you mean chat"),
        ({"acme/a": {"mode": "zzzz"}}, "mode: 'zzzz' is not one of audio_speech"),
        ({"acme/a": {"max_input_tokens": -5}}, "max_input_tokens: -5 is not a count"),
        ({"acme/a": {"max_input_tokens": 1.5}}, "max_input_tokens: 1.5 is not a count"),
        ({"acme/a": {"max_input_tokens": "many"}}, "max_input_tokens: "),
        ({"acme/a": {"aliases": 5}}, "aliases: 5 is not a list of names"),
        ({"acme/a": {"capabilities": ["tool"]}}, "capabilities: 'tool' is no capability; did you"),
        ({"acme/a": {"priced_as": 5}}, "priced_as: "),
        ({"acme/a": {"rates": {"input": 1}}}, "rates must be a list, not dict"),
        ({"acme/a": {"rates": [{"input": 1}]}}, 'each of rates must have "usd"'),
        (
            {"acme/a": {"rates": [{"usd": {"input": 1}, "wen": {}}]}},
            "rates: 'wen' is not under.*when",
        ),
        ({"acme/a": {"rates": [{"usd": {"input": True}}]}}, "input: True is not a price"),
        (
            {"acme/a": {"rates": [{"usd": {"inptu": 1}}]}},
            "'inptu' is no kind of rate; did you mean input",
        ),
        (
            {"acme/a": {"rates": [{"usd": {"audio_input/secnd": 1}}]}},
            "did you mean audio_input/second",
        ),
        (
            {"acme/a": {"rates": [{"usd": {"input": 1}, "when": 5}]}},
            "a condition must be a mapping",
        ),
        (
            {"acme/a": {"rates": [{"usd": {"input": 1}, "when": {"tier": "x"}}]}},
            "'tier' is not under",
        ),
        ({"acme/a": {"tiered_pricing": 5}}, "acme/a: "),
        ({"acme/a": {"like": "nobody/knows"}}, "does not list nobody/knows"),
        ({"acme/a": 5}, "acme/a: it must be a mapping, not int"),
        ({"road-9": {"input_cost_per_token": 1}}, "'road-9' names no provider"),
        ({5: {"input_cost_per_token": 1}}, "5 names no provider"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_registered(models: Any, message: str) -> None:
    """Not even the model beside it that has none."""
    known = Catalogue()
    with pytest.raises(ConfigurationError, match=message):
        known.register_fields({"acme/good": {"input_cost_per_token": 1}, **models})
    assert known.find("acme", "good") is None
    assert known.revision == catalogue.revision()


def test_rows_of_litellm_may_hold_what_is_not_ours() -> None:
    """Only what looks like a price has to be understood."""
    row = {
        "litellm_provider": "acme",
        "max_tokens": 100,
        "supported_endpoints": ["/v1/x"],
        "rpm": 5,
        "input_cost_per_token": 1e-06,
        "input_dbu_cost_per_token": 1e-05,
    }
    known = Catalogue()
    known.register_fields({"acme/a": row}, care="prices")
    found = known.find("acme", "a")
    assert found
    assert found.max_output_tokens == 100
    assert price(found, "input") == Decimal("0.000001")
    with pytest.raises(CatalogueError, match="'input_cost_per_moon' is not understood"):
        known.register_fields({"acme/a": {**row, "input_cost_per_moon": 1}}, care="prices")
    with pytest.raises(CatalogueError, match="is not understood"):
        known.register_fields({"acme/a": row})


def test_every_field_that_a_record_has_can_be_said() -> None:
    """Facts of all kinds arrive where they belong."""
    said = {
        "aliases": ["b"],
        "mode": "embedding",
        "max_input_tokens": "8_000",
        "max_tokens": 8000,
        "supported_modalities": ["text", "image"],
        "output_modalities": "embedding",
        "deprecation_date": "2027-01-01",
        "source": "https://acme.test",
        "read": "2026-11-01",
        "tiers": {"": ["standard"]},
        "defaults": {"ttl": "5m"},
        "priced_as": {"reasoning": "output"},
        "cache_write_marker": "cache_control",
        "output_vector_size": 3,
        "uplifts": [[{"region": "eu"}, "1.1"]],
        "regional_processing_uplift_multiplier_us": 1.2,
        "rates": [
            {"usd": {"input": "1", "image_input/image": "0.5"}},
            {
                "when": {"input_tokens_over": 200},
                "per": 10,
                "usd": {"input": "2"},
                "read": "2026-11-02",
            },
        ],
    }
    found = registered({"acme/a": said}).find("acme", "b")
    assert found
    assert (found.mode, found.max_input_tokens, found.max_output_tokens) == (
        "embedding",
        8000,
        None,
    )
    assert found.input_modalities == {"text", "image"}
    assert found.output_modalities == {"embedding"}
    assert (found.deprecated, found.read, found.vector_size) == ("2027-01-01", "2026-11-01", 3)
    assert (found.tiers[""], found.defaults["ttl"]) == (("standard",), "5m")
    assert (found.priced_as["reasoning"], found.cache_write_marker) == ("output", "cache_control")
    assert {(u.condition["region"], u.factor) for u in found.uplifts} == {
        ("eu", Decimal("1.1")),
        ("us", Decimal("1.2")),
    }
    assert [(r.key, r.usd, r.per, r.source, r.read) for r in found.rates] == [
        ("input", 1, 1_000_000, "https://acme.test", "2026-11-01"),
        ("image_input/image", Decimal("0.5"), 1, "https://acme.test", "2026-11-01"),
        ("input", 2, 10, "https://acme.test", "2026-11-02"),
    ]


def test_an_uplift_replaces_that_of_its_condition() -> None:
    """Another region's stays."""
    known = registered({"acme/a": {"uplifts": [[{"region": "eu"}, 2], [{"region": "us"}, 3]]}})
    known.register_fields({"acme/a": {"uplifts": [[{"region": "eu"}, 4]]}})
    found = known.find("acme", "a")
    assert found
    assert {u.condition["region"]: u.factor for u in found.uplifts} == {"eu": 4, "us": 3}


# --- at once ---------------------------------------------------------------------------------


def test_registering_from_many_threads_loses_nothing() -> None:
    """Each lays its own over, while others look up; all of it is there at the end."""
    known = Catalogue()
    failures: list[str] = []

    def work(number: int) -> None:
        for step in range(20):
            name = f"m{number}-{step}"
            known.register_fields({f"acme/{name}": {"input_cost_per_token": step}})
            found = known.find("acme", name)
            if price(found, "input") != step or known.find("openai", "gpt-4o") is None:
                failures.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(known.models("acme")) == 160


def test_a_kind_of_rate_of_ones_own() -> None:
    """A plugin may measure what nobody else does; only a near miss is a mistake."""
    known = registered({"acme/a": {"rates": [{"usd": {"gpu_time/hour": "3"}}]}})
    found = known.find("acme", "a")
    assert found
    assert [(rate.key, rate.usd, rate.per) for rate in found.rates] == [("gpu_time/hour", 3, 1)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rates": [{"usd": {"input": 1}, "per": -1}]}, "per: -1 is not a whole number above"),
        ({"rates": [{"usd": {"input": 1}, "per": 0}]}, "per: 0 is not"),
        ({"rates": [{"usd": {"input": 1}, "per": 1.5}]}, "per: 1.5 is not"),
        ({"rates": [{"usd": {"input": 1}, "per": True}]}, "per: True is not"),
        ({"rates": [{"usd": {"": 1}}]}, "usd: '' is no kind of rate"),
        ({"rates": [{"usd": {3: 1}}]}, "usd: 3 is no kind of rate"),
        ({"rates": [{"when": {"from": "soon"}, "usd": {"input": 1}}]}, "'soon' is no day such as"),
        ({"rates": [{"when": {"until": "2026-02-31"}, "usd": {"input": 1}}]}, "is no day such as"),
        ({"rates": [{"when": {"utc": "late"}, "usd": {"input": 1}}]}, "utc: 'late' is not of the"),
        ({"rates": [{"when": {"weekdays": "Mo"}, "usd": {"input": 1}}]}, "weekdays: 'Mo' is not"),
        (
            {"rates": [{"when": {"input_tokens_over": "many"}, "usd": {"input": 1}}]},
            "input_tokens_over: 'many' is not a whole number",
        ),
        ({"deprecated": "soon"}, "deprecated: 'soon' is no day"),
        ({"supports_vision": "false"}, "supports_vision: 'false' is neither true nor false"),
        ({"whole": "no"}, "whole: 'no' is neither true nor false"),
    ],
)
def test_a_value_that_would_be_misread_is_refused(fields: Any, message: str) -> None:
    """A price per -1 tokens would be paid back; a day that is none would never come; "false" is a true text."""
    with pytest.raises(CatalogueError, match=message):
        Catalogue().register_fields({"acme/a": fields})


def test_a_flag_of_litellms_that_is_no_flag_says_nothing() -> None:
    """Its rows may hold anything; a text is neither yes nor no."""
    known = Catalogue()
    rows = {
        "a": {"litellm_provider": "acme", "supports_vision": "false", "supports_reasoning": True}
    }
    (found,) = known.register_fields(rows, care="prices")
    assert found.capabilities == {"reasoning"}


def test_a_revision_does_not_grow_with_every_word() -> None:
    """A program may tell of a price every hour; each time the revision is another, and as long."""
    known = Catalogue()
    seen = set()
    for price in range(50):
        (found,) = known.register_fields({"openai/gpt-4o": {"input_cost_per_token": price}})
        seen.add(found.revision)
    assert len(seen) == 50
    assert max(map(len, seen)) == len(f"{catalogue.revision()}+") + 12
