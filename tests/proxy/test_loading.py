"""Where settings come from, and in which order."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from llmkit._secret import Secret
from llmkit.errors import ConfigurationError
from llmkit.proxy.app import create_app
from llmkit.proxy.loading import _READ, as_text, from_text, load, load_settings, routers_part
from llmkit.proxy.made import _shared
from llmkit.proxy.settings import IdentityProvider, Settings
from llmkit.stores import RedisStore

KEY = "sk-" + "from-the-environment"


def file(directory: Path, **sections: Any) -> Path:
    """A configuration."""
    path = directory / "config.json"
    path.write_text(json.dumps(sections), encoding="utf-8")
    return path


def test_every_setting_can_be_said() -> None:
    """Each has a way in, by its name."""
    assert set(_READ) == {field.name for field in fields(Settings)}


def test_nothing_said() -> None:
    """The usual settings."""
    assert load({}, {}).settings == Settings()


def test_the_order(tmp_path: Path) -> None:
    """The environment, then the file, then what is said."""
    environ = {"LLMKIT_PORT": "1", "LLMKIT_WORKERS": "2", "LLMKIT_DRAIN": "3.5"}
    path = file(tmp_path, general_settings={"workers": 4, "port": 5})
    found = load({"config": path, "port": 6, "host": None}, environ).settings
    assert (found.port, found.workers, found.drain) == (6, 4, 3.5)
    assert found.host == Settings().host


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("LITELLM_MASTER_KEY", KEY, "master_key", Secret(KEY)),
        ("LLMKIT_MASTER_KEY", KEY, "master_key", Secret(KEY)),
        ("DATABASE_URL", "postgresql://h/n", "database_url", "postgresql://h/n"),
        ("REDIS_URL", "redis://h", "redis_url", "redis://h"),
        ("PORT", "8080", "port", 8080),
        ("LLMKIT_CORS_ORIGINS", "https://a, https://b", "cors_origins", ("https://a", "https://b")),
        ("LLMKIT_LOG_CONTENT", "True", "log_content", True),
        ("LLMKIT_CONFIG", "", "config", None),
    ],
)
def test_variables(variable: str, value: str, field: str, expected: Any) -> None:
    """Ours and LiteLLM's names; what is empty says nothing."""
    assert getattr(load({}, {variable: value}).settings, field) == expected


def test_our_variables_go_first() -> None:
    """Whoever has both means ours."""
    environ = {"PORT": "1", "LLMKIT_PORT": "2"}
    assert load({}, environ).settings.port == 2


def test_general_settings(tmp_path: Path) -> None:
    """LiteLLM's keys are read, with what they refer to; those that nobody heeds are told with why."""
    general = {
        "master_key": "os.environ/MY_KEY",
        "database_url": "os.environ/MY_DATABASE",
        "max_request_size_mb": 2,
        "store_prompts_in_spend_logs": True,
        "background_health_checks": True,
        "store_model_in_db": True,
        "enable_jwt_auth": True,
        "alerting": [],
        "master_kee": "x",
    }
    variables = {"MY_DATABASE": "sqlite:///x.db"}
    path = file(tmp_path, general_settings=general, environment_variables=variables)
    settings, unheeded = load({"config": path}, {"MY_KEY": KEY})
    assert settings.master_key == Secret(KEY)
    assert settings.database_url == "sqlite:///x.db"
    assert (settings.max_body, settings.log_content) == (2 * 1024 * 1024, True)
    assert dict(unheeded) == {
        "general_settings.enable_jwt_auth": "say identity_provider: issuer, audience, jwks_url",
        "general_settings.master_kee": "there is no such setting: did you mean master_key?",
    }


