from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from llmkit._control.routing.arguments import Given, given, meant_by, settings_of
from llmkit._control.routing.deployment import Deployment
from llmkit._control.routing.keywords import CONNECTION, RouterOptions
from llmkit._control.routing.refused import ROUTER
from llmkit._control.routing.report import Report
from llmkit._control.routing.saying import keywords_of
from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.errors import ConfigurationError
from llmkit.types.params import CallOptions

KEY = "sk-" + "made-up-for-a-router"
ENTRY = {"model_name": "gpt", "litellm_params": {"model": "openai/gpt-4o"}}

# The keywords of LiteLLM's Router, 1.106.2, by its signature.
LITELLM = [
    "model_list", "assistants_config", "search_tools", "guardrail_list", "redis_url", "redis_host",
    "redis_port", "redis_password", "redis_db", "cache_responses", "cache_kwargs", "caching_groups",
    "client_ttl", "polling_interval", "default_priority", "num_retries", "max_fallbacks", "timeout",
    "stream_timeout", "default_litellm_params", "default_max_parallel_requests", "set_verbose",
    "debug_level", "default_fallbacks", "fallbacks", "context_window_fallbacks",
    "content_policy_fallbacks", "model_group_alias", "enable_pre_call_checks",
    "enable_tag_filtering", "tag_filtering_match_any", "tag_routing_prefix", "plugins",
    "retry_after", "retry_policy", "model_group_retry_policy", "allowed_fails",
    "allowed_fails_policy", "cooldown_time", "disable_cooldowns", "routing_strategy",
    "optional_pre_call_checks", "routing_strategy_args", "routing_groups", "provider_budget_config",
    "alerting_config", "router_general_settings", "deployment_affinity_ttl_seconds",
    "model_group_affinity_config", "ignore_invalid_deployments", "enable_health_check_routing",
    "health_check_staleness_threshold", "health_check_ignore_transient_errors",
    "background_health_check_model_groups", "enable_weighted_failover", "fallback_access_check",
    "fallback_budget_check", "auto_router_capability_limit",
    "enable_mid_stream_fallback_continuation",
]  # fmt: skip


def made(**said: Any) -> Given:
    """What a router of one deployment is made of."""
    return given([ENTRY], said)


