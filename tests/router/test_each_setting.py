"""Every keyword of a router: it may be given, and changed, and does the same either way; and what some of them do."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.routing.arguments import settings_of
from llmkit._control.routing.keywords import RouterOptions
from llmkit._control.routing.settings import Settings
from llmkit.types.params import CallOptions

from ._kit import ASK, answering, deployment, key_of, router

A, B = deployment("a", order=1), deployment("b", order=2, model="openai/gpt-4o")
EACH: dict[str, Any] = {
    "affinity": ["session"],
    "allowed_fails": 7,
    "allowed_fails_policy": {"TimeoutErrorAllowedFails": 12},
    "background_health_check_model_groups": ["g"],
    "content_policy_fallbacks": [{"g": ["h"]}],
    "context_window_fallbacks": [{"g": ["h"]}],
    "continue_streams": True,
    "cooldown_time": 9.0,
    "default_fallbacks": ["h"],
    "default_litellm_params": {"temperature": 0.5},
    "default_max_parallel_requests": 3,
    "default_priority": 4,
    "disable_cooldowns": True,
    "enable_health_check_routing": True,
    "enable_mid_stream_fallback_continuation": True,
    "enable_pre_call_checks": False,
    "enable_tag_filtering": True,
    "enable_weighted_failover": True,
    "enforce_limits": False,
    "fallbacks": [{"g": ["h"]}],
    "group_affinity": {"g": ["user"]},
    "health_check_groups": ["g"],
    "health_check_ignore_transient_errors": True,
    "health_check_interval": 3600,
    "hedge": {"after": 2},
    "longest_wait": 3.0,
    "max_fallbacks": 0,
    "model_group_affinity_config": {"g": ["session_affinity"]},
    "model_group_alias": {"nick": {"model": "g", "hidden": True}},
    "model_group_retry_policy": {"g": {"RateLimitErrorRetries": 1}},
    "num_retries": 6,
    "optional_pre_call_checks": ["session_affinity"],
    "priority": 2,
    "retry_after": 1.5,
    "retry_policy": {"RateLimitErrorRetries": 3},
    "routing_groups": [
        {"group_name": "g", "models": ["g"], "routing_strategy": "least-busy"},
    ],
    "routing_strategy": "least-busy",
    "routing_strategy_args": {},
    "share": 0.25,
    "tag_filtering_match_any": False,
    "tag_routing_prefix": "to:",
    "when_busy": "raise",
    "when_store_lost": "local",
}
MADE_WITH = {
    "ignore_invalid_deployments", "provider_budget_config", "tag_budget_config",
    "redis_url", "redis_host", "redis_port", "redis_password", "redis_db",
}  # fmt: skip
"""What a router is made of, and cannot be changed."""


def test_each_keyword_is_here() -> None:
    """A new keyword is given and changed below, or it cannot be changed; every setting is said by one."""
    own = RouterOptions.__annotations__.keys() - CallOptions.__annotations__.keys()
    assert own <= EACH.keys() | MADE_WITH
    usual = Settings()
    changed = {
        one.name
        for name, value in EACH.items()
        for one in fields(Settings)
        if getattr(settings_of({name: value}), one.name) != getattr(usual, one.name)
    }
    assert changed == {one.name for one in fields(Settings)} - {"strategy_args"}


@pytest.mark.parametrize("name", sorted(EACH.keys() - {"default_litellm_params"}))
def test_what_is_changed_is_as_if_it_had_been_given(name: str) -> None:
    """``update_settings`` takes all that deployments are not made with, and leaves all others as they are."""
    entries = [A, B, deployment("c", "h")]
    given = router(*entries, **{name: EACH[name]})
    changed = router(*entries)
    changed.update_settings(**{name: EACH[name]})
    assert changed._table.settings == given._table.settings
    assert changed.get_settings() == given.get_settings()
    assert changed._table.strategies.keys() == given._table.strategies.keys()
    assert changed._table.strategy.name == given._table.strategy.name
    assert (changed._hedging is None) == (given._hedging is None)
    assert (changed._stop is None) == (given._stop is None)
    assert changed._policy == given._policy
    for one in (given, changed):
        one.close()


def test_groups_may_have_a_strategy_of_their_own() -> None:
    """It decides for these groups, from the start or from when it is said."""
    groups = [{"group_name": "x", "models": ["g"], "routing_strategy": "least-busy"}]
    made = router(deployment("a"), deployment("b"), deployment("c", "h"))
    assert made.route("g", ASK).why.startswith("simple-shuffle")
    made.update_settings(routing_groups=groups)
    assert made.route("g", ASK).why.startswith("least-busy")
    assert made.route("h", ASK).why.startswith("simple-shuffle")


def test_checks_in_the_background_are_of_the_groups_that_are_named() -> None:
    """``health_check_groups``: nobody else is asked."""
    made = router(A, deployment("c", "h"), health_check_groups=["h"])
    with answering(a="hi", c="hi") as answers:
        made._check_groups()
        made.update_settings(health_check_groups=["g", "h"])
        made._check_groups()
    assert answers.asked == ["c", "a", "c"]


@pytest.mark.parametrize(("error", "passes"), [(429, True), (408, True), (500, False)])
@pytest.mark.parametrize("ignores", [True, False])
def test_checks_that_meet_what_passes_may_say_nothing(
    *, error: int, passes: bool, ignores: bool
) -> None:
    """``health_check_ignore_transient_errors``: a deployment that is only busy is not let be for it."""
    made = router(
        A, B, health_check_ignore_transient_errors=ignores, allowed_fails=0, cooldown_time=50
    )
    with answering(a=error, b="hi"):
        made.health_check()
    assert (made.deployments()[0].state == "well") is (ignores and passes)


def test_what_all_deployments_are_given() -> None:
    """``default_litellm_params`` hold where a deployment says nothing else."""
    made = router(A, deployment("c", "h", temperature=1), default_litellm_params={"temperature": 0})
    with answering(a="hi", c="hi") as answers:
        made.completion("g", ASK)
        made.completion("h", ASK)
    assert [sent.json()["temperature"] for sent in answers.sent] == [0, 1]


def test_no_deployments() -> None:
    """A router may begin with none: calls say that there is nobody, until one is added."""
    made = router()
    with pytest.raises(errors.UnknownModelError, match="there are none"):
        made.completion("g", ASK)
    assert (made.deployments(), made.get_model_names(), made.health_check()) == ((), [], ())
    made.add_deployment(A)
    with answering(a="hi"):
        assert made.completion("g", ASK).text == "hi"
    made.delete_deployment("a")
    with pytest.raises(errors.UnknownModelError):
        made.route("g")
    assert key_of("a") not in repr(made.get_settings())
