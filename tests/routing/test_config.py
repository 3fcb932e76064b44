from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmkit._control.routing.arguments import Given
from llmkit._control.routing.config import configured
from llmkit._control.routing.refused import DONE, LIBRARY, PROXY, SECTIONS
from llmkit._io._config import read_config, tell
from llmkit.budget import Budget, RateLimit
from llmkit.errors import ConfigurationError

KEY = "sk-" + "made-up-for-a-configuration"
PASSWORD = "hunter" + "2hunter2"
EVERY_KEY = Path(__file__).with_name("every_router_key.yaml")
ENVIRONMENT = {
    "AZURE_KEY": KEY,
    "REDIS_PASSWORD": PASSWORD,
    "RETRIES": "4",
    "CHECKS": "false",
    "MODEL": "openai/gpt-4o",
    "TIMEOUT": "12.5",
}


def section(name: str, said: Mapping[str, Any], **more: Any) -> Given:
    """What a router is made of whose file has one section."""
    return configured({name: said}, environ=ENVIRONMENT, **more)


def every_key() -> Given:
    """What a router is made of whose file has every key."""
    config = read_config(EVERY_KEY)
    return configured(config.sections, environ=ENVIRONMENT, notes=config.notes)


def test_a_file_with_every_key_of_a_router() -> None:
    """Of LiteLLM's documented keys for a router each is honoured, or a row of the report; none is swallowed."""
    made = every_key()
    settings = made.settings

    assert [one.group for one in made.deployments] == ["gpt", "gpt", "claude", "anything/*"]
    first, second, third, _ = made.deployments
    assert first.keys[0].reveal() == KEY
    assert (first.id, first.rpm, first.tpm, first.max_parallel) == ("first", 6, 1000, 3)
    assert first.params == {"temperature": 0.2}
    assert second.options["base_url"] == "https://second.example.test/v1"
    assert (third.params, third.max_input_tokens) == ({"temperature": 1}, 1000)
    assert settings.strategy == "latency-based-routing"
    assert settings.strategy_args == {"ttl": 60, "lowest_latency_buffer": 0.2}
    assert settings.group_strategies == {"claude": ("least-busy", {})}
    assert settings.num_retries == 4
    assert settings.retry_policy == {
        "BadRequestError": 0,
        "AuthenticationError": 1,
        "APITimeoutError": 2,
        "RateLimitError": 3,
        "ContentPolicyViolationError": 4,
        "InternalServerError": 5,
    }
    assert settings.group_retry_policy == {"gpt": {"RateLimitError": 9}}
    assert settings.allowed_fails_policy == {
        "BadRequestError": 1000,
        "AuthenticationError": 10,
        "APITimeoutError": 12,
        "RateLimitError": 10000,
        "ContentPolicyViolationError": 15,
        "InternalServerError": 20,
    }
    assert settings.fallbacks == {"gpt": ("claude",)}
    assert settings.context_window_fallbacks == {"gpt": ("claude",)}
    assert settings.content_policy_fallbacks == {"claude": ("gpt",)}
    assert settings.default_fallbacks == ("gpt",)
    assert (settings.max_fallbacks, settings.allowed_fails) == (3, 3)
    assert (settings.cooldown_time, settings.cooldowns) == (30, False)
    assert (settings.retry_after, settings.priority) == (1, 10)
    assert settings.aliases == {"gpt-4": "gpt", "old": "gpt"}
    assert settings.hidden == {"old"}
    assert settings.pre_call_checks is False
    assert (settings.tag_filtering, settings.tag_match_any) == (True, False)
    assert settings.tag_prefix == "route:"
    assert settings.weighted_failover
    assert settings.max_parallel == 100
    assert settings.affinity == {"prompt", "session", "user"}
    assert settings.group_affinity == {"gpt": {"session"}}
    assert settings.health_check_interval == 300
    assert settings.health_check_groups == ("gpt",)
    assert settings.health_check_ignores
    assert settings.continue_streams
    assert made.client == {"timeout": 12.5, "stream_timeout": 5, "drop_params": True}
    assert made.redis is not None
    assert made.redis.reveal() == f"redis://:{PASSWORD}@localhost:6380/1"
    assert made.budgets == (
        Budget(100, "30d", "global"),
        Budget(1, "1d", {"provider": "openai"}),
        Budget(50, "month", {"deployment": "first"}),
    )


