"""Mistakes that people make with a router: each is heard of at once, as a typed error that says what is meant."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from llmkit import errors
from llmkit.router import Deployment, Router
from llmkit.testing import Raw

from ._kit import ASK, answering, deployment, key_of, router

A, B = deployment("a", order=1), deployment("b", order=2, model="openai/gpt-4o")
OTHER = deployment("c", "h", "anthropic/claude-haiku-4-5")


@pytest.mark.parametrize("name", [None, 5, ["g"], {}], ids=repr)
def test_a_group_that_is_no_text(name: Any) -> None:
    """Whatever takes the name of a group says that it is a text, also where a wildcard would be looked at."""
    made = router(A, deployment("w", "openai/*", "openai/*"))
    for ask in (made.route, made.deployments, lambda one: made.completion(one, ASK)):
        if name is None and ask == made.deployments:
            continue
        with pytest.raises(errors.ConfigurationError, match="a group is named by a text"):
            ask(name)


NAMING: dict[str, Any] = {
    "fallbacks": [{"g": ["nobody"]}],
    "context_window_fallbacks": [{"g": ["nobody"]}],
    "content_policy_fallbacks": [{"nobody": ["g"]}],
    "default_fallbacks": ["nobody"],
    "model_group_alias": {"x": "nobody"},
    "model_group_retry_policy": {"nobody": {"RateLimitErrorRetries": 1}},
    "model_group_affinity_config": {"nobody": ["session_affinity"]},
    "routing_groups": [{"group_name": "r", "models": ["nobody"], "routing_strategy": "least-busy"}],
    "health_check_groups": ["nobody"],
}


@pytest.mark.parametrize("keyword", NAMING)
def test_a_setting_that_names_nobody(keyword: str) -> None:
    """It says which keyword, when the router is made and when it is changed; a change then changes nothing."""
    with pytest.raises(errors.ConfigurationError, match=rf"^{keyword}.*'nobody'"):
        router(A, **{keyword: NAMING[keyword]})
    made = router(A)
    before = made.get_settings()
    with pytest.raises(errors.ConfigurationError, match=rf"^{keyword}.*'nobody'"):
        made.update_settings(num_retries=7, timeout=3, **{keyword: NAMING[keyword]})
    assert made.get_settings() == before


def test_aliases_of_aliases() -> None:
    """An alias may stand for another; in a circle, it is an error; two groups may be asked for by each other's name."""
    made = router(A, OTHER, model_group_alias={"x": "y", "y": "z", "z": "h"})
    assert [made.route(name).deployment.id for name in "xyz"] == ["c", "c", "c"]
    swapped = router(A, OTHER, model_group_alias={"g": "h", "h": "g"})
    assert [swapped.route(name).deployment.id for name in "gh"] == ["c", "a"]
    with pytest.raises(errors.ConfigurationError, match=r"^model_group_alias\['x'\]: no deploy"):
        router(A, model_group_alias={"x": "y", "y": "x"})


def test_a_call_that_names_nobody_for_a_fallback() -> None:
    """It is heard of at once, not when everything else has failed."""
    made = router(A)
    with answering(a="hello") as answers, pytest.raises(errors.UnknownModelError) as caught:
        made.completion("g", ASK, fallbacks=["nobody"])
    assert str(caught.value).startswith("fallbacks: no deployment's group is called 'nobody'")
    assert answers.asked == []


@pytest.mark.parametrize("name", ["g", "alias"])
def test_a_call_may_say_fallbacks_as_a_router_does(name: str) -> None:
    """LiteLLM's ``[{"group": ["another"]}]`` is the group's own, and of no other."""
    made = router(A, OTHER, model_group_alias={"alias": "g"})
    with answering(a=500, c="there") as answers:
        assert made.completion(name, ASK, fallbacks=[{"g": ["h"]}], num_retries=0).text == "there"
        made.reset()
        with pytest.raises(errors.InternalServerError):
            made.completion(name, ASK, fallbacks=[{"h": ["g"]}], num_retries=0)
    assert answers.asked[:2] == ["a", "c"]
    assert set(answers.asked[2:]) == {"a"}


