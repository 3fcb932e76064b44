from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.routing.settings import Settings
from llmkit._control.routing.strategy import State
from llmkit.errors import ConfigurationError


class First:
    name = "first"
    counts = False

    def plan(self, call: Any, state: State, now: float) -> Any:
        return state.members


def test_what_holds_when_nothing_is_said() -> None:
    """A router that is told nothing tries again twice, waits a minute, keeps limits and checks before it sends."""
    settings = Settings()

    assert settings.strategy == "simple-shuffle"
    assert (settings.num_retries, settings.max_fallbacks) == (2, 5)
    assert (settings.cooldown_time, settings.longest_wait) == (5.0, 60.0)
    assert settings.pre_call_checks
    assert settings.enforce_limits
    assert settings.cooldowns
    assert (settings.when_busy, settings.when_store_lost) == ("wait", "closed")
    assert settings.allowed_fails is None
    assert settings.affinity == frozenset()
    assert (settings.share, settings.retry_after, settings.priority) == (1.0, 0.0, 0)
    assert settings.fallbacks == {}


def test_settings_keep_what_they_are_made_of() -> None:
    """Mappings are copied and cannot be changed, lists are tuples, one name is a list of one."""
    fallbacks = {"a": ["b", {"model": "c", "temperature": 0}], "d": "e"}
    settings = Settings(
        fallbacks=fallbacks,
        default_fallbacks=["z"],
        affinity="session",
        health_check_groups=["a"],
        tag_prefix="route:",
        strategy=First(),
    )
    fallbacks["a"] = []

    assert settings.fallbacks == {"a": ("b", {"model": "c", "temperature": 0}), "d": ("e",)}
    assert isinstance(settings.fallbacks, MappingProxyType)
    assert settings.default_fallbacks == ("z",)
    assert settings.affinity == {"session"}
    assert settings.health_check_groups == ("a",)
    assert settings.tag_prefix == "route:"
    assert isinstance(settings.strategy, First)


WRONG = [
    ({"num_retries": -1}, "num_retries is a whole number of at least 0, not -1"),
    ({"num_retries": True}, "num_retries is a whole number of at least 0, not True"),
    ({"num_retries": None}, "num_retries is a whole number of at least 0, not None"),
    ({"retry_after": -0.5}, "retry_after is a number of seconds, 0 or more, not -0.5"),
    ({"retry_after": float("nan")}, "retry_after is a number of seconds, 0 or more, not nan"),
    ({"cooldown_time": "5"}, "cooldown_time is a number of seconds, 0 or more, not '5'"),
    ({"cooldowns": 1}, "cooldowns is True or False, not 1"),
    ({"max_parallel": 0}, "max_parallel is a whole number of at least 1, not 0"),
    ({"when_busy": "wiat"}, "when_busy is one of wait, raise, not 'wiat'; did you mean 'wait'?"),
    ({"when_store_lost": 3}, "when_store_lost is one of closed, local, not 3"),
    ({"share": 0}, "share is more than 0: with 4 processes, 0.25"),
    ({"share": 1.5}, "share is a number from 0 to 1, not 1.5"),
    ({"health_check_interval": 0}, "health_check_interval is more than 0 seconds"),
    ({"affinity": ["sesion"]}, "did you mean 'session'?"),
    ({"affinity": 3}, "affinity is a list of names, not 3"),
    ({"strategy": ""}, "strategy is a text, and not an empty one, not ''"),
    ({"strategy": 3}, "strategy is a name or an object with plan(call, state, now), not int"),
    ({"strategy_args": []}, "strategy_args is a mapping of names, not list"),
    ({"fallbacks": [{"a": ["b"]}]}, "fallbacks is a mapping of names, not list"),
    ({"fallbacks": {"a": 3}}, "fallbacks['a'] is a list of groups, not int"),
    ({"fallbacks": {"a": [3]}}, "each of fallbacks['a'] is a text"),
    ({"fallbacks": {"a": [{"modl": "b"}]}}, "the model in each of fallbacks['a'] is a text"),
    ({"retry_policy": {"APIError": "3"}}, "retry_policy['APIError'] is a whole number"),
    ({"group_strategies": {"a": 3}}, "group_strategies['a'] is a name or an object"),
    ({"aliases": {"a": ""}}, "aliases['a'] is a text"),
    ({"priority": 1.5}, "priority is a whole number"),
]


@pytest.mark.parametrize(("said", "why"), WRONG, ids=[str(said) for said, _ in WRONG])
def test_what_is_wrong_is_said(said: dict[str, Any], why: str) -> None:
    """Each setting says what it can be."""
    with pytest.raises(ConfigurationError) as caught:
        Settings(**said)

    assert why in str(caught.value)


def test_the_nearest_class_of_an_error_holds() -> None:
    """A policy for an error's own class goes before one for its parents; a group's own before the router's."""
    settings = Settings(
        retry_policy={"APIError": 1, "RateLimitError": 3},
        group_retry_policy={"a": {"InternalServerError": 7}},
    )
    busy, down = errors.RateLimitError("busy"), errors.ServiceUnavailableError("down")

    assert settings.retries("a", busy) == 3
    assert settings.retries("a", down) == 7
    assert settings.retries("b", down) == 1
    assert Settings().retries("a", down) is None
    assert Settings(retry_policy={"NotFoundError": 1}).retries("a", down) is None


def test_failures_that_are_allowed() -> None:
    """A failure's own number goes before the one for all; nobody says anything where neither is given."""
    settings = Settings(allowed_fails=2, allowed_fails_policy={"APITimeoutError": 9, "APIError": 0})

    assert settings.fails_allowed(errors.APITimeoutError("slow")) == 9
    assert settings.fails_allowed(errors.NotFoundError("gone")) == 0
    assert Settings(allowed_fails=2).fails_allowed(errors.NotFoundError("gone")) == 2
    assert Settings().fails_allowed(errors.NotFoundError("gone")) is None


def test_a_group_can_stay_otherwise() -> None:
    """A group's own affinity replaces the router's, also where it is none."""
    settings = Settings(affinity=["session", "user"], group_affinity={"a": ["prompt"], "b": []})

    assert settings.stays("a") == {"prompt"}
    assert settings.stays("b") == frozenset()
    assert settings.stays("c") == {"session", "user"}


def test_defaults_of_deployments_are_not_shown() -> None:
    """Keys can be among the defaults of deployments: the settings' repr leaves them out."""
    assert "hunter" not in repr(Settings(defaults={"api_key": "hunter" + "2hunter2"}))