def test_the_routers_part() -> None:
    """The router is told of its own, and of nothing that is the gateway's."""
    sections = {
        "model_list": [],
        "general_settings": {"master_key": "x", "max_parallel_requests": 3},
    }
    assert routers_part(sections) == {
        "model_list": [],
        "general_settings": {"max_parallel_requests": 3},
    }


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"prot": 1}, "'prot' is no setting: did you mean port?"),
        ({"port": 70000}, "port is from 0 to 65535"),
        ({"port": "x"}, "port is a number"),
        ({"port": True}, "port is a number"),
        ({"host": " "}, "host is a text"),
        ({"cors_origins": 5}, "cors_origins is a list of texts"),
        ({"workers": 1.5}, "workers is a whole number"),
        ({"workers": 0}, "workers is from 1"),
        ({"log_content": "maybe"}, "log_content is true or false"),
        ({"transport": "curl"}, "transport is httpx or reqwest"),
        ({"master_key": " "}, "master_key is a text"),
        ({"identity_provider": "{"}, "identity_provider is no JSON"),
        ({"identity_provider": {"issuer": "i"}}, "identity_provider has issuer, audience"),
        ({"config": "/nowhere/config.yaml"}, "there is no file"),
    ],
)
def test_mistakes(said: dict[str, Any], complaint: str) -> None:
    """Each is said by the setting's name, and what was said is not in it where it may be a secret."""
    with pytest.raises(ConfigurationError, match="^" + complaint.replace("?", r"\?")):
        load(said, {})


def test_a_missing_variable(tmp_path: Path) -> None:
    """What the file refers to must be there."""
    path = file(tmp_path, general_settings={"master_key": "os.environ/NOT_THERE"})
    with pytest.raises(ConfigurationError, match=r"general_settings\.master_key: .*NOT_THERE"):
        load({"config": path}, {})


def test_an_unknown_database() -> None:
    """Its address is not in the message: it may have a password."""
    with pytest.raises(ConfigurationError, match="database_url is") as caught:
        create_app(Settings(database_url="mysql://root:secret@host/db"))
    assert "secret" not in str(caught.value)


def test_to_another_process() -> None:
    """All settings arrive, secrets too; the line itself is for a pipe only."""
    provider = IdentityProvider(
        issuer="i",
        audience="a",
        algorithms=("HS256",),
        secret=Secret("s" * 32),
        claims={"user": "sub"},
    )
    settings = Settings(
        master_key=Secret(KEY),
        identity_provider=provider,
        config=Path("x.yaml"),
        cors_origins=("https://a",),
        port=0,
    )
    assert from_text(as_text(settings)) == settings


def test_no_secret_is_shown() -> None:
    """Settings may be printed."""
    assert KEY not in repr(load_settings(master_key=KEY))


def test_settings_are_looked_at() -> None:
    """Also those that a program makes."""
    several: Any = "https://a"
    with pytest.raises(ConfigurationError, match="cors_origins is a list"):
        Settings(cors_origins=several)
    with pytest.raises(ConfigurationError, match="master_key is empty"):
        Settings(master_key=Secret(" "))
    number: Any = 7
    with pytest.raises(ConfigurationError, match="master_key is a text, not int"):
        Settings(master_key=number)


def test_secrets_may_be_texts() -> None:
    """A program has its keys as texts; from then on nothing shows them."""
    made = Settings(
        master_key=KEY,
        identity_provider=IdentityProvider(issuer="i", audience="a", secret=KEY),
    )
    assert KEY not in repr(made)
    assert made.master is not None
    assert made.master.reveal() == KEY
    assert made.identity_provider is not None
    assert made.identity_provider.shared == Secret(KEY)


def test_a_provider_of_identities_from_the_environment() -> None:
    """As JSON; algorithms also as one text."""
    said = '{"issuer": "i", "audience": "a", "algorithms": "HS256", "secret": "' + "s" * 32 + '"}'
    found = load({}, {"LLMKIT_IDENTITY_PROVIDER": said}).settings.identity_provider
    assert found is not None
    assert found.algorithms == ("HS256",)
    assert "sss" not in repr(found)


def test_sections_that_are_none(tmp_path: Path) -> None:
    """A list where a mapping is wanted."""
    for section in ("general_settings", "environment_variables"):
        path = file(tmp_path, **{section: ["x"]})
        with pytest.raises(ConfigurationError, match=f"{section} is a mapping"):
            load({"config": path}, {})


def test_what_routers_share(tmp_path: Path) -> None:
    """Redis, where it is named; else the ledger's store, where there are several workers."""
    url = f"sqlite:///{tmp_path / 'p.db'}"
    shared = [
        _shared(Settings(database_url=url, **said), made)
        for said in ({}, {"workers": 2}, {"redis_url": "redis://127.0.0.1:1"})
        if (made := object())
    ]
    assert shared[0] is None
    assert type(shared[1]) is object
    assert isinstance(shared[2], RedisStore)
    shared[2].close()
