"""Addresses that a client has worked out before: none outlives what it was made of."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import llmkit
from llmkit import errors, providers
from llmkit._control import address
from llmkit._control.places import Places
from llmkit._control.plan import CHAT, address_of, asked
from llmkit._secret import Secret
from llmkit.catalogue import Catalogue

KEY = "sk-" + "places-0123456789"
OTHER = "sk-" + "places-9876543210"


def places(environ: Mapping[str, str] | None = None, catalogue: Catalogue | None = None) -> Places:
    """Those of one client."""
    return Places(environ if environ is not None else {}, catalogue or Catalogue())


def at(known: Places, model: str = "openai/gpt-4o-mini", **options: Any) -> address.Address:
    """The address of a call with these options."""
    return known.at(model, asked(options, {}), CHAT, keyless=False)


def key(found: address.Address) -> str:
    """Its key's text."""
    assert isinstance(found.key, Secret)
    return found.key.reveal()


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models whose addresses were worked out."""
    seen: list[str] = []
    whole = address.resolve

    def resolve(model: str, *arguments: Any, **named: Any) -> Any:
        seen.append(model)
        return whole(model, *arguments, **named)

    monkeypatch.setattr(address, "resolve", resolve)
    return seen


def test_it_is_worked_out_once(worked_out: list[str]) -> None:
    """The same call has the same address, and nobody works it out again."""
    known, options = places(), asked({"api_key": Secret(KEY)}, {})
    found = [known.at("openai/m", options, CHAT, keyless=False) for _ in range(3)]
    assert found[0] is found[1] is found[2]
    assert worked_out == ["openai/m"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OPENAI_API_KEY", OTHER, lambda found: key(found) == OTHER),
        (
            "OPENAI_BASE_URL",
            "https://a.test/v1",
            lambda f: f.endpoint.base_url == "https://a.test/v1",
        ),
        ("OPENAI_ORG_ID", "acme", lambda f: f.endpoint.headers["OpenAI-Organization"] == "acme"),
    ],
)
def test_the_environment_stays_live(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: Any
) -> None:
    """A variable that is set, changed or taken away between two calls holds for the second."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    known = places(os.environ)
    before = at(known)
    assert key(before) == KEY
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        assert said(at(known))
    assert at(known).endpoint == before.endpoint
    assert key(at(known)) == KEY
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(errors.MissingKeyError):
        at(known)


class Vault(Mapping[str, str]):
    """An environment that is no dict."""

    def __init__(self, **values: str) -> None:
        self.values_ = values

    def __getitem__(self, name: str) -> str:
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


@pytest.mark.parametrize("made", [dict, Vault])
def test_any_mapping_is_an_environment(made: Any, worked_out: list[str]) -> None:
    """A client's own environment is looked at with every call, too."""
    environ = made(OPENAI_API_KEY=KEY)
    known = places(environ)
    assert key(at(known)) == key(at(known)) == KEY
    assert len(worked_out) == 1
    getattr(environ, "values_", environ)["OPENAI_API_KEY"] = OTHER
    assert key(at(known)) == OTHER
    assert len(worked_out) == 2


def test_options_are_part_of_it() -> None:
    """A version, an address, a provider or a query of the call's own holds for that call alone."""
    known, plain = places(), {"api_key": KEY}
    assert at(known, **plain).endpoint.query == {}
    assert at(known, **plain, api_version="1").endpoint.query == {"api-version": "1"}
    assert at(known, **plain, api_version="2").endpoint.query == {"api-version": "2"}
    assert at(known, **plain, base_url="https://a.test").endpoint.base_url == "https://a.test"
    assert at(known, **plain, custom_llm_provider="groq").provider.name == "groq"
    found = at(known, **plain)
    assert (found.endpoint.query, found.provider.name) == ({}, "openai")
    query = {"a": "1"}
    assert at(known, **plain, extra_query=query).endpoint.query == {"a": "1"}
    query["a"] = "2"
    assert at(known, **plain, extra_query=query).endpoint.query == {"a": "2"}


def test_each_call_has_its_own_key(worked_out: list[str]) -> None:
    """A key that is given with a call is that call's; its text is kept nowhere, whatever else is."""
    known = places({"OPENAI_API_KEY": KEY})
    assert key(at(known)) == KEY
    assert [key(at(known, api_key=text)) for text in (KEY, OTHER, KEY)] == [KEY, OTHER, KEY]
    asking = at(known, api_key=lambda: KEY)
    assert callable(asking.key)
    assert (at(known).key_source, asking.key_source) == ("OPENAI_API_KEY", "api_key")
    assert len(worked_out) == 2
    shown = places()
    at(shown, api_key=OTHER)
    (kept,) = shown._kept.values()
    assert OTHER not in map(str, (*shown._kept, kept.key, *kept.said, *kept.seen))


def test_what_a_call_brings_is_let_go() -> None:
    """A key that is given with a call, and what a function in its place holds, is not kept for the next one."""

    class Asking:
        def __call__(self) -> str:
            return KEY

    known, asking = places(), Asking()
    gone = weakref.ref(asking)
    assert at(known, api_key=asking).key is asking
    del asking
    assert gone() is None
    at(known, api_key=OTHER)
    assert [kept.address.key for kept in known._kept.values()] == [None]


