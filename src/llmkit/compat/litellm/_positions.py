"""The arguments of LiteLLM's functions, in its order: which may go without their names. Names only.

Of LiteLLM 1.109.1, read off its functions on 2026-11-23.
"""

from __future__ import annotations

from typing import Final

__all__ = ["order_of"]


def order_of(name: str) -> tuple[str, ...]:
    """The arguments of a function; an async twin has its function's, where it has none of its own."""
    return _POSITIONS.get(name) or _POSITIONS.get(name.removeprefix("a"), ())


_POSITIONS: Final[dict[str, tuple[str, ...]]] = {
    "completion": (
        "model", "messages", "timeout", "temperature", "top_p", "n", "stream", "stream_options", "stop",
        "max_completion_tokens", "max_tokens", "modalities", "prediction", "audio", "presence_penalty",
        "frequency_penalty", "logit_bias", "user", "reasoning_effort", "verbosity", "response_format", "seed",
        "tools", "tool_choice", "logprobs", "top_logprobs", "parallel_tool_calls", "web_search_options",
        "include_server_side_tool_invocations", "deployment_id", "extra_headers", "safety_identifier",
        "service_tier", "store", "prompt_cache_key", "prompt_cache_retention", "functions", "function_call",
        "base_url", "api_version", "api_key", "model_list", "thinking", "shared_session",
        "enable_json_schema_validation",
    ),
    "acompletion": (
        "model", "messages", "functions", "function_call", "timeout", "temperature", "top_p", "n", "stream",
        "stream_options", "stop", "max_tokens", "max_completion_tokens", "modalities", "prediction", "audio",
        "presence_penalty", "frequency_penalty", "logit_bias", "user", "response_format", "seed", "tools",
        "tool_choice", "parallel_tool_calls", "logprobs", "top_logprobs", "deployment_id", "reasoning_effort",
        "verbosity", "safety_identifier", "service_tier", "store", "prompt_cache_key",
        "prompt_cache_retention", "base_url", "api_version", "api_key", "model_list", "extra_headers",
        "thinking", "web_search_options", "include_server_side_tool_invocations", "shared_session",
        "enable_json_schema_validation",
    ),
    "embedding": (
        "model", "input", "dimensions", "encoding_format", "timeout", "api_base", "api_version", "api_key",
        "api_type", "caching", "user", "custom_llm_provider", "litellm_call_id", "logger_fn",
    ),
    "text_completion": (
        "prompt", "model", "best_of", "echo", "frequency_penalty", "logit_bias", "logprobs", "max_tokens",
        "n", "presence_penalty", "stop", "stream", "stream_options", "suffix", "temperature", "top_p", "user",
        "api_base", "api_version", "api_key", "model_list", "custom_llm_provider",
    ),
    "responses": (
        "input", "model", "include", "instructions", "max_output_tokens", "prompt", "metadata",
        "parallel_tool_calls", "previous_response_id", "reasoning", "store", "background", "stream",
        "temperature", "text", "text_format", "tool_choice", "tools", "top_p", "truncation", "user",
        "service_tier", "safety_identifier", "extra_headers", "extra_query", "extra_body", "timeout",
        "allowed_openai_params", "custom_llm_provider",
    ),
    "aresponses": (
        "input", "model", "include", "instructions", "max_output_tokens", "prompt", "metadata",
        "parallel_tool_calls", "previous_response_id", "reasoning", "store", "background", "stream",
        "temperature", "text", "text_format", "tool_choice", "tools", "top_p", "truncation", "user",
        "service_tier", "safety_identifier", "extra_headers", "extra_query", "extra_body", "timeout",
        "custom_llm_provider",
    ),
    "image_generation": (
        "prompt", "model", "n", "quality", "response_format", "size", "style", "user", "timeout", "api_key",
        "api_base", "api_version", "custom_llm_provider",
    ),
    "image_edit": (
        "image", "prompt", "model", "mask", "n", "quality", "response_format", "size", "user",
        "extra_headers", "extra_query", "extra_body", "timeout", "custom_llm_provider",
    ),
    "aimage_edit": (
        "image", "model", "prompt", "mask", "n", "quality", "response_format", "size", "user",
        "extra_headers", "extra_query", "extra_body", "timeout", "custom_llm_provider",
    ),
    "image_variation": (
        "image", "model", "n", "response_format", "size", "user",
    ),
    "transcription": (
        "model", "file", "language", "prompt", "response_format", "timestamp_granularities", "temperature",
        "user", "timeout", "api_key", "api_base", "api_version", "max_retries", "custom_llm_provider",
        "base_url",
    ),
    "speech": (
        "model", "input", "voice", "api_key", "api_base", "api_version", "organization", "project",
        "max_retries", "metadata", "timeout", "response_format", "speed", "instructions", "client", "headers",
        "custom_llm_provider", "base_url",
    ),
    "rerank": (
        "model", "query", "documents", "custom_llm_provider", "top_n", "rank_fields", "return_documents",
        "max_chunks_per_doc", "max_tokens_per_doc",
    ),
    "arerank": (
        "model", "query", "documents", "custom_llm_provider", "top_n", "rank_fields", "return_documents",
        "max_chunks_per_doc",
    ),
    "moderation": (
        "input", "model", "api_key",
    ),
    "amoderation": (
        "input", "model", "api_key", "custom_llm_provider",
    ),
    "create_file": (
        "file", "purpose", "expires_after", "custom_llm_provider", "extra_headers", "extra_body",
    ),
    "file_content": (
        "file_id", "model", "custom_llm_provider", "extra_headers", "extra_body", "chunk_size", "stream",
    ),
    "afile_content": (
        "file_id", "custom_llm_provider", "extra_headers", "extra_body", "chunk_size", "stream",
    ),
    "file_retrieve": (
        "file_id", "custom_llm_provider", "extra_headers", "extra_body",
    ),
    "file_delete": (
        "file_id", "model", "custom_llm_provider", "extra_headers", "extra_body",
    ),
    "afile_delete": (
        "file_id", "custom_llm_provider", "extra_headers", "extra_body",
    ),
    "file_list": (
        "custom_llm_provider", "purpose", "extra_headers", "extra_body",
    ),
    "create_batch": (
        "completion_window", "endpoint", "input_file_id", "custom_llm_provider", "metadata", "extra_headers",
        "extra_body", "output_expires_after",
    ),
    "retrieve_batch": (
        "batch_id", "custom_llm_provider", "metadata", "extra_headers", "extra_body",
    ),
    "cancel_batch": (
        "batch_id", "model", "custom_llm_provider", "metadata", "extra_headers", "extra_body",
    ),
    "list_batches": (
        "after", "limit", "custom_llm_provider", "extra_headers", "extra_body",
    ),
    "alist_batches": (
        "after", "limit", "custom_llm_provider", "metadata", "extra_headers", "extra_body",
    ),
    "get_responses": (
        "response_id", "extra_headers", "extra_query", "extra_body", "timeout", "custom_llm_provider", "stream",
        "starting_after",
    ),
    "delete_responses": (
        "response_id", "extra_headers", "extra_query", "extra_body", "timeout", "custom_llm_provider",
    ),
    "cancel_responses": (
        "response_id", "extra_headers", "extra_query", "extra_body", "timeout", "custom_llm_provider",
    ),
    "list_input_items": (
        "response_id", "after", "before", "include", "limit", "order", "extra_headers", "timeout",
        "custom_llm_provider",
    ),
    "messages": ("model", "messages"),
    "count_tokens": ("model", "messages", "tools", "system", "api_key", "api_base"),
}  # fmt: skip
