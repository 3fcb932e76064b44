"""``get_model_info``, ``supports`` and ``register_model``, as functions and as methods of a client."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import catalogue
from llmkit.catalogue import Catalogue
from llmkit.catalogue._capabilities import LITELLM
from llmkit.errors import CatalogueError, ConfigurationError, UnknownModelError


@pytest.fixture
def client() -> Iterator[llmkit.Client]:
    """A client with a catalogue of its own."""
    with llmkit.Client(catalogue=Catalogue()) as made:
        yield made


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("openai/gpt-4o", None),
        ("gpt-4o", None),
        ("gpt-4o-2024-08-06", None),
        ("gpt-4o", "openai"),
        ("openai/gpt-4o", "openai"),
    ],
)
def test_a_model_by_any_of_its_names(model: str, provider: str | None) -> None:
    """All lead to one record."""
    assert llmkit.get_model_info(model, provider) is catalogue.find("openai", "gpt-4o")


def test_a_provider_by_another_of_its_names(client: llmkit.Client) -> None:
    """As calls take it, so does the catalogue."""
    listed = next(m for m in catalogue.models("together_ai"))
    assert client.get_model_info(f"together-ai/{listed.name}") == listed
    assert client.get_model_info(listed.name, "together-ai") == listed


@pytest.mark.parametrize("model", ["nobody/knows", "openai/nobody-knows", "nobody-knows"])
def test_a_model_that_is_not_listed_is_an_error(client: llmkit.Client, model: str) -> None:
    """Not ``None``, nor a record of zeros; and not a model that supports nothing."""
    for ask in (client.get_model_info, lambda name: client.supports(name, "tools")):
        with pytest.raises(UnknownModelError, match="does not list"):
            ask(model)


@pytest.mark.parametrize("model", ["", " ", None, 5])
def test_what_is_no_name_is_an_error(client: llmkit.Client, model: Any) -> None:
    """A typed one, too."""
    with pytest.raises(ConfigurationError, match=r"must be a text|a name or a mapping"):
        client.get_model_info(model)


def test_what_a_model_supports() -> None:
    """Yes or no for what is listed; a name that is none is told."""
    assert llmkit.supports("gpt-4o", "vision")
    assert llmkit.supports("gpt-4o", "tools", "openai")
    assert not llmkit.supports("gpt-4o", "audio_output")
    with pytest.raises(ConfigurationError, match="did you mean 'tools'"):
        llmkit.supports("gpt-4o", "function_calling")


def test_every_capability_of_the_data_has_a_name() -> None:
    """None is in the data that could not be asked for."""
    found = {name for model in catalogue.models() for name in model.capabilities}
    assert found <= catalogue.CAPABILITIES
    assert set(LITELLM.values()) <= catalogue.CAPABILITIES


def test_registering_holds_for_the_process() -> None:
    """For every client of the default catalogue, until it is taken off."""
    try:
        (made,) = llmkit.register_model(
            "acme/mine", like="gpt-4o", input_cost_per_token=Decimal("0.000001"), max_input_tokens=5
        )
        assert made is llmkit.get_model_info("acme/mine")
        with llmkit.Client() as client:
            assert client.get_model_info("mine").max_input_tokens == 5
    finally:
        assert catalogue.default().unregister("acme", "mine")
    with pytest.raises(UnknownModelError):
        llmkit.get_model_info("acme/mine")


def test_registering_with_one_client_alone(client: llmkit.Client) -> None:
    """Its catalogue is its own."""
    client.register_model("acme/mine", input_cost_per_token=1)
    assert client.get_model_info("acme/mine")
    assert catalogue.find("acme", "mine") is None


def test_several_models_at_once(client: llmkit.Client) -> None:
    """In LiteLLM's form; a bare name is that of a model that is there."""
    made = client.register_model(
        {
            "gpt-4o": {"input_cost_per_token": 1e-06},
            "mine": {"litellm_provider": "acme", "input_cost_per_token": 1e-06},
        }
    )
    assert [(one.provider, one.name) for one in made] == [("openai", "gpt-4o"), ("acme", "mine")]


def test_mistakes_in_registering(client: llmkit.Client) -> None:
    """What is given twice, or is nothing of it."""
    with pytest.raises(CatalogueError, match="have their own fields each"):
        client.register_model({"acme/a": {}}, mode="chat")
    with pytest.raises(CatalogueError, match="a name or a mapping is wanted, not int"):
        client.register_model(5)  # type: ignore[arg-type]


def test_a_bare_name_goes_by_the_clients_catalogue(client: llmkit.Client) -> None:
    """Calls find the provider of a model that only this client knows."""
    client.register_model("groq/mine-alone", input_cost_per_token=1)
    call = {"model": "mine-alone", "messages": [{"role": "user", "content": "hi"}]}
    assert "api.groq.com" in client.dry_run("completion", **call).url
    with pytest.raises(ConfigurationError, match="catalogue does not know the model"):
        llmkit.completion(**call)  # type: ignore[call-overload]


def test_valid_models_go_by_the_clients_catalogue(
    client: llmkit.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was registered can be called as well."""
    monkeypatch.setenv("GROQ_API_KEY", "test-" + "key")
    client.register_model("groq/mine-alone", input_cost_per_token=1)
    assert "groq/mine-alone" in client.get_valid_models()
    assert "groq/mine-alone" not in llmkit.get_valid_models()


def test_nothing_of_it_can_be_run_dry(client: llmkit.Client) -> None:
    """These are no calls; a dry run does not register anything."""
    with pytest.raises(ConfigurationError, match="is no call that can be run dry"):
        client.dry_run("register_model", model="acme/mine", input_cost_per_token=1)
    assert client.catalogue.find("acme", "mine") is None


@pytest.mark.parametrize("capability", [None, ["vision"], 3])
def test_a_capability_is_a_name(capability: Any) -> None:
    """Anything else is a mistake that is said."""
    with pytest.raises(ConfigurationError, match="a capability is a name such as 'vision'"):
        llmkit.supports("gpt-4o", capability)


def test_a_misspelt_provider_is_told_from_a_misspelt_model(client: llmkit.Client) -> None:
    """The model is there; the provider that it has is the near miss."""
    for ask in (("opnai/gpt-4o",), ("gpt-4o", "opnai")):
        with pytest.raises(UnknownModelError, match=r"did you mean openai/gpt-4o\?"):
            client.get_model_info(*ask)


def test_a_catalogue_shows_its_revision() -> None:
    """Two of them are told apart by it."""
    assert repr(Catalogue()) == f"<Catalogue {catalogue.revision()}>"


def test_a_file_that_the_environment_names_wrongly(tmp_path: Path) -> None:
    """The message says where the name is from: nobody gave it in the program."""
    missing = tmp_path / "nope.json"
    known = Catalogue.later(lambda: [missing], "LLMKIT_CATALOGUE")
    with pytest.raises(CatalogueError, match=r"^LLMKIT_CATALOGUE: catalogue file '.*nope\.json'"):
        known.find("openai", "gpt-4o")
    assert catalogue.default()._named_by == "LLMKIT_CATALOGUE"