def test_the_report_of_every_key() -> None:
    """What is not honoured is listed with a reason each, and in the order of the sections."""
    assert [row.key for row in every_key().report] == [
        "guardrails",
        "litellm_settings.callbacks",
        "litellm_settings.cache",
        "litellm_settings.cache_params",
        "general_settings.master_key",
        "general_settings.database_url",
        "router_settings.routing_groups[1].routing_strategy",
        "router_settings.optional_pre_call_checks['responses_api_deployment_check']",
        "router_settings.optional_pre_call_checks['forward_client_headers_by_model_group']",
        "router_settings.optional_pre_call_checks['encrypted_content_affinity']",
        "router_settings.deployment_affinity_ttl_seconds",
        "router_settings.cache_responses",
        "router_settings.cache_kwargs",
        "router_settings.caching_groups",
        "router_settings.client_ttl",
        "router_settings.polling_interval",
        "router_settings.debug_level",
        "router_settings.set_verbose",
        "router_settings.alerting_config",
        "router_settings.assistants_config",
        "router_settings.search_tools",
        "router_settings.guardrail_list",
        "router_settings.health_check_staleness_threshold",
        "router_settings.router_general_settings",
        "router_settings.plugins",
        "router_settings.enable_pre_call_check",
        "router_settings.ttft_timeout",
        "router_settings.stream_idle_timeout",
        "router_settings.keepalive_seconds",
        "router_settings.allow_client_keepalive_override",
        "model_list[1].litellm_params.use_in_pass_through",
        "model_list[2].model_info.team_id",
    ]


def test_no_secret_is_in_what_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Keys and passwords are in no repr, report or log, wherever the file has them."""
    made = every_key()
    with caplog.at_level(logging.DEBUG):
        tell(made.report, EVERY_KEY)
    texts = (repr(made), repr(made.report), made.report._repr_markdown_(), caplog.text)

    for text in texts:
        for secret in (KEY, PASSWORD, "written-into-the-file"):
            assert secret not in text


def test_it_is_logged_once_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads no report hears of it in the log; where all is honoured there is nothing to hear."""
    tell(section("router_settings", {"num_retries": 1}).report, "config.yaml")
    assert caplog.records == []

    report = section("router_settings", {"cache_responses": True, "quux": 1}).report
    tell(report, "config.yaml")

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages[0].startswith("config.yaml: 2 keys are not honoured: router_settings.")


def test_sections_go_before_each_other() -> None:
    """What ``router_settings`` say goes before the same in ``litellm_settings``; code before both."""
    config = {
        "litellm_settings": {"num_retries": 1, "request_timeout": 1, "max_fallbacks": 1},
        "router_settings": {"max_retries": 2, "timeout": 2},
    }
    made = configured(config)
    coded = configured(config, {"num_retries": 3, "timeout": 3, "max_fallbacks": None})

    assert (made.settings.num_retries, made.client) == (2, {"timeout": 2})
    assert made.settings.max_fallbacks == coded.settings.max_fallbacks == 1
    assert (coded.settings.num_retries, coded.client) == (3, {"timeout": 3})


def test_one_section_may_not_say_two_things() -> None:
    """Two names of one setting in one section are a mistake."""
    with pytest.raises(ConfigurationError, match=r"router_settings.max_retries is another name"):
        section("router_settings", {"num_retries": 1, "max_retries": 2})


def test_what_is_said_in_code_is_checked_as_such() -> None:
    """A keyword that is not honoured is an error where it is said in code, a row where the file says it."""
    with pytest.raises(ConfigurationError, match=r"^cache_responses: answers are cached"):
        configured({}, {"cache_responses": True})
    assert (
        "router_settings.cache_responses"
        in section("router_settings", {"cache_responses": True}).report
    )


def test_environment_variables_are_the_routers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's variables go before the environment's, for this router only, and may refer to it."""
    monkeypatch.delenv("OWN_NUMBER", raising=False)
    config = {
        "environment_variables": {"OWN_NUMBER": 7, "AZURE_KEY": "x", "OTHER": "os.environ/TIMEOUT"},
        "router_settings": {"num_retries": "os.environ/OWN_NUMBER"},
    }
    made = configured(config, environ=ENVIRONMENT)

    assert made.settings.num_retries == 7
    assert (made.environ["AZURE_KEY"], made.environ["OTHER"]) == ("x", "12.5")
    assert made.environ["MODEL"] == "openai/gpt-4o"
    assert ENVIRONMENT["AZURE_KEY"] == KEY
    with pytest.raises(ConfigurationError, match=r"environment_variables\.A is a text, not list"):
        section("environment_variables", {"A": [1]})


def test_health_checks_of_the_proxys() -> None:
    """LiteLLM's proxy asks for health checks in ``general_settings``: an interval alone asks for none."""
    on = {"background_health_checks": True, "health_check_interval": 60}

    assert section("general_settings", on).settings.health_check_interval == 60
    assert (
        section(
            "general_settings", {"background_health_checks": "true"}
        ).settings.health_check_interval
        == 300
    )
    off = section("general_settings", {**on, "background_health_checks": False})
    assert off.settings.health_check_interval is None
    assert not off.report
    with pytest.raises(ConfigurationError, match=r"general_settings.background_health_checks is T"):
        section("general_settings", {"background_health_checks": "perhaps"})