@pytest.mark.parametrize("name", LITELLM)
def test_litellms_keywords_are_known(name: str) -> None:
    """Each keyword of LiteLLM's Router is one of ours, or refused with a reason."""
    assert name == "model_list" or (name in RouterOptions.__annotations__) != (name in ROUTER)


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"routing_strategy": "least-busy"}, {"strategy": "least-busy"}),
    ({"routing_strategy": SimpleNamespace(value="least-busy")}, {"strategy": "least-busy"}),
    ({"routing_strategy_args": {"ttl": 5}}, {"strategy_args": {"ttl": 5}}),
    (
        {"routing_groups": [{"group_name": "g", "models": ["a", "b"], "routing_strategy": "x"}]},
        {"group_strategies": {"a": ("x", {}), "b": ("x", {})}},
    ),
    (
        {
            "routing_groups": [
                {"models": "a", "routing_strategy": "x", "routing_strategy_args": {"b": 1}}
            ]
        },
        {"group_strategies": {"a": ("x", {"b": 1})}},
    ),
    ({"enable_weighted_failover": True}, {"weighted_failover": True}),
    ({"num_retries": 4}, {"num_retries": 4}),
    ({"max_retries": 4}, {"num_retries": 4}),
    ({"retry_after": 1}, {"retry_after": 1.0}),
    (
        {
            "retry_policy": {
                "TimeoutErrorRetries": 1,
                "DefaultRetries": 0,
                "RateLimitErrorRetries": None,
            }
        },
        {"retry_policy": {"APITimeoutError": 1, "APIError": 0}},
    ),
    ({"retry_policy": {"NotFoundError": 2}}, {"retry_policy": {"NotFoundError": 2}}),
    (
        {"retry_policy": SimpleNamespace(model_dump=lambda **_: {"RateLimitErrorRetries": 1})},
        {"retry_policy": {"RateLimitError": 1}},
    ),
    (
        {"model_group_retry_policy": {"a": {"RateLimitErrorRetries": 1}}},
        {"group_retry_policy": {"a": {"RateLimitError": 1}}},
    ),
    ({"allowed_fails": 0}, {"allowed_fails": 0}),
    (
        {"allowed_fails_policy": {"BadGatewayErrorAllowedFails": 5}},
        {"allowed_fails_policy": {"BadGatewayError": 5}},
    ),
    ({"cooldown_time": 0}, {"cooldown_time": 0.0}),
    ({"disable_cooldowns": True}, {"cooldowns": False}),
    (
        {"fallbacks": [{"a": ["b"]}, {"a": ["c"], "d": "e"}]},
        {"fallbacks": {"a": ("b", "c"), "d": ("e",)}},
    ),
    ({"fallbacks": {"a": [{"model": "b"}]}}, {"fallbacks": {"a": ({"model": "b"},)}}),
    ({"fallbacks": ["b", "c"]}, {"fallbacks": {"*": ("b", "c")}}),
    ({"default_fallbacks": ["a"]}, {"default_fallbacks": ("a",)}),
    ({"context_window_fallbacks": [{"a": ["b"]}]}, {"context_window_fallbacks": {"a": ("b",)}}),
    ({"content_policy_fallbacks": [{"a": ["b"]}]}, {"content_policy_fallbacks": {"a": ("b",)}}),
    ({"max_fallbacks": 0}, {"max_fallbacks": 0}),
    (
        {
            "model_group_alias": {
                "x": "gpt",
                "y": {"model": "gpt", "hidden": True},
                "z": {"model": "gpt"},
            }
        },
        {"aliases": {"x": "gpt", "y": "gpt", "z": "gpt"}, "hidden": {"y"}},
    ),
    ({"enable_pre_call_checks": False}, {"pre_call_checks": False}),
    ({"enable_tag_filtering": True}, {"tag_filtering": True}),
    ({"tag_filtering_match_any": False}, {"tag_match_any": False}),
    ({"tag_routing_prefix": "route:"}, {"tag_prefix": "route:"}),
    ({"default_max_parallel_requests": 3}, {"max_parallel": 3}),
    ({"default_priority": 3}, {"priority": 3}),
    ({"default_litellm_params": {"temperature": 0}}, {"defaults": {"temperature": 0}}),
    (
        {
            "optional_pre_call_checks": [
                "session_affinity",
                "deployment_affinity",
                "enforce_model_rate_limits",
            ]
        },
        {"affinity": {"session", "user"}},
    ),
    (
        {
            "optional_pre_call_checks": ["prompt_caching"],
            "affinity": "session",
        },
        {"affinity": {"prompt", "session"}},
    ),
    (
        {"model_group_affinity_config": {"a": ["session_affinity"], "b": []}},
        {"group_affinity": {"a": {"session"}, "b": frozenset()}},
    ),
    ({"group_affinity": {"a": "prompt"}}, {"group_affinity": {"a": {"prompt"}}}),
    ({"enable_mid_stream_fallback_continuation": True}, {"continue_streams": True}),
    ({"continue_streams": True}, {"continue_streams": True}),
    ({"enable_health_check_routing": True}, {"health_check_interval": 300.0}),
    ({"enable_health_check_routing": False}, {"health_check_interval": None}),
    ({"health_check_interval": 9}, {"health_check_interval": 9.0}),
    ({"background_health_check_model_groups": ["a"]}, {"health_check_groups": ("a",)}),
    ({"health_check_ignore_transient_errors": True}, {"health_check_ignores": True}),
    ({"when_busy": "raise", "longest_wait": 1}, {"when_busy": "raise", "longest_wait": 1.0}),
    ({"when_store_lost": "local", "share": 0.5}, {"when_store_lost": "local", "share": 0.5}),
    ({"enforce_limits": False}, {"enforce_limits": False}),
    ({"hedge": True}, {"hedge": True}),
]


@pytest.mark.parametrize(("said", "meant"), SETTINGS, ids=range(len(SETTINGS)))
def test_a_keyword_is_a_setting(said: dict[str, Any], meant: dict[str, Any]) -> None:
    """Each keyword, LiteLLM's or ours, is the setting that it stands for, and nothing else."""
    found = made(**said)

    assert {name: getattr(found.settings, name) for name in meant} == meant
    assert found.client == {}
    assert not found.report
    assert settings_of(dict(said)) == found.settings


