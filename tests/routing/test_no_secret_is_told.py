from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmkit._control.routing.config import configured
from llmkit._control.routing.entries import entry_of
from llmkit._io._config import read_config, tell
from llmkit.errors import LLMKitError

SECRET = "sk-" + "nobody-may-ever-read-this-one"
ENVIRONMENT = {
    "AZURE_KEY": SECRET,
    "REDIS_PASSWORD": SECRET,
    "RETRIES": "4",
    "CHECKS": "false",
    "MODEL": "openai/gpt-4o",
    "TIMEOUT": "12.5",
}
SECTIONS = read_config(Path(__file__).with_name("every_router_key.yaml")).sections
CREDENTIALS = [
    "api_key",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_web_identity_token",
    "azure_ad_token",
    "client_secret",
    "vertex_credentials",
]

Path_ = tuple[Any, ...]


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Where each value stands."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in pairs:
        if isinstance(one, dict | list):
            yield from leaves(one, (*path, key))
        yield (*path, key)


def told(config: dict[str, Any], caplog: pytest.LogCaptureFixture) -> str:
    """All that anybody is told of a configuration."""
    try:
        made = configured(config, environ=ENVIRONMENT)
    except LLMKitError as error:
        return f"{error} {error!r} {error.__cause__}"
    tell(made.report, "config.yaml")
    budgets = "" if SECRET in repr(config.get("router_settings")) else repr(made.budgets)
    return f"{made.report!r} {made.deployments!r} {made.redis!r} {budgets} {caplog.text}"


def shown(path: Path_) -> bool:
    """Whether this is what people call things, or who is asked: it is shown, and no place for a key."""
    names = {
        "model_name",
        "model",
        "tags",
        "model_group_alias",
        "id",
        "mode",
        "base_model",
        "temperature",
    }
    addresses = {"api_base", "api_version", "budget_duration"}
    return path[0] == "model_list" and not {*names, *addresses}.isdisjoint(path)


@pytest.mark.parametrize("path", [p for p in leaves(SECTIONS) if not shown(p)], ids=str)
def test_a_key_in_the_wrong_place_is_not_told(
    path: Path_, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever value of a file is a key by mistake: no error, report, log or list of deployments shows it."""
    config = copy.deepcopy(SECTIONS)
    inside: Any = config
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = SECRET

    with caplog.at_level(logging.DEBUG):
        assert SECRET not in told(config, caplog)


@pytest.mark.parametrize("reference", [SECRET, "os.environ/AZURE_KEY"])
@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_are_not_told(
    name: str, reference: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A credential of a deployment, or of all of them, is nowhere, however it was said."""
    entry = {"model_name": "a", "litellm_params": {"model": "openai/gpt-4o", name: reference}}
    router = {"default_litellm_params": {name: reference}}
    config = {"model_list": [entry, {**entry, "quux": 1}], "router_settings": router}

    with caplog.at_level(logging.DEBUG):
        assert SECRET not in told(config, caplog)
    made = configured(config, environ=ENVIRONMENT)
    assert SECRET not in repr(made)
    assert SECRET not in repr([entry_of(one) for one in made.deployments])
    assert SECRET not in repr([(one.options, one.keys, one.params) for one in made.deployments])