def test_places_of_the_proxys() -> None:
    """The proxy's limits of calls at once are a deployment's, and the client's."""
    said = {"max_parallel_requests": 5, "global_max_parallel_requests": 50, "allowed_routes": []}
    made = section("general_settings", said)

    assert made.settings.max_parallel == 5
    assert made.client == {"max_parallel": 50}
    assert not made.report


def test_settings_of_the_library() -> None:
    """What LiteLLM sets for its whole module is said to the router's client."""
    said = {"ssl_verify": "ca.pem", "drop_params": True, "max_budget": 0, "default_fallbacks": []}
    made = section("litellm_settings", said)

    assert made.client == {"verify": "ca.pem", "drop_params": True}
    assert made.budgets == ()
    assert section("litellm_settings", {"max_budget": 5}).budgets == (Budget(5, None, "global"),)
    budgets = {"tag_budget_config": {"a": {"max_budget": 1, "tpm_limit": 5}}}
    assert section("litellm_settings", budgets).budgets == (
        Budget(1, None, {"tag": "a"}),
        RateLimit(tokens=5, scope={"tag": "a"}),
    )
    with pytest.raises(ConfigurationError, match=r"^litellm_settings: limit is an amount"):
        section("litellm_settings", {"max_budget": "much"})


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_settings_of_the_library_that_are_not_honoured(name: str) -> None:
    """Each is a row with its reason where it asks for something, and nothing where it does not."""
    made = section("litellm_settings", {name: ["x"]})

    assert [tuple(row) for row in made.report] == [(f"litellm_settings.{name}", LIBRARY[name])]
    assert not section("litellm_settings", {name: False}).report


@pytest.mark.parametrize("name", sorted(DONE))
def test_settings_of_the_library_that_need_nothing(name: str) -> None:
    """What is so in any case is no row."""
    assert not section("litellm_settings", {name: True}).report


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_sections_that_are_not_honoured(name: str) -> None:
    """Each section for something else is a row, unless it is empty."""
    assert [tuple(row) for row in section(name, {"a": 1}).report] == [(name, SECTIONS[name])]
    assert not section(name, {}).report


def test_unknown_keys_are_reported_with_near_misses() -> None:
    """A slip is a row that says what was meant, in each section."""
    made = configured(
        {
            "modellist": [],
            "router_settings": {"routing_stratgy": "least-busy"},
            "litellm_settings": {"request_timout": 5},
            "general_settings": {"quux": 1},
        }
    )

    assert [tuple(row) for row in made.report] == [
        ("modellist", "there is no such section; did you mean 'model_list'?"),
        ("litellm_settings.request_timout", "there is no such setting; did you mean 'request_timeout'?"),
        ("general_settings.quux", PROXY),
        ("router_settings.routing_stratgy", "a router knows no such keyword; did you mean 'routing_strategy'?"),
    ]  # fmt: skip


def test_connections_are_the_deployments() -> None:
    """A key for all is not honoured, and reported without being shown."""
    made = section("litellm_settings", {"api_key": KEY})

    assert [row.key for row in made.report] == ["litellm_settings.api_key"]
    assert KEY not in repr(made)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"router_settings": {"num_retries": "4"}}, "router_settings.num_retries is a whole number"),
    ({"router_settings": 3}, "router_settings is a mapping of names, not int"),
    ({"general_settings": []}, "general_settings is a mapping of names, not list"),
    ({"model_list": {"a": 1}}, "model_list is a list of entries, not dict"),
    ({"model_list": [3]}, "model_list[0]: an entry is a mapping"),
    (
        {"router_settings": {"num_retries": "three"}},
        "router_settings.num_retries is a whole number",
    ),
    (
        {"router_settings": {"num_retries": "os.environ/NONE"}},
        "router_settings.num_retries: the environment variable 'NONE' is not set",
    ),
    (
        {"router_settings": {"num_retries": "os.environ/AZURE_KEY"}},
        "router_settings.num_retries is a whole number of at least 0, not os.environ/AZURE_KEY",
    ),
    (
        {"router_settings": {"fallbacks": [{"a": 3}]}},
        "router_settings.fallbacks['a'] is a list of groups",
    ),
    ({"litellm_settings": {"fallbacks": 3}}, "litellm_settings.fallbacks is a list such as"),
    (
        {"router_settings": {"retry_policy": {"X": 1}}},
        "router_settings.retry_policy: no error is called 'X'",
    ),
    (
        {"router_settings": {"redis_password": "x"}},
        "router_settings.redis_password: redis_host is missing",
    ),
    (
        {"general_settings": {"max_parallel_requests": 0.5}},
        "general_settings.max_parallel_requests is a whole number",
    ),
    (
        {"litellm_settings": {"max_budget": 1, "budget_duration": "os.environ/NONE"}},
        "litellm_settings.budget_duration: the environment variable 'NONE' is not set",
    ),
    (
        {"router_settings": {"provider_budget_config": {"openai": {"budget_limit": "x"}}}},
        "router_settings.provider_budget_config.openai: limit is an amount",
    ),
    ({"credential_list": 3}, "credential_list is a list, not int"),
    (
        {"credential_list": [{"credential_values": {}}]},
        "credential_list[0].credential_name is a text",
    ),
    (
        {"credential_list": [{"credential_name": "a", "credential_values": 3}]},
        "credential_list[0].credential_values is a mapping",
    ),
]


