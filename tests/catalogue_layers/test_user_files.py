"""Catalogue files of a user: llmkit's form, LiteLLM's, and the environment variable that names them."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import catalogue
from llmkit.catalogue import Catalogue, ModelInfo
from llmkit.catalogue._user import litellm_name
from llmkit.errors import CatalogueError, ConfigurationError

OWN = {
    "llmkit_catalogue": 1,
    "revision": "2026-11-20",
    "source": "our contract",
    "providers": {"acme": {"own": True}},
    "models": {
        "openai/gpt-4o": {"rates": [{"usd": {"input": "2"}}]},
        "acme/road": {
            "like": "openai/gpt-4o",
            "max_output_tokens": 5,
            "input_cost_per_token": "1e-6",
        },
    },
}
LITELLM = {
    "sample_spec": {"input_cost_per_token": "a number"},
    "fallback_generalizations": {"rules": [{"name": "made-up", "pattern": "^made-"}]},
    "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 3e-06, "mode": "chat"},
    "bedrock/mine": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 1e-06},
    "vertex_ai/theirs": {"litellm_provider": "vertex_ai-mistral_models", "input_cost_per_token": 1},
    "acme/odd": {"input_cost_per_token": 1e-06, "input_cost_per_moon": 1, "mode": "strange"},
    "acme/vague": {"input_cost_per_token": 1e-06, "max_input_tokens": "see the page"},
}


def written(path: Path, content: Any) -> str:
    """A file that holds this, as JSON or as it is."""
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return str(path)


def price(model: ModelInfo | None, key: str = "input") -> Decimal | None:
    """USD of a unit where nothing is asked for."""
    rates = model.rates if model else ()
    return next((r.usd / r.per for r in rates if r.key == key and not r.condition), None)


def test_a_file_of_llmkits_form(tmp_path: Path) -> None:
    """Only a price of a listed model, and a new model of a new maker."""
    known = Catalogue(written(tmp_path / "ours.json", OWN))
    found = known.find("openai", "gpt-4o")
    assert found
    assert price(found) == Decimal("0.000002")
    rate = next(rate for rate in found.rates if rate.source == "our contract")
    assert (rate.key, rate.read) == ("input", "2026-11-20")
    road = known.find("acme", "road")
    assert road
    assert (road.max_output_tokens, road.max_input_tokens) == (5, found.max_input_tokens)
    assert known.lookup("road").provider == "acme"
    assert known.providers().index("acme") < known.providers().index("azure")


def test_a_files_price_holds_for_snapshots_too(tmp_path: Path) -> None:
    """Also where a snapshot is the first that is asked for."""
    known = Catalogue(written(tmp_path / "ours.json", OWN))
    snapshot = known.find("openai", "gpt-4o-2024-08-06")
    assert price(snapshot) == Decimal("0.000002")
    assert snapshot is known.find("openai", "gpt-4o")


def test_a_file_of_litellms_form(tmp_path: Path) -> None:
    """Providers by their other names, and a model with a price that is not understood has none."""
    known = Catalogue(written(tmp_path / "theirs.json", LITELLM))
    assert price(known.find("openai", "gpt-4o")) == Decimal("0.000003")
    assert price(known.find("openai", "gpt-4o"), "output") == price(
        catalogue.find("openai", "gpt-4o"), "output"
    )
    assert price(known.find("bedrock", "mine")) == Decimal("0.000001")
    assert price(known.find("vertex_ai", "theirs")) == 1
    odd, vague = known.find("acme", "odd"), known.find("acme", "vague")
    assert odd
    assert (odd.rates, odd.mode) == ((), "strange")
    assert vague
    assert (price(vague), vague.max_input_tokens) == (Decimal("0.000001"), None)
    assert known.find("acme", "sample_spec") is None


@pytest.mark.parametrize(
    ("key", "provider", "wanted"),
    [
        ("gpt-4o", "openai", ("openai", "gpt-4o")),
        ("azure/x", "azure_text", ("azure", "x")),
        ("command-r", "cohere_chat", ("cohere", "command-r")),
        ("anthropic.claude-v2", "bedrock_converse", ("bedrock", "anthropic.claude-v2")),
        ("text-completion-openai/x", "text-completion-openai", ("openai", "x")),
        ("text-completion-codestral/x", "text-completion-codestral", ("codestral", "x")),
        ("text-completion-inception/x", "text-completion-inception", ("inception", "x")),
        ("scx-ai/x", "scx-ai", ("scx_ai", "x")),
        ("vertex_ai/x", "vertex_ai-anthropic_models", ("vertex_ai", "x")),
        ("fireworks_ai/a/x", "fireworks_ai-embedding-models", ("fireworks_ai", "a/x")),
        ("openrouter/openai/x", None, ("openrouter", "openai/x")),
    ],
)
def test_litellms_words_for_providers(
    key: str, provider: str | None, wanted: tuple[str, str]
) -> None:
    """Each leads to the provider that calls are made with."""
    assert litellm_name(key, provider) == wanted


def test_later_files_lie_over_earlier_ones(tmp_path: Path) -> None:
    """And what is registered over all of them; the revision names each."""
    first = written(tmp_path / "a.json", LITELLM)
    second = written(tmp_path / "b.json", OWN)
    known = Catalogue(first, second)
    assert price(known.find("openai", "gpt-4o")) == Decimal("0.000002")
    assert price(Catalogue(second, first).find("openai", "gpt-4o")) == Decimal("0.000003")
    known.register_fields({"openai/gpt-4o": {"input_cost_per_token": 1}})
    assert price(known.find("openai", "gpt-4o")) == 1
    built_in, *marks = known.revision.split("+")
    assert built_in == catalogue.revision()
    assert len(set(marks)) == 3
    found = known.find("openai", "gpt-4o")
    assert found
    assert found.revision.split("+")[1:3] == marks[:2]
    assert known.revision != Catalogue(second, first).revision


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "bad.json': not JSON"),
        ("[]", "it must hold an object, not list"),
        ({"llmkit_catalogue": 2}, "llmkit_catalogue is 2, this reads 1"),
        ({"llmkit_catalogue": 1, "model": {}}, "'model' is not one of llmkit_catalogue, models"),
        ({"llmkit_catalogue": 1, "models": []}, "models: it must be an object, not list"),
        ({"llmkit_catalogue": 1, "models": {"road": {}}}, "road: 'road' names no provider"),
        ({"llmkit_catalogue": 1, "models": {"acme/a": 5}}, "acme/a: .*must be an object, not int"),
        (
            {"llmkit_catalogue": 1, "models": {"acme/a": {"price": 5}}},
            "acme/a: 'price' is not under",
        ),
        ({"llmkit_catalogue": 1, "models": {"acme/a": {"like": "x"}}}, "'x' names no provider"),
        (
            {"llmkit_catalogue": 1, "models": {"acme/a": {"like": "acme/b"}}},
            "acme/a: like: what is below the file does not list acme/b",
        ),
        (
            {"llmkit_catalogue": 1, "providers": {"acme": True}},
            'acme must be {"own": true or false}',
        ),
        (
            {"acme/a": {"input_cost_per_token": -1}},
            "acme/a: input_cost_per_token: -1 is not a price",
        ),
        ({"a": {"input_cost_per_token": 1}}, "a: 'a' names no provider"),
        ({"acme/a": 5}, "acme/a: it must be an object"),
    ],
)
def test_a_bad_file_says_what_is_wrong_and_where(
    tmp_path: Path, content: Any, message: str
) -> None:
    """A typed error that names the file, the model and the field."""
    path = written(tmp_path / "bad.json", content)
    with pytest.raises(CatalogueError, match=message) as caught:
        Catalogue(path)
    assert "bad.json" in str(caught.value) or "catalogue files" in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The system's own words, and the path."""
    with pytest.raises(CatalogueError, match=r"none\.json': No such file"):
        Catalogue(tmp_path / "none.json")
    with pytest.raises(CatalogueError, match="directory"):
        Catalogue(tmp_path)