def test_what_changes_while_an_address_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that another thread replaces just then is the next call's; the old one is not kept as if it were new."""
    environ = {"OPENAI_API_KEY": KEY}
    known, whole = places(environ), address_of

    def late(*arguments: Any, **named: Any) -> address.Address:
        found = whole(*arguments, **named)
        environ["OPENAI_API_KEY"] = OTHER
        return found

    monkeypatch.setattr("llmkit._control.places.address_of", late)
    assert [key(at(known)) for _ in range(3)] == [KEY, OTHER, OTHER]


def test_a_variable_of_an_address_is_part_of_it() -> None:
    """What stands in an address's braces is looked up with every call, in the options and in the environment."""
    environ = {"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_ACCOUNT_ID": "one"}
    known, model = places(environ), "cloudflare/m"
    assert "/one/" in at(known, model).endpoint.base_url
    assert "/two/" in at(known, model, account_id="two").endpoint.base_url
    environ["CLOUDFLARE_ACCOUNT_ID"] = "three"
    assert "/three/" in at(known, model).endpoint.base_url


def test_where_a_provider_looks_by_itself() -> None:
    """What its own function makes an address of is this call's: options and environment as they are now."""
    known = places({"AZURE_API_KEY": KEY})
    bases = ("https://a.openai.azure.com", "https://a.openai.azure.com")
    found = [
        at(known, "azure/m", base_url=base, api_version=str(i)) for i, base in enumerate(bases)
    ]
    wheres = [each.where for each in found if each.where is not None]
    assert [where.options["api_version"] for where in wheres] == ["0", "1"]
    assert all(where.environ == {"AZURE_API_KEY": KEY} for where in wheres)


def test_another_provider_of_the_name() -> None:
    """A provider that takes another's name has its calls from then on, and the other has them back."""
    known, mine = places(), providers.openai_compatible("openai", "https://mine.test/v1")
    before = at(known, api_key=KEY)
    with providers.lend(mine):
        assert at(known, api_key=KEY).endpoint.base_url == "https://mine.test/v1"
    assert at(known, api_key=KEY).endpoint == before.endpoint


def test_what_is_found_while_a_name_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that another thread finds in the last moment of a lent provider does not outlive that."""

    class Watched(dict[str, Any]):
        def pop(self, *name: Any) -> Any:
            if "openai" in name:
                found.append(at(known, api_key=KEY).endpoint.base_url)
            return super().pop(*name)

    mine = providers.openai_compatible("openai", "https://mine.test/v1")
    known, found = places(), list[str]()
    before = at(known, api_key=KEY)
    monkeypatch.setattr(providers.registry, "_found", Watched(providers.registry._found))
    with providers.lend(mine):
        pass
    assert found == ["https://mine.test/v1"]
    assert at(known, api_key=KEY).endpoint == before.endpoint


def test_a_catalogue_of_before_is_let_go() -> None:
    """Models that are registered while calls are made do not leave all that was there at each of them."""
    listed = Catalogue()
    known = places(catalogue=listed)
    for number in range(3):
        listed.register_fields({f"groq/made-up-{number}": {"mode": "chat"}})
        at(known, f"groq/made-up-{number}", api_key=KEY)
    (kept,) = known._kept.values()
    assert kept.moment is listed.moment()


def test_another_catalogue_for_a_bare_name() -> None:
    """A bare name leads where the catalogue says now."""
    listed = Catalogue()
    known = places(catalogue=listed)
    for name in ("groq", "mistral"):
        listed.register_fields({f"{name}/made-up": {"mode": "chat"}})
        assert at(known, "made-up", api_key=KEY).provider.name == name
        listed.unregister(name, "made-up")


def test_mistakes_are_not_kept() -> None:
    """What is no model, no address or no key is said each time, and nothing is kept of it."""
    known: Places = places()
    wrong: Any = ["openai/m"]
    for _ in range(2):
        with pytest.raises(errors.ConfigurationError, match="model must be a text"):
            known.at(wrong, asked({}, {}), CHAT, keyless=False)
        with pytest.raises(errors.MissingKeyError):
            at(known)
        with pytest.raises(errors.ConfigurationError, match="no http"):
            at(known, base_url="nowhere", api_key=KEY)
    assert not known._kept


def test_it_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers may choose names as they like: only so many are kept."""
    monkeypatch.setattr("llmkit._control.places._MOST", 5)
    known = places()
    for number in range(20):
        at(known, f"openai/m{number}", api_key=KEY)
    assert len(known._kept) <= 5


def test_a_client_goes_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is set after the first call is the next call's."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with llmkit.Client() as client:
        first = client.dry_run("completion", model="openai/m", messages=[])
        monkeypatch.setenv("OPENAI_BASE_URL", "https://b.test/v1")
        second = client.dry_run("completion", model="openai/m", messages=[])
    assert first.url == "https://api.openai.com/v1/chat/completions"
    assert second.url == "https://b.test/v1/chat/completions"