def test_every_keyword_of_a_setting_is_tried() -> None:
    """No keyword that is a setting is missing in the table above."""
    other = {
        "ignore_invalid_deployments",
        "provider_budget_config",
        "tag_budget_config",
        "priority",
    }
    others = {"health_check_groups", *other}
    tried = {name for said, _ in SETTINGS for name in said}
    own = RouterOptions.__annotations__.keys() - CallOptions.__annotations__.keys()

    assert {name for name in own - others if not name.startswith("redis_")} <= tried


def test_options_of_every_call_are_the_clients() -> None:
    """What a call could say, and is about no connection, is an option of every call."""
    found = made(timeout=5, stream_timeout=2, drop_params=True, user=None, team="t", max_cost=1)

    assert found.client == {
        "timeout": 5,
        "stream_timeout": 2,
        "drop_params": True,
        "team": "t",
        "max_cost": 1,
    }


@pytest.mark.parametrize("name", sorted(CONNECTION))
def test_a_deployment_has_its_own_connection(name: str) -> None:
    """Whose connection is used is not said to a router, and what was said is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        made(**{name: KEY})

    assert str(caught.value).startswith(f"{name}: a deployment has its own")
    assert KEY not in str(caught.value)


def test_connections_are_options() -> None:
    """What is called a connection is an option of a call, so that nothing is refused twice or missed."""
    assert CallOptions.__annotations__.keys() >= CONNECTION


@pytest.mark.parametrize("name", sorted(ROUTER))
def test_what_is_not_honoured_says_what_to_do(name: str) -> None:
    """A keyword of LiteLLM's that is not honoured is an error with another way, unless it asks for nothing."""
    with pytest.raises(ConfigurationError) as caught:
        made(**{name: {"something": 1}})

    assert str(caught.value) == f"{name}: {ROUTER[name]}"
    assert not made(**{name: None}).report
    assert not made(**{name: {}}).report


