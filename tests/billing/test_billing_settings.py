"""What a billing object is told: what is meant is taken, and what cannot be meant says what to change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmkit._control.billing.options import CHECKS, BillingOptions
from llmkit._control.billing.settings import CLOUD, Settings, settings_of
from llmkit._secret import Secret
from llmkit.errors import ConfigurationError
from llmkit.stores import MemoryStore

KEY = "lago-" + "key-0123"


class Clock:
    """Anything that has a clock's methods."""

    now = wall = sleep = asleep = staticmethod(lambda *_: 0.0)


def made(
    url: Any = None, key: Any = KEY, environ: dict[str, str] | None = None, **options: Any
) -> Settings:
    """Settings of these options."""
    return settings_of(url, key, options, environ or {}, Clock())  # type: ignore[arg-type]


def refused(url: Any = None, key: Any = KEY, environ: Any = None, **options: Any) -> str:
    """Why these options are none."""
    with pytest.raises(ConfigurationError) as caught:
        made(url, key, environ, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "api", "root"),
    [
        (None, f"{CLOUD}/api/v1", CLOUD),
        ("http://localhost:3000", "http://localhost:3000/api/v1", "http://localhost:3000"),
        ("http://localhost:3000/", "http://localhost:3000/api/v1", "http://localhost:3000"),
        (" https://lago.example/api/v1/\n", "https://lago.example/api/v1", "https://lago.example"),
        (
            "https://x.example/lago/api/v1",
            "https://x.example/lago/api/v1",
            "https://x.example/lago",
        ),
    ],
)
def test_an_address_with_or_without_its_prefix_is_the_same(given: Any, api: str, root: str) -> None:
    """A bare host gets Lago's prefix, whatever slash or blank it is written with; a path stays as it is."""
    assert made(given).api_url == api
    assert made(given).base_url == root


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("api.getlago.com", "begins with https://"),
        ("ftp://lago.example", "begins with https://"),
        ("https://", "begins with https://"),
        ("https://lago.example:port", "is no address"),
        ("https://me:" + "pass@lago.example", "the key is api_key"),
        ("https://lago.example?x=1", "a query"),
        ("https://la go.example", "a blank"),
        ("https://lago.example/\n/api/v1", "begins with|blank|line break"),
        ("https://lago.example/api/v1/events", "leave out /events"),
        ("https://lago.example/api", "leave out /api"),
        ("https://app.eu.getlago.com", "https://api.eu.getlago.com"),
        (7, "is an address"),
    ],
)
def test_what_is_no_address_says_what_is_wrong(given: Any, hint: str) -> None:
    """A near miss of an address names its fault, and shows nothing that may be a password."""
    said = refused(given)
    assert any(one in said for one in hint.split("|"))
    assert "pass@" not in said


def test_addresses_and_keys_come_from_the_environment() -> None:
    """What is not given is looked up under Lago's own names; what is given is not."""
    environ = {"LAGO_API_BASE": "https://base.example", "LAGO_API_KEY": f" {KEY}\n"}
    found = made(key=None, environ=environ)
    assert (found.api_url, found.key().reveal()) == ("https://base.example/api/v1", KEY)
    assert made(None, environ={**environ, "LAGO_API_URL": "https://u.example"}).base_url == (
        "https://u.example"
    )
    assert made("https://g.example", environ=environ).base_url == "https://g.example"
    assert refused(environ={"LAGO_API_URL": "lago"}).startswith("LAGO_API_URL begins with")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "  ",
        "abc",
        "lago key",
        "lago\nkey-1",
        "Bearer " + KEY,
        "schlüssel-1",
        b"bytes-key",
        12345,
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(given: Any) -> None:
    """A key that cannot go into a header is refused at once; the message does not repeat it."""
    said = refused(key=given)
    assert "api_key" in said
    assert KEY not in said
    assert "12345" not in said


def test_a_missing_key_names_its_variable() -> None:
    """Without any key, the message names the argument and the variable."""
    assert "LAGO_API_KEY" in refused(key=None)
    assert refused(key=None, environ={"LAGO_API_KEY": "a b c d e"}).startswith("LAGO_API_KEY is no")


def test_a_key_can_be_a_function() -> None:
    """A function is asked each time; what it fails with, or gives in place of a key, is said without the key."""
    keys = iter([KEY, KEY + "-2"])
    settings = made(key=lambda: next(keys))
    assert [settings.key().reveal(), settings.key().reveal()] == [KEY, KEY + "-2"]
    with pytest.raises(ConfigurationError, match="failed: StopIteration"):
        settings.key()
    with pytest.raises(ConfigurationError, match="what the function api_key gives"):
        made(key=lambda: None).key()