@pytest.mark.parametrize(("config", "why"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_with_its_place(config: dict[str, Any], why: str) -> None:
    """A value that is wrong is an error with the path of its key, and without the value of a variable."""
    with pytest.raises(ConfigurationError) as caught:
        configured(config, environ=ENVIRONMENT)

    assert why in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_mapping_is_a_configuration() -> None:
    """What is no mapping of sections is refused."""
    with pytest.raises(ConfigurationError, match="the configuration is a mapping of names"):
        configured([1])  # type: ignore[arg-type]
    assert configured({}).deployments == ()


def test_variables_of_what_is_not_honoured_need_not_be_set() -> None:
    """Nothing is looked up for a key that nobody reads."""
    made = section("general_settings", {"master_key": "os.environ/NONE"})

    assert "general_settings.master_key" in made.report


def test_arguments_of_strategies() -> None:
    """Arguments that a strategy does not have are rows, in groups too; those that it has are kept."""
    made = section(
        "router_settings",
        {
            "routing_strategy": "latency-based-routing",
            "routing_strategy_args": {"ttl": 60, "max_latency_list_size": 5},
            "routing_groups": [
                {
                    "models": ["a"],
                    "routing_strategy": "least-busy",
                    "routing_strategy_args": {"b": 1},
                }
            ],
        },
    )

    assert made.settings.strategy_args == {"ttl": 60}
    assert made.settings.group_strategies == {"a": ("least-busy", {})}
    assert [row.key for row in made.report] == [
        "router_settings.routing_strategy_args.max_latency_list_size",
        "router_settings.routing_groups[0].routing_strategy_args.b",
    ]
    assert made.report.rows[0].why == (
        "latency-based-routing has no such argument: it has ttl, lowest_latency_buffer"
    )
    alone = section("router_settings", {"routing_strategy_args": {"ttl": 1}})
    assert alone.report.rows[0].why == "simple-shuffle has no such argument: it has none"
    with pytest.raises(
        ConfigurationError, match=r"^router_settings\.routing_strategy: routing_strate"
    ):
        section(
            "router_settings",
            {"routing_strategy": "least-bussy", "routing_strategy_args": {"a": 1}},
        )


def test_arguments_said_in_code_are_the_strategys_affair() -> None:
    """What is said in code goes to the strategy as it is, which refuses what it does not have."""
    made = configured({}, {"routing_strategy_args": {"quux": 1}})

    assert made.settings.strategy_args == {"quux": 1}


def test_what_has_no_end() -> None:
    """YAML can write a list that is in itself: it is refused, not followed."""
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(ConfigurationError, match="it is nested too deeply"):
        section("router_settings", {"fallbacks": endless})


def test_notes_of_the_files_are_rows() -> None:
    """What the reader of the files found is in the report first; a key without a value says nothing."""
    made = configured(
        {"router_settings": {"quux": 1, "num_retries": None}}, notes=[("a.b", "said twice")]
    )

    assert next(tuple(row) for row in made.report) == ("a.b", "said twice")
    assert made.settings.num_retries == 2


def test_texts_stay_texts() -> None:
    """A group that is called like a number keeps its name, and a file in JSON means what one in YAML does."""
    said = {"default_fallbacks": "5", "model_group_alias": {"6": "5"}}
    made = section("router_settings", json.loads(json.dumps(said)))

    assert made.settings.default_fallbacks == ("5",)
    assert made.settings.aliases == {"6": "5"}