def test_litellms_usual_values_are_taken() -> None:
    """Who writes down what LiteLLM does anyway asks for nothing."""
    made(client_ttl=3600, debug_level="INFO", set_verbose=False, cache_responses=False)

    with pytest.raises(ConfigurationError, match="client_ttl: connections are opened"):
        made(client_ttl=60)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"numretries": 1}, "numretries: a router knows no such keyword; did you mean 'num_retries'?"),
    ({"num_retries": -1}, "num_retries is a whole number of at least 0"),
    ({"default_max_parallel_requests": 0}, "default_max_parallel_requests is a whole number"),
    ({"disable_cooldowns": "yes"}, "disable_cooldowns is True or False, not 'yes'"),
    ({"num_retries": 1, "max_retries": 2}, "is another name of what is said already, otherwise"),
    ({"fallbacks": 3}, "fallbacks is a list such as [{'group': ['another']}], not int"),
    ({"fallbacks": [3]}, "each of fallbacks is a mapping of names, not int"),
    ({"fallbacks": [{"a": 3}]}, "fallbacks['a'] is a list of groups, not int"),
    ({"default_fallbacks": [3]}, "each of default_fallbacks is a text"),
    (
        {"retry_policy": 3},
        "retry_policy is a mapping such as {'RateLimitErrorRetries': 3}, not int",
    ),
    (
        {"retry_policy": {"TimeoutErorRetries": 1}},
        "no error is called 'TimeoutErorRetries'; did you mean 'TimeoutErrorRetries'",
    ),
    ({"retry_policy": {"ConfigurationError": 1}}, "no error is called 'ConfigurationError'"),
    (
        {"retry_policy": {"NotFoundErrorRetries": "1"}},
        "retry_policy['NotFoundErrorRetries'] is a whole number",
    ),
    ({"model_group_retry_policy": {"a": 1}}, "model_group_retry_policy['a'] is a mapping such as"),
    (
        {"model_group_alias": {"a": {"modl": "b"}}},
        "model_group_alias['a'] has no 'modl'; did you mean 'model'?",
    ),
    ({"model_group_alias": {"a": {"hidden": True}}}, "model_group_alias['a'] is a text"),
    ({"model_group_alias": {"a": 3}}, "model_group_alias['a'] is a text"),
    (
        {"optional_pre_call_checks": ["sesion_affinity"]},
        "optional_pre_call_checks['sesion_affinity']: there is no such check; did you mean 'session_affinity'",
    ),
    ({"optional_pre_call_checks": ["encrypted_content_affinity"]}, "say affinity='session'"),
    ({"routing_strategy": "lar1"}, "routing_strategy: learned routing is not supported"),
    ({"routing_groups": {"a": 1}}, "routing_groups is a list of mappings, not dict"),
    (
        {"routing_groups": [{"models": ["a"], "strategy": "x"}]},
        "routing_groups[0] has no 'strategy'; did you mean 'routing_strategy'",
    ),
    (
        {"routing_groups": [{"models": ["a", "a"], "routing_strategy": "x"}]},
        "'a' is in two of routing_groups",
    ),
    (
        {"routing_groups": [{"models": ["a"], "routing_strategy": "priority"}]},
        "routing_groups[0].routing_strategy: one group's calls",
    ),
    ({"redis_url": "localhost"}, "redis_url is an address such as redis://host:6379/0"),
    ({"redis_url": "redis://a", "redis_port": 1}, "redis_url says it all"),
    ({"redis_password": "x"}, "redis_password: redis_host is missing"),
    ({"redis_host": "a", "redis_password": 7}, "redis_password is a text, not int"),
    ({"redis_host": "a", "redis_port": "x"}, "redis_port is a whole number"),
    (
        {"provider_budget_config": {"opnai": {"budget_limit": 1}}},
        "provider_budget_config: no provider is called 'opnai'",
    ),
    ({"provider_budget_config": {"openai": {}}}, "provider_budget_config.openai limits nothing"),
    (
        {"provider_budget_config": {"openai": {"budget_limt": 1}}},
        "has no 'budget_limt'; did you mean 'budget_limit'?",
    ),
    (
        {"provider_budget_config": {"openai": {"budget_limit": -1}}},
        "provider_budget_config.openai: limit is 0 or more",
    ),
    (
        {"provider_budget_config": {"openai": {"max_budget": 1, "budget_duration": "5mo"}}},
        "provider_budget_config.openai.budget_duration: '5mo' is no window",
    ),
    (
        {"tag_budget_config": {"a": {"max_budget": 1, "budget_duration": "fortnight"}}},
        "tag_budget_config.a: no window is called 'fortnight'",
    ),
    ({"ignore_invalid_deployments": "x"}, "ignore_invalid_deployments is True or False"),
    ({"input_cost_per_token": 1}, "input_cost_per_token: a deployment has its own"),
]


@pytest.mark.parametrize(("said", "why"), WRONG, ids=[why[:40] for _, why in WRONG])
def test_what_is_wrong_is_said_of_the_keyword(said: dict[str, Any], why: str) -> None:
    """A mistake is said of the keyword that people wrote, whatever it is called here."""
    with pytest.raises(ConfigurationError) as caught:
        made(**said)

    assert why in str(caught.value)


def test_budgets_of_providers_tags_and_deployments() -> None:
    """LiteLLM's budgets are budgets of those scopes, in windows that roll, or are the calendar's."""
    one = Deployment("gpt", "openai/gpt-4o", id="mine", max_budget="3.5", budget_duration="1mo")
    said = {
        "provider_budget_config": {
            "openai": {"budget_limit": 0.1, "time_period": "1d"},
            "anthropic": SimpleNamespace(model_dump=lambda **_: {"max_budget": 2, "rpm_limit": 5}),
        },
        "tag_budget_config": {
            "team:a": {"max_budget": 7, "budget_duration": "3mo", "tpm_limit": 9}
        },
    }

    assert given([one, ENTRY], said).budgets == (
        Budget(Decimal("0.1"), "1d", {"provider": "openai"}),
        Budget(2, None, {"provider": "anthropic"}),
        RateLimit(requests=5, scope={"provider": "anthropic"}),
        Budget(7, "quarter", {"tag": "team:a"}),
        RateLimit(tokens=9, scope={"tag": "team:a"}),
        Budget(Decimal("3.5"), "month", {"deployment": "mine"}),
    )