# --- clients ---------------------------------------------------------------------------------


def test_a_client_with_a_catalogue_of_its_own(tmp_path: Path) -> None:
    """A path or a catalogue; names and prices are looked up there, and nowhere else."""
    path = written(tmp_path / "ours.json", OWN)
    for given in (path, Path(path), Catalogue(path)):
        with llmkit.Client(catalogue=given) as client:
            assert price(client.get_model_info("gpt-4o")) == Decimal("0.000002")
            assert client.catalogue.find("acme", "road")
    assert price(llmkit.get_model_info("gpt-4o")) == Decimal("0.0000025")
    with pytest.raises(ConfigurationError, match="must be a Catalogue or a path, not int"):
        llmkit.Client(catalogue=5)  # type: ignore[arg-type]
    with pytest.raises(CatalogueError):
        llmkit.Client(catalogue=tmp_path / "none.json")


# --- the environment -------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the default catalogue is to read; afterwards it is what it was."""

    def named(*paths: str) -> None:
        monkeypatch.setenv(catalogue.ENVIRONMENT, os.pathsep.join(paths))
        catalogue.default().forget()

    yield named
    monkeypatch.delenv(catalogue.ENVIRONMENT, raising=False)
    catalogue.default().forget()


def test_the_environment_names_files(tmp_path: Path, environment: Any) -> None:
    """One or several, for the functions of the module and every client without a catalogue of its own."""
    environment(written(tmp_path / "a.json", LITELLM), "", written(tmp_path / "b.json", OWN))
    assert price(catalogue.find("openai", "gpt-4o")) == Decimal("0.000002")
    assert price(llmkit.get_model_info("bedrock/mine")) == Decimal("0.000001")
    with llmkit.Client() as client:
        assert client.catalogue is catalogue.default()
    assert catalogue.revision().count("+") == 2
    assert len(catalogue.models("acme")) == 3


def test_a_bad_file_in_the_environment_stops_clients(tmp_path: Path, environment: Any) -> None:
    """It is heard of before anything is sent, each time until it is put right."""
    environment(str(tmp_path / "none.json"))
    for _ in range(2):
        with pytest.raises(CatalogueError, match="No such file"):
            llmkit.Client()
        with pytest.raises(CatalogueError, match="No such file"):
            catalogue.find("openai", "gpt-4o")
    written(tmp_path / "none.json", OWN)
    assert price(catalogue.find("openai", "gpt-4o")) == Decimal("0.000002")
