"""What LiteLLM can be told and llmkit does not honour: key by key, why not, and what to do instead. Tables only.

What is in none of them is unknown. Source of the keys: docs.litellm.ai/docs/proxy/config_settings, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["INFO", "PARAMS", "PREFIXES", "ROUTER", "STRATEGIES", "USUAL"]

_AUTO: Final = "models that choose other models are not supported: write the choice as a strategy"
_PROXY: Final = "it is for requests that come in by HTTP, and a router in a program has none"
_HEADERS: Final = "a router in a program is called without headers of a client's"
_SEARCH: Final = "vector stores are not supported"
_IDENTITY: Final = "signing in by an identity token is not supported: give api_key as a function"

PREFIXES: Final[Mapping[str, str]] = {"auto_router": _AUTO}
"""Beginnings of ``litellm_params.model`` that stand for no model."""

PARAMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "auto_router_config", "auto_router_config_path", "auto_router_default_model",
            "auto_router_embedding_model", "auto_router_max_input_chars",
            "auto_router_model_compression", "auto_router_routing_compression",
            "adaptive_router_config", "adaptive_router_default_model",
            "complexity_router_config", "complexity_router_default_model",
            "quality_router_config", "quality_router_default_model",
        ),
        _AUTO,
    ),
    **dict.fromkeys(
        (
            "allow_client_keepalive_override", "default_api_key_rpm_limit",
            "default_api_key_tpm_limit", "keepalive_seconds", "max_file_size_mb",
            "use_in_pass_through", "guardrails",
        ),
        _PROXY,
    ),
    **dict.fromkeys(("configurable_clientside_auth_params", "provider_affinity_header"), _HEADERS),
    **dict.fromkeys(
        (
            "embedding_model", "index_name", "milvus_db_name", "milvus_partition_names",
            "milvus_text_field", "valkey_embedding_field", "valkey_host", "valkey_password",
            "valkey_port", "valkey_ssl", "valkey_text_field", "vector_bucket_name",
            "vector_store_id",
        ),
        _SEARCH,
    ),
    **dict.fromkeys(
        (
            "azure_password", "azure_username", "aws_session_tags", "openai_identity_provider_id",
            "openai_identity_token_file", "openai_service_account_id",
        ),
        _IDENTITY,
    ),
    "aws_batch_role_arn": "batches with a role of their own are not supported",
    "bucket_name": "files are not kept in buckets here",
    "cache": "answers are not cached here",
    "caching": "answers are not cached here",
    "callbacks": "callbacks are given to the router: callbacks=[…]",
    "client": "a client of one's own is given to the router: http_client=…",
    "force_timeout": "timeout= is for the whole call already",
    "gcs_bucket_name": "files are not kept in buckets here",
    "litellm_trace_id": "say it in metadata",
    "merge_reasoning_content_in_choices": "reasoning stays apart from the answer",
    "silent_model": "calls are not sent to a second model for comparison",
    "ssl_verify": "it is given to the router: verify=…",
    "stream_timeout_by_service_tier": "there is one stream_timeout: make a deployment of each tier",
    "timeout_by_service_tier": "there is one timeout: make a deployment of each tier",
    "use_chat_completions_api": "which API answers is the provider's declaration",
    "use_litellm_proxy": "name the proxy: custom_llm_provider='litellm_proxy' with its api_base",
    "user_continue_message": "messages are sent as they are",
    "assistant_continue_message": "messages are sent as they are",
    "ensure_alternating_roles": "messages are sent as they are",
    "supports_system_message": "messages are sent as they are",
    "watsonx_region_name": "say region_name",
}  # fmt: skip

INFO: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "access_windows", "blocked", "member_auto_router", "team_id",
            "team_public_model_name",
        ),
        _PROXY,
    ),
    **dict.fromkeys(
        ("cost_per_ptu_per_hour", "ptu_count", "ptu_effective_from", "ptu_effective_to"),
        "a price for provisioned throughput by the hour is not counted on calls",
    ),
    "allow_fail_open": "tags are matched as the router says",
    "disable_background_health_check": "say health_check_groups, which are asked",
    "enable_tag_filtering": "whether tags are looked at is said to the router",
    "health_check_model": "a deployment is asked with its own model",
    "health_check_timeout": "a health check has the deployment's timeout",
    "internal_router_model": _AUTO,
}  # fmt: skip

STRATEGIES: Final[Mapping[str, str]] = {
    "lar1": "learned routing is not supported",
    "priority": "say order= of each deployment",
}
"""Names of strategies that there are not."""

USUAL: Final[Mapping[str, object]] = {"client_ttl": 3600, "debug_level": "INFO"}
"""What LiteLLM does of itself: whoever says it asks for nothing."""

_LOG: Final = "the log is said by LLMKIT_LOG=debug, or logging.getLogger('llmkit')"
_CACHE: Final = "answers are not cached here"

ROUTER: Final[Mapping[str, str]] = {
    "alerting_config": "alerts are events: give callbacks=[…], and see llmkit.events",
    "assistants_config": "the assistants API is not supported: use responses()",
    "auto_router_capability_limit": _AUTO,
    "cache_kwargs": "say redis_url with all that the connection needs, or give store=RedisStore(…)",
    "cache_responses": _CACHE,
    "caching_groups": _CACHE,
    "client_ttl": "connections are opened and closed as they are needed: leave it out",
    "debug_level": _LOG,
    "fallback_access_check": "give a guardrail: hooks=[…], which is asked before each attempt",
    "fallback_budget_check": "budgets are asked before each attempt: give budget=BudgetManager(…)",
    "guardrail_list": "give guardrails as hooks=[…]",
    "health_check_staleness_threshold": "a check holds until the next one: say health_check_interval",
    "heuristic_v2_router_limit": _AUTO,
    "plugins": "give a Strategy of your own as routing_strategy",
    "polling_interval": "nobody polls: who waits for a deployment is woken when one is free",
    "router_general_settings": "nothing of it is needed: models of any name go by a group called '*'",
    "search_tools": "searching the web is the model's: web_search_options",
    "set_verbose": _LOG,
    "weights": "say weight of each deployment",
}