def test_nothing_shows_a_key() -> None:
    """Neither the key nor the webhooks' key nor an outbox's password is in the settings' repr."""
    settings = made(webhook_key="hook-" + "secret", outbox="postgresql://me:" + "word@db/x")
    assert KEY not in repr(settings)
    assert "hook-secret" not in repr(settings)
    assert "word@" not in repr(settings)
    assert isinstance(settings.webhook_key, Secret)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"flush_interval": 1}, "did you mean flush_every="),
        ({"flush_evry": 1}, "did you mean flush_every="),
        ({"base_url": "x"}, "did you mean api_url="),
        ({"nonsense_entirely": 1}, "no option 'nonsense_entirely'"),
        ({"flush_every": 1000_000}, "flush_every is in seconds, from 0.01 to 3600"),
        ({"timeout": "10"}, "timeout is in seconds"),
        ({"timeout": True}, "timeout is in seconds"),
        ({"keep_days": 0}, "keep_days is in days"),
        ({"batch_size": 0}, "batch_size is a whole number"),
        ({"batch_size": 10.0}, "batch_size is a whole number"),
        ({"durability": "disk"}, "'crash' or 'power'"),
        ({"mode": ["standard"]}, "'standard' or 'dynamic'"),
        ({"background": "no"}, "background is True or False"),
        ({"metrics": "askii_coins"}, "a list of Metric"),
        ({"metrics": []}, "nothing would be billed"),
        ({"properties": "project"}, "a list of metadata keys"),
        ({"properties": ["ok", 3]}, "a list of metadata keys"),
        ({"callbacks": print}, "a list of callables"),
        ({"callbacks": [3]}, "a list of callables"),
        ({"subscription": 12}, "an external subscription id"),
        ({"subscription": " "}, "subscription is a text"),
        ({"overshoot": -1}, "0 or more"),
        ({"overshoot": "much"}, "an amount in USD"),
        ({"unbounded": float("nan")}, "0 or more, and finite"),
        ({"requests_per_second": 50}, "given by class"),
        ({"requests_per_second": {"batches": 1}}, "given by class"),
        ({"requests_per_second": {"other": 0}}, "above 0"),
        ({"clock": object()}, "clock is a clock"),
        ({"send": 3}, "a function of an HTTPRequest"),
        ({"webhook_key": 3}, "HMAC key"),
        ({"feature": ""}, "feature is a text"),
        ({"entitlement": "moneta"}, "'lago', 'authorize', None"),
        ({"entitlement": True}, "no flag"),
    ],
)
def test_what_is_no_option_says_what_one_is(options: dict[str, Any], hint: str) -> None:
    """A wrong name or value is refused when the object is made, with what to write instead."""
    assert hint in refused(**options)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"drain_seconds": 3}, "broken='drain'"),
        ({"spill_limit": 3, "when_full": "raise"}, "when_full='spill'"),
        ({"block_seconds": 3}, "when_full='block'"),
        ({"publisher_id": "p"}, "entitlement='authorize'"),
        ({"entitlement": "authorize"}, "LAGO_PUBLISHER_ID"),
        ({"entitlement": None, "require_wallet": True}, "require_wallet="),
        ({"fresh": 60, "stale": 30}, "cannot be before"),
        ({"rate": 1, "currency": object()}, "give one"),
        ({"durability": "power"}, "outbox='billing.db'"),
        ({"durability": "power", "outbox": MemoryStore()}, "outbox='billing.db'"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], hint: str) -> None:
    """Options that mean nothing beside the others are no silence: somebody would believe in them."""
    assert hint in refused(**options)


def test_what_goes_together_is_taken() -> None:
    """The same options with what they belong to."""
    assert made(broken="drain", drain_seconds=3).drain_seconds == 3
    assert made(when_full="block", block_seconds=1).block_seconds == 1
    assert made(entitlement="authorize", environ={"LAGO_PUBLISHER_ID": "p"}).publisher_id == "p"
    assert made(durability="power", outbox="billing.db").durability == "power"
    assert made(durability="power", outbox="postgresql://host/db").durability == "power"
    assert made(entitlement=None).entitlement is None


def test_numbers_are_exact_and_lists_are_kept() -> None:
    """A float of dollars is what it is written as, a list is a tuple, a rate fills up the default ones."""
    settings = made(
        overshoot=0.1,
        unbounded="0.50",
        properties=["a", "a", "b"],
        requests_per_second={"other": 9},
    )
    assert settings.overshoot == Decimal("0.1")
    assert settings.unbounded == Decimal("0.50")
    assert settings.properties == ("a", "b")
    assert settings.requests_per_second == {"events": 500, "usage": 200, "other": 9}


def test_an_environment_of_its_own_is_the_only_one() -> None:
    """What is given in place of the process's environment is looked at alone, though it be empty."""
    around = {"LAGO_API_URL": "https://around.example", "LAGO_API_KEY": KEY}
    own: BillingOptions = {"environ": {}}
    assert settings_of(None, KEY, own, around, Clock()).base_url == CLOUD
    with pytest.raises(ConfigurationError, match="a mapping"):
        settings_of(None, KEY, {"environ": 3}, around, Clock())  # type: ignore[typeddict-item]


def test_each_option_is_checked_and_kept() -> None:
    """Whatever can be said has a check, and a field of the settings; the table names nothing else."""
    named = set(BillingOptions.__annotations__)
    assert named == set(CHECKS)
    fields = set(Settings.__dataclass_fields__)
    assert fields == named | {"api_url", "base_url", "api_key"}
