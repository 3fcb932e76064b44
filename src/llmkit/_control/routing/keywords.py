"""The keywords of a ``Router``, declared once: ours and LiteLLM's. How they are read is said in ``arguments``.

Source: LiteLLM's ``Router`` (1.106, by its signature), docs.litellm.ai/docs/routing, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from ...types.params import ClientOptions

__all__ = ["CONNECTION", "RouterOptions"]

CONNECTION: Final = frozenset({
    "account_id", "api_base", "api_key", "api_version", "aws_access_key_id",
    "aws_bedrock_runtime_endpoint", "aws_external_id", "aws_profile_name", "aws_region_name",
    "aws_role_name", "aws_secret_access_key", "aws_session_name", "aws_session_token",
    "aws_sts_endpoint", "aws_web_identity_token", "azure_ad_token", "azure_ad_token_provider",
    "azure_scope", "base_model", "base_url", "client_id", "client_secret", "custom_llm_provider",
    "organization", "project_id", "region_name", "space_id", "tenant_id", "vertex_credentials",
    "vertex_location", "vertex_project",
})  # fmt: skip
"""Options that say whose connection is used: a deployment has its own, so neither a router nor its calls say them."""

_Groups = Sequence[Mapping[str, Any]] | Mapping[str, Any]


class RouterOptions(ClientOptions, total=False):
    """What a router is told, beside the options of every call. What LiteLLM calls otherwise is taken, too."""

    routing_strategy: Any
    """A strategy's name, such as ``simple-shuffle`` or ``latency-based-routing``, or a ``Strategy``."""
    routing_strategy_args: Mapping[str, Any] | None
    """Its arguments."""
    routing_groups: Sequence[Mapping[str, Any]] | None
    """Groups with another strategy: ``[{"group_name": …, "models": […], "routing_strategy": …}]``."""
    enable_weighted_failover: bool | None
    """Whether the next deployment after a failure is drawn by weight, whatever the strategy."""
    retry_after: float | None
    """The least wait before a further round, in seconds."""
    retry_policy: Any
    """Further attempts by error: ``{"RateLimitErrorRetries": 3}``, or by the names of ``llmkit.errors``."""
    model_group_retry_policy: Mapping[str, Any] | None
    """The same for single groups."""
    default_fallbacks: Sequence[str | Mapping[str, Any]] | None
    """Groups to try for groups of which ``fallbacks`` says nothing."""
    max_fallbacks: int | None
    """Most further groups that a call tries; 5."""
    model_group_alias: Mapping[str, Any] | None
    """Other names: ``{"alias": "group"}``, or ``{"alias": {"model": "group", "hidden": True}}``."""
    allowed_fails: int | None
    """Failures in a row that do not cool a deployment down."""
    allowed_fails_policy: Any
    """The same by error: ``{"TimeoutErrorAllowedFails": 12}``, or by the names of ``llmkit.errors``."""
    cooldown_time: float | None
    """Seconds that a deployment is let be after failures, at first; 5."""
    disable_cooldowns: bool | None
    """Whether nothing is ever let be."""
    enable_pre_call_checks: bool | None
    """Whether context window and capabilities are checked before anything is sent; they are."""
    optional_pre_call_checks: Sequence[str] | None
    """LiteLLM's names for further checks, such as ``session_affinity``."""
    enable_tag_filtering: bool | None
    """Whether a call's tags say where it goes."""
    tag_filtering_match_any: bool | None
    """Whether one tag in common is enough; it is."""
    tag_routing_prefix: str | None
    """Only tags that begin so say where a call goes."""
    default_max_parallel_requests: int | None
    """Most calls at once at a deployment that does not say."""
    default_priority: int | None
    """Of calls that say none; the lowest goes first."""
    default_litellm_params: Mapping[str, Any] | None
    """What deployments say of their calls where they do not say otherwise."""
    model_group_affinity_config: Mapping[str, Sequence[str]] | None
    """What keeps calls at one deployment, for single groups, by LiteLLM's names."""
    enable_mid_stream_fallback_continuation: bool | None
    """LiteLLM's name for ``continue_streams``."""
    enable_health_check_routing: bool | None
    """LiteLLM's way to ask for health checks in the background: every five minutes."""
    background_health_check_model_groups: Sequence[str] | None
    """LiteLLM's name for ``health_check_groups``."""
    health_check_ignore_transient_errors: bool | None
    """Whether a check that meets 429 or 408 says nothing."""
    ignore_invalid_deployments: bool | None
    """Whether an entry that is wrong is left out, and reported."""
    provider_budget_config: Mapping[str, Any] | None
    """Budgets of providers: ``{"openai": {"budget_limit": 1, "time_period": "1d"}}``."""
    tag_budget_config: Mapping[str, Any] | None
    """Budgets of tags, likewise."""
    redis_url: str | None
    """A Redis that all processes share."""
    redis_host: str | None
    """Likewise, by its host."""
    redis_port: int | None
    """Its port; 6379."""
    redis_password: str | None
    """Its password."""
    redis_db: int | None
    """Its database; 0."""
    when_busy: Literal["wait", "raise"]
    """``wait`` for the first deployment that is free, or ``raise`` ``RouterRateLimitError``."""
    longest_wait: float
    """For one to be free, in seconds; 60."""
    enforce_limits: bool
    """Whether limits of deployments (rpm, tpm …) are never exceeded; they are not."""
    when_store_lost: Literal["closed", "local"]
    """Where the shared store cannot be reached: let nobody in, or each process by itself with its ``share``."""
    share: float
    """Of every limit, while the store is away: with four processes, 0.25."""
    hedge: Any
    """When a second request goes out beside a slow one: a ``Hedge``."""
    continue_streams: bool
    """Whether a stream that broke goes on at another deployment."""
    health_check_interval: float | None
    """How often deployments are asked in the background, in seconds; never."""
    health_check_groups: Sequence[str] | None
    """Only these are asked."""
    affinity: Sequence[str] | str
    """What keeps calls at one deployment: ``session``, ``user``, ``prompt``."""
    group_affinity: Mapping[str, Sequence[str]]
    """The same for single groups."""
