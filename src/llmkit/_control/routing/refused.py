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
    **dict.fromkeys(("cache", "caching"), "answers are cached by the router: cache=Cache(…), see llmkit.cache"),
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
            "access_groups", "access_windows", "blocked", "member_auto_router", "team_id",
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
    "supported_environments": "leave out what is not for this environment",
    "tier": "say tags",
}  # fmt: skip

STRATEGIES: Final[Mapping[str, str]] = {
    "lar1": "learned routing is not supported",
    "priority": "say order= of each deployment",
}
"""Names of strategies that there are not."""

USUAL: Final[Mapping[str, object]] = {
    "client_ttl": 3600,
    "debug_level": "INFO",
    "deployment_affinity_ttl_seconds": 3600,
}
"""What LiteLLM does of itself: whoever says it asks for nothing."""

_LOG: Final = "the log is said by LLMKIT_LOG=debug, or logging.getLogger('llmkit')"
_CACHE: Final = "answers are cached where the router is given cache=Cache(…), or a file says litellm_settings.cache"

ROUTER: Final[Mapping[str, str]] = {
    "alerting_config": "alerts are events: give callbacks=[…], and see llmkit.events",
    "assistants_config": "the assistants API is not supported: use responses()",
    "auto_router_capability_limit": _AUTO,
    "cache_kwargs": "say redis_url with all that the connection needs, or give store=RedisStore(…)",
    "cache_responses": _CACHE,
    "caching_groups": "an answer is kept for the very request that was sent, its model too: give deployments that may "
    "answer for each other one model_name: one group shares its answers",
    "client_ttl": "connections are opened and closed as they are needed: leave it out",
    "debug_level": _LOG,
    "deployment_affinity_ttl_seconds": "where calls stay follows from what they have in common: nothing is kept",
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

PROXY: Final = (
    "it is for LiteLLM's proxy: a router in a program has no clients, keys or database of its own"
)
_GUARDRAILS: Final = "give guardrails as hooks=[…]"

SECTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "agent_list", "agents", "classifier_plugin", "mcp_servers", "mcp_tools",
            "pass_through_endpoints", "plugins", "policies", "policy_attachments", "prompts",
            "sandbox_tools", "worker_registry",
        ),
        PROXY,
    ),
    "assistant_settings": "the assistants API is not supported: use responses()",
    "callback_settings": "callbacks are given in code: callbacks=[…]",
    "default_vertex_config": "say it in litellm_params, or in default_litellm_params",
    "files_settings": "files go to the deployment that a call names: say its key there",
    "finetune_settings": "fine-tuning is not supported",
    "guardrails": _GUARDRAILS,
    "include": "files are included where a file is read: give its path",
    "search_tools": "searching the web is the model's: web_search_options",
    "vector_store_registry": _SEARCH,
}  # fmt: skip

_CALLBACKS: Final = (
    'callbacks are given in code: functions of one event, or sinks by name: callbacks=["otel"]'
)
_LIMITS_OF_KEYS: Final = PROXY

LIBRARY: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "audit_log_callbacks", "callbacks", "custom_callbacks", "failure_callback", "input_callback",
            "service_callback", "success_callback",
        ),
        _CALLBACKS,
    ),
    **dict.fromkeys(("cache", "cache_params", "enable_caching_on_provider_specific_optional_params"), _CACHE),
    **dict.fromkeys(
        (
            "budget_reset_time", "default_internal_user_params", "default_key_generate_params",
            "default_max_internal_user_budget", "default_team_params", "default_team_settings",
            "disable_end_user_cost_tracking", "enable_end_user_cost_tracking_prometheus_only",
            "enable_key_alias_format_validation", "enable_redis_auth_cache",
            "key_generation_settings", "langfuse_default_tags", "langfuse_enable_update_trace_keys",
            "max_internal_user_budget", "max_ui_session_budget", "mcp_aliases",
            "overwrite_user_with_key_hash", "prometheus_initialize_budget_metrics",
            "public_model_groups", "redact_user_api_key_info", "require_managed_files",
            "store_audit_logs", "upperbound_key_generate_params", "user_url_allowed_hosts",
        ),
        _LIMITS_OF_KEYS,
    ),
    **dict.fromkeys(("json_logs", "request_correlation_in_logs"), _LOG),
    **dict.fromkeys(
        ("skip_system_message_in_guardrail", "skip_tool_message_in_guardrail", "guardrails"),
        _GUARDRAILS,
    ),
    "add_function_to_prompt": "tools are not written into prompts: choose a model that has them",
    "cost_discount_config": "say the prices that you pay in litellm_params: input_cost_per_token …",
    "cost_margin_config": "what others pay is not counted here, what you pay is",
    "disable_hf_tokenizer_download": "no tokenizer is ever downloaded",
    "enable_json_schema_validation": "an answer is checked where response_format is a pydantic class",
    "enable_preview_features": "there are none",
    "forward_traceparent_to_llm_provider": "the gateway does, unless general_settings say trace_providers: false",
    "force_ipv4": "give http_client= with a transport of its own",
    "http2": "give http_client=httpx.Client(http2=True)",
    "model_alias_map": "say model_group_alias in router_settings",
    "model_group_settings": "say it in litellm_params",
    "modify_params": "requests are changed only as the ledger of the response says",
    "return_response_headers": "response.call has what the provider said",
    "route_all_chat_openai_to_responses": "call responses() for that",
    "telemetry": "nothing is ever reported to anybody",
    "use_chat_completions_url_for_anthropic_messages": "which API answers is the provider's declaration",
}  # fmt: skip
"""Keys of ``litellm_settings``."""

DONE: Final = frozenset({
    "disable_add_transform_inline_image_block", "disable_aiohttp_transport",
    "disable_copilot_system_to_assistant", "disable_stop_sequence_limit", "suppress_debug_info",
    "turn_off_message_logging", "user_url_validation",
})  # fmt: skip
"""Keys of ``litellm_settings`` that ask for what is done, or not done, in any case: no message is ever logged …"""