def test_budgets_go_to_the_manager_where_there_is_one() -> None:
    """A router with a ``BudgetManager`` is not told budgets besides: nobody could say which holds."""
    said = {"provider_budget_config": {"openai": {"budget_limit": 1, "time_period": "1d"}}}
    with BudgetManager() as manager:
        assert given([ENTRY], {}, budget=manager).budgets == ()
        with pytest.raises(ConfigurationError, match="are said to your BudgetManager"):
            given([ENTRY], said, budget=manager)


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ({"redis_url": "rediss://u:p@a:1/2"}, "rediss://u:p@a:1/2"),
        ({"redis_host": "a"}, "redis://a:6379/0"),
        (
            {"redis_host": "a", "redis_port": "7", "redis_db": 3, "redis_password": "p@s/s"},
            "redis://:p%40s%2Fs@a:7/3",
        ),
    ],
)
def test_where_redis_is(said: dict[str, Any], url: str) -> None:
    """A Redis is one address, however it was written, and kept as a secret."""
    found = made(**said)

    assert found.redis is not None
    assert found.redis.reveal() == url
    assert url not in repr(found)


def test_invalid_entries_are_left_out_where_that_is_asked_for() -> None:
    """LiteLLM's ``ignore_invalid_deployments`` leaves them out, and says so."""
    wrong = {"model_name": "gpt", "litellm_params": {"model": "openai/x", "rpm": "many"}}

    found = given([ENTRY, wrong], {"ignore_invalid_deployments": True})

    assert len(found.deployments) == 1
    assert [row.key for row in found.report] == ["model_list[1]"]
    with pytest.raises(ConfigurationError, match=r"model_list\[1\]"):
        given([ENTRY, wrong], {})


def test_settings_over_others() -> None:
    """What is said replaces a setting, and the others stay; what is no setting stays with who gave it."""
    before = made(num_retries=5, fallbacks=[{"a": ["b"]}]).settings
    said = {"fallbacks": [{"c": ["d"]}], "timeout": 5}

    after = settings_of(said, over=before)

    assert (after.num_retries, after.fallbacks) == (5, {"c": ("d",)})
    assert said == {"timeout": 5}
    with pytest.raises(ConfigurationError, match="max_retries is a whole number"):
        settings_of({"max_retries": -1}, over=before)


@pytest.mark.parametrize("said", [said for said, _ in SETTINGS], ids=range(len(SETTINGS)))
def test_settings_are_told_back(said: dict[str, Any]) -> None:
    """What a router was told can be told to another one, but for what deployments are given."""
    settings = made(**said).settings
    again = keywords_of(settings)

    assert settings_of(dict(again)) == replace(settings, defaults={})
    assert again.keys() <= RouterOptions.__annotations__.keys()


def test_no_key_is_told_back() -> None:
    """Defaults of deployments, where keys can be, are left out."""
    settings = made(default_litellm_params={"api_key": KEY}).settings

    assert KEY not in repr(keywords_of(settings))


def test_two_names_of_one_thing() -> None:
    """Names of one setting are found to be one."""
    assert meant_by("max_retries") == meant_by("num_retries") == "num_retries"
    assert meant_by("redis_host") == meant_by("redis_url")
    assert meant_by("timeout") == "timeout"


def test_the_report_of_a_router_in_code_is_empty() -> None:
    """In code nothing is reported: what is not honoured is an error."""
    assert repr(made().report) == "Report: every key is honoured"


def test_a_report() -> None:
    """A report names keys and reasons, once each; it is false where it is empty, and shows no key that is a secret."""
    report = Report()
    assert not report
    assert report._repr_markdown_().count("\n") == 1

    report.refuse("a.b", "why | not")
    report.refuse("a.b", "another reason")
    assert report
    assert repr(report) == "Report: 1 key is not honoured\n  a.b: why | not"
    report.refuse(KEY, "no key")

    assert len(report) == 2
    assert "a.b" in report
    assert "c" not in report
    assert repr(report) == "Report: 2 keys are not honoured\n  a.b: why | not\n  [redacted]: no key"
    assert "| `a.b` | why \\| not |" in report._repr_markdown_()
    assert KEY not in report._repr_markdown_()