def test_calls_without_a_provider_name_their_group() -> None:
    """An image for a group that is not there goes to nobody, also where one deployment is the provider's only one."""
    made = router(A, OTHER)
    with answering(a=Raw({"created": 1, "data": [{"b64_json": "aGk="}]})) as answers:
        assert made.image_generation("a cat", "g").call.deployment == "a"
        with pytest.raises(errors.UnknownModelError, match="'nobody'"):
            made.image_generation("a cat", "nobody")
        with pytest.raises(errors.UnknownModelError, match="'nobody'"):
            made.moderation("a cat", model="nobody")
    assert answers.asked == ["a"]


def test_what_is_told_of_deployments_is_checked() -> None:
    """A failure is an exception, and a cooldown a time; nothing happens otherwise."""
    made: Any = router(A)
    with pytest.raises(errors.ConfigurationError, match="a failure is an exception"):
        made.mark_failure("a", "it broke")
    for seconds in (-1, "5", float("nan")):
        with pytest.raises(errors.ConfigurationError, match="seconds is a number of seconds"):
            made.cooldown_deployment("a", seconds)
    assert made.deployments()[0].state == "well"


def test_a_timeout_that_is_none() -> None:
    """It is said where the router is made or changed, not at its first call."""
    with pytest.raises(errors.ConfigurationError, match="timeout"):
        router(A, timeout=-1)
    made = router(A, timeout=5)
    with pytest.raises(errors.ConfigurationError, match="timeout"):
        made.update_settings(timeout=0)
    assert made.get_settings()["timeout"] == 5


def test_a_configuration_that_is_none() -> None:
    """What is neither a path nor a mapping is no configuration."""
    wrong: Any = [A]
    with pytest.raises(errors.ConfigurationError, match="a file's path or a mapping, not list"):
        Router.from_config(wrong)


def test_a_router_shown() -> None:
    """In a notebook one sees what a router has."""
    made = router(A, B, OTHER, routing_strategy="least-busy")
    assert repr(made) == "Router(groups=2, deployments=3, strategy='least-busy')"


def test_a_deep_copy_of_a_list_of_deployments() -> None:
    """Lists of deployments are often copied; a deployment never changes, so it is its own copy."""
    declared = [Deployment("g", "openai/gpt-4o-mini", api_key=key_of("a"))]
    assert copy.deepcopy(declared)[0] is declared[0]


def test_what_is_listed_has_no_keys() -> None:
    """Also those are not shown that stand in an address, a query or headers."""
    secret = "hunter2" * 3
    made = router(
        deployment(
            "a",
            api_base=f"https://a.test/v1?key={secret}",
            extra_headers={"Authorization": f"Bearer {secret}", "X-Team": "blue"},
            extra_query={"api_key": secret, "api-version": "7"},
        )
    )
    [listed] = made.get_model_list()
    assert secret not in repr(listed)
    assert listed["litellm_params"]["extra_headers"]["X-Team"] == "blue"
    assert listed["litellm_params"]["extra_query"]["api-version"] == "7"
    assert listed["litellm_params"]["base_url"].startswith("https://a.test/v1?key=")


@pytest.mark.parametrize("priority", ["high", 0.5, True])
def test_a_priority_that_is_none(priority: Any) -> None:
    """It is said at once, not when somebody waits whose priority is another."""
    made = router(A)
    with pytest.raises(errors.ConfigurationError, match="priority is a whole number"):
        made.completion("g", ASK, priority=priority)
    with answering(a="hello"):
        assert made.completion("g", ASK, priority=None).text == "hello"
        assert made.completion("g", ASK, priority=-3).text == "hello"
